"""REPLACE (RFC 8508): a message takes the place of another, in one step."""

from fakeserver.commands.append import check_message, checked_flags, content_of
from fakeserver.commands.copy import highest_mod_seq
from fakeserver.commands.require import (
    access_of,
    check_room,
    messages_of,
    need_right,
    writable_view_of,
)
from fakeserver.reply import Handler, Tagged, untagged
from fakeserver.session import Session
from fakeserver.store.errors import StoreError
from fakeserver.store.mailbox import StoredMessage
from fakeserver.store.rights import changeable
from fakeserver.store.view import View
from imapproxy.wire import commands as wire
from imapproxy.wire.sequence_set import SequenceSet


def replace(session: Session, command: wire.Replace) -> Handler:
    """REPLACE and UID REPLACE: the new message inherits nothing of the old one (section 1)."""
    view = writable_view_of(session)
    need_right(session, "te")
    check_message(session, command.message)
    flags = checked_flags(command.message.flags or ())
    replaced = _replaced(session, view, command)
    access = access_of(session)
    target = access.find(command.mailbox, b"TRYCREATE", needs="i")
    content = content_of(session, command.message)
    yield b""
    # Section 3.4: what the quota has to hold is the difference.
    freed = replaced.content.size if target.owner == view.mailbox.owner else 0
    if content.size > freed:
        check_room(session, target, [content.size - freed])
    given = changeable(flags, access.rights(target))
    stored = target.append(content, given, command.message.internal_date)
    if session.has("UIDPLUS"):
        # Section 4.3: before the EXPUNGE response, so untagged.
        code = b"APPENDUID %d %d" % (target.uid_validity, stored.uid)
        yield untagged(b"OK", "Replacement Message ready", code)
    view.mailbox.expunge([replaced])
    return Tagged("Replace completed.", highest_mod_seq(session, view))


def _replaced(session: Session, view: View, command: wire.Replace) -> StoredMessage:
    numbers = SequenceSet.of([command.number])
    messages = messages_of(session, numbers, by_uid=command.by_uid)
    if not messages:
        raise StoreError("No such message.", b"NONEXISTENT")
    if view.is_gone(messages[0][1]):
        raise StoreError("The message no longer exists.", b"EXPUNGEISSUED")
    return messages[0][1]
