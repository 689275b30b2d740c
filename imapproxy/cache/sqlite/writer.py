"""Putting things in, from the reactor's thread: everything is only noted down here."""

from collections.abc import Callable, Iterable, Sequence
from itertools import count

import msgspec
from twisted.logger import Logger

from imapproxy.cache.sqlite.changes import (
    AbortSection,
    BeginSection,
    Change,
    Copied,
    Drop,
    EndSection,
    Forget,
    KeepLater,
    KeepNote,
    KeepShape,
    KeepUidList,
    Noting,
    Piece,
    Renamed,
)
from imapproxy.cache.sqlite.doubts import Doubts
from imapproxy.cache.sqlite.queue import ChangeQueue
from imapproxy.cache.sqlite.rows import pack_uids
from imapproxy.cache.sqlite.schema import MAX_INTEGER, UID_MASK
from imapproxy.cache.store import (
    ATTRIBUTES,
    INLINE_MAX,
    Form,
    Keeping,
    Mailbox,
    SectionWriter,
    UidList,
    Writer,
)

_KEPT = frozenset(ATTRIBUTES)

# So many messages are one change at most, lest a transaction take long.
_SLICE = 500
_WORK = 2000  # octets that could be put in meanwhile, for each of them


class SqliteWriter(Noting, Writer):
    """See the port."""

    log = Logger()

    def __init__(self, queue: ChangeQueue, doubts: Doubts) -> None:
        super().__init__(self.offer)
        self._queue = queue
        self._doubts = doubts
        self._streams = count(1)
        self.generation = 0  # counts up when what is on its way is void
        self._said_full = False

    # -- messages --------------------------------------------------------------------------

    def keep_uid_list(self, mailbox: Mailbox, uid_list: UidList) -> None:
        """See the port."""
        uids = pack_uids(uid_list.uids)
        if max(mailbox.uid_validity, uid_list.uid_next) <= MAX_INTEGER:
            self.offer(KeepUidList(mailbox, uid_list.uid_next, uids), len(uids))

    def keep_later(self, keep: Callable[[Keeping], None], octets: int) -> None:
        """See the port."""
        self.offer(KeepLater(keep), octets)

    def begin_section(
        self, mailbox: Mailbox, uid: int, key: str, form: Form, size: int
    ) -> SectionWriter:
        """See the port."""
        if size <= INLINE_MAX:
            return _SmallSection(self, mailbox, uid, key, form, size)
        begin = BeginSection(next(self._streams), mailbox, uid, key, form, size)
        return _LargeSection(self, begin)

    # -- mailboxes -------------------------------------------------------------------------

    def forget(self, mailbox: Mailbox, uids: Iterable[int]) -> None:
        """See the port."""
        gone = [uid for uid in uids if 0 < uid <= UID_MASK]
        for at in range(0, len(gone), _SLICE):
            self._queue.put(Forget(mailbox, gone[at : at + _SLICE]), _SLICE * _WORK)

    def drop(self, mailbox: Mailbox) -> None:
        """See the port."""
        self.generation += 1
        self._doubts.add(mailbox.identity)
        self._queue.hurry(Drop(mailbox))

    def copied(self, source: Mailbox, target: Mailbox, uids: Sequence[tuple[int, int]]) -> None:
        """See the port."""
        pairs = [pair for pair in uids if all(0 < uid <= UID_MASK for uid in pair)]
        for at in range(0, len(pairs), _SLICE):
            self._queue.put(Copied(source, target, pairs[at : at + _SLICE]), _SLICE * _WORK)

    def renamed(self, account: bytes, old: bytes, new: bytes) -> None:
        """See the port."""
        self.generation += 1
        self._doubts.add(account)
        self._queue.hurry(Renamed(account, old, new))

    # -- all else --------------------------------------------------------------------------

    def keep_shape(self, account: bytes, request: bytes, names: Sequence[bytes]) -> None:
        """See the port."""
        encoded = msgspec.msgpack.encode(tuple(names))
        self.offer(KeepShape(account, request, encoded), len(request) + len(encoded))

    def keep_note(self, account: bytes, key: bytes, value: bytes | None) -> None:
        """See the port."""
        self._queue.put(KeepNote(account, key, value))

    def count(self, mailbox: Mailbox, served: int, missed: int) -> None:
        """See the port."""
        self._queue.count(mailbox, served, missed)

    def used(self, contents: Iterable[int]) -> None:
        """See the port."""
        self._queue.use(contents)

    # -- for the sections ------------------------------------------------------------------

    def offer(self, change: Change, octets: int) -> bool:
        """Note it down, if it can be written in time; else it is lost."""
        taken = self._queue.offer(change, octets)
        if not taken and not self._said_full and not self._queue.ended:
            self.log.warn(
                "the disk of the cache is slower than the mail that comes; "
                "what it cannot take in time is not kept"
            )
            self._said_full = True
        return taken

    def put(self, change: Change) -> None:
        """Note down what must not be lost."""
        self._queue.put(change)


class _SmallSection(SectionWriter):
    """A section that is put together before it is noted down."""

    def __init__(
        self, writer: SqliteWriter, mailbox: Mailbox, uid: int, key: str, form: Form, size: int
    ) -> None:
        self._writer = writer
        self._what = (mailbox, uid, key, form)
        self._size = size
        self._generation = writer.generation
        self._pieces: list[bytes] = []
        self._written = 0
        self._open = True

    def write(self, octets: bytes) -> None:
        """See the port."""
        self._written += len(octets)
        if self._written <= self._size:
            self._pieces.append(octets)

    def close(self, header: bytes | None = None, clean: bool = False) -> None:
        """See the port."""
        sound = self._open and self._generation == self._writer.generation
        whole = sound and self._written == self._size
        pieces = self._pieces
        self.abort()
        if whole:
            mailbox, uid, key, form = self._what
            octets = b"".join(pieces)
            its_own = clean if header is None else self._size > len(header)
            self._writer.keep_section(mailbox, uid, key, form, octets, clean=its_own)
            _keep_header(self._writer, mailbox, uid, header, clean)

    def abort(self) -> None:
        """See the port."""
        self._open = False
        self._pieces = []


class _LargeSection(SectionWriter):
    """A section whose pieces are noted down as they come."""

    def __init__(self, writer: SqliteWriter, begin: BeginSection) -> None:
        self._writer = writer
        self._begin = begin
        self._generation = writer.generation
        self._written = 0
        in_range = 0 < begin.uid <= UID_MASK and begin.key.isascii()
        self._open = in_range and writer.offer(begin, 0)

    def write(self, octets: bytes) -> None:
        """See the port."""
        self._written += len(octets)
        if self._open and (
            self._written > self._begin.size
            or not self._writer.offer(Piece(self._begin.stream, octets), len(octets))
        ):
            self.abort()

    def close(self, header: bytes | None = None, clean: bool = False) -> None:
        """See the port."""
        begin = self._begin
        sound = self._open and self._generation == self._writer.generation
        if not sound or self._written != begin.size:
            self.abort()
            return
        its_own = clean if header is None else begin.size > len(header)
        self._writer.put(EndSection(begin.stream, its_own))
        self._open = False
        _keep_header(self._writer, begin.mailbox, begin.uid, header, clean)

    def abort(self) -> None:
        """See the port."""
        if self._open:
            self._writer.put(AbortSection(self._begin.stream))
        self._open = False


def _keep_header(
    writer: SqliteWriter, mailbox: Mailbox, uid: int, header: bytes | None, clean: bool
) -> None:
    if header is not None:
        writer.keep_section(mailbox, uid, "HEADER", Form.LITERAL, header, clean=clean)
