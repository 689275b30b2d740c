"""Keeping within so many octets, and giving back what is free.

The limit is on the database file. Its write-ahead log comes on top, 16 MB of it in most cases.
"""

import sqlite3
from collections.abc import Iterable

from imapproxy.cache.sqlite.changes import Change, KeepAttributes, KeepSection, Piece
from imapproxy.cache.sqlite.database import transaction
from imapproxy.cache.sqlite.pruning import prune
from imapproxy.cache.sqlite.writing import Writing, messages_of, numbers

# So many messages or contents are taken out in one transaction, and pages given back.
_SLICE = 500

# With more free pages than this, giving them back one by one takes long: each is looked for in the
# list of those that are free. (60,000 of them took 1.4 s of the processor, all at once 0.3 s.)
_MANY_PAGES = 8_000

# How many slices at most to make room for one transaction.
_ROUNDS = 8

# What a content takes beside its octets: its rows, their places in the indexes, half a page.
_OVERHEAD = 4500


class Room:
    """The room that a database may take."""

    def __init__(self, max_octets: int) -> None:
        self._max_octets = max_octets

    @property
    def largest(self) -> int:
        """The largest section that is kept, in octets: it must not push out everything else."""
        return self._max_octets // 2

    def make(self, writing: Writing, octets: int) -> bool:
        """Take out enough for ``octets`` to fit in, or as much as is quickly done.

        False if there was nothing left to take out.
        """
        for _ in range(_ROUNDS):
            lacking = taken(writing.database) + octets - self._max_octets
            if lacking <= 0:
                return True
            if not (sweep(writing) or _evict(writing, lacking) or _drop_oldest(writing)):
                return False
        return True

    def is_over(self, database: sqlite3.Connection) -> bool:
        """Whether more is kept than may be."""
        return taken(database) > self._max_octets


def room_for(changes: Iterable[Change]) -> int:
    """What is going to be put in, in octets, more or less."""
    octets = 0
    for change in changes:
        if isinstance(change, KeepSection):
            octets += len(change.octets) + _OVERHEAD
        elif isinstance(change, Piece):
            octets += len(change.octets)
        elif isinstance(change, KeepAttributes):
            octets += sum(map(len, change.values.values()))
    return octets


def use(writing: Writing, contents: set[int], max_octets: int) -> None:
    """Contents were read: they are as if they had been put in now.

    Where that is so already, more or less, nothing is written: reading the same mail again and
    again costs no writing at all.
    """
    if not contents:
        return
    writing.clock += 1  # later than what was put in last
    writing.database.execute(
        "UPDATE content SET used = ? WHERE used < ? AND id IN (SELECT value FROM json_each(?))",
        (writing.clock, writing.clock - max_octets // 16, numbers(contents)),
    )


def is_garbage_left(database: sqlite3.Connection) -> bool:
    """Whether there is something to sweep up."""
    return database.execute("SELECT 1 FROM garbage LIMIT 1").fetchone() is not None


def sweep(writing: Writing) -> bool:
    """Take out some of what dropped mailboxes had, and of messages that have gone unseen.

    False if there is nothing of that.
    """
    row = writing.database.execute("SELECT mailbox FROM garbage LIMIT 1").fetchone()
    if row is None:
        return False
    (box,) = row
    if box < 0:
        if not prune(writing, -box):
            writing.database.execute("DELETE FROM garbage WHERE mailbox = ?", (box,))
        return True
    messages = writing.database.execute(
        "SELECT id FROM message WHERE id BETWEEN ? AND ? LIMIT ?", (*messages_of(box), _SLICE)
    ).fetchall()
    if messages:
        writing.forget([message for (message,) in messages])
    else:
        writing.database.execute("DELETE FROM garbage WHERE mailbox = ?", (box,))
    return True


def give_back(database: sqlite3.Connection) -> bool:
    """Give some free pages back to the file system; False if there are none."""
    before = _pragma(database, "freelist_count")
    if before > _MANY_PAGES:
        _give_back_all(database)
    elif before:
        database.execute(f"PRAGMA incremental_vacuum({_SLICE})").fetchall()
    return _pragma(database, "freelist_count") < before


def _give_back_all(database: sqlite3.Connection) -> None:
    """Let a transaction give back what is free; that SQLite does all at once, by itself."""
    database.execute("PRAGMA auto_vacuum = FULL")
    try:
        with transaction(database):
            database.execute("UPDATE state SET clock = clock + 1")
    finally:
        database.execute("PRAGMA auto_vacuum = INCREMENTAL")


def taken(database: sqlite3.Connection) -> int:
    """Octets that count against the limit: of the pages that something is in."""
    pages = _pragma(database, "page_count") - _pragma(database, "freelist_count")
    return pages * _pragma(database, "page_size")


def _pragma(database: sqlite3.Connection, name: str) -> int:
    (value,) = database.execute(f"PRAGMA {name}").fetchone()
    return int(value)


def _evict(writing: Writing, octets: int) -> bool:
    """Take out contents that were not used for longest, of so many octets altogether."""
    rows = writing.database.execute(
        "SELECT id, size FROM content ORDER BY used, id LIMIT ?", (_SLICE,)
    ).fetchall()
    going = []
    for content, size in rows:
        if octets <= 0:
            break
        going.append(content)
        octets -= _OVERHEAD + (size if type(size) is int else 0)
    if going:
        _lose(writing, going)
    return bool(going)


def _lose(writing: Writing, contents: list[int]) -> None:
    gone = numbers(contents)
    messages = writing.database.execute(
        "SELECT DISTINCT message FROM section WHERE content IN (SELECT value FROM json_each(?))",
        (gone,),
    ).fetchall()
    writing.database.execute(
        "DELETE FROM section WHERE content IN (SELECT value FROM json_each(?))", (gone,)
    )
    writing.release(contents)
    writing.unmark(message for (message,) in messages)


def _drop_oldest(writing: Writing) -> bool:
    """There are no sections any more: take out what else is held of the oldest mailbox."""
    row = writing.database.execute("SELECT id FROM mailbox ORDER BY age, id LIMIT 1").fetchone()
    if row is None:
        return False
    writing.drop_number(row[0])
    return sweep(writing)
