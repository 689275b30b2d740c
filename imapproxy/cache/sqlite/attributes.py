"""Writing what FETCH responses told of messages."""

import sqlite3
from collections.abc import Collection, Iterable, Mapping

from imapproxy.cache.sqlite import seals
from imapproxy.cache.sqlite.database import insert
from imapproxy.cache.sqlite.rows import is_whole
from imapproxy.cache.sqlite.schema import COLUMNS, UID_MASK
from imapproxy.cache.sqlite.writing import Writing, numbers
from imapproxy.cache.store import CONSTANT

Values = Mapping[str, bytes]

_COLUMN_NAMES = tuple(COLUMNS)


class BrokenWord(Exception):
    """The upstream gave ``what`` of message ``uid`` another value than before."""

    def __init__(self, uid: int, what: str) -> None:
        super().__init__(uid, what)
        self.uid = uid
        self.what = what


def merge(uid: int, older: Values, newer: Values) -> dict[str, bytes]:
    """The newer values in front of the older; raises BrokenWord."""
    for name in CONSTANT:
        if older.get(name) and newer.get(name, older[name]) != older[name]:
            raise BrokenWord(uid, name)
    return {**older, **newer}


def write_attributes(writing: Writing, values: Mapping[int, Values]) -> list[int]:
    """Write ``values`` by message; those that have changed but for FLAGS. Raises BrokenWord."""
    changed = _write_but_flags(writing.database, values)
    flags = {message: its_own["FLAGS"] for message, its_own in values.items() if "FLAGS" in its_own}
    _write_flags(writing.database, flags)
    writing.mark(values.keys() - flags.keys())
    return changed


def read_attributes(
    database: sqlite3.Connection, messages: Collection[int]
) -> dict[int, dict[str, bytes]]:
    """All but FLAGS of those messages of which any is held, where the seal is whole."""
    rows = database.execute(
        f"SELECT id, seal, {', '.join(COLUMNS.values())} FROM attribute "
        "WHERE id IN (SELECT value FROM json_each(?))",
        (numbers(messages),),
    ).fetchall()
    return {
        message: {name: value for name, value in zip(_COLUMN_NAMES, values, strict=True) if value}
        for message, seal, *values in rows
        if message in messages and is_whole(seal, seals.of_values, message, values)
    }


def put_attributes(database: sqlite3.Connection, values: Mapping[int, Values]) -> None:
    """Put in rows of all but FLAGS, in the place of what is there."""
    rows = []
    for message, its_own in values.items():
        columns = [its_own.get(name, b"") for name in _COLUMN_NAMES]
        rows.append((message, seals.of_values(message, columns), *columns))
    insert(database, "INSERT OR REPLACE INTO attribute", rows)


def _write_but_flags(database: sqlite3.Connection, values: Mapping[int, Values]) -> list[int]:
    told = {
        message: {name: value for name, value in its_own.items() if name != "FLAGS"}
        for message, its_own in values.items()
        if its_own.keys() != {"FLAGS"}
    }
    changed = told
    if told and _any_there(database, "attribute", told):
        there = read_attributes(database, told)
        merged = {
            message: merge(message & UID_MASK, there.get(message, {}), its_own)
            for message, its_own in told.items()
        }
        changed = {
            message: its_own for message, its_own in merged.items() if its_own != there.get(message)
        }
    put_attributes(database, changed)
    return list(changed)


def _write_flags(database: sqlite3.Connection, flags: Mapping[int, bytes]) -> None:
    rows = {
        message: (message, seals.of_octets(message, value), value)
        for message, value in flags.items()
    }
    if rows and _any_there(database, "message", rows):
        # Most often all messages have the flags that they had.
        for message, seal in _seals(database, rows):
            if message in rows and rows[message][1] == seal:
                del rows[message]
    insert(database, "INSERT OR REPLACE INTO message", list(rows.values()))


def _seals(database: sqlite3.Connection, messages: Collection[int]) -> Iterable[tuple[int, int]]:
    """The messages that there are, and their seals, in one step."""
    (text,) = database.execute(
        "SELECT group_concat(id || ' ' || seal, ' ') FROM message "
        "WHERE id IN (SELECT value FROM json_each(?))",
        (numbers(messages),),
    ).fetchone()
    found = list(map(int, (text or "").split()))
    return zip(found[::2], found[1::2], strict=True)


def _any_there(database: sqlite3.Connection, table: str, messages: Collection[int]) -> bool:
    """Whether there may be rows of these messages: seldom, where mail is seen first."""
    row = database.execute(
        f"SELECT 1 FROM {table} WHERE id BETWEEN ? AND ? LIMIT 1",
        (min(messages), max(messages)),
    ).fetchone()
    return row is not None
