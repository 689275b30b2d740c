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

# RFC 5464 section 3.2.1.1: "This entry is always read-only".
_READ_ONLY = b"/shared/admin"


def get_metadata(session: Session, command: wire.GetMetadata) -> Handler:
    """RFC 5464 section 4.2: entries that have no value are NIL, or not told of with a DEPTH."""
    for entry in command.entries:
        # With DEPTH the name may be that of a level above: "/shared".
        if not is_entry(entry + b"/x"):
            raise BadCommand("Invalid entry name.")
    mailbox = _mailbox(session, command.mailbox)
    annotations, user = _annotations(session, mailbox), account_of(session).user
    found: dict[bytes, bytes | None] = {}
    for entry in command.entries:
        missing = {entry: None} if command.depth == 0 else {}
        found.update(dict(annotations.under(user, entry, command.depth)) or missing)
    limit = command.max_size
    told = [entry for entry in found.items() if limit is None or len(entry[1] or b"") <= limit]
    values = b" ".join(b"%b %b" % (astring(name), _value(value)) for name, value in told)
    yield b"* METADATA %b (%b)\r\n" % (_name(session, mailbox), values) if told else b""
    longest = max((len(value or b"") for value in found.values()), default=0)
    code = b""
    if limit is not None and longest > limit:
        code = b"METADATA LONGENTRIES %d" % longest
    return Tagged("Getmetadata completed.", code)


def set_metadata(session: Session, command: wire.SetMetadata) -> Handler:
    """RFC 5464 section 4.3: all of the entries or none."""
    names = [name for name, _ in command.values]
    if not all(map(is_entry, names)):
        raise BadCommand("Invalid entry name.")
    mailbox = _mailbox(session, command.mailbox)
    if mailbox is None and _READ_ONLY in map(bytes.lower, names):
        raise StoreError("The server's administrator is not for clients to change.", b"CANNOT")
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


def _mailbox(session: Session, name: bytes) -> Mailbox | None:
    """The mailbox, ``None`` for the server itself.

    Its annotations are for who has the right "l" and one more (RFC 5464 section 3.3).
    """
    if not name:
        return None
    access = access_of(session)
    mailbox = access.find(name, needs="l")
    if access.rights(mailbox).isdisjoint("rswip"):
        raise StoreError("Permission denied", b"NOPERM")
    return mailbox


def _annotations(session: Session, mailbox: Mailbox | None) -> Annotations:
    return session.host.annotations if mailbox is None else mailbox.annotations


def _name(session: Session, mailbox: Mailbox | None) -> bytes:
    if mailbox is None:
        return b'""'
    return mailbox_name(session, access_of(session).name_of(mailbox))


def _value(value: bytes | None) -> bytes:
    if value is not None and b"\0" in value:
        return literal(value, binary=True)
    return nstring(value)
