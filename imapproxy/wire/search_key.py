"""Search keys of RFC 9051 section 6.4.4 and of the extensions, as values.

Strings are octets in the charset that the SEARCH command names (none: US-ASCII, or UTF-8 after
``ENABLE``). All keys of a tuple have to match.
"""

import datetime
from dataclasses import dataclass
from enum import Enum
from typing import Literal

from imapproxy.wire.flags import Flag
from imapproxy.wire.sequence_set import SequenceSet


class Plain(Enum):
    """A key without arguments; the value is its name on the wire."""

    ALL = "ALL"
    ANSWERED = "ANSWERED"
    DELETED = "DELETED"
    DRAFT = "DRAFT"
    FLAGGED = "FLAGGED"
    NEW = "NEW"
    OLD = "OLD"
    RECENT = "RECENT"
    SEEN = "SEEN"
    UNANSWERED = "UNANSWERED"
    UNDELETED = "UNDELETED"
    UNDRAFT = "UNDRAFT"
    UNFLAGGED = "UNFLAGGED"
    UNSEEN = "UNSEEN"
    # RFC 8514: the server keeps save dates for this mailbox.
    SAVEDATESUPPORTED = "SAVEDATESUPPORTED"


class In(Enum):
    """Where :class:`Contains` looks; the value is the key's name on the wire."""

    BCC = "BCC"
    BODY = "BODY"
    CC = "CC"
    FROM = "FROM"
    SUBJECT = "SUBJECT"
    TEXT = "TEXT"
    TO = "TO"
    X_GM_RAW = "X-GM-RAW"
    X_GM_LABELS = "X-GM-LABELS"


class When(Enum):
    """Which date :class:`On` compares and how; the value is the key's name on the wire."""

    BEFORE = "BEFORE"
    ON = "ON"
    SINCE = "SINCE"
    SENTBEFORE = "SENTBEFORE"
    SENTON = "SENTON"
    SENTSINCE = "SENTSINCE"
    SAVEDBEFORE = "SAVEDBEFORE"
    SAVEDON = "SAVEDON"
    SAVEDSINCE = "SAVEDSINCE"


class Measure(Enum):
    """What :class:`Number` compares; the value is the key's name on the wire.

    LARGER and SMALLER are octets, OLDER and YOUNGER seconds (RFC 5032).
    """

    LARGER = "LARGER"
    SMALLER = "SMALLER"
    OLDER = "OLDER"
    YOUNGER = "YOUNGER"
    X_GM_MSGID = "X-GM-MSGID"
    X_GM_THRID = "X-GM-THRID"


@dataclass(frozen=True, slots=True)
class Contains:
    """``SUBJECT string`` and its kin."""

    where: In
    value: bytes


@dataclass(frozen=True, slots=True)
class Header:
    """``HEADER field-name string``; an empty ``value`` asks for the field's presence."""

    name: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class Keyword:
    """``KEYWORD flag``, or ``UNKEYWORD flag`` where ``present`` is false."""

    flag: Flag
    present: bool = True


@dataclass(frozen=True, slots=True)
class On:
    """``BEFORE date`` and its kin. Times and zones are disregarded."""

    when: When
    date: datetime.date


@dataclass(frozen=True, slots=True)
class Number:
    """``LARGER n`` and its kin."""

    measure: Measure
    value: int


@dataclass(frozen=True, slots=True)
class Sequence:
    """Message sequence numbers, or UIDs for ``UID set``."""

    numbers: SequenceSet
    by_uid: bool = False


@dataclass(frozen=True, slots=True)
class ModSeq:
    """``MODSEQ [entry-name entry-type] mod-sequence-valzer`` (RFC 7162 section 3.1.5)."""

    value: int
    entry_name: bytes | None = None
    entry_type: Literal["priv", "shared", "all"] | None = None


@dataclass(frozen=True, slots=True)
class ObjectId:
    """``EMAILID id`` or ``THREADID id`` (RFC 8474)."""

    kind: Literal["EMAILID", "THREADID"]
    value: bytes


@dataclass(frozen=True, slots=True)
class Filter:
    """``FILTER name`` (RFC 5466)."""

    name: bytes


@dataclass(frozen=True, slots=True)
class Not:
    """``NOT key``."""

    key: "SearchKey"


@dataclass(frozen=True, slots=True)
class Or:
    """``OR a b``; ``OR a OR b c`` has three keys here.

    Programs that look for many messages write chains of hundreds, which as nested pairs would
    pass any limit on nesting.
    """

    keys: tuple["SearchKey", ...]


@dataclass(frozen=True, slots=True)
class And:
    """``(a b …)``."""

    keys: tuple["SearchKey", ...]


@dataclass(frozen=True, slots=True)
class Fuzzy:
    """``FUZZY key`` (RFC 6203)."""

    key: "SearchKey"


SearchKey = (
    Plain
    | Contains
    | Header
    | Keyword
    | On
    | Number
    | Sequence
    | ModSeq
    | ObjectId
    | Filter
    | Not
    | Or
    | And
    | Fuzzy
)


@dataclass(frozen=True, slots=True)
class ReturnOption:
    """One of ``RETURN (…)`` (RFC 9051 section 6.4.4): ``MIN``, ``PARTIAL 1:100``.

    ``name`` is upper case; ``argument`` is what followed it, as it stood on the wire.
    """

    name: str
    argument: bytes | None = None
