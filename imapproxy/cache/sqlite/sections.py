"""Writing sections, and the octets that they have in common."""

import sqlite3
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from imapproxy.cache.sqlite import seals
from imapproxy.cache.sqlite.attributes import BrokenWord
from imapproxy.cache.sqlite.database import insert
from imapproxy.cache.sqlite.rows import is_whole
from imapproxy.cache.sqlite.schema import CHUNK, CHUNK_BITS, UID_MASK
from imapproxy.cache.sqlite.writing import Writing, numbers
from imapproxy.cache.store import WHOLE

#: A message and the key of one of its sections.
Place = tuple[int, str]


class Row(NamedTuple):
    """A row of ``section`` but for its place; ``checksum`` is the CRC-32 of all octets."""

    form: int
    clean: int
    size: int
    content: int
    checksum: int


class Incoming(NamedTuple):
    """A section that is to be written.

    ``octets`` are all of them. Where they came in pieces they are under ``content`` already; if
    that is 0, too, they were only compared with what is there.
    """

    form: int
    clean: bool
    size: int
    checksum: int
    octets: bytes | None = None
    content: int = 0

    @classmethod
    def whole(cls, form: int, octets: bytes, clean: bool) -> "Incoming":
        """A section that is here whole."""
        return cls(form, clean, len(octets), seals.of_content(octets), octets)


def supersede(place: Place, older: Row | Incoming, newer: Incoming) -> bool:
    """Whether the newer one is another; raises BrokenWord where that cannot be."""
    if older.form != newer.form:
        return True
    if (older.size, older.checksum) == (newer.size, newer.checksum):
        return False
    message, key = place
    if key == WHOLE:
        raise BrokenWord(message & UID_MASK, "BODY[]")
    return True


def write_sections(writing: Writing, incoming: Mapping[Place, Incoming]) -> list[int]:
    """Write sections; the messages that have changed. Raises BrokenWord."""
    there = read_sections(writing.database, {message for message, _ in incoming})
    rows: dict[Place, Row] = {}
    chunks: list[tuple[int, bytes]] = []
    spare: list[int] = []
    for place, section in incoming.items():
        old = there.get(place)
        if old is not None and not supersede(place, old, section):
            spare.append(section.content)
            if section.clean and not old.clean:
                rows[place] = old._replace(clean=1)
            continue
        if old is not None:
            spare.append(old.content)
        content = section.content
        if section.octets is not None:
            content = writing.new_content(section.size)
            chunks.append((content, section.octets))
        if content:
            rows[place] = Row(section.form, section.clean, section.size, content, section.checksum)
        else:
            _delete(writing.database, place)
    _put_octets(writing, chunks)
    put_sections(writing.database, rows)
    writing.database.executemany(
        "DELETE FROM begun WHERE content = ?",
        [(section.content,) for section in incoming.values() if section.content],
    )
    if any(spare):
        writing.release(filter(None, spare))
    messages = {message for message, _ in rows}
    writing.mark(messages)
    return list(messages)


def read_sections(database: sqlite3.Connection, messages: Collection[int]) -> dict[Place, Row]:
    """All sections of these messages whose seal is whole."""
    there = database.execute(
        "SELECT 1 FROM section WHERE message BETWEEN ? AND ? LIMIT 1",
        (min(messages, default=0), max(messages, default=0)),
    ).fetchone()
    if there is None:
        return {}
    rows = database.execute(
        "SELECT message, key, seal, form, clean, size, content, checksum FROM section "
        "WHERE message IN (SELECT value FROM json_each(?))",
        (numbers(messages),),
    ).fetchall()
    return {
        (message, key.decode()): Row(*row)
        for message, key, seal, *row in rows
        if message in messages and is_whole(seal, seals.of_section, message, key, *row)
    }


def put_sections(database: sqlite3.Connection, rows: Mapping[Place, Row]) -> None:
    """Put in rows of sections, in the place of what is there."""
    insert(
        database,
        "INSERT OR REPLACE INTO section",
        [
            (message, key, *row, seals.of_section(message, key.encode(), *row))
            for (message, key), row in rows.items()
        ],
    )


def put_chunk(database: sqlite3.Connection, content: int, number: int, octets: bytes) -> None:
    """Put in one piece of a content that has been begun; nothing if that has gone meanwhile."""
    chunk = content << CHUNK_BITS | number
    database.execute(
        "INSERT INTO chunk SELECT ?, ?, ? WHERE EXISTS (SELECT 1 FROM begun WHERE content = ?)",
        (chunk, seals.of_octets(chunk, octets), octets, content),
    )


def _put_octets(writing: Writing, contents: Iterable[tuple[int, bytes]]) -> None:
    rows, chunks = [], []
    for content, octets in contents:
        rows.append((content, len(octets), writing.clock))
        first = content << CHUNK_BITS
        for at in range(0, len(octets) or 1, CHUNK):
            chunk = first + at // CHUNK
            piece = octets[at : at + CHUNK]
            chunks.append((chunk, seals.of_octets(chunk, piece), piece))
    insert(writing.database, "INSERT INTO content", rows)
    insert(writing.database, "INSERT INTO chunk", chunks)


def _delete(database: sqlite3.Connection, place: Place) -> None:
    database.execute("DELETE FROM section WHERE message = ? AND key = ?", place)
