"""APPEND (RFC 3501 section 6.3.11)."""

from fakeserver.commands.require import account_of
from fakeserver.mail.message import Message
from fakeserver.reply import BadCommand, Handler, Tagged
from fakeserver.session import Session, is_settable
from fakeserver.store.errors import StoreError
from imapproxy.wire import commands as wire
from imapproxy.wire.flags import Flag, usual_spelling


def append(session: Session, command: wire.Append) -> Handler:
    """One message into a mailbox that is there already."""
    if len(command.messages) > 1:
        raise BadCommand("MULTIAPPEND is not supported.")
    message = command.messages[0]
    octets = _octets(message)
    flags = checked_flags(message.flags or ())
    mailbox = account_of(session).find(command.mailbox, b"TRYCREATE")
    yield b""
    if not octets:
        raise StoreError("Can't save a zero byte message.")
    stored = mailbox.append(Message(octets), flags, message.internal_date)
    code = b"APPENDUID %d %d" % (mailbox.uid_validity, stored.uid)
    return Tagged("Append completed.", code if session.has("UIDPLUS") else b"")


def refuse_early(session: Session, mailbox: bytes) -> None:
    """Before the client is asked to send the message: is there a mailbox to put it into?"""
    account_of(session).find(mailbox, b"TRYCREATE")


def checked_flags(flags: tuple[Flag, ...]) -> list[Flag]:
    """Flags in their usual spelling, all of them such that a client may set."""
    usual = [usual_spelling(flag) for flag in flags]
    for flag in usual:
        if not is_settable(flag):
            raise BadCommand(f"Invalid system flag {flag.decode('ascii', 'replace')}")
    return usual


def _octets(message: wire.AppendMessage) -> bytes:
    if message.binary or message.utf8:
        raise BadCommand("BINARY is not supported.")
    if not isinstance(message.data, bytes):
        raise BadCommand("CATENATE is not supported.")
    return message.data
