"""BODY and BODYSTRUCTURE: the MIME tree of a message (RFC 9051 section 7.5.2)."""

from dataclasses import dataclass

from imapproxy.wire.envelope import Envelope
from imapproxy.wire.tokens import Token

Parameters = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Disposition:
    """``("attachment" ("filename" "a.txt"))``."""

    kind: bytes
    parameters: Parameters = ()


@dataclass(frozen=True, slots=True)
class Part:
    """A part that is not multipart; names as the server spelled them, ``None`` is NIL.

    ``size`` is octets in the transfer encoding. ``lines`` is given for ``TEXT/*`` and
    ``MESSAGE/RFC822``; ``envelope`` and ``body`` for the latter alone. The fields from ``md5`` on
    are extension data, which BODY leaves out; ``extension`` is what no RFC has defined yet.
    """

    type: bytes
    subtype: bytes
    parameters: Parameters = ()
    id: bytes | None = None
    description: bytes | None = None
    encoding: bytes = b"7BIT"
    size: int = 0
    lines: int | None = None
    envelope: Envelope | None = None
    body: "BodyStructure | None" = None
    md5: bytes | None = None
    disposition: Disposition | None = None
    language: tuple[bytes, ...] = ()
    location: bytes | None = None
    extension: tuple[Token, ...] = ()


@dataclass(frozen=True, slots=True)
class Multipart:
    """A multipart and its parts in order. From ``parameters`` on: extension data."""

    parts: tuple["BodyStructure", ...]
    subtype: bytes
    parameters: Parameters = ()
    disposition: Disposition | None = None
    language: tuple[bytes, ...] = ()
    location: bytes | None = None
    extension: tuple[Token, ...] = ()


BodyStructure = Part | Multipart
