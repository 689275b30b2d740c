"""The text that people see in a message: what SEARCH looks for words in."""

import base64
import binascii
import quopri
import re
from collections.abc import Iterator

from fakeserver.mail.header import Field, unfold_to_space
from fakeserver.mail.mime import Part
from fakeserver.mail.parameters import parse_token

# encoded-word = "=?" charset ["*" language] "?" encoding "?" encoded-text "?=" (RFC 2047, RFC 2231)
_ENCODED_WORD = re.compile(
    rb"=\?([^?*\s]+)(?:\*[^?\s]*)?\?([bBqQ])\?([^?\s]*)\?=(?:[ \t\r\n]+(?==\?[^?\s]+\?[bBqQ]\?))?"
)
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")


def decode_charset(octets: bytes, charset: str) -> str:
    """The text of octets; what cannot be read becomes U+FFFD."""
    try:
        return octets.decode(charset, "replace")
    except (LookupError, UnicodeError):
        # Charsets that Python does not know, or that are no charsets ("hex", "rot13").
        return octets.decode("utf-8", "replace")


def decode_field(value: bytes) -> str:
    """The text of a field's value: unfolded, encoded words decoded (RFC 2047)."""
    unfolded = unfold_to_space(value)
    if b"=?" not in unfolded:
        return decode_charset(unfolded, "utf-8")
    pieces: list[str] = []
    at = 0
    for found in _ENCODED_WORD.finditer(unfolded):
        pieces.append(decode_charset(unfolded[at : found.start()], "utf-8"))
        pieces.append(_decode_word(found[1], found[2], found[3]))
        at = found.end()
    pieces.append(decode_charset(unfolded[at:], "utf-8"))
    return "".join(pieces)


def header_text(fields: list[Field]) -> str:
    """A whole header as text, a line for each field."""
    return "\n".join(
        f"{decode_charset(field.name, 'utf-8')}: {decode_field(field.value)}" for field in fields
    )


def part_headers(part: Part) -> Iterator[str]:
    """The headers of a message and of all parts within it."""
    yield header_text(part.fields)
    for child in part.children:
        yield from part_headers(child)


def part_texts(part: Part) -> Iterator[str]:
    """The text of every part that is text, decoded. What lies between parts is left out."""
    if part.children:
        for child in part.children:
            yield from part_texts(child)
    elif part.content_type.type.lower() in (b"text", b"message"):
        charset = part.content_type.parameter(b"charset") or b"us-ascii"
        name = charset.decode("ascii", "replace")
        yield decode_charset(decode_transfer(part), "utf-8" if name.lower() == "us-ascii" else name)


def decode_transfer(part: Part) -> bytes:
    """The body of a part without its Content-Transfer-Encoding, as far as that can be undone."""
    value = part.field_value(b"content-transfer-encoding")
    encoding = b"" if value is None else (parse_token(value) or b"").lower()
    if encoding == b"base64":
        return decode_base64(part.body_octets)
    if encoding == b"quoted-printable":
        return quopri.decodestring(part.body_octets)
    return part.body_octets


def decode_base64(octets: bytes) -> bytes:
    """Base64 as mail has it: what is no base64 is skipped, what is cut short ends there."""
    digits = _NOT_BASE64.sub(b"", octets)
    whole = digits[: len(digits) - (len(digits) % 4 == 1)]
    try:
        return base64.b64decode(whole + b"=" * (-len(whole) % 4))
    except binascii.Error:
        return b""


def _decode_word(charset: bytes, encoding: bytes, encoded: bytes) -> str:
    if encoding in b"bB":
        octets = decode_base64(encoded)
    else:
        octets = quopri.decodestring(encoded, header=True)
    return decode_charset(octets, charset.decode("ascii", "replace"))
