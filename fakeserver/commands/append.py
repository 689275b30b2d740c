"""APPEND (RFC 3501 section 6.3.11), and what extends it.

RFC 3502 (several messages), RFC 4469 (put together by the server), RFC 3516 (octets of any value),
RFC 7889 (a limit that is told).
"""

from collections.abc import Iterator

from fakeserver.commands.catenate import catenate, has_binary, has_utf8
from fakeserver.commands.require import access_of, check_room, tells_uids
from fakeserver.mail.message import Message
from fakeserver.reply import BadCommand, Handler, Tagged
from fakeserver.session import Session, is_settable
from fakeserver.store.errors import StoreError
from fakeserver.store.rights import changeable
from imapproxy.wire import commands as wire
from imapproxy.wire.flags import Flag, usual_spelling
from imapproxy.wire.sequence_set import SequenceSet


def append(session: Session, command: wire.Append) -> Handler:
    """All of the messages or none (RFC 3502 section 6.3.11)."""
    if len(command.messages) > 1 and not session.has("MULTIAPPEND"):
        raise BadCommand("MULTIAPPEND is not supported.")
    for message in command.messages:
        check_message(session, message)
    flags = [checked_flags(message.flags or ()) for message in command.messages]
    access = access_of(session)
    access.find(command.mailbox, b"TRYCREATE", needs="i")
    contents: list[Message] = []
    for message in command.messages:
        contents.append(content_of(session, message))
        yield b""
    # Others had their turn meanwhile.
    mailbox = access.find(command.mailbox, b"TRYCREATE", needs="i")
    rights = access.rights(mailbox)
    check_room(session, mailbox, [content.size for content in contents])
    stored = [
        mailbox.append(content, changeable(given, rights), message.internal_date)
        for content, given, message in zip(contents, flags, command.messages, strict=True)
    ]
    uids = SequenceSet.of(message.uid for message in stored)
    code = b"APPENDUID %d %b" % (mailbox.uid_validity, uids.encode())
    return Tagged("Append completed.", code if tells_uids(session, mailbox) else b"")


def refuse_early(session: Session, mailbox: bytes, size: int) -> None:
    """Before the client is asked to send a literal: is there a place for it?"""
    found = access_of(session).find(mailbox, b"TRYCREATE", needs="i")
    _check_size(session, size)
    check_room(session, found, [size])


def checked_flags(flags: tuple[Flag, ...]) -> list[Flag]:
    """Flags in their usual spelling, all of them such that a client may set."""
    usual = [usual_spelling(flag) for flag in flags]
    for flag in usual:
        if not is_settable(flag):
            raise BadCommand(f"Invalid system flag {flag.decode('ascii', 'replace')}")
    return usual


def check_message(session: Session, message: wire.AppendMessage) -> None:
    """That what the message is sent as is switched on."""
    for extension in _extensions_of(message):
        if not session.has(extension):
            raise BadCommand(f"{extension} is not supported.")


def _extensions_of(message: wire.AppendMessage) -> Iterator[str]:
    if not isinstance(message.data, bytes):
        yield "CATENATE"
    if _is_binary(message):
        yield "BINARY"
    if message.utf8 or has_utf8(message.data):
        yield "UTF8=ACCEPT"


def _is_binary(message: wire.AppendMessage) -> bool:
    if isinstance(message.data, bytes):
        return message.binary and not message.utf8
    return has_binary(message.data)


def content_of(session: Session, message: wire.AppendMessage) -> Message:
    """The message itself, put together where it came in parts."""
    if isinstance(message.data, bytes):
        octets = message.data
        if not octets:
            # RFC 3502: how a client that began gives up.
            raise StoreError("Can't save a zero byte message.")
    else:
        octets = catenate(session, message.data)
    _check_size(session, len(octets))
    content = Message(octets)
    if session.needs_surrogates and not content.header.octets.isascii():
        # RFC 6855 section 4: whoever writes UTF-8 headers has to say that they read them.
        raise StoreError("Header has UTF-8, which was not enabled.")
    return content.without_binary() if _is_binary(message) else content


def _check_size(session: Session, size: int) -> None:
    if session.has("APPENDLIMIT") and size > session.host.limits.append:
        raise StoreError("Message is too large.", b"TOOBIG")
