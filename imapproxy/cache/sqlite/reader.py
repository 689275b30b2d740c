"""Looking things up in the database, in the thread of the reactor."""

import sqlite3
import sys
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from operator import itemgetter
from typing import Any
from zlib import crc32

import msgspec

from imapproxy.cache.sqlite import queries, seals
from imapproxy.cache.sqlite.changes import Spoilt
from imapproxy.cache.sqlite.database import Fault, fault
from imapproxy.cache.sqlite.doubts import Doubts
from imapproxy.cache.sqlite.schema import CHUNK, CHUNK_BITS, COLUMNS, UID_BITS, UID_MASK
from imapproxy.cache.store import (
    Form,
    Holding,
    Mailbox,
    Need,
    Reader,
    Section,
    StoreError,
    UidList,
)

_FORMS = tuple(Form)


class SqliteReader(Reader):
    """See the port.

    ``report`` is called with what turned out to be spoilt, and with ``None`` if the database is.
    """

    def __init__(self, doubts: Doubts, report: Callable[[Spoilt | None], None]) -> None:
        self._database: sqlite3.Connection | None = None
        self._doubts = doubts
        self._report = report

    def use(self, database: sqlite3.Connection | None) -> None:
        """Read from this database from now on, or from none."""
        if self._database is not None:
            self._database.close()
        self._database = database

    # -- the port --------------------------------------------------------------------------

    def uid_list(self, mailbox: Mailbox) -> UidList | None:
        """See the port."""
        with self._reading() as database:
            box = self._box(database, mailbox)
            row = database.execute(
                "SELECT uid_next, seal, uids FROM uid_list WHERE mailbox = ?", (box,)
            ).fetchone()
        if row is None:
            return None
        uid_next, seal, octets = row
        if seals.of_octets(box + uid_next, octets) != seal:
            self._report(Spoilt("uid_list", box))
            return None
        return UidList(uid_next, _unpack(octets))

    def held(
        self,
        mailbox: Mailbox,
        attributes: Sequence[str],
        needs: Sequence[Need],
        low: int,
        high: int,
    ) -> "array[int]":
        """See the port."""
        statement, parameters = queries.held(attributes, needs)
        with self._reading() as database:
            between = _between(self._box(database, mailbox), low, high)
            rows = database.execute(statement, (*between, *parameters)).fetchall()
        return array("I", list(chain.from_iterable(rows)))

    def attributes(
        self, mailbox: Mailbox, names: Sequence[str], low: int, high: int
    ) -> list[tuple[int | bytes | None, ...]]:
        """See the port."""
        if not names:
            return []
        with self._reading() as database:
            between = _between(self._box(database, mailbox), low, high)
            if "FLAGS" in names:
                rows = database.execute(queries.FLAGS_AND_ATTRIBUTES, between).fetchall()
                return self._flags_and_attributes(rows, names)
            statement = queries.ATTRIBUTES.format(condition=queries.is_held(names))
            rows = database.execute(statement, between).fetchall()
        return self._attributes(rows, names)

    def sections(
        self, mailbox: Mailbox, need: Need, low: int, high: int, max_octets: int
    ) -> list[Section]:
        """See the port."""
        statement, before, behind = queries.sections(need)
        with self._reading() as database:
            between = _between(self._box(database, mailbox), low, high)
            cursor = database.execute(statement, (*before, *between, *behind))
            try:
                return self._sections(cursor, max_octets)
            finally:
                cursor.close()  # a snapshot that stays open keeps the log from being copied over

    def octets(self, content: int, offset: int, length: int) -> bytes:
        """See the port."""
        base = content << CHUNK_BITS
        first = offset // CHUNK
        with self._reading() as database:
            size = self._size(database, content)
            end = min(offset + length, size)
            if offset >= end:
                return b""
            between = (base + first, base + (end - 1) // CHUNK)
            rows = database.execute(queries.CHUNKS, between).fetchall()
        pieces = [
            octets for number, seal, octets in rows if seals.of_octets(number, octets) == seal
        ]
        whole = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        start = offset - first * CHUNK
        if len(pieces) < len(rows) or len(whole) < start + end - offset:
            self._report(Spoilt("content", content))
            raise StoreError("a message in the cache is damaged; ask the upstream")
        return whole[start : start + end - offset]

    def shape(self, account: bytes, request: bytes) -> tuple[bytes, ...] | None:
        """See the port."""
        octets = self._small("shape", "names", "request", account, request)
        return None if octets is None else msgspec.msgpack.decode(octets, type=tuple[bytes, ...])

    def note(self, account: bytes, key: bytes) -> bytes | None:
        """See the port."""
        return self._small("note", "value", "key", account, key)

    def holdings(self) -> list[Holding]:
        """See the port."""
        with self._reading() as database:
            rows = database.execute(queries.HOLDINGS).fetchall()
        found = []
        for account, label, mailbox_id, uid_validity, name, number, seal, *figures in rows:
            mailbox = Mailbox(account, label, mailbox_id, uid_validity)
            kept = mailbox if mailbox_id else mailbox._replace(name=name)
            if seals.of_mailbox(number, kept) == seal:
                found.append(Holding(mailbox, *figures))
        return found

    # -- rows ------------------------------------------------------------------------------

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """The database; what goes wrong with it is told."""
        if self._database is None:
            raise StoreError("the cache is closed, or damaged and made anew in this moment")
        try:
            yield self._database
        except sqlite3.Error as error:
            if fault(error) is Fault.DAMAGED:
                self.use(None)
                self._report(None)
            raise StoreError(f"the cache cannot be read: {error}; ask the upstream") from None

    def _box(self, database: sqlite3.Connection, mailbox: Mailbox) -> int:
        """The number of the mailbox; 0, which has no rows, if there is none."""
        if self._doubts and mailbox in self._doubts:
            return 0
        where = (*mailbox.identity, mailbox.uid_validity)
        row: tuple[int, int] | None = database.execute(queries.MAILBOX, where).fetchone()
        if row is None:
            return 0
        number, seal = row
        if seals.of_mailbox(number, mailbox) != seal:
            self._report(Spoilt("mailbox", number))
            return 0
        return number

    def _attributes(
        self, rows: Sequence[tuple[Any, ...]], names: Sequence[str]
    ) -> list[tuple[int | bytes | None, ...]]:
        of_values = seals.of_values
        columns = list(COLUMNS)
        pick = itemgetter(0, *(2 + columns.index(name) for name in names))
        found = []
        for row in rows:
            if of_values(row[0], row[2:]) != row[1]:
                self._report(Spoilt("attribute", row[0]))
                continue
            found.append(_with_uid(pick(row)))
        return found

    def _flags_and_attributes(
        self, rows: Sequence[tuple[Any, ...]], names: Sequence[str]
    ) -> list[tuple[int | bytes | None, ...]]:
        columns = ["FLAGS", None, None, *COLUMNS]
        pick = itemgetter(0, *(2 + columns.index(name) for name in names))
        found = []
        for row in rows:
            number, seal, flags, behind, its_seal, *values = row
            if seals.of_octets(number, flags) != seal:
                self._report(Spoilt("message", number))
                continue
            if behind and seals.of_values(behind, values) != its_seal:
                self._report(Spoilt("attribute", number))
                continue
            picked = _with_uid(pick(row))
            if any(picked[1:]):
                found.append(picked)
        return found

    def _sections(self, rows: sqlite3.Cursor, max_octets: int) -> list[Section]:
        seal_of = seals.of_section
        found = []
        octets = 0
        for message, key, form, clean, size, content, checksum, seal, data in rows:
            if seal_of(message, key, form, clean, size, content, checksum) != seal or (
                data is not None and crc32(data) != checksum
            ):
                self._report(Spoilt("section", message))
                continue
            uid = message & UID_MASK
            found.append(Section(uid, key, _FORMS[form], size, bool(clean), content, data))
            if data is not None:
                octets += size
                if octets >= max_octets:
                    break
        return found

    def _size(self, database: sqlite3.Connection, content: int) -> int:
        row = database.execute("SELECT size FROM content WHERE id = ?", (content,)).fetchone()
        if row is None:
            raise StoreError("a message is gone from the cache; ask the upstream")
        size: int = row[0]
        return size

    def _small(
        self, table: str, column: str, key: str, account: bytes, value: bytes
    ) -> bytes | None:
        with self._reading() as database:
            row = database.execute(
                f"SELECT seal, {column} FROM {table} WHERE account = ? AND {key} = ?",
                (account, value),
            ).fetchone()
        if row is None:
            return None
        seal, octets = row
        return octets if seals.of_small(account, value, octets) == seal else None


def _between(box: int, low: int, high: int) -> tuple[int, int]:
    base = box << UID_BITS
    return base + max(low, 0), base + min(high, UID_MASK)


def _with_uid(picked: tuple[Any, ...]) -> tuple[int | bytes | None, ...]:
    """The row as the port has it: a UID in front, ``None`` where nothing is."""
    number, *values = picked
    if b"" in values:
        values = [value or None for value in values]
    return (number & UID_MASK, *values)


def _unpack(octets: bytes) -> "array[int]":
    uids = array("I")
    uids.frombytes(octets)
    if sys.byteorder == "big":
        uids.byteswap()
    return uids
