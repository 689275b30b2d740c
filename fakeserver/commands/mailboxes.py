"""CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE, NAMESPACE."""

from fakeserver.commands.listing import announce
from fakeserver.commands.require import access_of, account_of, refuse_parameters
from fakeserver.events import SubscriptionChanged
from fakeserver.mail.quoting import nstring
from fakeserver.reply import BadCommand, Handler, Tagged
from fakeserver.session import Session
from fakeserver.store.errors import StoreError
from fakeserver.store.quota import check_mailboxes
from imapproxy.wire import commands as wire
from imapproxy.wire.flags import Flag

# \All and \Flagged are for mailboxes that show the messages of others, which are not made here.
_USES = {
    use.lower(): Flag(use) for use in (rb"\Archive", rb"\Drafts", rb"\Junk", rb"\Sent", rb"\Trash")
}


def create(session: Session, command: wire.Create) -> Handler:
    """RFC 3501 section 6.3.3."""
    refuse_parameters(command.parameters)
    special_use = _special_use(session, command)
    yield b""
    if session.has("QUOTA"):
        check_mailboxes(account_of(session))
    mailbox = access_of(session).create(command.mailbox, special_use)
    if session.old_name is not None:
        name = access_of(session).name_of(mailbox)
        yield announce(session, name, old=session.old_name)
    # RFC 8474 section 4.1
    code = b"MAILBOXID (%b)" % mailbox.object_id if session.has("OBJECTID") else b""
    return Tagged("Create completed.", code)


def _special_use(session: Session, command: wire.Create) -> list[Flag]:
    """The uses of RFC 6154 section 3, as they are spelled there."""
    if command.special_use is None:
        return []
    if not session.has("CREATE-SPECIAL-USE"):
        raise BadCommand("Unknown CREATE parameter USE")
    uses = [_USES.get(use.lower()) for use in command.special_use]
    if None in uses:
        raise StoreError("Use not supported", b"USEATTR")
    return [use for use in dict.fromkeys(uses) if use is not None]


def delete(session: Session, command: wire.Delete) -> Handler:
    """RFC 3501 section 6.3.4."""
    access = access_of(session)
    if "parents-stay" in session.host.quirks.names:
        _need_no_children(session, command.mailbox)
    view = session.view
    if view is not None and view.mailbox is access.mailbox(command.mailbox):
        # Deleting what is selected leaves it first, as a client would with CLOSE.
        session.deselect()
    yield b""
    access.delete(command.mailbox)
    if session.old_name is not None:
        yield announce(session, access.canonical(command.mailbox), old=session.old_name)
    return Tagged("Delete completed.")


def _need_no_children(session: Session, name: bytes) -> None:
    if account_of(session).has_children(access_of(session).canonical(name)):
        raise StoreError("Mailbox has inferior hierarchical names", b"HASCHILDREN")


def rename(session: Session, command: wire.Rename) -> Handler:
    """RFC 3501 section 6.3.5."""
    refuse_parameters(command.parameters)
    yield b""
    access_of(session).rename(command.mailbox, command.new_name)
    if session.old_name is not None:
        name = access_of(session).canonical(command.new_name)
        yield announce(session, name, old=session.old_name)
    return Tagged("Rename completed.")


def _tell_of_subscription(session: Session, name: bytes) -> None:
    canonical = access_of(session).canonical(name)
    session.host.announce(SubscriptionChanged(account_of(session).user, canonical))


def subscribe(session: Session, command: wire.Subscribe) -> Handler:
    """RFC 3501 section 6.3.6."""
    yield b""
    access_of(session).subscribe(command.mailbox)
    _tell_of_subscription(session, command.mailbox)
    return Tagged("Subscribe completed.")


def unsubscribe(session: Session, command: wire.Unsubscribe) -> Handler:
    """RFC 3501 section 6.3.7."""
    yield b""
    access_of(session).unsubscribe(command.mailbox)
    _tell_of_subscription(session, command.mailbox)
    return Tagged("Unsubscribe completed.")


def namespace(session: Session, _command: wire.Namespace) -> Handler:
    """RFC 2342: the user's own, other users', and shared mailboxes."""
    access = access_of(session)
    prefixes = (b"", access.others_prefix, access.shared_prefix)
    told = b" ".join(_namespaces(prefix, access.delimiter) for prefix in prefixes)
    yield b"* NAMESPACE %b\r\n" % told
    return Tagged("Namespace completed.")


def _namespaces(prefix: bytes | None, delimiter: bytes) -> bytes:
    return b"NIL" if prefix is None else b"((%b %b))" % (nstring(prefix), nstring(delimiter))
