"""STORE (RFC 3501 section 6.4.6, RFC 7162 section 3.1.3)."""

from fakeserver.commands.append import checked_flags
from fakeserver.commands.require import (
    messages_of,
    need_extension,
    refuse_parameters,
    writable_view_of,
)
from fakeserver.gmail import store_labels
from fakeserver.reply import BadCommand, Handler, Tagged
from fakeserver.session import Session
from fakeserver.store.errors import StoreError
from fakeserver.store.mailbox import Flags, StoredMessage
from fakeserver.store.rights import changeable
from fakeserver.store.view import View
from imapproxy.wire import commands as wire
from imapproxy.wire.flags import Flag
from imapproxy.wire.sequence_set import SequenceSet


def store(session: Session, command: wire.Store) -> Handler:
    """STORE and UID STORE."""
    view = writable_view_of(session)
    if command.item == "X-GM-LABELS":
        numbered = messages_of(session, command.sequence_set, by_uid=command.by_uid)
        return (yield from store_labels(session, command, numbered))
    _check(session, command)
    flags = _permitted(session, command)
    messages = messages_of(session, command.sequence_set, by_uid=command.by_uid)
    if command.unchanged_since is not None:
        yield session.enable_condstore()
    given = view.mailbox.own_flags(flags)
    yield session.keyword_news()
    modified: list[int] = []
    gone = False
    for number, message in messages:
        if command.unchanged_since is not None and message.mod_seq > command.unchanged_since:
            modified.append(message.uid if command.by_uid else number)
        elif view.is_gone(message):
            gone = True
        else:
            yield _change(session, view, command, number, message, given)
    if modified:
        code = b"MODIFIED %b" % SequenceSet.of(modified).encode()
        return Tagged("Conditional store failed.", code)
    if gone:
        # RFC 5530: those that are left were changed.
        return Tagged("Some of the messages no longer exist.", b"EXPUNGEISSUED", b"NO")
    return Tagged("Store completed.")


def _permitted(session: Session, command: wire.Store) -> list[Flag]:
    """The flags that the user may change (RFC 4314 section 4): some are enough, none are not."""
    flags = checked_flags(command.flags)
    permitted = changeable(flags, session.rights)
    if (flags and not permitted) or not session.rights & frozenset("swt"):
        raise StoreError("Permission denied.", b"NOPERM")
    return permitted


def _check(session: Session, command: wire.Store) -> None:
    refuse_parameters(command.parameters)
    if command.item != "FLAGS":
        raise BadCommand(f"Unknown item {command.item}")
    if command.unchanged_since is not None:
        need_extension(session, "CONDSTORE", "UNCHANGEDSINCE")


def _change(
    session: Session,
    view: View,
    command: wire.Store,
    number: int,
    message: StoredMessage,
    given: Flags,
) -> bytes:
    """Change one message; what the client is to hear of it."""
    was_pending = view.is_pending(message)
    changed = view.mailbox.set_flags(
        message, _result(session, command.action, message.flags, given)
    )
    if not command.silent or "silent-is-told" in session.host.quirks.names:
        view.forget_change(message)
        return session.flags_response(view, number, message, by_uid=command.by_uid)
    if was_pending:
        # Another session changed it before, which the client does not know: told as news.
        return b""
    view.forget_change(message)
    if "CONDSTORE" in session.enabled and changed:
        # RFC 7162 section 3.1.3: the new mod-sequence is told even so.
        with_uid = (command.by_uid or "QRESYNC" in session.enabled) and not session.uids_only
        uid = b"UID %d " % message.uid if with_uid else b""
        begins = session.fetch_begins(number, message)
        return b"%b%bMODSEQ (%d))\r\n" % (begins, uid, message.mod_seq)
    return b""


def _result(session: Session, action: wire.StoreAction, present: Flags, given: Flags) -> Flags:
    if action is wire.StoreAction.ADD:
        return present | given
    if action is wire.StoreAction.REMOVE:
        return present - given
    # What the user may not change stays.
    return given | (present - frozenset(changeable(present, session.rights)))
