"""Strings of responses: quoted where they can be, a literal where they cannot."""

import re

from imapproxy.wire.strings import announce, encode_nstring

# A string or literal cannot hold NUL (RFC 9051 section 9, CHAR8). Mail that holds one is told with
# this octet in its place, as Dovecot does.
_NUL_STAND_IN = b"\x80"


# Nearly every string: short, and nothing in it that needs a second look.
_PLAIN = re.compile(rb"[ !#-\[\]-~]{0,200}+")


def without_nul(octets: bytes) -> bytes:
    """The octets as a response may carry them; the length stays the same."""
    return octets.replace(b"\0", _NUL_STAND_IN) if b"\0" in octets else octets


def nstring(octets: bytes | None) -> bytes:
    """A string of a response, or NIL for ``None``."""
    if octets is None:
        return b"NIL"
    if _PLAIN.fullmatch(octets) is not None:
        return b'"%b"' % octets
    octets = without_nul(octets)
    part = encode_nstring(octets)
    return part if isinstance(part, bytes) else literal(octets)


def literal(octets: bytes, *, binary: bool = False) -> bytes:
    """The octets as a literal, its announcement before it; ``binary`` is for ``~{n}``."""
    return announce(len(octets), binary=binary) + octets
