"""Response codes: ``[READ-WRITE]``, ``[UIDNEXT 17]`` and the rest (RFC 9051 section 7.1).

One type per shape of argument; ``name`` is upper case.
"""

from dataclasses import dataclass

from imapproxy.wire.capability import Capabilities
from imapproxy.wire.flags import Flag
from imapproxy.wire.sequence_set import SequenceSet


@dataclass(frozen=True, slots=True)
class Word:
    """A code without arguments: ``[ALERT]``, ``[TRYCREATE]``, ``[AUTHENTICATIONFAILED]``."""

    name: str


@dataclass(frozen=True, slots=True)
class Count:
    """A code with one number: UIDNEXT, UIDVALIDITY, UNSEEN, HIGHESTMODSEQ …"""

    name: str
    value: int


@dataclass(frozen=True, slots=True)
class CapabilityCode:
    """``[CAPABILITY …]``."""

    capabilities: Capabilities


@dataclass(frozen=True, slots=True)
class PermanentFlags:
    r"""``[PERMANENTFLAGS (\Seen \*)]``."""

    flags: tuple[Flag, ...]


@dataclass(frozen=True, slots=True)
class BadCharset:
    """``[BADCHARSET (charset …)]``; no charsets where the server names none."""

    charsets: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class AppendUid:
    """``[APPENDUID uid-validity uids]`` (RFC 4315)."""

    uid_validity: int
    uids: SequenceSet


@dataclass(frozen=True, slots=True)
class CopyUid:
    """``[COPYUID uid-validity source destination]`` (RFC 4315)."""

    uid_validity: int
    source: SequenceSet
    destination: SequenceSet


@dataclass(frozen=True, slots=True)
class Modified:
    """``[MODIFIED sequence-set]`` (RFC 7162)."""

    numbers: SequenceSet


@dataclass(frozen=True, slots=True)
class MailboxId:
    """``[MAILBOXID (id)]`` (RFC 8474)."""

    value: bytes


@dataclass(frozen=True, slots=True)
class StringCode:
    """A code with one string: ``BADURL`` (RFC 4469), ``REFERRAL`` (RFC 2221), UNDEFINED-FILTER."""

    name: str
    value: bytes


@dataclass(frozen=True, slots=True)
class OpaqueCode:
    """A code that is not known here; ``arguments`` as they stood on the wire."""

    name: str
    arguments: bytes


ResponseCode = (
    Word
    | Count
    | CapabilityCode
    | PermanentFlags
    | BadCharset
    | AppendUid
    | CopyUid
    | Modified
    | MailboxId
    | StringCode
    | OpaqueCode
)

ALERT = Word("ALERT")
PARSE = Word("PARSE")
READ_ONLY = Word("READ-ONLY")
READ_WRITE = Word("READ-WRITE")
TRYCREATE = Word("TRYCREATE")
UIDNOTSTICKY = Word("UIDNOTSTICKY")
CLOSED = Word("CLOSED")
NOMODSEQ = Word("NOMODSEQ")
NOTSAVED = Word("NOTSAVED")
HASCHILDREN = Word("HASCHILDREN")
UNKNOWN_CTE = Word("UNKNOWN-CTE")
TOOBIG = Word("TOOBIG")
COMPRESSIONACTIVE = Word("COMPRESSIONACTIVE")
USEATTR = Word("USEATTR")
# RFC 5530
UNAVAILABLE = Word("UNAVAILABLE")
AUTHENTICATIONFAILED = Word("AUTHENTICATIONFAILED")
AUTHORIZATIONFAILED = Word("AUTHORIZATIONFAILED")
EXPIRED = Word("EXPIRED")
PRIVACYREQUIRED = Word("PRIVACYREQUIRED")
CONTACTADMIN = Word("CONTACTADMIN")
NOPERM = Word("NOPERM")
INUSE = Word("INUSE")
EXPUNGEISSUED = Word("EXPUNGEISSUED")
CORRUPTION = Word("CORRUPTION")
SERVERBUG = Word("SERVERBUG")
CLIENTBUG = Word("CLIENTBUG")
CANNOT = Word("CANNOT")
LIMIT = Word("LIMIT")
OVERQUOTA = Word("OVERQUOTA")
ALREADYEXISTS = Word("ALREADYEXISTS")
NONEXISTENT = Word("NONEXISTENT")
