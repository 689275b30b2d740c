"""The storage port: what a place for cached mail has to do, reading and writing apart.

A store keeps what cannot change (RFC 9051 section 2.3.1.1: a UID under its UIDVALIDITY means one
message for ever) and, of each mailbox, the list of UIDs that was true when the mailbox was left.
Whether that may be *believed* is decided elsewhere (``plan``, ``relay``); a store only promises
that what it gives was put in, whole. Half a body is never given.

All names are octets as on the wire. Attribute values are octets too, exactly as they stood in the
FETCH response (``"01-Jan-2026 10:00:00 +0000"`` with its quotes, ``(NIL NIL …)``, literals in
their place), so that they go into an answer as they came.
"""

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import IntEnum
from typing import NamedTuple, Protocol

from twisted.internet.defer import Deferred

#: The attributes that a store keeps, by their names in a FETCH response. FLAGS are what they were
#: when they were last told: never served while the upstream can be asked.
ATTRIBUTES = (
    "FLAGS",
    "INTERNALDATE",
    "RFC822.SIZE",
    "ENVELOPE",
    "BODY",
    "BODYSTRUCTURE",
    "EMAILID",
)

#: Of these a message under its UIDVALIDITY has one value for ever, as servers write it down, too.
#: (One server spells ENVELOPE in two ways, from its index and from the message.)
CONSTANT = frozenset({"INTERNALDATE", "RFC822.SIZE"})

#: What messages with the same EMAILID have in common (RFC 8474 section 5.1), and what a copy has in
#: common with its original: the internal date is only *asked* to stay, and so is the EMAILID.
COMMON = frozenset({"RFC822.SIZE", "ENVELOPE", "BODY", "BODYSTRUCTURE"})

#: So many shapes of an account are kept, the newest. Its clients ask for a dozen things; one that
#: makes up new ones all the time fills no disk.
MAX_SHAPES = 1000

#: The key of the whole message.
WHOLE = ""

#: Sections of at most this many octets are given along with the row that describes them; of longer
#: ones so many at a time, from a multiple of it on, are read quickest.
INLINE_MAX = 256 * 1024


class StoreError(Exception):
    """The store cannot be read or opened. ``str()`` is one line with the place and the mend."""


class Mailbox(NamedTuple):
    """Which mailbox, for ever: what is kept under one value is never true of another.

    ``account`` is the upstream's address and the user. ``mailbox_id`` is the MAILBOXID (RFC 8474),
    empty where the upstream has none; where it is given it takes the place of ``name``, which is
    then a label only, and a renamed mailbox keeps what it has.
    """

    account: bytes
    name: bytes
    mailbox_id: bytes
    uid_validity: int

    @property
    def identity(self) -> tuple[bytes, bytes, bytes]:
        """The key without the UIDVALIDITY: account, MAILBOXID, name (one of the two is empty)."""
        return self.account, self.mailbox_id, b"" if self.mailbox_id else self.name


class UidList(NamedTuple):
    """The UIDs of a mailbox, ascending, at a moment when the upstream said ``uid_next``."""

    uid_next: int
    uids: "array[int]"


class Form(IntEnum):
    """How a section stood on the wire."""

    LITERAL = 0
    LITERAL8 = 1  # ``~{n}``: BINARY with NUL (RFC 3516)
    AS_IS = 2  # a quoted string or NIL: the octets are the value with its quotes


class Section(NamedTuple):
    """A section that is held whole.

    ``size`` is in octets. ``data`` are the octets where there are at most :data:`INLINE_MAX`, else
    ``None``: :meth:`Reader.octets` gives them by ``content``. ``clean`` is true of a header in
    which every line is a field or the continuation of one, so that fields can be taken out of it,
    and of a whole message (key ``""``) whose header ends, with text behind it.
    """

    uid: int
    key: str
    form: Form
    size: int
    clean: bool
    content: int
    data: bytes | None


class Need(NamedTuple):
    """One section that is wanted: the first of ``keys`` as it is held, or what it can be made of.

    The keys behind the first are sections that the wanted one can be taken out of. Of those only
    literals will do (:attr:`Form.LITERAL`) that have more than ``beyond`` octets and, where
    ``clean`` is true, are :attr:`Section.clean`.

    Keys are what stands in the brackets, in upper case: ``""`` is the whole message, ``HEADER``,
    ``TEXT``, ``1.2.MIME``; ``BINARY[1.2]`` and ``BINARY.SIZE[1.2]`` keep their name. What was
    fetched as a partial has it behind: ``<0.1024>``.
    """

    keys: tuple[str, ...]
    clean: bool = False
    beyond: int = 0


class Holding(NamedTuple):
    """How much is held of one mailbox, for people.

    ``messages`` have anything held, ``bodies`` are held whole; ``octets`` are those of sections,
    a content that two mailboxes share counted in both. ``served`` and ``missed`` are what was told
    to :meth:`Writer.count`. ``used`` is when anything was put in or read last, in seconds of the
    POSIX clock.
    """

    mailbox: Mailbox
    messages: int
    bodies: int
    octets: int
    served: int
    missed: int
    used: float


class Budget(NamedTuple):
    """Octets that a store has, and that count against the ``limit`` of what it may have."""

    in_use: int
    limit: int


class Reader(Protocol):
    """Looking things up. Quick enough for the reactor's thread; raises :class:`StoreError`.

    What one call says is held may be gone at the next: room was needed, another process dropped it,
    or it turned out to be damaged. Who asks for what was held looks at what has come.
    """

    def uid_list(self, mailbox: Mailbox) -> UidList | None:
        """What was kept by :meth:`Writer.keep_uid_list`."""

    def held(
        self,
        mailbox: Mailbox,
        attributes: Sequence[str],
        needs: Sequence[Need],
        low: int,
        high: int,
    ) -> "array[int]":
        """UIDs from ``low`` to ``high``, ascending, of which all of this is held.

        Where nothing is asked for, those of which anything is held.
        """

    def attributes(
        self, mailbox: Mailbox, names: Sequence[str], low: int, high: int
    ) -> list[tuple[int | bytes | None, ...]]:
        """Rows ``(uid, value, …)``, ascending, in the order of ``names``; ``None`` is not held.

        There is one for each message of which any of ``names`` is held.
        """

    def sections(
        self, mailbox: Mailbox, need: Need, low: int, high: int, max_octets: int
    ) -> list[Section]:
        """Sections from ``low`` to ``high``, ascending: one for each UID, the first of the keys.

        Ends behind the section with which ``max_octets`` are reached, so that there is at least one
        if any is held. One that is not given with its row counts, too.
        """

    def octets(self, content: int, offset: int, length: int) -> bytes:
        """Octets of a section, needed for one that was not given with its row.

        Fewer than ``length`` at the end alone; :class:`StoreError` if the content is gone. A number
        is never used for a second content, so that an answer that takes long stays true.
        """

    def shape(self, account: bytes, request: bytes) -> tuple[bytes, ...] | None:
        """What was kept by :meth:`Writer.keep_shape`."""

    def note(self, account: bytes, key: bytes) -> bytes | None:
        """What was kept by :meth:`Writer.keep_note`."""

    def holdings(self) -> list[Holding]:
        """What is held of which mailbox."""


class SectionWriter(Protocol):
    """A section that comes in pieces."""

    def write(self, octets: bytes) -> None:
        """The next piece."""

    def close(self, header: bytes | None = None, clean: bool = False) -> None:
        """All pieces were written: from now on it counts, if their sizes add up.

        ``header`` is the HEADER section that was found in a whole message, kept along with it;
        ``clean`` is about that header. The message itself is clean if it is longer than that.
        Without a ``header`` it is about the section itself.
        """

    def abort(self) -> None:
        """The rest will not come: nothing of it is kept."""


class Keeping(Protocol):
    """Putting in what was told of a message."""

    def keep_attributes(self, mailbox: Mailbox, uid: int, values: Mapping[str, bytes]) -> None:
        """Remember some of :data:`ATTRIBUTES` of a message."""

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
        """Remember a section that is here whole."""


class Writer(Keeping, Protocol):
    """Putting things in. Nothing here blocks, raises or is known to have happened at once.

    What cannot be kept (a full disk, a queue that is full because the disk is slow) is dropped,
    and said once in the log: mail is upstream, and the client does not wait for its copy.

    Writing what cannot change with another value than is there tells that the upstream has broken
    its word on UIDs: all of that mailbox is dropped. That is one of :data:`CONSTANT` and the octets
    of the whole message (in the same form); of all else the newer takes the place of the older.

    A mailbox has one UIDVALIDITY at a time, and it grows (RFC 9051 section 2.3.1.1). What is
    written under a higher one drops what was there; what is written under a lower one, by a session
    that has not noticed yet, is not kept. :meth:`keep_uid_list` alone may go back.
    """

    def keep_uid_list(self, mailbox: Mailbox, uid_list: UidList) -> None:
        """Remember the list; whatever is kept of another UIDVALIDITY of this mailbox goes.

        So does, in its own time, what is kept of messages below the list's ``uid_next`` that it
        does not have, if it is no continuation of the list before.
        """

    def keep_later(self, keep: Callable[[Keeping], None], octets: int) -> None:
        """Remember what ``keep`` will put in when there is time to call it, in some other thread.

        It is in order with all else. Until then it holds on to so many ``octets`` of memory; it
        must not look at anything that changes.
        """

    def begin_section(
        self, mailbox: Mailbox, uid: int, key: str, form: Form, size: int
    ) -> SectionWriter:
        """Remember a section of ``size`` octets that comes in pieces."""

    def keep_shape(self, account: bytes, request: bytes, names: Sequence[bytes]) -> None:
        """Remember in which order, and under which names, an upstream answers a request.

        Of an account :data:`MAX_SHAPES` are remembered.
        """

    def keep_note(self, account: bytes, key: bytes, value: bytes | None) -> None:
        """Remember something small about an account, or (``None``) forget it.

        What is needed to serve an account offline is kept so: how its password is verified, what
        LIST said.
        """

    def count(self, mailbox: Mailbox, served: int, missed: int) -> None:
        """So many messages of a FETCH were answered from here, and so many were not."""

    def forget(self, mailbox: Mailbox, uids: Iterable[int]) -> None:
        """These messages are gone for good."""

    def drop(self, mailbox: Mailbox) -> None:
        """The mailbox was deleted, or nothing of it can be believed, whatever its UIDVALIDITY.

        It is not read from that moment on, even if writing takes long or cannot be done, and
        sections that are on their way are void.
        """

    def copied(self, source: Mailbox, target: Mailbox, uids: Sequence[tuple[int, int]]) -> None:
        """Messages were copied or moved (RFC 4315 COPYUID): pairs of old and new UID.

        Sections and what is :data:`COMMON` are the same for the copy (RFC 9051 section 6.4.7).
        """

    def renamed(self, account: bytes, old: bytes, new: bytes) -> None:
        """A mailbox without a MAILBOXID has another name now.

        Inferiors have, too, but what separates a name from them is not known here: all whose name
        begins with ``old`` are dropped. So is INBOX, whose messages move (RFC 9051 section 6.3.6).
        As with :meth:`drop`, the old is not read from that moment on, and sections are void.
        """

    def used(self, contents: Iterable[int]) -> None:
        """These contents were read: they are not the next to go when room is needed."""


class Store(Protocol):
    """One place on this machine, for any number of sessions, and for other processes too."""

    @property
    def reader(self) -> Reader:
        """For the thread of the reactor alone."""

    @property
    def writer(self) -> Writer:
        """For the thread of the reactor alone; works behind its back."""

    def budget(self) -> Budget:
        """How much it takes, and may take. Raises :class:`StoreError`."""

    def flushed(self) -> "Deferred[None]":
        """Fires when everything that was written before can be read."""

    def close(self) -> "Deferred[None]":
        """Finish what was begun, and let go."""
