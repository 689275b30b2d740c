"""Surrogates of messages with UTF-8 in headers, for clients that do not take it (RFC 6858).

What can be said in US-ASCII is; what cannot is left out.
"""

import re
from collections.abc import Iterator
from email.header import Header as EncodedText

from fakeserver.mail.address import Address, parse_addresses
from fakeserver.mail.decoded import decode_charset, decode_field
from fakeserver.mail.header import Field
from fakeserver.mail.mime import Part

# RFC 6858 section 2.1 has these; other fields with addresses are left out like the rest.
_ADDRESSES = frozenset(
    {b"from", b"sender", b"reply-to", b"to", b"cc", b"bcc", b"return-path"}
    | {b"resent-from", b"resent-sender", b"resent-to", b"resent-cc", b"resent-bcc"}
)
_WITH_PARAMETERS = frozenset({b"content-type", b"content-disposition"})
# Nobody can have this address (RFC 2606 section 2).
_NO_ADDRESS = b"internationalized-address@eai.invalid"
_TO_SEMICOLON = re.compile(rb'(?:[^;"]|"(?:[^"\\]|\\.)*+"?)++', re.DOTALL)
# Encoded words may hold line ends, which no field can.
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")
_TO_ESCAPE = re.compile(rb'(["\\])')


def surrogate(root: Part) -> bytes:
    """The octets of a message whose headers, those of its parts included, are US-ASCII.

    The very same octets where they are already.
    """
    octets, at = root.octets, 0
    pieces: list[bytes] = []
    for part in _parts(root):
        header = octets[part.start : part.body]
        if not header.isascii():
            kept = len(b"".join(field.octets for field in part.fields))
            pieces += octets[at : part.start], *map(_field, part.fields), header[kept:]
            at = part.body
    return b"".join((*pieces, octets[at:])) if pieces else octets


def _parts(part: Part) -> Iterator[Part]:
    """All parts, in the order in which they stand."""
    yield part
    for child in part.children:
        yield from _parts(child)


def _field(field: Field) -> bytes:
    name = field.name.lower()
    value: bytes | None = None
    if field.octets.isascii():
        return field.octets
    if name == b"subject":
        value = _encoded(decode_field(field.value))
    elif name in _ADDRESSES:
        value = _addresses(field.value)
    elif name in _WITH_PARAMETERS:
        value = _parameters(field.value)
    return b"" if value is None else b"%b: %b\r\n" % (field.name, value.strip())


def _encoded(text: str) -> bytes:
    """Text as encoded words (RFC 2047), folded."""
    return EncodedText(_CONTROL.sub(" ", text), "utf-8").encode(linesep="\r\n").encode()


def _addresses(value: bytes) -> bytes:
    """The addresses; in place of one that is not US-ASCII one that is nobody's."""
    written: list[bytes] = []
    for address in parse_addresses(value):
        if address.host is not None:
            written.append(_address(address) + b",\r\n ")
        elif address.mailbox is not None:
            written.append(_phrase(address.mailbox) + b": ")
        else:
            written = [*written[:-1], written[-1].removesuffix(b",\r\n ") + b";,\r\n "]
    return b"".join(written).removesuffix(b",\r\n ")


def _address(address: Address) -> bytes:
    plain = b"%b@%b" % (address.mailbox or b"", address.host or b"")
    if plain.isascii():
        return plain if address.name is None else _phrase(address.name) + b" <" + plain + b">"
    shown = plain if address.name is None else b"%b <%b>" % (address.name, plain)
    return _phrase(shown) + b" <" + _NO_ADDRESS + b">"


def _phrase(octets: bytes) -> bytes:
    if octets.isascii():
        return b'"' + _TO_ESCAPE.sub(rb"\\\1", octets) + b'"'
    return _encoded(decode_charset(octets, "utf-8"))


def _parameters(value: bytes) -> bytes | None:
    """The value without parameters that are not US-ASCII."""
    first, *parameters = _TO_SEMICOLON.findall(value) or [value]
    if not first.isascii():
        return None
    return b";".join((first, *filter(bytes.isascii, parameters)))
