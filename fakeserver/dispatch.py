"""From the octets of a command to its handler: parsing, state, what is switched on."""

from typing import NamedTuple

from fakeserver.commands import append
from fakeserver.commands.names import stored_name, stored_names
from fakeserver.commands.registry import Entry, extension_of, find_entry
from fakeserver.reply import BadCommand, Handler, Tagged
from fakeserver.session import Session, State
from fakeserver.store.errors import StoreError
from imapproxy.wire.commands import (
    Capability,
    Command,
    CommandBody,
    Compress,
    Enable,
    Id,
    Idle,
    Logout,
    Noop,
    Opaque,
)
from imapproxy.wire.cursor import Cursor
from imapproxy.wire.decode_command import CommandError, decode_command
from imapproxy.wire.errors import DecodeError

_WITHOUT_TEXT = (Capability, Noop, Logout, Id, Enable, Compress, Idle)


class Parsed(NamedTuple):
    """A command that is understood and allowed here."""

    tag: bytes
    name: str
    body: CommandBody
    entry: Entry


class Mistake(NamedTuple):
    """A command that is answered at once; ``tag`` is ``None`` where it has none."""

    tag: bytes | None
    name: str
    reply: Tagged


def parse(session: Session, octets: bytes) -> Parsed | Mistake:
    """Parse a whole command and see whether this session may give it."""
    try:
        command = decode_command(octets, lenient=True)
    except CommandError as error:
        return _not_understood(error, octets)
    parsed = _allowed(session, command)
    if isinstance(parsed, Parsed) and session.takes_utf8:
        return _with_stored_names(session, parsed)
    return parsed


def _not_understood(error: CommandError, octets: bytes) -> Mistake:
    text = f"Error in IMAP command {error.name}: {_sentence(error)}".replace(" :", ":")
    return Mistake(_whole_tag(error.tag, octets), error.name, Tagged(text, condition=b"BAD"))


def _whole_tag(tag: bytes | None, octets: bytes) -> bytes | None:
    """The tag, if it is one: ``a(b`` is none, and neither is what stands before the parenthesis."""
    if tag is None or octets[len(tag) : len(tag) + 1] not in (b" ", b"\r", b"\n"):
        return None
    return tag


def _with_stored_names(session: Session, parsed: Parsed) -> Parsed | Mistake:
    try:
        stored = stored_names(parsed.body)
    except DecodeError as error:
        text = f"Error in IMAP command {parsed.name}: {_sentence(error)}"
        return Mistake(parsed.tag, parsed.name, Tagged(text, condition=b"BAD"))
    session.old_name = stored.old_name
    return parsed._replace(body=stored.body)


def _allowed(session: Session, command: Command) -> Parsed | Mistake:
    body = command.body
    entry = find_entry(body)
    name = command_name(body)
    if entry is None or not session.has(extension_of(entry, body)):
        text = f"Error in IMAP command {name}: Unknown command."
        return Mistake(command.tag, name, Tagged(text, condition=b"BAD"))
    if session.uids_only and getattr(body, "by_uid", None) is False:
        # RFC 9586 section 3.1
        reply = Tagged("Message numbers are not used here.", b"UIDREQUIRED", b"BAD")
        return Mistake(command.tag, name, reply)
    text = _state_mistake(session.state, entry)
    if text:
        return Mistake(command.tag, name, Tagged(text, condition=b"BAD"))
    if session.has("UTF8=ONLY") and not session.takes_utf8 and _may_need_utf8(session, body):
        # RFC 6855 section 6
        reply = Tagged("UTF8=ACCEPT has to be enabled first.", b"CANNOT", b"NO")
        return Mistake(command.tag, name, reply)
    return Parsed(command.tag, name, body, entry)


def _may_need_utf8(session: Session, body: CommandBody) -> bool:
    """Whether names, or headers, may be told or taken; before a login there are none."""
    return session.state is not State.NOT_AUTHENTICATED and not isinstance(body, _WITHOUT_TEXT)


def _state_mistake(state: State, entry: Entry) -> str:
    if state in entry.states:
        return ""
    if state is State.NOT_AUTHENTICATED:
        return "Please login first."
    if State.NOT_AUTHENTICATED in entry.states:
        return "Already logged in."
    return "No mailbox selected."


def start(session: Session, parsed: Parsed) -> Handler:
    """The handler of a command, ready to run."""
    if parsed.entry.wants_tag:
        return parsed.entry.run(session, parsed.body, parsed.tag)
    return parsed.entry.run(session, parsed.body)


def refuse_literal(session: Session, octets: bytes, size: int) -> Mistake | None:
    """Before a synchronizing literal is asked for: is the command refused whatever it holds?

    ``octets`` is the command so far, with the announcement of ``size`` octets at its end.
    """
    mistake = _mistake_before_literal(octets)
    if mistake is not None:
        return mistake
    cursor = Cursor(octets, lenient=True)
    try:
        tag, name, mailbox = _beginning(cursor)
        if mailbox is not None and session.takes_utf8:
            mailbox = stored_name(mailbox)
    except DecodeError:
        # What is wrong with it is told when the whole of it is there.
        return None
    if session.state is State.NOT_AUTHENTICATED and name not in ("LOGIN", "AUTHENTICATE", "ID"):
        return Mistake(tag, name, Tagged("Please login first.", condition=b"BAD"))
    if name != "APPEND" or mailbox is None:
        return None
    try:
        append.refuse_early(session, mailbox, size)
    except StoreError as error:
        return Mistake(tag, name, refusal(error))
    return None


def _mistake_before_literal(octets: bytes) -> Mistake | None:
    """What is wrong with a command before the announcement at its end."""
    try:
        command = decode_command(octets, lenient=True)
    except CommandError as error:
        announced = octets.rindex(b"{")
        announced -= octets.startswith(b"~", announced - 1)
        return _not_understood(error, octets) if error.position < announced else None
    name = command_name(command.body)
    text = f"Error in IMAP command {name}: Unknown command."
    return Mistake(command.tag, name, Tagged(text, condition=b"BAD"))


def _beginning(cursor: Cursor) -> tuple[bytes, str, bytes | None]:
    tag = cursor.word()
    cursor.space()
    name = cursor.keyword()
    if name != "APPEND":
        return tag, name, None
    cursor.space()
    return tag, name, cursor.astring()


def refusal(error: StoreError | BadCommand) -> Tagged:
    """The tagged reply that an error stands for."""
    condition = b"NO" if isinstance(error, StoreError) else b"BAD"
    return Tagged(error.text, error.code, condition)


def command_name(body: CommandBody) -> str:
    """The name of a command in upper case; that of ``UID FETCH`` is ``UID FETCH``."""
    if isinstance(body, Opaque):
        return body.name
    name = type(body).__name__.upper()
    by_uid = getattr(body, "by_uid", False) or getattr(body, "uids", None) is not None
    return f"UID {name}" if by_uid else name


def _sentence(error: DecodeError) -> str:
    text = str(error)
    return text[:1].upper() + text[1:] + "."
