"""Reading BODY and BODYSTRUCTURE (RFC 9051 section 9 ``body``)."""

import re
from typing import NamedTuple

from imapproxy.wire.body_structure import (
    BodyStructure,
    Disposition,
    Multipart,
    Parameters,
    Part,
)
from imapproxy.wire.cursor import MAX_NUMBER64, Cursor
from imapproxy.wire.envelope import Envelope, read_envelope
from imapproxy.wire.tokens import Token, read_token

_NUMBER_FOLLOWS = re.compile(rb" +(?=[0-9])")
_ENVELOPE_FOLLOWS = re.compile(rb" +(?=\()")


class _Tail(NamedTuple):
    """What both kinds of parts end in: body-fld-dsp, -lang, -loc and body-extension."""

    disposition: Disposition | None = None
    language: tuple[bytes, ...] = ()
    location: bytes | None = None
    extension: tuple[Token, ...] = ()


def decode_body_structure(octets: bytes) -> BodyStructure:
    """Read a BODY or BODYSTRUCTURE list.

    Raises ``DecodeError`` and, for parts that lie in each other too deep, ``LimitExceeded``.
    """
    return read_body_structure(Cursor(octets, lenient=True))


def read_body_structure(cursor: Cursor) -> BodyStructure:
    """Read one part, with all that lies in it."""
    cursor.require(b"(")
    cursor.descend()
    cursor.skip_spaces()
    body = _multipart(cursor) if cursor.starts_with(b"(") else _part(cursor)
    cursor.skip_spaces()
    cursor.require(b")")
    cursor.ascend()
    return body


def _multipart(cursor: Cursor) -> Multipart:
    parts: list[BodyStructure] = []
    while cursor.starts_with(b"("):
        parts.append(read_body_structure(cursor))
        # A space between parts is not in the grammar, and is seen.
        cursor.skip_spaces()
    subtype = cursor.string()
    parameters = _parameters(cursor) if _more(cursor) else ()
    return Multipart(tuple(parts), subtype, parameters, *_tail(cursor))


def _part(cursor: Cursor) -> Part:
    type_ = cursor.nstring() or b""
    cursor.space()
    subtype = cursor.nstring() or b""
    cursor.space()
    parameters = _parameters(cursor)
    cursor.space()
    identifier = cursor.nstring()
    cursor.space()
    description = cursor.nstring()
    cursor.space()
    # NIL is not allowed for the encoding and the size. Servers send it for parts that they could
    # not make sense of.
    encoding = cursor.nstring() or b""
    cursor.space()
    size = 0 if cursor.nil() else cursor.number(MAX_NUMBER64)
    envelope, body = _message(cursor, type_, subtype)
    lines = cursor.number(MAX_NUMBER64) if cursor.take(_NUMBER_FOLLOWS) else None
    md5 = cursor.nstring() if _more(cursor) else None
    return Part(
        type_, subtype, parameters, identifier, description, encoding, size, lines, envelope, body,
        md5, *_tail(cursor),
    )  # fmt: skip


def _message(
    cursor: Cursor, type_: bytes, subtype: bytes
) -> tuple[Envelope | None, BodyStructure | None]:
    if type_.upper() != b"MESSAGE" or subtype.upper() not in (b"RFC822", b"GLOBAL"):
        return None, None
    # Servers leave envelope and body out for messages that are attached in base64: RFC 2046
    # section 5.2.1 does not allow them to be, and there is nothing to look into.
    if not cursor.take(_ENVELOPE_FOLLOWS):
        return None, None
    envelope = read_envelope(cursor)
    cursor.space()
    return envelope, read_body_structure(cursor)


def _tail(cursor: Cursor) -> _Tail:
    disposition = _disposition(cursor) if _more(cursor) else None
    language = _language(cursor) if _more(cursor) else ()
    location = cursor.nstring() if _more(cursor) else None
    extension: list[Token] = []
    while _more(cursor):
        extension.append(read_token(cursor))
    return _Tail(disposition, language, location, tuple(extension))


def _more(cursor: Cursor) -> bool:
    return cursor.skip_space() and not cursor.starts_with(b")")


def _parameters(cursor: Cursor) -> Parameters:
    if cursor.nil():
        return ()
    # "()" for none and NIL for a value are not allowed, and are seen.
    return cursor.list_of(lambda: _parameter(cursor), may_be_empty=True)


def _parameter(cursor: Cursor) -> tuple[bytes, bytes]:
    name = cursor.string()
    cursor.space()
    return name, cursor.nstring() or b""


def _disposition(cursor: Cursor) -> Disposition | None:
    if cursor.nil():
        return None
    if not cursor.skip(b"("):
        return Disposition(cursor.string())
    kind = cursor.nstring() or b""
    parameters = _parameters(cursor) if _more(cursor) else ()
    cursor.require(b")")
    return Disposition(kind, parameters)


def _language(cursor: Cursor) -> tuple[bytes, ...]:
    if cursor.starts_with(b"("):
        return cursor.list_of(cursor.string, may_be_empty=True)
    language = cursor.nstring()
    return () if language is None else (language,)
