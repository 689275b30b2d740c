"""Names of mailboxes: on the wire and as text.

A :data:`WireMailbox` is what stood on the wire, once quotes or a literal are taken off. A
:data:`MailboxName` is text for people. Between the two stands modified UTF-7 (RFC 3501 section
5.1.3) or, after ``ENABLE IMAP4rev2`` or ``UTF8=ACCEPT``, UTF-8.
"""

import base64
import binascii
import re
from typing import NewType

from imapproxy.wire.errors import DecodeError, EncodeError

WireMailbox = NewType("WireMailbox", bytes)
MailboxName = NewType("MailboxName", str)

INBOX = WireMailbox(b"INBOX")

# Printable US-ASCII stands for itself, "&" excepted (RFC 3501 section 5.1.3).
_DIRECT_OR_SHIFTED = re.compile(rb"[\x20-\x25\x27-\x7e]++|&([A-Za-z0-9+,]*+)-")
_NOT_DIRECT = re.compile(r"[^\x20-\x7e]++|&")
# Octets of a name that cannot be read stand in its text as U+DC00 plus the octet. No name that can
# be read holds one of these: they are half a surrogate pair.
_ESCAPES = range(0xDC00, 0xDD00)
_UNREADABLE = re.compile(rb"[^\x20-\x25\x27-\x7e]")


def is_inbox(mailbox: bytes) -> bool:
    """Whether this is INBOX, in any spelling (RFC 9051 section 5.1)."""
    return len(mailbox) == len(INBOX) and mailbox.upper() == INBOX


def canonical_mailbox(mailbox: bytes) -> WireMailbox:
    """What mailboxes are compared by: INBOX in upper case, any other name as it is."""
    return INBOX if is_inbox(mailbox) else WireMailbox(mailbox)


def decode_mailbox(mailbox: bytes, *, utf8: bool = False) -> MailboxName:
    """The text of a name in modified UTF-7 or, with ``utf8``, UTF-8.

    Raises ``DecodeError`` for what has no text, and for modified UTF-7 that is not the one
    encoding of its text (``&AGE-`` for ``a``), since that is another mailbox.
    """
    if utf8:
        try:
            return MailboxName(mailbox.decode("utf-8"))
        except UnicodeDecodeError as error:
            raise DecodeError("mailbox name is not UTF-8", error.start) from None
    if b"&" not in mailbox and mailbox.isascii() and _UNREADABLE.search(mailbox) is None:
        return MailboxName(mailbox.decode("ascii"))
    name = _from_modified_utf7(mailbox)
    if _to_modified_utf7(name) != mailbox:
        raise DecodeError("mailbox name is not the modified UTF-7 of its text")
    return MailboxName(name)


def decode_mailbox_lossless(mailbox: bytes, *, utf8: bool = False) -> MailboxName:
    """As :func:`decode_mailbox`, and never fails: what cannot be read is escaped.

    :func:`encode_mailbox` makes exactly the same octets of it again.
    """
    try:
        return decode_mailbox(mailbox, utf8=utf8)
    except DecodeError:
        escaped = _UNREADABLE.sub(
            lambda found: chr(_ESCAPES.start + found[0][0]).encode("utf-8", "surrogatepass"),
            mailbox,
        )
        return MailboxName(escaped.decode("utf-8", "surrogatepass"))


def encode_mailbox(name: str, *, utf8: bool = False) -> WireMailbox:
    """The name in modified UTF-7 or, with ``utf8``, UTF-8; INBOX in its own spelling.

    Raises ``EncodeError`` for text with half a surrogate pair that is no escape.
    """
    if any(ord(char) in _ESCAPES for char in name):
        return _from_escaped(name)
    try:
        octets = name.encode("utf-8") if utf8 else _to_modified_utf7(name)
    except UnicodeEncodeError:
        raise EncodeError("mailbox name with half a surrogate pair") from None
    return canonical_mailbox(octets)


def _from_escaped(name: str) -> WireMailbox:
    unescaped = "".join(char for char in name if ord(char) not in _ESCAPES)
    if _NOT_DIRECT.search(unescaped):
        raise EncodeError("mailbox name that mixes text with escaped octets")
    return WireMailbox(bytes(ord(char) & 0xFF for char in name))


def _from_modified_utf7(octets: bytes) -> str:
    pieces: list[str] = []
    at = 0
    while at < len(octets):
        found = _DIRECT_OR_SHIFTED.match(octets, at)
        if found is None:
            raise DecodeError("octet that modified UTF-7 has no place for", at)
        shifted = found[1]
        if shifted is None:
            pieces.append(found[0].decode("ascii"))
        else:
            pieces.append(_from_base64(shifted, at) if shifted else "&")
        at = found.end()
    return "".join(pieces)


def _from_base64(shifted: bytes, at: int) -> str:
    padded = shifted.replace(b",", b"/") + b"=" * (-len(shifted) % 4)
    try:
        return base64.b64decode(padded, validate=True).decode("utf-16-be")
    except (binascii.Error, UnicodeDecodeError):
        raise DecodeError("not UTF-16 in base64 behind the '&'", at) from None


def _to_modified_utf7(name: str) -> bytes:
    return _NOT_DIRECT.sub(lambda found: _shifted(found[0]), name).encode("ascii")


def _shifted(text: str) -> str:
    if text == "&":
        return "&-"
    encoded = base64.b64encode(text.encode("utf-16-be")).rstrip(b"=").replace(b"/", b",")
    return f"&{encoded.decode('ascii')}-"
