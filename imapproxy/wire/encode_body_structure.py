"""Writing BODY and BODYSTRUCTURE (RFC 9051 section 9 ``body``)."""

from imapproxy.wire.body_structure import (
    BodyStructure,
    Disposition,
    Multipart,
    Parameters,
    Part,
)
from imapproxy.wire.strings import join, string_octets
from imapproxy.wire.tokens import encode_token


def encode_body_structure(body: BodyStructure, *, extended: bool) -> bytes:
    """The list for BODYSTRUCTURE (``extended``) or for BODY, which leaves extension data out."""
    fields = _multipart(body, extended) if isinstance(body, Multipart) else _part(body, extended)
    return b"(%b)" % b" ".join(fields)


def _multipart(body: Multipart, extended: bool) -> list[bytes]:
    parts = b"".join(encode_body_structure(part, extended=extended) for part in body.parts)
    fields = [parts, string_octets(body.subtype)]
    if extended:
        fields += (_parameters(body.parameters), *_tail(body))
    return fields


def _part(part: Part, extended: bool) -> list[bytes]:
    fields = [
        string_octets(part.type),
        string_octets(part.subtype),
        _parameters(part.parameters),
        string_octets(part.id),
        string_octets(part.description),
        string_octets(part.encoding),
        b"%d" % part.size,
    ]
    if part.envelope is not None and part.body is not None:
        fields += (part.envelope.encode(), encode_body_structure(part.body, extended=extended))
    if part.lines is not None:
        fields.append(b"%d" % part.lines)
    if extended:
        fields += (string_octets(part.md5), *_tail(part))
    return fields


def _tail(body: BodyStructure) -> list[bytes]:
    fields = [
        _disposition(body.disposition),
        _language(body.language),
        string_octets(body.location),
    ]
    return fields + [join(encode_token(token)) for token in body.extension]


def _parameters(parameters: Parameters) -> bytes:
    if not parameters:
        return b"NIL"
    return b"(%b)" % b" ".join(string_octets(one) for pair in parameters for one in pair)


def _disposition(disposition: Disposition | None) -> bytes:
    if disposition is None:
        return b"NIL"
    kind = string_octets(disposition.kind)
    return b"(%b %b)" % (kind, _parameters(disposition.parameters))


def _language(language: tuple[bytes, ...]) -> bytes:
    if len(language) < 2:
        return string_octets(language[0] if language else None)
    return b"(%b)" % b" ".join(map(string_octets, language))
