"""The thread that writes: takes what was noted down, a transaction at a time."""

import sqlite3
import threading
import time
from collections.abc import Callable, Sequence

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.logger import Logger

from imapproxy.cache.sqlite.batch import Batch
from imapproxy.cache.sqlite.changes import Change, Drop, KeepLater, Noting, Renamed, Spoilt
from imapproxy.cache.sqlite.database import ERRORS, Damaged, NewerFormat, is_damage, transaction
from imapproxy.cache.sqlite.doubts import Doubts
from imapproxy.cache.sqlite.files import FileNumber, StoreFiles
from imapproxy.cache.sqlite.opening import Opened, forsake, open_again
from imapproxy.cache.sqlite.queue import ChangeQueue, Close, Flush, Rebuild, Settle
from imapproxy.cache.sqlite.room import Room, give_back, is_garbage_left, room_for, sweep, use
from imapproxy.cache.sqlite.schema import FORMAT, version
from imapproxy.cache.sqlite.streams import Streams, sweep_begun
from imapproxy.cache.sqlite.writing import Said, Writing
from imapproxy.cache.store import StoreError

# After so many seconds without anything to write, what is left over is tidied up.
_QUIET = 1.0

_ORDERS = (Flush, Rebuild, Settle, Close)


class WriteThread:
    """Writes to the database what comes out of ``queue``.

    Where the database is damaged it makes a new one, and ``read_from`` is called in the reactor's
    thread. After something could not be written nothing is for ``retry`` seconds.
    """

    log = Logger()

    def __init__(
        self,
        reactor: IReactorFromThreads,
        queue: ChangeQueue,
        doubts: Doubts,
        files: StoreFiles,
        opened: Opened,
        max_octets: int,
        read_from: Callable[[sqlite3.Connection, FileNumber], None],
        retry: float,
    ) -> None:
        self._reactor = reactor
        self._queue = queue
        self._doubts = doubts
        self._files = files
        self._number = opened.number
        self._database: sqlite3.Connection | None = opened.writing
        self._max_octets = max_octets
        self._room = Room(max_octets)
        self._read_from = read_from
        self._retry = retry
        self._streams = Streams()
        self._owed: list[Drop | Renamed] = []
        self._failed_at: float | None = None
        self._untidy = True
        self._suspicious = False
        self._ended: Deferred[None] = Deferred()
        self._thread = threading.Thread(target=self._run, name="cache", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def close(self) -> "Deferred[None]":
        """Write what was noted down, and end."""
        self._queue.hurry(Close())
        return self._ended

    # -- in the thread ---------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._transact([], sweep_begun)
            while self._next():
                pass
        finally:
            if self._database is not None:
                self._database.close()
            self._reactor.callFromThread(self._queue.end)
            self._tell(self._ended)

    def _end(self) -> None:
        """What must not be read any more, and cannot be taken out, must not be found again."""
        if self._owed:
            self._say(Said("what is wrong in the cache could not be taken out; it is deleted", {}))
            try:
                forsake(self._files, self._number)
            except StoreError as error:
                self._say(Said("{error}", {"error": str(error)}))

    def _next(self) -> bool:
        """Do what there is to do now; False at the end."""
        orders = self._queue.take(_QUIET if self._untidy else None)
        changes = _told([order for order in orders if not isinstance(order, _ORDERS)])
        others = [order for order in orders if isinstance(order, _ORDERS)]
        if Rebuild(self._number) in others:
            self._rebuild()
        closing = any(isinstance(order, Close) for order in others)
        if changes or (self._queue.has_small_news and (others or not self._untidy)):
            self._transact(changes)
        elif not orders:
            self._tidy_while_quiet()
        for order in others:
            if isinstance(order, Settle):
                self._tidy_all()
            if isinstance(order, Flush | Settle):
                self._tell(order.done)
        if closing:
            self._end()
        return not closing

    def _tell(self, done: "Deferred[None]") -> None:
        self._reactor.callFromThread(done.callback, None)

    # -- transactions ----------------------------------------------------------------------

    def _transact(
        self, changes: Sequence[Change], also: Callable[[Writing], object] | None = None
    ) -> None:
        """Write all of this, or nothing of it."""
        owed = self._owed + [change for change in changes if isinstance(change, Drop | Renamed)]
        if not self._may_write():
            self._owed = owed
            self._streams.abort_all()
            return
        try:
            assert self._database is not None
            said = self._write(self._database, [*self._owed, *changes], also)
        except ERRORS as error:
            self._owed = owed
            self._streams.abort_all()
            self._failed(error)
            return
        self._owed = []
        self._written(owed, said)

    def _write(
        self,
        database: sqlite3.Connection,
        changes: Sequence[Change],
        also: Callable[[Writing], object] | None,
    ) -> list[Said]:
        with transaction(database):
            if version(database) != FORMAT:
                # A newer imapproxy has migrated it under us: what is written now it would not get.
                raise NewerFormat("it has been given a newer format")
            writing = Writing(database, time.time())
            use(writing, self._queue.uses(), self._max_octets)
            self._room.make(writing, room_for(changes))
            Batch(writing, self._streams, self._room.largest).apply(changes)
            for mailbox, (served, missed) in self._queue.counts().items():
                writing.count(mailbox, served, missed)
            if also is not None:
                also(writing)
            writing.finish()
        self._suspicious |= any(isinstance(change, Spoilt) for change in changes)
        return writing.said

    def _written(self, settled: Sequence[Drop | Renamed], said: Sequence[Said]) -> None:
        self._untidy = True
        if self._failed_at is not None:
            self._failed_at = None
            self._say(Said("the cache can be written again", {}))
        for change in settled:
            doubtful = change.mailbox.identity if isinstance(change, Drop) else change.account
            self._reactor.callFromThread(self._doubts.remove, doubtful)
        for line in said:
            self._say(line)

    def _may_write(self) -> bool:
        if self._database is None:
            return False
        return self._failed_at is None or time.monotonic() - self._failed_at >= self._retry

    # -- when it goes wrong ----------------------------------------------------------------

    def _failed(self, error: Exception) -> None:
        if is_damage(error):
            self._rebuild()
            return
        if self._failed_at is None:
            self._say(
                Said(
                    "the cache cannot be written ({error}); what comes now is not kept",
                    {"error": str(error)},
                )
            )
        self._failed_at = time.monotonic()
        self._untidy = False

    def _rebuild(self) -> None:
        """Begin anew, with nothing."""
        if self._database is not None:
            self._database.close()
            self._database = None
        self._streams = Streams()
        self._suspicious = False
        try:
            opened = open_again(self._files, self._number)
        except StoreError as error:
            self._say(Said("{error}; there is no cache from now on", {"error": str(error)}))
            return
        self._number = opened.number
        self._database = opened.writing
        self._reactor.callFromThread(self._read_from, opened.reading, opened.number)

    def _say(self, said: Said) -> None:
        self.log.warn(said.format, **said.values)

    # -- when there is nothing else to do --------------------------------------------------

    def _tidy_all(self) -> None:
        while self._untidy:
            self._tidy()

    def _tidy_while_quiet(self) -> None:
        while self._untidy and self._queue.is_empty:
            self._tidy()

    def _tidy(self) -> None:
        """Do a little of what is left over."""
        self._untidy = False
        if not self._may_write() or self._database is None:
            return
        try:
            self._untidy = self._tidy_some(self._database)
        except ERRORS as error:
            self._failed(error)

    def _tidy_some(self, database: sqlite3.Connection) -> bool:
        if self._suspicious:
            # Where one thing is damaged another may be, and a tree that is cannot be mended.
            self._suspicious = False
            if database.execute("PRAGMA integrity_check(1)").fetchall() != [(b"ok",)]:
                raise Damaged("its trees are damaged")
        if (is_garbage_left(database) or self._room.is_over(database)) and self._sweep(database):
            return True
        if give_back(database):
            return True
        # The file itself becomes shorter when the log is copied over.
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return False

    def _sweep(self, database: sqlite3.Connection) -> bool:
        with transaction(database):
            writing = Writing(database, time.time())
            more = sweep(writing) or self._room.make(writing, 0)
            writing.finish()
        return more


def _told(changes: Sequence[Change]) -> list[Change]:
    """The changes, with what was to be told later in its place."""
    told: list[Change] = []
    noting = Noting(lambda change, octets: told.append(change))
    for change in changes:
        if isinstance(change, KeepLater):
            change.keep(noting)
        else:
            told.append(change)
    return told
