"""Connections to the database, and what goes wrong with them."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import Any
from urllib.parse import quote

# Each with its reason; figures are of 10,000 messages with 126 MB (benchmarks/store.py).
_PRAGMAS_OF_THE_FILE = (
    # Only a new file takes these two. Bodies are long: with pages of 4096 octets they have twice
    # the pages to link, with 16384 a change of flags writes four times as much.
    "page_size = 8192",
    # So that pages which are free can be given back a few at a time; costs nothing measurable.
    "auto_vacuum = INCREMENTAL",
    # Readers wait for nobody, not even for the writer of another process.
    "journal_mode = WAL",
)
_PRAGMAS = (
    # A power cut may lose the last transactions and tears none. FULL would wait for the disk at
    # each of them.
    "synchronous = NORMAL",
    # 16 MB of log before it is copied over: rare enough to write a page that changes often once.
    "wal_autocheckpoint = 2000",
    "journal_size_limit = 33554432",
    # Not mapped: a file that somebody truncates would end the process with SIGBUS. It would make
    # 35 MB of bodies 10 ms instead of 13.
    "mmap_size = 0",
    "cache_size = -8192",
    "temp_store = MEMORY",
    # Damage is noticed where it is read, and a damaged schema cannot call functions.
    "cell_size_check = ON",
    "trusted_schema = OFF",
)

# So many rows go into one statement. Each step of a statement takes the GIL anew, and the thread
# of the reactor would be interrupted for each row.
_ROWS_A_STEP = 64


class Damaged(sqlite3.DatabaseError):
    """What SQLite cannot notice: a value that cannot be."""


class NewerFormat(sqlite3.DatabaseError):
    """Another process, of a newer version, has given the database its own format meanwhile."""


#: What SQLite raises. (What it says of a damaged database may be no UTF-8, and then it is this.)
ERRORS = (sqlite3.Error, UnicodeDecodeError)

# The disk is full or read-only, another process holds the lock: no fault of the database.
_OF_THE_SYSTEM = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_NOLFS,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_TOOBIG,
    }
)


def is_damage(error: Exception) -> bool:
    """Whether, with one of :data:`ERRORS`, the database is not what it should be (https://www.sqlite.org/rescode.html).

    Besides SQLITE_CORRUPT and SQLITE_NOTADB there is much that a damaged database can lead to, a
    table that is not there or a number that is none.
    """
    if isinstance(error, NewerFormat):
        return False
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
    return code & 0xFF not in _OF_THE_SYSTEM


def connect(path: Path, *, mode: str = "rw", patience: float = 5.0) -> sqlite3.Connection:
    """Open the database; every statement is its own transaction unless one is begun.

    ``mode`` is ``rw``, ``ro``, or ``immutable`` for a directory in which nothing can be written.
    ``patience`` is how many seconds another process's lock is waited for. Raises :data:`ERRORS`.
    """
    how = "immutable=1" if mode == "immutable" else f"mode={mode}"
    database = sqlite3.connect(
        f"file:{quote(str(path))}?{how}",
        uri=True,
        timeout=patience,
        isolation_level=None,
        check_same_thread=False,  # opened in one thread, then used by another alone
    )
    database.text_factory = bytes  # a text that is damaged must not keep a row from being read
    try:
        for pragma in (*(_PRAGMAS_OF_THE_FILE if mode == "rw" else ()), *_PRAGMAS):
            database.execute(f"PRAGMA {pragma}").close()
    except ERRORS:
        database.close()
        raise
    return database


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
    """A writing transaction: all of it, or nothing."""
    database.execute("BEGIN IMMEDIATE")
    # Commits, or rolls back and lets the error through.
    with database:
        yield


def insert(database: sqlite3.Connection, into: str, rows: Sequence[Sequence[Any]]) -> None:
    """Insert many rows in few steps; ``into`` is all of the statement before VALUES."""
    if not rows:
        return
    row = f"({', '.join('?' * len(rows[0]))})"
    several = f"{into} VALUES {', '.join([row] * _ROWS_A_STEP)}"
    waiting = iter(rows)
    while batch := list(islice(waiting, _ROWS_A_STEP)):
        if len(batch) == _ROWS_A_STEP:
            database.execute(several, list(chain.from_iterable(batch)))
        else:
            database.executemany(f"{into} VALUES {row}", batch)
