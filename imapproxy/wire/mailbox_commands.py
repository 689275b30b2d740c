"""Commands that are about mailboxes (RFC 9051 section 6.3, RFC 4314, RFC 9208).

One value per command; :mod:`imapproxy.wire.commands` has them all, and the conventions.
"""

import datetime
from dataclasses import dataclass, field

from imapproxy.wire.flags import Flag
from imapproxy.wire.mailbox import WireMailbox
from imapproxy.wire.sequence_set import SequenceSet


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
    """``TEXT literal`` of CATENATE (RFC 4469), or ``UTF8 (~{n})`` of RFC 6855 where ``utf8``."""

    octets: bytes = field(repr=False)
    binary: bool = False
    utf8: bool = False


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
