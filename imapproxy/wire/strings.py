"""Encoding of atoms, strings and literals (RFC 9051 section 4, section 9).

Encoders return *parts*: ``bytes`` that may go out at once, and :class:`LiteralPart` for octets
before which a client may have to wait for the server's continuation request. :func:`render` makes
octets of them by what the server allows.
"""

import re
from collections.abc import Iterable
from typing import Literal, NamedTuple

from imapproxy.wire.errors import EncodeError


class LiteralPart(NamedTuple):
    """The octets of a literal; ``binary`` is for ``~{n}`` (RFC 3516), which may hold NUL."""

    octets: bytes
    binary: bool = False


Part = bytes | LiteralPart

# "sync": wait for "+" before each literal. "plus": LITERAL+, never wait. "minus": LITERAL- or
# IMAP4rev2, no wait up to 4096 octets (RFC 7888 sections 4 and 5).
LiteralStyle = Literal["sync", "plus", "minus"]
MINUS_MAX = 4096

# ATOM-CHAR = any CHAR except "(" ")" "{" SP CTL "%" "*" DQUOTE "\" "]"
ATOM_CHAR = rb"[^\x00-\x20\x7f-\xff(){%*\"\\\]]"
# ASTRING-CHAR = ATOM-CHAR / "]"
ASTRING_CHAR = rb"[^\x00-\x20\x7f-\xff(){%*\"\\]"

_ATOM = re.compile(ATOM_CHAR + rb"+")
_ASTRING = re.compile(ASTRING_CHAR + rb"+")
# QUOTED-CHAR = any TEXT-CHAR except quoted-specials; what is over 0x7f is UTF-8 (RFC 9051) and
# goes as a literal unless the peer is known to take it.
_QUOTABLE = re.compile(rb"[\x01-\x09\x0b\x0c\x0e-\x7f]*")
_QUOTABLE_UTF8 = re.compile(rb"[\x01-\x09\x0b\x0c\x0e-\xff]*")
_QUOTED_SPECIALS = re.compile(rb'(["\\])')
# Servers bound the length of a line; what is longer goes as a literal.
QUOTED_MAX = 1000


def encode_quoted(octets: bytes, *, utf8: bool = False) -> bytes:
    """A quoted string; raises ``EncodeError`` for what only a literal can hold.

    ``utf8`` is for peers that take UTF-8 in quoted strings (IMAP4rev2, UTF8=ACCEPT).
    """
    allowed = _QUOTABLE_UTF8 if utf8 else _QUOTABLE
    if allowed.fullmatch(octets) is None:
        raise EncodeError("octets that a quoted string cannot hold")
    return b'"%b"' % _QUOTED_SPECIALS.sub(rb"\\\1", octets)


def encode_string(octets: bytes, *, utf8: bool = False) -> Part:
    """A quoted string where that is possible and short, else a literal."""
    allowed = _QUOTABLE_UTF8 if utf8 else _QUOTABLE
    if len(octets) <= QUOTED_MAX and allowed.fullmatch(octets) is not None:
        return b'"%b"' % _QUOTED_SPECIALS.sub(rb"\\\1", octets)
    if b"\0" in octets:
        raise EncodeError("a string cannot hold NUL")
    return LiteralPart(octets)


def encode_astring(octets: bytes, *, utf8: bool = False) -> Part:
    """An atom where that is possible, else as :func:`encode_string`."""
    # An atom "NIL" would be right, and read as NIL by some.
    if _ASTRING.fullmatch(octets) is not None and octets.upper() != b"NIL":
        return octets
    return encode_string(octets, utf8=utf8)


def encode_nstring(octets: bytes | None, *, utf8: bool = False) -> Part:
    """A string, or NIL for ``None``."""
    return b"NIL" if octets is None else encode_string(octets, utf8=utf8)


def encode_atom(octets: bytes) -> bytes:
    """The atom, once it is known to be one; raises ``EncodeError`` if it is not."""
    if _ATOM.fullmatch(octets) is None:
        raise EncodeError("octets that are not an atom")
    return octets


def encode_keyword(name: str) -> bytes:
    """A word of the grammar as an atom."""
    try:
        return encode_atom(name.encode("ascii"))
    except UnicodeEncodeError:
        raise EncodeError("a word of the grammar that is not ASCII") from None


def merge(parts: Iterable[Part]) -> tuple[Part, ...]:
    """The same parts, neighbouring octets made one."""
    merged: list[Part] = []
    run: list[bytes] = []
    for part in parts:
        if isinstance(part, bytes):
            run.append(part)
            continue
        merged += (b"".join(run), part)
        run.clear()
    merged.append(b"".join(run))
    return tuple(part for part in merged if part)


def separated(parts: Iterable[Part]) -> list[Part]:
    """The parts with a space between each two."""
    spaced: list[Part] = []
    for part in parts:
        spaced += (b" ", part)
    return spaced[1:]


def render(parts: Iterable[Part], style: LiteralStyle = "sync") -> tuple[bytes, ...]:
    """The octets, cut where the sender has to wait for a continuation request.

    With "plus" there is a single piece, and with "minus" too unless a literal is over 4096 octets.
    """
    flights: list[bytes] = []
    run: list[bytes] = []
    for part in parts:
        if isinstance(part, bytes):
            run.append(part)
            continue
        waits = style == "sync" or (style == "minus" and len(part.octets) > MINUS_MAX)
        run.append(announce(len(part.octets), waits=waits, binary=part.binary))
        if waits:
            flights.append(b"".join(run))
            run.clear()
        run.append(part.octets)
    flights.append(b"".join(run))
    return tuple(flights)


def join(parts: Iterable[Part]) -> bytes:
    """All octets in one, literals as ``{n}``: a response, or a whole command for decoding."""
    return b"".join(render(parts))


def string_octets(octets: bytes | None) -> bytes:
    """A string as in a response: quoted or a literal; NIL for ``None``."""
    part = encode_nstring(octets)
    return literal_octets(part.octets) if isinstance(part, LiteralPart) else part


def literal_octets(octets: bytes, *, binary: bool = False) -> bytes:
    """A literal as in a response. Whether it holds NUL is not looked at: mail does."""
    return announce(len(octets), binary=binary) + octets


def announce(size: int, *, waits: bool = True, binary: bool = False) -> bytes:
    """``{n}`` CRLF, or ``{n+}`` for a sender who does not wait, ``~{n}`` for binary octets."""
    return b"%b{%d%b}\r\n" % (b"~" if binary else b"", size, b"" if waits else b"+")
