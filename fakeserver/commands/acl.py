"""GETACL, SETACL, DELETEACL, LISTRIGHTS, MYRIGHTS (RFC 4314 section 3)."""

from fakeserver.commands.names import astring, mailbox_name
from fakeserver.commands.require import access_of
from fakeserver.events import MailboxesChanged
from fakeserver.reply import BadCommand, Handler, Tagged
from fakeserver.session import Session
from fakeserver.store.mailbox import Mailbox
from fakeserver.store.rights import (
    OWNER_RIGHTS,
    Rights,
    encode_rights,
    parse_rights,
    separate_rights,
)
from imapproxy.wire import commands as wire

# A list of rights has to end; so do names that are nobody's.
_MAX_IDENTIFIER = 255
_MAX_ENTRIES = 1000


def get_acl(session: Session, command: wire.GetAcl) -> Handler:
    """Section 3.3; it takes the right to administer."""
    mailbox = _administered(session, command.mailbox)
    told = [_name(session, mailbox)]
    for identifier, rights in mailbox.acl.items():
        told += (astring(identifier), astring(encode_rights(rights)))
    yield b"* ACL %b\r\n" % b" ".join(told)
    return Tagged("Getacl completed.")


def set_acl(session: Session, command: wire.SetAcl) -> Handler:
    """Section 3.1: give these rights and no others, or with ``+`` and ``-`` more and fewer."""
    sign = command.rights[:1] if command.rights[:1] in (b"+", b"-") else b""
    try:
        rights = parse_rights(command.rights.removeprefix(sign))
    except ValueError as error:
        raise BadCommand(f"Invalid ACL right: {error}") from None
    _check_identifier(command.identifier)
    mailbox = _administered(session, command.mailbox)
    present = mailbox.acl.get(command.identifier, frozenset())
    if sign:
        rights = present | rights if sign == b"+" else present - rights
    if len(mailbox.acl) >= _MAX_ENTRIES and not present:
        raise BadCommand("Too many identifiers.")
    _put(session, mailbox, command.identifier, rights)
    yield b""
    return Tagged("Setacl complete.")


def delete_acl(session: Session, command: wire.DeleteAcl) -> Handler:
    """Section 3.2; that there were no rights is no mistake."""
    mailbox = _administered(session, command.mailbox)
    _put(session, mailbox, command.identifier, frozenset())
    yield b""
    return Tagged("Deleteacl complete.")


def list_rights(session: Session, command: wire.ListRights) -> Handler:
    """Section 3.4: what the identifier always has, and what it may be given besides."""
    mailbox = _administered(session, command.mailbox)
    required = OWNER_RIGHTS if command.identifier == mailbox.owner else frozenset()
    told = [_name(session, mailbox), astring(command.identifier), astring(encode_rights(required))]
    told += [letter for letter in separate_rights() if letter.decode() not in required]
    yield b"* LISTRIGHTS %b\r\n" % b" ".join(told)
    return Tagged("Listrights completed.")


def my_rights(session: Session, command: wire.MyRights) -> Handler:
    """Section 3.5."""
    access = access_of(session)
    mailbox = access.find(command.mailbox, b"NONEXISTENT")
    rights = astring(encode_rights(access.rights(mailbox)))
    yield b"* MYRIGHTS %b %b\r\n" % (_name(session, mailbox), rights)
    return Tagged("Myrights completed.")


def _administered(session: Session, name: bytes) -> Mailbox:
    return access_of(session).find(name, b"NONEXISTENT", needs="a")


def _name(session: Session, mailbox: Mailbox) -> bytes:
    return mailbox_name(session, access_of(session).name_of(mailbox))


def _put(session: Session, mailbox: Mailbox, identifier: bytes, rights: Rights) -> None:
    if rights:
        mailbox.acl[identifier] = rights
    else:
        mailbox.acl.pop(identifier, None)
    session.host.announce(MailboxesChanged())


def _check_identifier(identifier: bytes) -> None:
    """A user, or ``anyone``; with ``-`` before it, what they are not to have.

    Rights may be given to who is not there yet.
    """
    name = identifier.removeprefix(b"-")
    if not 0 < len(name) <= _MAX_IDENTIFIER or any(octet < 0x20 for octet in name):
        raise BadCommand("Invalid identifier.")
