"""COPY, MOVE and EXPUNGE (RFC 3501 section 6.4, RFC 4315, RFC 6851)."""

from fakeserver.commands.require import (
    Numbered,
    access_of,
    check_room,
    messages_of,
    need_right,
    refuse_no_numbers,
    tells_uids,
    view_of,
    writable_view_of,
)
from fakeserver.reply import Handler, Tagged, untagged
from fakeserver.session import Session
from fakeserver.store.errors import StoreError
from fakeserver.store.mailbox import Mailbox, StoredMessage
from fakeserver.store.rights import changeable
from fakeserver.store.view import View
from imapproxy.wire import commands as wire
from imapproxy.wire.sequence_set import SequenceSet


def copy(session: Session, command: wire.Copy) -> Handler:
    """RFC 3501 section 6.4.7: all of the messages or none."""
    view = view_of(session)
    messages = messages_of(session, command.sequence_set, by_uid=command.by_uid)
    refuse_no_numbers(messages, command)
    target = access_of(session).find(command.mailbox, b"TRYCREATE", needs="i")
    yield b""
    if not messages:
        return Tagged("No messages found.")
    _all_there(view, messages)
    check_room(session, target, [message.content.size for _, message in messages])
    code = _copy_all(session, messages, target)
    return Tagged("Copy completed.", code if tells_uids(session, target) else b"")


def move(session: Session, command: wire.Move) -> Handler:
    """RFC 6851."""
    view = writable_view_of(session)
    need_right(session, "te")
    messages = messages_of(session, command.sequence_set, by_uid=command.by_uid)
    refuse_no_numbers(messages, command)
    target = access_of(session).find(command.mailbox, b"TRYCREATE", needs="i")
    yield b""
    if not messages:
        return Tagged("No messages found.")
    _all_there(view, messages)
    if target.owner != view.mailbox.owner:
        check_room(session, target, [message.content.size for _, message in messages])
    code = _copy_all(session, messages, target)
    in_the_end = "copyuid-tagged" in session.host.quirks.names
    if tells_uids(session, target) and not in_the_end:
        # RFC 6851 section 4.3: before the EXPUNGE responses, so untagged.
        yield untagged(b"OK", "Moved UIDs.", code)
    view.mailbox.expunge(message for _, message in messages)
    return Tagged("Move completed.", code if in_the_end else highest_mod_seq(session, view))


def expunge(session: Session, command: wire.Expunge) -> Handler:
    r"""EXPUNGE, and UID EXPUNGE of RFC 4315: messages that are ``\Deleted``, of those named."""
    view = writable_view_of(session)
    need_right(session, "e")
    named: list[StoredMessage] = view.messages
    if command.uids is not None:
        named = [message for _, message in messages_of(session, command.uids, by_uid=True)]
    view.mailbox.expunge(message for message in named if rb"\Deleted" in message.flags)
    yield b""
    return Tagged("Expunge completed.", highest_mod_seq(session, view))


def highest_mod_seq(session: Session, view: View) -> bytes:
    """The code behind an EXPUNGE that told VANISHED (RFC 7162 section 3.2.7)."""
    if "QRESYNC" not in session.enabled:
        return b""
    return b"HIGHESTMODSEQ %d" % view.mailbox.highest_mod_seq


def _all_there(view: View, messages: Numbered) -> None:
    if any(view.is_gone(message) for _, message in messages):
        raise StoreError("Some of the requested messages no longer exist.", b"EXPUNGEISSUED")


def _copy_all(session: Session, messages: Numbered, target: Mailbox) -> bytes:
    """Copy with flags and dates (RFC 3501: SHOULD be preserved); the COPYUID code."""
    rights = access_of(session).rights(target)
    copies = [
        target.append(message.content, changeable(message.flags, rights), message.internal_date)
        for _, message in messages
    ]
    sources = SequenceSet.of(message.uid for _, message in messages)
    made = SequenceSet.of(message.uid for message in copies)
    return b"COPYUID %d %b %b" % (target.uid_validity, sources.encode(), made.encode())
