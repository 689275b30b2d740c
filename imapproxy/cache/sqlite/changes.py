"""What is to be written: made by the reactor's thread, taken in order by the writing one."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from imapproxy.cache.sqlite.schema import UID_MASK
from imapproxy.cache.store import ATTRIBUTES, Form, Keeping, Mailbox


class KeepUidList(NamedTuple):
    """``uids`` are packed, four octets each, little end first."""

    mailbox: Mailbox
    uid_next: int
    uids: bytes


class KeepAttributes(NamedTuple):
    """See the port."""

    mailbox: Mailbox
    uid: int
    values: Mapping[str, bytes]


class KeepSection(NamedTuple):
    """A section that is here whole, or was put together of pieces."""

    mailbox: Mailbox
    uid: int
    key: str
    form: Form
    octets: bytes
    clean: bool


class KeepLater(NamedTuple):
    """See the port."""

    keep: Callable[[Keeping], None]


class BeginSection(NamedTuple):
    """A section that comes in pieces; ``stream`` is what they are known by."""

    stream: int
    mailbox: Mailbox
    uid: int
    key: str
    form: Form
    size: int


class Piece(NamedTuple):
    """The next octets of a section."""

    stream: int
    octets: bytes


class EndSection(NamedTuple):
    """All pieces were here; ``clean`` is about the section itself."""

    stream: int
    clean: bool


class AbortSection(NamedTuple):
    """The rest will not come."""

    stream: int


class KeepShape(NamedTuple):
    """``names`` are encoded."""

    account: bytes
    request: bytes
    names: bytes


class KeepNote(NamedTuple):
    """See the port."""

    account: bytes
    key: bytes
    value: bytes | None


class Forget(NamedTuple):
    """See the port."""

    mailbox: Mailbox
    uids: Sequence[int]


class Drop(NamedTuple):
    """See the port."""

    mailbox: Mailbox


class Copied(NamedTuple):
    """See the port."""

    source: Mailbox
    target: Mailbox
    uids: Sequence[tuple[int, int]]


class Renamed(NamedTuple):
    """See the port."""

    account: bytes
    old: bytes
    new: bytes


class Spoilt(NamedTuple):
    """A row whose seal is broken: its table, and its number (of a section, the message's)."""

    table: str
    number: int


#: Everything that is done in order in a transaction.
Change = (
    KeepUidList
    | KeepAttributes
    | KeepSection
    | KeepLater
    | BeginSection
    | Piece
    | EndSection
    | AbortSection
    | KeepShape
    | KeepNote
    | Forget
    | Drop
    | Copied
    | Renamed
    | Spoilt
)


_KEPT = frozenset(ATTRIBUTES)


class Noting(Keeping):
    """Makes changes of what it is told, and tells each ``note`` with how many octets it has."""

    def __init__(self, note: Callable[[Change, int], object]) -> None:
        self._note = note

    def keep_attributes(self, mailbox: Mailbox, uid: int, values: Mapping[str, bytes]) -> None:
        """See the port."""
        kept = {name: value for name, value in values.items() if name in _KEPT and value}
        if kept and 0 < uid <= UID_MASK:
            self._note(KeepAttributes(mailbox, uid, kept), sum(map(len, kept.values())))

    def keep_section(
        self,
        mailbox: Mailbox,
        uid: int,
        key: str,
        form: Form,
        octets: bytes,
        *,
        clean: bool = False,
    ) -> None:
        """See the port."""
        if 0 < uid <= UID_MASK and key.isascii():
            self._note(KeepSection(mailbox, uid, key, form, octets, clean), len(octets))
