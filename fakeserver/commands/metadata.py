"""GETMETADATA and SETMETADATA (RFC 5464)."""

from fakeserver.commands.names import astring, mailbox_name
from fakeserver.commands.require import access_of, account_of
from fakeserver.events import Event, MetadataChanged
from fakeserver.mail.quoting import literal, nstring
from fakeserver.reply import BadCommand, Handler, Tagged
from fakeserver.session import Session
from fakeserver.store.annotations import MAX_SIZE, Annotations, is_entry, is_private
from fakeserver.store.errors import StoreError
from fakeserver.store.mailbox import Mailbox
from imapproxy.wire import commands as wire


def get_metadata(session: Session, command: wire.GetMetadata) -> Handler:
    """RFC 5464 section 4.2: entries that have no value are not told."""
    for entry in command.entries:
        # With DEPTH the name may be that of a level above: "/shared".
        if not is_entry(entry + b"/x"):
            raise BadCommand("Invalid entry name.")
    mailbox = _mailbox(session, command.mailbox, "lr")
    user = account_of(session).user
    found: dict[bytes, bytes] = {}
    for entry in command.entries:
        found.update(_annotations(session, mailbox).under(user, entry, command.depth))
    limit = command.max_size
    told = [entry for entry in found.items() if limit is None or len(entry[1]) <= limit]
    values = b" ".join(b"%b %b" % (astring(name), _value(value)) for name, value in told)
    yield b"* METADATA %b (%b)\r\n" % (_name(session, mailbox), values) if told else b""
    longest = max(map(len, found.values()), default=0)
    code = b""
    if limit is not None and longest > limit:
        code = b"METADATA LONGENTRIES %d" % longest
    return Tagged("Getmetadata completed.", code)


def set_metadata(session: Session, command: wire.SetMetadata) -> Handler:
    """RFC 5464 section 4.3: all of the entries or none."""
    names = [name for name, _ in command.values]
    if not all(map(is_entry, names)):
        raise BadCommand("Invalid entry name.")
    needs = "lr" if all(map(is_private, names)) else "lw"
    mailbox = _mailbox(session, command.mailbox, needs)
    annotations = _annotations(session, mailbox)
    user = account_of(session).user
    if any(value is not None and len(value) > MAX_SIZE for _, value in command.values):
        raise StoreError("Value is too large.", b"METADATA MAXSIZE %d" % MAX_SIZE)
    if not annotations.is_room_for(
        user, [name for name, value in command.values if value is not None]
    ):
        raise StoreError("Too many entries.", b"METADATA TOOMANY")
    yield b""
    for name, value in command.values:
        annotations.put(user, name, value)
    session.host.announce(MetadataChanged(mailbox, tuple(names), user))
    return Tagged("Setmetadata completed.")


def hear(session: Session, event: Event) -> None:
    """What others change is told to who enabled that (RFC 5464 section 4.4)."""
    if isinstance(event, MetadataChanged) and not session.is_acting:
        session.tell_later(changed_entries(session, event))


def changed_entries(session: Session, event: MetadataChanged) -> bytes:
    """``* METADATA mailbox entry …`` of what this session may see; empty for nothing.

    RFC 5464 section 4.4.2: names alone.
    """
    mailbox = event.mailbox
    if session.account is None:
        return b""
    if mailbox is not None and "l" not in access_of(session).rights(mailbox):
        return b""
    if mailbox is not None and not session.has("ACL") and mailbox.owner != session.account.user:
        return b""
    own = session.account.user == event.user
    seen = [astring(name) for name in event.names if own or not is_private(name)]
    if not seen:
        return b""
    return b"* METADATA %b %b\r\n" % (_name(session, mailbox), b" ".join(seen))


def _mailbox(session: Session, name: bytes, needs: str) -> Mailbox | None:
    """The mailbox, ``None`` for the server itself."""
    return access_of(session).find(name, needs=needs) if name else None


def _annotations(session: Session, mailbox: Mailbox | None) -> Annotations:
    return session.host.annotations if mailbox is None else mailbox.annotations


def _name(session: Session, mailbox: Mailbox | None) -> bytes:
    if mailbox is None:
        return b'""'
    return mailbox_name(session, access_of(session).name_of(mailbox))


def _value(value: bytes) -> bytes:
    return literal(value, binary=True) if b"\0" in value else nstring(value)
