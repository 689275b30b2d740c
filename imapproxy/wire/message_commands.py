"""Commands that are about the messages of the selected mailbox (RFC 9051 section 6.4).

One value per command; :mod:`imapproxy.wire.commands` has them all, and the conventions.
"""

from dataclasses import dataclass
from enum import Enum

from imapproxy.wire.fetch_att import FetchAtt, Macro
from imapproxy.wire.flags import Flag
from imapproxy.wire.mailbox import WireMailbox
from imapproxy.wire.mailbox_commands import AppendMessage, Parameter
from imapproxy.wire.search_key import ReturnOption, SearchKey
from imapproxy.wire.sequence_set import SequenceSet


@dataclass(frozen=True, slots=True)
class Check:
    """``CHECK`` (gone from RFC 9051)."""


@dataclass(frozen=True, slots=True)
class Close:
    """``CLOSE``."""


@dataclass(frozen=True, slots=True)
class Unselect:
    """``UNSELECT`` (RFC 3691)."""


@dataclass(frozen=True, slots=True)
class Expunge:
    """``EXPUNGE`` or, with ``uids``, ``UID EXPUNGE uids`` (RFC 4315)."""

    uids: SequenceSet | None = None


@dataclass(frozen=True, slots=True)
class Search:
    """``[UID] SEARCH [RETURN (…)] [CHARSET charset] key …``.

    All of ``keys`` have to match. ``return_options`` is ``None`` without RETURN, which is what
    asks for an ESEARCH response (RFC 4731). ``charset`` as the client spelled it.
    """

    keys: tuple[SearchKey, ...]
    by_uid: bool = False
    return_options: tuple[ReturnOption, ...] | None = None
    charset: bytes | None = None


@dataclass(frozen=True, slots=True)
class SortKey:
    """``[REVERSE] criterion`` (RFC 5256); ``criterion`` in upper case."""

    criterion: str
    reverse: bool = False


@dataclass(frozen=True, slots=True)
class Sort:
    """``[UID] SORT [RETURN (…)] (criterion …) charset key …`` (RFC 5256, RFC 5267)."""

    criteria: tuple[SortKey, ...]
    charset: bytes
    keys: tuple[SearchKey, ...]
    by_uid: bool = False
    return_options: tuple[ReturnOption, ...] | None = None


@dataclass(frozen=True, slots=True)
class Thread:
    """``[UID] THREAD algorithm charset key …`` (RFC 5256); ``algorithm`` in upper case."""

    algorithm: str
    charset: bytes
    keys: tuple[SearchKey, ...]
    by_uid: bool = False


@dataclass(frozen=True, slots=True)
class Fetch:
    """``[UID] FETCH sequence-set attributes [(CHANGEDSINCE n [VANISHED])]`` (RFC 7162).

    ``attributes`` are those that were written, or a macro; :attr:`items` expands the macro.
    """

    sequence_set: SequenceSet
    attributes: tuple[FetchAtt, ...] | Macro
    by_uid: bool = False
    changed_since: int | None = None
    vanished: bool = False
    parameters: tuple[Parameter, ...] = ()

    @property
    def items(self) -> tuple[FetchAtt, ...]:
        """What is asked for, macros expanded."""
        if isinstance(self.attributes, Macro):
            return self.attributes.items
        return self.attributes


@dataclass(frozen=True, slots=True)
class Partial:
    """``PARTIAL n attribute offset length``, obsolete since RFC 2060; ``offset`` counts from 1."""

    number: int
    attribute: FetchAtt
    offset: int
    length: int


class StoreAction(Enum):
    """What STORE does with the flags it is given; the value is its prefix on the wire."""

    REPLACE = ""
    ADD = "+"
    REMOVE = "-"


@dataclass(frozen=True, slots=True)
class Store:
    """``[UID] STORE sequence-set [(UNCHANGEDSINCE n)] [+|-]FLAGS[.SILENT] (flag …)``.

    ``item`` is ``FLAGS``, or ``X-GM-LABELS`` with labels in place of flags.
    """

    sequence_set: SequenceSet
    action: StoreAction
    flags: tuple[Flag, ...]
    silent: bool = False
    by_uid: bool = False
    unchanged_since: int | None = None
    parameters: tuple[Parameter, ...] = ()
    item: str = "FLAGS"


@dataclass(frozen=True, slots=True)
class Copy:
    """``[UID] COPY sequence-set mailbox``."""

    sequence_set: SequenceSet
    mailbox: WireMailbox
    by_uid: bool = False


@dataclass(frozen=True, slots=True)
class Move:
    """``[UID] MOVE sequence-set mailbox`` (RFC 6851)."""

    sequence_set: SequenceSet
    mailbox: WireMailbox
    by_uid: bool = False


@dataclass(frozen=True, slots=True)
class Replace:
    """``[UID] REPLACE number mailbox message`` (RFC 8508)."""

    number: int
    mailbox: WireMailbox
    message: AppendMessage
    by_uid: bool = False
