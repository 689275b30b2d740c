"""BODY and BODYSTRUCTURE: the tree of parts, as one structure (RFC 9051 section 7.5.2)."""

from fakeserver.mail.envelope import envelope
from fakeserver.mail.header import unfold
from fakeserver.mail.mime import Part
from fakeserver.mail.parameters import (
    Parameters,
    parse_disposition,
    parse_languages,
    parse_token,
)
from fakeserver.mail.quoting import nstring

# RFC 2045 section 5.2: what text is when it does not say.
_US_ASCII = (b"charset", b"us-ascii")
# A multipart has to have a part in the grammar. Where the mail has none, this is what Dovecot says.
_NO_PART = b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0'


def body_structure(part: Part, *, extended: bool) -> bytes:
    """The structure of a part; ``extended`` is BODYSTRUCTURE, without it is BODY."""
    if part.is_multipart:
        return _multipart(part, extended=extended)
    content_type = part.content_type
    parameters = content_type.parameters
    if content_type.is_type(b"text") and content_type.parameter(b"charset") is None:
        parameters = (*parameters, _US_ASCII)
    items = [
        nstring(content_type.type),
        nstring(content_type.subtype),
        _parameters(parameters),
        _text_field(part, b"content-id"),
        _text_field(part, b"content-description"),
        nstring(_transfer_encoding(part)),
        b"%d" % part.size,
    ]
    if part.is_message:
        inner = part.children[0]
        items += [envelope(inner.header), body_structure(inner, extended=extended)]
    if part.is_message or content_type.is_type(b"text"):
        items.append(b"%d" % part.lines)
    if extended:
        items += [_text_field(part, b"content-md5"), *_extension(part)]
    return b"(%b)" % b" ".join(items)


def _multipart(part: Part, *, extended: bool) -> bytes:
    children = b"".join(body_structure(child, extended=extended) for child in part.children)
    if not children:
        children = _NO_PART + (b" NIL NIL NIL NIL)" if extended else b")")
    items = [children, nstring(part.content_type.subtype)]
    if extended:
        items += [_parameters(part.content_type.parameters), *_extension(part)]
    return b"(%b)" % b" ".join(items)


def _extension(part: Part) -> tuple[bytes, bytes, bytes]:
    """Disposition, language, location: what multiparts and others have in common."""
    return _disposition(part), _languages(part), _text_field(part, b"content-location")


def _disposition(part: Part) -> bytes:
    value = part.field_value(b"content-disposition")
    disposition = None if value is None else parse_disposition(value)
    if disposition is None:
        return b"NIL"
    return b"(%b %b)" % (nstring(disposition.name), _parameters(disposition.parameters))


def _languages(part: Part) -> bytes:
    value = part.field_value(b"content-language")
    tags = () if value is None else parse_languages(value)
    return b"(%b)" % b" ".join(map(nstring, tags)) if tags else b"NIL"


def _parameters(parameters: Parameters) -> bytes:
    if not parameters:
        return b"NIL"
    strings = [nstring(octets) for pair in parameters for octets in pair]
    return b"(%b)" % b" ".join(strings)


def _text_field(part: Part, name: bytes) -> bytes:
    value = part.field_value(name)
    return b"NIL" if value is None else nstring(unfold(value))


def _transfer_encoding(part: Part) -> bytes:
    value = part.field_value(b"content-transfer-encoding")
    token = None if value is None else parse_token(value)
    return token or b"7bit"
