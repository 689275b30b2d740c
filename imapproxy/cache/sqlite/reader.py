"""Looking things up in the database, in the thread of the reactor."""

import sqlite3
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain

import msgspec

from imapproxy.cache.sqlite import queries, rows, seals
from imapproxy.cache.sqlite.changes import Spoilt
from imapproxy.cache.sqlite.database import ERRORS, is_damage
from imapproxy.cache.sqlite.doubts import Doubts
from imapproxy.cache.sqlite.files import FileNumber
from imapproxy.cache.sqlite.room import taken
from imapproxy.cache.sqlite.schema import CHUNK, CHUNK_BITS, MAX_INTEGER, UID_BITS, UID_MASK
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
_MAX_BOXES = 1000


class SqliteReader(Reader):
    """See the port.

    ``report`` is called with what turned out to be spoilt, and ``damaged`` if all of it is.
    """

    def __init__(
        self,
        doubts: Doubts,
        report: Callable[[Spoilt], None],
        damaged: Callable[[FileNumber], None],
    ) -> None:
        self._database: sqlite3.Connection | None = None
        self._boxes: dict[Mailbox, int] = {}  # their numbers, as far as they were looked up
        self._number: FileNumber | None = None
        self._doubts = doubts
        self._report = report
        self._damaged = damaged

    def use(self, database: sqlite3.Connection, number: FileNumber) -> None:
        """Read from this database from now on, which is in the file with this number."""
        self.close()
        self._database = database
        self._number = number

    def close(self) -> None:
        """Read from none."""
        if self._database is not None:
            self._database.close()
        self._database = None
        self._boxes.clear()

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
        if not rows.is_whole(seal, seals.of_uid_list, box, uid_next, octets):
            self._report(Spoilt("uid_list", box))
            return None
        return UidList(uid_next, rows.unpack_uids(octets))

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
            found = database.execute(statement, (*between, *parameters)).fetchall()
        return array("I", sorted(set(chain.from_iterable(found))))

    def attributes(
        self, mailbox: Mailbox, names: Sequence[str], low: int, high: int
    ) -> list[tuple[int | bytes | None, ...]]:
        """See the port."""
        if not names:
            return []
        with self._reading() as database:
            between = _between(self._box(database, mailbox), low, high)
            if "FLAGS" in names:
                alone = set(names) == {"FLAGS"}
                statement = queries.FLAGS if alone else queries.FLAGS_AND_ATTRIBUTES
                found = database.execute(statement, between).fetchall()
                return rows.flags_and_attributes(found, names, self._report)
            statement = queries.ATTRIBUTES.format(condition=queries.is_held(names))
            found = database.execute(statement, between).fetchall()
        return rows.attributes(found, names, self._report)

    def sections(
        self, mailbox: Mailbox, need: Need, low: int, high: int, max_octets: int
    ) -> list[Section]:
        """See the port."""
        statement, before, behind = queries.sections(need)
        with self._reading() as database:
            between = _between(self._box(database, mailbox), low, high)
            cursor = database.execute(statement, (*before, *between, *behind))
            try:
                return rows.sections(cursor, need, max_octets, self._report)
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
            last = (end - 1) // CHUNK
            found = database.execute(queries.CHUNKS, (base + first, base + last)).fetchall()
        pieces = rows.chunks(found, range(base + first, base + last + 1))
        whole = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        start = offset - first * CHUNK
        if len(whole) < start + end - offset:
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
            found = database.execute(queries.HOLDINGS).fetchall()
        return [
            Holding(mailbox, *figures)
            for number, seal, account, name, mailbox_id, uid_validity, *figures in found
            for mailbox in [Mailbox(account, name, mailbox_id, uid_validity)]
            if rows.is_whole(seal, seals.of_mailbox, number, mailbox)
        ]

    def octets_in_use(self) -> int:
        """How much of the file counts against its limit."""
        with self._reading() as database:
            return taken(database)

    # -- rows ------------------------------------------------------------------------------

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """The database; what goes wrong with it is told."""
        if self._database is None:
            raise StoreError("the cache is closed, or damaged and made anew in this moment")
        try:
            yield self._database
        except ERRORS as error:
            if is_damage(error) and self._number is not None:
                self.close()
                self._damaged(self._number)
            raise StoreError(f"the cache cannot be read: {error}; ask the upstream") from None

    def _box(self, database: sqlite3.Connection, mailbox: Mailbox) -> int:
        """The number of the mailbox; 0, which has no rows, if there is none."""
        if mailbox.uid_validity > MAX_INTEGER or (self._doubts and mailbox in self._doubts):
            return 0
        known = self._boxes.get(mailbox)
        if known is not None:
            where = (known, mailbox.identity[2], mailbox.uid_validity)
            if database.execute(queries.IS_THERE, where).fetchone() is not None:
                return known
        number = self._looked_up(database, mailbox)
        if number:
            # A number is never used for a second mailbox, so that it need not be looked up again.
            if len(self._boxes) >= _MAX_BOXES:
                self._boxes.clear()
            self._boxes[mailbox] = number
        return number

    def _looked_up(self, database: sqlite3.Connection, mailbox: Mailbox) -> int:
        where = (*mailbox.identity, mailbox.uid_validity)
        row = database.execute(queries.MAILBOX, where).fetchone()
        if row is None:
            return 0
        number: int
        number, seal, label = row
        kept = mailbox._replace(name=label) if mailbox.mailbox_id else mailbox
        if not rows.is_whole(seal, seals.of_mailbox, number, kept):
            self._report(Spoilt("mailbox", number))
            return 0
        return number

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
        whole = rows.is_whole(seal, seals.of_small, account, value, octets)
        return octets if whole else None


def _between(box: int, low: int, high: int) -> tuple[int, int]:
    base = box << UID_BITS
    return base + max(low, 0), base + min(high, UID_MASK)
