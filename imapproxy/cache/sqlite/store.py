"""The store on disk as one thing."""

from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.logger import Logger

from imapproxy.cache.sqlite.doubts import Doubts
from imapproxy.cache.sqlite.files import FileNumber, StoreFiles
from imapproxy.cache.sqlite.opening import Opened, open_files
from imapproxy.cache.sqlite.queue import ChangeQueue, Flush, Rebuild, Settle
from imapproxy.cache.sqlite.reader import SqliteReader
from imapproxy.cache.sqlite.write_thread import WriteThread
from imapproxy.cache.sqlite.writer import SqliteWriter
from imapproxy.cache.store import Budget, Reader, Store, Writer

#: Unless told otherwise, a cache takes 2 GiB.
MAX_OCTETS = 2 * 1024 * 1024 * 1024

# So much waits for the disk at most, in memory. A fast upstream sends as much in half a second.
_MAX_WAITING = 64 * 1024 * 1024

_RETRY = 10.0


def open_store(
    reactor: IReactorFromThreads,
    directory: Path,
    *,
    max_octets: int = MAX_OCTETS,
    max_waiting: int = _MAX_WAITING,
    retry: float = _RETRY,
) -> "SqliteStore":
    """Open the store in ``directory``, or make one. Raises :class:`StoreError`.

    It takes ``max_octets`` on the disk (the database; its log has some more), and ``max_waiting``
    in memory while the disk is slow. Where the disk is full, writing is tried again after ``retry``
    seconds. A store that is damaged is moved aside, with a line in the log.
    """
    files = StoreFiles(directory)
    return SqliteStore(reactor, files, open_files(files), max_octets, max_waiting, retry)


class SqliteStore(Store):
    """See the port; made by :func:`open_store`."""

    log = Logger()

    def __init__(
        self,
        reactor: IReactorFromThreads,
        files: StoreFiles,
        opened: Opened,
        max_octets: int,
        max_waiting: int,
        retry: float,
    ) -> None:
        self._queue = ChangeQueue(max_waiting)
        self._max_octets = max_octets
        doubts = Doubts()
        self._reader = SqliteReader(doubts, self._queue.put, self._damaged)
        self._reader.use(opened.reading, opened.number)
        self._writer = SqliteWriter(self._queue, doubts)
        self._thread = WriteThread(
            reactor, self._queue, doubts, files, opened, max_octets, self._reader.use, retry
        )
        self._thread.start()

    @property
    def reader(self) -> Reader:
        """See the port."""
        return self._reader

    @property
    def writer(self) -> Writer:
        """See the port."""
        return self._writer

    def budget(self) -> Budget:
        """See the port."""
        return Budget(self._reader.octets_in_use(), self._max_octets)

    def flushed(self) -> "Deferred[None]":
        """See the port."""
        done: Deferred[None] = Deferred()
        self._queue.hurry(Flush(done))
        return done

    def settled(self) -> "Deferred[None]":
        """Fires when everything is written, swept up, and given back to the file system."""
        done: Deferred[None] = Deferred()
        self._queue.hurry(Settle(done))
        return done

    def close(self) -> "Deferred[None]":
        """See the port."""
        # Whoever closes last copies the log over, and that is not for the reactor's thread.
        self._reader.close()
        return self._thread.close()

    def _damaged(self, number: FileNumber) -> None:
        self._queue.put(Rebuild(number))
