"""What a server can say: one value per kind of response (RFC 9051 section 7).

Strings are the octets that stood on the wire once quotes or a literal are taken off. Words that
the grammar itself defines are upper-case ``str``.
"""

import datetime
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from imapproxy.wire.body_structure import BodyStructure
from imapproxy.wire.capability import Capabilities
from imapproxy.wire.cursor import MAX_NUMBER64, Cursor
from imapproxy.wire.dates import read_date_time
from imapproxy.wire.decode_body_structure import decode_body_structure
from imapproxy.wire.envelope import Envelope
from imapproxy.wire.flags import Flag, read_flags
from imapproxy.wire.mailbox import WireMailbox
from imapproxy.wire.response_code import ResponseCode
from imapproxy.wire.sequence_set import MAX_NUMBER, SeqNum, SequenceSet, Uid
from imapproxy.wire.tokens import Token


class Condition(Enum):
    """The word of a status response."""

    OK = "OK"
    NO = "NO"
    BAD = "BAD"
    BYE = "BYE"
    PREAUTH = "PREAUTH"


@dataclass(frozen=True, slots=True)
class StatusResponse:
    """``tag OK [code] text`` or, where ``tag`` is ``None``, ``* OK [code] text``."""

    condition: Condition
    text: bytes = b""
    code: ResponseCode | None = None
    tag: bytes | None = None


@dataclass(frozen=True, slots=True)
class ContinuationRequest:
    """``+ text``: the server waits for a literal, a SASL response or DONE.

    ``text`` is whatever followed, base64 during AUTHENTICATE.
    """

    text: bytes = b""


@dataclass(frozen=True, slots=True)
class CapabilityData:
    """``* CAPABILITY …``."""

    capabilities: Capabilities


@dataclass(frozen=True, slots=True)
class EnabledData:
    """``* ENABLED …`` (RFC 5161)."""

    capabilities: Capabilities


@dataclass(frozen=True, slots=True)
class ListData:
    r"""``* LIST (\HasChildren) "." mailbox [(extended data)]``.

    ``delimiter`` is one octet, ``None`` for a flat name. ``extended`` has pairs of a tag
    (``CHILDINFO``, ``OLDNAME``) and its value.
    """

    mailbox: WireMailbox
    delimiter: bytes | None
    attributes: tuple[Flag, ...] = ()
    extended: tuple[tuple[bytes, Token], ...] = ()


@dataclass(frozen=True, slots=True)
class LsubData:
    """``* LSUB (…) "." mailbox``."""

    mailbox: WireMailbox
    delimiter: bytes | None
    attributes: tuple[Flag, ...] = ()


@dataclass(frozen=True, slots=True)
class NamespaceEntry:
    """One namespace: its prefix, its delimiter (``None``: flat), extensions as on the wire."""

    prefix: WireMailbox
    delimiter: bytes | None
    extension: tuple[Token, ...] = ()


@dataclass(frozen=True, slots=True)
class NamespaceData:
    """``* NAMESPACE personal others shared`` (RFC 2342); ``None`` is NIL."""

    personal: tuple[NamespaceEntry, ...] | None
    others: tuple[NamespaceEntry, ...] | None
    shared: tuple[NamespaceEntry, ...] | None


@dataclass(frozen=True, slots=True)
class StatusData:
    """``* STATUS mailbox (item value …)``; item names in upper case.

    Values are numbers, or octets for those that are not (``MAILBOXID``), ``None`` for NIL.
    """

    mailbox: WireMailbox
    items: tuple[tuple[str, int | bytes | None], ...]

    def number(self, item: str) -> int | None:
        """The number that was told for ``item``, if any."""
        for name, value in self.items:
            if name == item and isinstance(value, int):
                return value
        return None


@dataclass(frozen=True, slots=True)
class SearchData:
    """``* SEARCH n … [(MODSEQ n)]``; numbers in the server's order."""

    numbers: tuple[int, ...]
    mod_seq: int | None = None


@dataclass(frozen=True, slots=True)
class SortData:
    """``* SORT n … [(MODSEQ n)]`` (RFC 5256); the order is the answer."""

    numbers: tuple[int, ...]
    mod_seq: int | None = None


class ThreadNode(NamedTuple):
    """``(3 6 (4 23)(44 7))``: 6 follows 3, and both 4 and 44 follow 6.

    ``numbers`` is the chain of messages of which each follows the one before; empty where the
    parent of ``children`` is missing. ``children`` are the threads that branch off behind its end.
    """

    numbers: tuple[int, ...]
    children: tuple["ThreadNode", ...] = ()


@dataclass(frozen=True, slots=True)
class ThreadData:
    """``* THREAD (1 2)(3 (4)(5))`` (RFC 5256)."""

    threads: tuple[ThreadNode, ...]


@dataclass(frozen=True, slots=True)
class ESearchData:
    """``* ESEARCH (TAG "a1") UID MIN 2 COUNT 3 ALL 2,10:11`` (RFC 4731).

    ``other`` has what is not known here: upper-case names and values as on the wire.
    """

    tag: bytes | None = None
    by_uid: bool = False
    min: int | None = None
    max: int | None = None
    count: int | None = None
    all: SequenceSet | None = None
    mod_seq: int | None = None
    other: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class FlagsData:
    """``* FLAGS (…)``: the flags in use in the mailbox."""

    flags: tuple[Flag, ...]


@dataclass(frozen=True, slots=True)
class Exists:
    """``* n EXISTS``: how many messages there are."""

    count: int


@dataclass(frozen=True, slots=True)
class Recent:
    """``* n RECENT``."""

    count: int


@dataclass(frozen=True, slots=True)
class Expunged:
    """``* n EXPUNGE``: message ``number`` is gone, those behind it move down by one."""

    number: SeqNum


@dataclass(frozen=True, slots=True)
class Vanished:
    """``* VANISHED [(EARLIER)] uids`` (RFC 7162)."""

    uids: SequenceSet
    earlier: bool = False


class FetchItem(NamedTuple):
    """A data item of a FETCH response, unparsed.

    ``name`` is in upper case (``BODY[HEADER.FIELDS (SUBJECT)]<0>``); ``value`` is exactly what
    stood on the wire: ``(\\Seen)``, ``"quoted"``, ``{5}\\r\\nhello``.
    """

    name: str
    value: bytes


@dataclass(frozen=True, slots=True)
class FetchData:
    """``* n FETCH (name value …)``, its values kept as octets and parsed when asked for.

    The properties are ``None`` where the item is not there, and raise ``DecodeError`` where its
    value is not of its grammar.
    """

    number: SeqNum
    items: tuple[FetchItem, ...] = field(repr=False)

    def value(self, name: str) -> bytes | None:
        """The octets of the item ``name``, in any case, as on the wire."""
        wanted = name.upper()
        for item_name, value in self.items:
            if item_name == wanted:
                return value
        return None

    @property
    def uid(self) -> Uid | None:
        """``UID``."""
        value = self.value("UID")
        return None if value is None else Uid(_whole_number(value, MAX_NUMBER))

    @property
    def flags(self) -> tuple[Flag, ...] | None:
        """``FLAGS``."""
        value = self.value("FLAGS")
        return None if value is None else read_flags(Cursor(value))

    @property
    def mod_seq(self) -> int | None:
        """``MODSEQ``."""
        value = self.value("MODSEQ")
        return None if value is None else _whole_number(value.strip(b"()"), MAX_NUMBER64)

    @property
    def size(self) -> int | None:
        """``RFC822.SIZE`` in octets."""
        value = self.value("RFC822.SIZE")
        return None if value is None else _whole_number(value, MAX_NUMBER64)

    @property
    def internal_date(self) -> datetime.datetime | None:
        """``INTERNALDATE`` with the zone that the server told."""
        value = self.value("INTERNALDATE")
        return None if value is None else read_date_time(Cursor(value))

    @property
    def envelope(self) -> Envelope | None:
        """``ENVELOPE``."""
        value = self.value("ENVELOPE")
        return None if value is None else Envelope.decode(value)

    @property
    def body_structure(self) -> BodyStructure | None:
        """``BODYSTRUCTURE`` or, where that is not there, ``BODY``."""
        value = self.value("BODYSTRUCTURE") or self.value("BODY")
        return None if value is None else decode_body_structure(value)

    def string(self, name: str) -> bytes | None:
        """The octets of a string item (``BODY[]``, ``RFC822.HEADER``); ``None`` for NIL too."""
        value = self.value(name)
        return None if value is None else Cursor(value, lenient=True).nstring()


def _whole_number(value: bytes, maximum: int) -> int:
    cursor = Cursor(value)
    number = cursor.number(maximum)
    if cursor.at != len(value):
        raise cursor.error("expected a number and nothing else")
    return number


@dataclass(frozen=True, slots=True)
class IdData:
    """``* ID (field value …)`` or NIL (RFC 2971)."""

    parameters: tuple[tuple[bytes, bytes | None], ...] | None


@dataclass(frozen=True, slots=True)
class QuotaData:
    """``* QUOTA root (resource usage limit …)`` (RFC 9208)."""

    root: bytes
    resources: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class QuotaRootData:
    """``* QUOTAROOT mailbox root …``."""

    mailbox: WireMailbox
    roots: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class AclData:
    """``* ACL mailbox identifier rights …`` (RFC 4314)."""

    mailbox: WireMailbox
    rights: tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class ListRightsData:
    """``* LISTRIGHTS mailbox identifier required optional …``."""

    mailbox: WireMailbox
    identifier: bytes
    required: bytes
    optional: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class MyRightsData:
    """``* MYRIGHTS mailbox rights``."""

    mailbox: WireMailbox
    rights: bytes


@dataclass(frozen=True, slots=True)
class OpaqueData:
    """A response that is not known here.

    ``octets`` is the whole response, exactly. ``name`` is its word in upper case, ``number`` what
    stood before it (``* 5 FOO``).
    """

    name: str
    octets: bytes = field(repr=False)
    number: int | None = None


Response = (
    StatusResponse
    | ContinuationRequest
    | CapabilityData
    | EnabledData
    | ListData
    | LsubData
    | NamespaceData
    | StatusData
    | SearchData
    | SortData
    | ThreadData
    | ESearchData
    | FlagsData
    | Exists
    | Recent
    | Expunged
    | Vanished
    | FetchData
    | IdData
    | QuotaData
    | QuotaRootData
    | AclData
    | ListRightsData
    | MyRightsData
    | OpaqueData
)
