"""What a client can say: one value per command of RFC 3501, RFC 9051 and the extensions.

Strings are the octets that stood on the wire once quotes or a literal are taken off. Words that
the grammar itself defines (names of commands, options, mechanisms) are upper-case ``str``.
``by_uid`` tells the ``UID …`` form, in which the numbers of ``sequence_set`` are UIDs.
"""

import datetime
from dataclasses import dataclass, field
from enum import Enum

from imapproxy.wire.fetch_att import FetchAtt, Macro
from imapproxy.wire.flags import Flag
from imapproxy.wire.mailbox import WireMailbox
from imapproxy.wire.search_key import ReturnOption, SearchKey
from imapproxy.wire.secret import Secret
from imapproxy.wire.sequence_set import SequenceSet

# --- any state ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Capability:
    """``CAPABILITY``."""


@dataclass(frozen=True, slots=True)
class Noop:
    """``NOOP``."""


@dataclass(frozen=True, slots=True)
class Logout:
    """``LOGOUT``."""


@dataclass(frozen=True, slots=True)
class Id:
    """``ID (field value …)`` or, with ``None``, ``ID NIL`` (RFC 2971)."""

    parameters: tuple[tuple[bytes, bytes | None], ...] | None


# --- not authenticated -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StartTls:
    """``STARTTLS``."""


@dataclass(frozen=True, slots=True)
class Authenticate:
    """``AUTHENTICATE mechanism [initial-response]`` (SASL-IR, RFC 4959).

    ``initial_response`` is what stood on the wire, still base64 (or ``=`` for an empty one).
    """

    mechanism: str
    initial_response: Secret | None = None


@dataclass(frozen=True, slots=True)
class Login:
    """``LOGIN user password``."""

    user: bytes
    password: Secret


# --- authenticated: mailboxes ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Enable:
    """``ENABLE capability …`` (RFC 5161); names in upper case."""

    capabilities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class QResync:
    """The ``QRESYNC (…)`` parameter of SELECT and EXAMINE (RFC 7162 section 3.2.5).

    ``known_match`` is the pair of sequence numbers and UIDs that belong together.
    """

    uid_validity: int
    mod_seq: int
    known_uids: SequenceSet | None = None
    known_match: tuple[SequenceSet, SequenceSet] | None = None


@dataclass(frozen=True, slots=True)
class Parameter:
    """A modifier that is not known here: ``argument`` is what followed it on the wire."""

    name: str
    argument: bytes | None = None


@dataclass(frozen=True, slots=True)
class Select:
    """``SELECT mailbox [(CONDSTORE | QRESYNC (…))]``."""

    mailbox: WireMailbox
    condstore: bool = False
    qresync: QResync | None = None
    parameters: tuple[Parameter, ...] = ()


@dataclass(frozen=True, slots=True)
class Examine:
    """``EXAMINE mailbox …``: SELECT without the right to change anything."""

    mailbox: WireMailbox
    condstore: bool = False
    qresync: QResync | None = None
    parameters: tuple[Parameter, ...] = ()


@dataclass(frozen=True, slots=True)
class Create:
    r"""``CREATE mailbox [(USE (\Sent …))]`` (RFC 6154); ``special_use`` is ``None`` without USE."""

    mailbox: WireMailbox
    special_use: tuple[Flag, ...] | None = None
    parameters: tuple[Parameter, ...] = ()


@dataclass(frozen=True, slots=True)
class Delete:
    """``DELETE mailbox``."""

    mailbox: WireMailbox


@dataclass(frozen=True, slots=True)
class Rename:
    """``RENAME mailbox new-name``."""

    mailbox: WireMailbox
    new_name: WireMailbox
    parameters: tuple[Parameter, ...] = ()


@dataclass(frozen=True, slots=True)
class Subscribe:
    """``SUBSCRIBE mailbox``."""

    mailbox: WireMailbox


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """``UNSUBSCRIBE mailbox``."""

    mailbox: WireMailbox


@dataclass(frozen=True, slots=True)
class List:
    """``LIST [(selection)] reference pattern | (pattern …) [RETURN (…)]`` (RFC 5258).

    Options are upper-case names; ``None`` where there was no such list at all. What ``STATUS``
    among the return options asks for is in ``status_items`` (RFC 5819). ``parenthesized`` is true
    where the patterns stood in a list.
    """

    reference: WireMailbox
    patterns: tuple[WireMailbox, ...]
    selection_options: tuple[str, ...] | None = None
    return_options: tuple[str, ...] | None = None
    status_items: tuple[str, ...] = ()
    parenthesized: bool = False

    @property
    def is_extended(self) -> bool:
        """Whether this is a LIST that only RFC 5258 knows."""
        return (
            self.parenthesized
            or self.selection_options is not None
            or self.return_options is not None
        )


@dataclass(frozen=True, slots=True)
class Lsub:
    """``LSUB reference pattern``."""

    reference: WireMailbox
    pattern: WireMailbox


@dataclass(frozen=True, slots=True)
class Find:
    """``FIND [ALL.]MAILBOXES pattern``, obsolete since RFC 1730."""

    pattern: WireMailbox
    all_mailboxes: bool = False


@dataclass(frozen=True, slots=True)
class Namespace:
    """``NAMESPACE`` (RFC 2342)."""


@dataclass(frozen=True, slots=True)
class Status:
    """``STATUS mailbox (item …)``; items in upper case."""

    mailbox: WireMailbox
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CatenateText:
    """``TEXT literal`` of CATENATE (RFC 4469)."""

    octets: bytes = field(repr=False)
    binary: bool = False


@dataclass(frozen=True, slots=True)
class CatenateUrl:
    """``URL astring`` of CATENATE (RFC 4469)."""

    url: bytes


@dataclass(frozen=True, slots=True)
class AppendMessage:
    """One message of an APPEND.

    ``data`` is its octets or, for CATENATE, what it is put together from. ``binary``: it came as
    ``~{n}`` (RFC 3516). ``utf8``: it came as ``UTF8 (~{n})`` (RFC 6855). ``flags`` is ``None``
    where no list of flags was given.
    """

    data: bytes | tuple[CatenateText | CatenateUrl, ...] = field(repr=False)
    flags: tuple[Flag, ...] | None = None
    internal_date: datetime.datetime | None = None
    binary: bool = False
    utf8: bool = False


@dataclass(frozen=True, slots=True)
class Append:
    """``APPEND mailbox message …``: one message or, by MULTIAPPEND (RFC 3502), several."""

    mailbox: WireMailbox
    messages: tuple[AppendMessage, ...]


@dataclass(frozen=True, slots=True)
class Idle:
    """``IDLE`` (RFC 2177); the line ``DONE`` that ends it is no command."""


# --- authenticated: rights and quotas ----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class GetAcl:
    """``GETACL mailbox`` (RFC 4314)."""

    mailbox: WireMailbox


@dataclass(frozen=True, slots=True)
class SetAcl:
    """``SETACL mailbox identifier rights``; ``rights`` with its ``+`` or ``-`` if any."""

    mailbox: WireMailbox
    identifier: bytes
    rights: bytes


@dataclass(frozen=True, slots=True)
class DeleteAcl:
    """``DELETEACL mailbox identifier``."""

    mailbox: WireMailbox
    identifier: bytes


@dataclass(frozen=True, slots=True)
class ListRights:
    """``LISTRIGHTS mailbox identifier``."""

    mailbox: WireMailbox
    identifier: bytes


@dataclass(frozen=True, slots=True)
class MyRights:
    """``MYRIGHTS mailbox``."""

    mailbox: WireMailbox


@dataclass(frozen=True, slots=True)
class GetQuota:
    """``GETQUOTA root`` (RFC 9208)."""

    root: bytes


@dataclass(frozen=True, slots=True)
class GetQuotaRoot:
    """``GETQUOTAROOT mailbox``."""

    mailbox: WireMailbox


@dataclass(frozen=True, slots=True)
class SetQuota:
    """``SETQUOTA root (resource limit …)``; resources in upper case."""

    root: bytes
    limits: tuple[tuple[str, int], ...]


# --- selected ----------------------------------------------------------------------------------


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


@dataclass(frozen=True, slots=True)
class Compress:
    """``COMPRESS mechanism`` (RFC 4978); ``mechanism`` in upper case."""

    mechanism: str


# --- anything else -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Opaque:
    """A command that is not known here.

    ``octets`` is all that followed the tag and its space, exactly, with literals and the last
    CRLF. ``name`` is its first word in upper case (``UID FOO`` for a UID form).
    """

    name: str
    octets: bytes = field(repr=False)


CommandBody = (
    Capability
    | Noop
    | Logout
    | Id
    | StartTls
    | Authenticate
    | Login
    | Enable
    | Select
    | Examine
    | Create
    | Delete
    | Rename
    | Subscribe
    | Unsubscribe
    | List
    | Lsub
    | Find
    | Namespace
    | Status
    | Append
    | Idle
    | GetAcl
    | SetAcl
    | DeleteAcl
    | ListRights
    | MyRights
    | GetQuota
    | GetQuotaRoot
    | SetQuota
    | Check
    | Close
    | Unselect
    | Expunge
    | Search
    | Sort
    | Thread
    | Fetch
    | Partial
    | Store
    | Copy
    | Move
    | Replace
    | Compress
    | Opaque
)


@dataclass(frozen=True, slots=True)
class Command:
    """A tag and what it asks for."""

    tag: bytes
    body: CommandBody
