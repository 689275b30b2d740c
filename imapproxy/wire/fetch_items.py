"""Making the data items of FETCH responses (RFC 9051 section 7.5.2)."""

import datetime
from collections.abc import Iterable

from imapproxy.wire.body_structure import BodyStructure
from imapproxy.wire.dates import encode_date_time
from imapproxy.wire.encode_body_structure import encode_body_structure
from imapproxy.wire.envelope import Envelope
from imapproxy.wire.flags import encode_flags
from imapproxy.wire.responses import FetchItem
from imapproxy.wire.strings import literal_octets, string_octets


def number_item(name: str, value: int) -> FetchItem:
    """``UID``, ``RFC822.SIZE``, ``BINARY.SIZE[1]``."""
    return FetchItem(name, b"%d" % value)


def mod_seq_item(value: int) -> FetchItem:
    """``MODSEQ (n)``."""
    return FetchItem("MODSEQ", b"(%d)" % value)


def flags_item(flags: Iterable[bytes]) -> FetchItem:
    """``FLAGS``; raises ``EncodeError`` for what is no flag."""
    return FetchItem("FLAGS", encode_flags(flags))


def date_item(name: str, moment: datetime.datetime | None) -> FetchItem:
    """``INTERNALDATE``, ``SAVEDATE``; ``None`` is NIL."""
    return FetchItem(name, b"NIL" if moment is None else encode_date_time(moment))


def envelope_item(envelope: Envelope) -> FetchItem:
    """``ENVELOPE``."""
    return FetchItem("ENVELOPE", envelope.encode())


def body_structure_item(body: BodyStructure, *, extended: bool) -> FetchItem:
    """``BODYSTRUCTURE`` (``extended``) or ``BODY``."""
    name = "BODYSTRUCTURE" if extended else "BODY"
    return FetchItem(name, encode_body_structure(body, extended=extended))


def string_item(name: str, octets: bytes | None) -> FetchItem:
    """A string, quoted if it can be; ``None`` is NIL."""
    return FetchItem(name, string_octets(octets))


def literal_item(name: str, octets: bytes, *, binary: bool = False) -> FetchItem:
    """Octets of a message as a literal, ``BODY[]``; ``binary`` is for ``BINARY[…]`` with NUL."""
    return FetchItem(name, literal_octets(octets, binary=binary))


def object_id_item(name: str, value: bytes | None) -> FetchItem:
    """``EMAILID (id)``, ``THREADID (id)``; ``None`` is NIL (RFC 8474)."""
    return FetchItem(name, b"NIL" if value is None else b"(%b)" % value)
