"""The text of a message as SEARCH compares it: decoded, and without regard to case.

RFC 3501 section 6.4.4 asks for substrings "in the header" and "in the body"; servers look behind
RFC 2047 words, transfer encodings and charsets, and so does this. To Dovecot the headers of parts,
and of messages within, are searched by TEXT and not by BODY.

Pure: octets in, text out. Nothing here raises for odd mail.
"""

import email
import email.policy
import re
from collections.abc import Iterator
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message

_FOLD = re.compile(rb"\r?\n[ \t]")
_FIELD_NAME = re.compile(rb"[!-9;-~]+")
# What the standard library makes of parameters of RFC 2231 that hold a NUL, or come twice.
_STUMBLES = (ValueError, TypeError)
# White space between two encoded words is none (RFC 2047 section 6.2).
_WORDS_APART = re.compile(rb"\?=[ \t]+=\?")


def folded(text: str) -> str:
    """What texts are compared by."""
    return text.casefold()


def header_of(message: bytes) -> bytes:
    """All in front of the first empty line."""
    for end in (b"\r\n\r\n", b"\n\n"):
        at = message.find(end)
        if at >= 0:
            return message[: at + len(end)]
    return message


def fields_of(header: bytes) -> Iterator[tuple[bytes, str]]:
    """Names in upper case, and values: unfolded, decoded and :func:`folded`."""
    for line in _FOLD.sub(b" ", header).split(b"\n"):
        name, colon, value = line.partition(b":")
        name = name.rstrip(b" \t")
        if colon and _FIELD_NAME.fullmatch(name) is not None:
            yield name.upper(), folded(_decoded_words(value.strip()))


def body_of(message: bytes) -> tuple[str, str] | None:
    """The text parts and, apart, the headers of parts and of messages within; :func:`folded`.

    ``None`` where it is nested too deep to be read, or the standard library stumbles over it.
    """
    try:
        parsed = email.message_from_bytes(message, policy=email.policy.compat32)
        return "\n".join(_texts(parsed)), "\n".join(_headers_within(parsed))
    except (RecursionError, *_STUMBLES):
        return None


def _headers_within(part: "Message[str, str]") -> Iterator[str]:
    for one in _parts(part):
        yield from (
            folded(f"{name}: {_decoded_words(_octets(value))}") for name, value in one.raw_items()
        )
        yield from _headers_within(one)


def _parts(part: "Message[str, str]") -> Iterator["Message[str, str]"]:
    if part.is_multipart():
        for one in part.get_payload():
            if isinstance(one, Message):
                yield one


def _texts(part: "Message[str, str]") -> Iterator[str]:
    if part.is_multipart():
        for one in _parts(part):
            yield from _texts(one)
    elif part.get_content_maintype() == "text":
        octets = part.get_payload(decode=True)
        if isinstance(octets, bytes):
            yield folded(_decoded(octets, _charset_of(part)))


def _charset_of(part: "Message[str, str]") -> str | None:
    try:
        return part.get_content_charset()
    except _STUMBLES:
        return None


def _octets(value: object) -> bytes:
    return str(value).encode("utf-8", "surrogateescape")


def _decoded_words(value: bytes) -> str:
    """The text of a field's value (RFC 2047); what cannot be decoded stays as it is."""
    if b"=?" not in value:
        return _decoded(value, None)
    try:
        pieces = decode_header(_WORDS_APART.sub(b"?==?", value).decode("latin-1"))
    except (ValueError, LookupError, HeaderParseError):
        return _decoded(value, None)
    return "".join(
        piece if isinstance(piece, str) else _decoded(piece, charset) for piece, charset in pieces
    )


def _decoded(octets: bytes, charset: str | None) -> str:
    """In the charset or, if that is none, as UTF-8; what is not of it is replaced."""
    try:
        return octets.decode(charset or "utf-8", "replace")
    except (LookupError, ValueError):
        return octets.decode("utf-8", "replace")
