"""The directory of the store and the files in it: nobody else's, and readable by nobody else."""

import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from imapproxy.cache.store import StoreError

_NAME = "cache.sqlite"
_DAMAGED = "damaged.sqlite"
# What SQLite puts beside a database; it gives them the mode of the database.
_BESIDE = ("-wal", "-shm")


class FileNumber(NamedTuple):
    """Which file it is, whatever it is called."""

    device: int
    inode: int


class StoreFiles:
    """The files of the store in ``directory``."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.database = directory / _NAME

    def prepare(self) -> None:
        """Make the directory and the file, if there are none, and look at what is there.

        Raises :class:`StoreError` if somebody else could read them.
        """
        with _told(self.directory):
            if not os.path.lexists(self.directory):
                self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            _check(self.directory, stat.S_ISDIR, "a directory", "700")
            if not os.path.lexists(self.database):
                self._create()
            for path in self._all():
                if os.path.lexists(path):
                    _check(path, stat.S_ISREG, "a file", "600")

    def look_at(self) -> None:
        """See that there is a store. Raises :class:`StoreError`."""
        with _told(self.directory):
            if not os.path.lexists(self.database):
                raise StoreError(f"there is no cache in {self.directory}")
        self.prepare()

    def octets(self) -> int:
        """How much the files take altogether."""
        with _told(self.directory):
            return sum(path.stat().st_size for path in self._all() if path.exists())

    @contextmanager
    def locked(self) -> Iterator[None]:
        """While the files are made or moved: one process at a time."""
        with _told(self.directory):
            directory = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(directory, fcntl.LOCK_EX)
            yield
        finally:
            os.close(directory)

    def number(self) -> FileNumber:
        """Which file the database is now."""
        with _told(self.database):
            found = self.database.stat()
        return FileNumber(found.st_dev, found.st_ino)

    @property
    def writable(self) -> bool:
        """Whether a store can be written here."""
        return os.access(self.directory, os.W_OK) and os.access(self.database, os.W_OK)

    @property
    def has_log(self) -> bool:
        """Whether there is a write-ahead log with something in it."""
        log = self._beside(self.database, "-wal")
        return log.exists() and log.stat().st_size > 0

    def move_aside(self) -> Path:
        """Put a damaged store where it is in nobody's way, in the place of the last such."""
        target = self.directory / _DAMAGED
        with _told(self.directory):
            for suffix in _BESIDE:
                self._beside(target, suffix).unlink(missing_ok=True)
            self.database.replace(target)
            for suffix in _BESIDE:
                beside = self._beside(self.database, suffix)
                if beside.exists():
                    beside.replace(self._beside(target, suffix))
        return target

    def remove(self) -> None:
        """Delete the store."""
        with _told(self.directory):
            for path in self._all():
                path.unlink(missing_ok=True)

    def _create(self) -> None:
        # SQLite would make it with the mode that everything gets.
        flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        os.close(os.open(self.database, flags, 0o600))

    def _all(self) -> Iterator[Path]:
        yield self.database
        for suffix in _BESIDE:
            yield self._beside(self.database, suffix)

    @staticmethod
    def _beside(path: Path, suffix: str) -> Path:
        return path.with_name(path.name + suffix)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """What the system refuses is told with the place."""
    try:
        yield
    except OSError as error:
        place = error.filename or path
        raise StoreError(
            f"the cache cannot use {place}: {error.strerror}; "
            "mend that, or choose another directory"
        ) from None


def _check(path: Path, is_right: Callable[[int], bool], what: str, mode: str) -> None:
    found = path.lstat()
    if not is_right(found.st_mode):
        raise StoreError(f"{path} is not {what}; choose another directory for the cache")
    if found.st_uid != os.geteuid():
        raise StoreError(f"{path} belongs to another user; choose another directory for the cache")
    if found.st_mode & 0o077:
        raise StoreError(f"{path} can be read by others; chmod {mode} {path}")
