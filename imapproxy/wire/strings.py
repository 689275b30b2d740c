"""Encoding of atoms, strings and literals (RFC 9051 section 4, section 9).

Encoders return *parts*: ``bytes`` that may go out at once, and :class:`LiteralPart` for octets
before which a client may have to wait for the server's continuation request. :func:`render` makes
octets of them by what the server allows.
"""

import re
from typing import Literal, NamedTuple


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
