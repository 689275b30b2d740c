"""Parts without their Content-Transfer-Encoding, and with one again (RFC 3516)."""

import base64
import re
from collections.abc import Callable
from typing import NamedTuple

from fakeserver.mail.mime import Part
from fakeserver.mail.parameters import parse_token
from fakeserver.mail.section import find_part

_FIELD = b"content-transfer-encoding"
_IDENTITY = (b"7bit", b"8bit", b"binary")
_WHITE = re.compile(rb"[ \t\r\n]++")
_BASE64 = re.compile(rb"[A-Za-z0-9+/]*+={0,2}")
# RFC 2045 section 6.7, rule 3: white space at the end of a line was added on the way.
_TRAILING_WHITE = re.compile(rb"(?<![ \t])[ \t]++(?=\r?\n|\Z)")
_ENCODED = re.compile(rb"=(?:([0-9A-Fa-f]{2})|(\r?\n|\Z)|)")
# RFC 2045 section 6.8: lines of at most 76 characters.
_BASE64_LINE = 57


class UnknownEncoding(Exception):
    """The part has an encoding that is not known (``UNKNOWN-CTE``)."""


class BadEncoding(Exception):
    """The part is not of the encoding that it says it is of."""


class Decoded(NamedTuple):
    """Octets, and whether an encoding had to be undone for them."""

    octets: bytes
    changed: bool


def binary_section(octets: bytes, root: Part, path: tuple[int, ...]) -> Decoded:
    """What ``BINARY[path]`` asks for; a part that does not exist is empty.

    ``octets`` are those that ``root`` was made of, NULs in place. Of a part with others within
    these are decoded where they stand, and say so in their headers.
    """
    if not path:
        return _entity(octets, root)
    part = find_part(root, path)
    return Decoded(b"", False) if part is None else _body(octets, part)


def encode_binary(octets: bytes, root: Part) -> bytes:
    """The message with every part that is ``binary`` in base64 instead, fit for any client.

    RFC 3516 section 4.3 leaves it to the server how it keeps what it was sent as ``~{n}``.
    """
    if root.children:
        return octets[root.start : root.body] + _joined(octets, root, encode_binary)
    body = octets[root.body : root.end]
    if root.is_multipart or _encoding(root) != b"binary":
        return octets[root.start : root.end]
    lines = [
        base64.b64encode(body[at : at + _BASE64_LINE]) for at in range(0, len(body), _BASE64_LINE)
    ]
    return _header_with(root, b"base64") + b"\r\n".join(lines)


def _entity(octets: bytes, part: Part) -> Decoded:
    body = _body(octets, part)
    header = octets[part.start : part.body]
    if body.changed and not part.children:
        header = _header_at_end(part, b"binary")
    return Decoded(header + body.octets, body.changed)


def _body(octets: bytes, part: Part) -> Decoded:
    if not part.children:
        return _leaf(octets[part.body : part.end], part)
    changed = False

    def child_octets(octets: bytes, child: Part) -> bytes:
        nonlocal changed
        decoded = _entity(octets, child)
        changed = changed or decoded.changed
        return decoded.octets

    joined = _joined(octets, part, child_octets)
    return Decoded(joined, changed)


def _leaf(body: bytes, part: Part) -> Decoded:
    encoding = _encoding(part)
    if part.is_multipart or encoding in _IDENTITY or not body:
        return Decoded(body, False)
    if encoding == b"base64":
        return Decoded(_from_base64(body), True)
    if encoding == b"quoted-printable":
        return Decoded(_from_quoted_printable(body), True)
    raise UnknownEncoding


def _encoding(part: Part) -> bytes:
    value = part.field_value(_FIELD)
    return b"7bit" if value is None else (parse_token(value) or b"").lower()


def _from_base64(body: bytes) -> bytes:
    digits = _WHITE.sub(b"", body)
    if _BASE64.fullmatch(digits) is None:
        raise BadEncoding
    digits = digits.rstrip(b"=")
    # What is cut short is decoded as far as it goes.
    digits = digits[: len(digits) - (len(digits) % 4 == 1)]
    return base64.b64decode(digits + b"=" * (-len(digits) % 4))


def _from_quoted_printable(body: bytes) -> bytes:
    return _ENCODED.sub(_quoted, _TRAILING_WHITE.sub(b"", body))


def _quoted(found: re.Match[bytes]) -> bytes:
    if found[1] is not None:
        return bytes((int(found[1], 16),))
    if found[2] is None:
        raise BadEncoding
    return b""


def _joined(octets: bytes, part: Part, child_octets: Callable[[bytes, Part], bytes]) -> bytes:
    """The body of a part with others within, these as ``child_octets`` has them."""
    pieces: list[bytes] = []
    at = part.body
    for child in part.children:
        pieces += (octets[at : child.start], child_octets(octets, child))
        at = child.end
    pieces.append(octets[at : part.end])
    return b"".join(pieces)


def _header_with(part: Part, encoding: bytes) -> bytes:
    """The header, its encoding another one."""
    pieces = []
    for field in part.fields:
        if field.name.lower() == _FIELD:
            line_end = field.octets[len(field.octets.rstrip(b"\r\n")) :]
            pieces.append(field.name + b": " + encoding + line_end)
        else:
            pieces.append(field.octets)
    return b"".join(pieces) + b"\r\n"


def _header_at_end(part: Part, encoding: bytes) -> bytes:
    """The header, its encoding taken out and another one behind all else."""
    kept = [field.octets for field in part.fields if field.name.lower() != _FIELD]
    return b"".join(kept) + b"Content-Transfer-Encoding: " + encoding + b"\r\n\r\n"
