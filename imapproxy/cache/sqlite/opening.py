"""Opening a store: making it, migrating it, and moving it aside if it is damaged."""

import sqlite3
from contextlib import ExitStack, closing
from typing import NamedTuple

from twisted.logger import Logger

from imapproxy.cache.sqlite.database import ERRORS, connect, is_damage
from imapproxy.cache.sqlite.files import FileNumber, StoreFiles
from imapproxy.cache.sqlite.schema import APPLICATION_ID, bring_up_to_date
from imapproxy.cache.store import StoreError

_log = Logger()

# The reactor's thread does not wait longer than this, in seconds, for another process; that a
# reader has to wait at all happens when one closes.
_PATIENCE = 0.5


class Opened(NamedTuple):
    """Two connections to the file with this number."""

    number: FileNumber
    reading: sqlite3.Connection
    writing: sqlite3.Connection


class _NotOurs(Exception):
    """The file is a database of something else."""


def open_files(files: StoreFiles) -> Opened:
    """Open what is there, or make it. Raises :class:`StoreError`."""
    files.prepare()
    with files.locked():
        try:
            return _open(files)
        except _NotOurs:
            return _anew(files, "is not a cache of imapproxy")
        except ERRORS as error:
            if not (is_damage(error) or _forbids_writing(files, error)):
                raise _told(files, error) from None
            return _anew(files, f"is damaged ({error})")


def open_again(files: StoreFiles, damaged: FileNumber) -> Opened:
    """Open a new one, for ``damaged`` is that. Raises :class:`StoreError`."""
    files.prepare()
    with files.locked():
        try:
            if files.number() != damaged:
                return _open(files)  # another process was quicker
            return _anew(files, "is damaged")
        except ERRORS as error:
            raise _told(files, error) from None


def open_existing(files: StoreFiles) -> Opened:
    """Open what is there, as it is, and nothing else. Raises :class:`StoreError`."""
    files.look_at()
    with files.locked():
        try:
            return _open(files)
        except _NotOurs:
            raise StoreError(f"{files.database} is not a cache of imapproxy") from None
        except ERRORS as error:
            if is_damage(error):
                raise StoreError(
                    f"the cache {files.database} is damaged ({error}); "
                    "the proxy begins it anew when it is started"
                ) from None
            raise _told(files, error) from None


def forsake(files: StoreFiles, number: FileNumber) -> None:
    """Delete the store, if it is this one still. Raises :class:`StoreError`."""
    with files.locked():
        if files.number() == number:
            files.remove()


def _anew(files: StoreFiles, reason: str) -> Opened:
    place = files.move_aside()
    _log.warn(
        "the cache {database} {reason}: it is moved to {place}, which may be deleted, "
        "and begun anew",
        database=str(files.database),
        reason=reason,
        place=str(place),
    )
    files.prepare()
    return _open(files)


def _open(files: StoreFiles) -> Opened:
    mode = _mode(files)
    number = files.number()
    with ExitStack() as opening:
        writing = opening.enter_context(closing(connect(files.database, mode=mode)))
        _check(writing, files)
        reading = connect(files.database, mode=mode, patience=_PATIENCE)
        opening.pop_all()  # it has come off: they stay open
    return Opened(number, reading, writing)


def _forbids_writing(files: StoreFiles, error: Exception) -> bool:
    """Whether it is the header that does not let us write, though the system does.

    So SQLite keeps older versions away from formats of its future, or a bit has fallen over.
    """
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return files.writable and code & 0xFF == sqlite3.SQLITE_READONLY


def _told(files: StoreFiles, error: Exception) -> StoreError:
    return StoreError(
        f"the cache {files.database} cannot be opened: {error}; "
        "see that the disk is not full and that it may be written"
    )


def _mode(files: StoreFiles) -> str:
    if files.writable:
        return "rw"
    return "ro" if files.has_log else "immutable"


def _check(database: sqlite3.Connection, files: StoreFiles) -> None:
    """See that it is ours, of today's format, and not cut off."""
    (application_id,) = database.execute("PRAGMA application_id").fetchone()
    (tables,) = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if (tables or application_id) and application_id != APPLICATION_ID:
        raise _NotOurs
    bring_up_to_date(database, str(files.database))
