"""One writing transaction: what all that write in it have in common."""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from imapproxy.cache.sqlite import seals
from imapproxy.cache.sqlite.database import Damaged, insert
from imapproxy.cache.sqlite.rows import is_whole
from imapproxy.cache.sqlite.schema import MAX_INTEGER, UID_BITS, UID_MASK
from imapproxy.cache.store import Mailbox


class Said(NamedTuple):
    """A line for the log: its format, and what is put into it."""

    format: str
    values: dict[str, Any]


class Writing:
    """What is done in one transaction on ``database``; ``now`` is in POSIX seconds."""

    def __init__(self, database: sqlite3.Connection, now: float) -> None:
        self.database = database
        self.said: list[Said] = []
        self._now = now
        self._next_content, self.clock = _state(database)
        self._boxes: dict[Mailbox, int | None] = {}
        self._written_to: set[int] = set()

    def finish(self) -> None:
        """Write what is written once a transaction."""
        self.clock += 1
        self.database.execute(
            "UPDATE state SET next_content = ?, clock = ?", (self._next_content, self.clock)
        )
        self.database.execute(
            "UPDATE mailbox SET used = ?, age = ? WHERE id IN (SELECT value FROM json_each(?))",
            (self._now, self.clock, numbers(self._written_to)),
        )

    # -- mailboxes -------------------------------------------------------------------------

    def find(self, mailbox: Mailbox) -> int | None:
        """The number of a mailbox, if it is held under this UIDVALIDITY."""
        row = self.row(mailbox)
        return row[0] if row and row[1] == mailbox.uid_validity else None

    def admit(self, mailbox: Mailbox) -> int | None:
        """The number of a mailbox that is written to.

        It is made where there is none. ``None`` under a UIDVALIDITY that has passed.
        """
        if mailbox not in self._boxes:
            box = self._boxes[mailbox] = self._admit(mailbox)
            if box is not None:
                self._written_to.add(box)
        return self._boxes[mailbox]

    def drop(self, mailbox: Mailbox) -> None:
        """Take a mailbox out, whatever its UIDVALIDITY; what it has is swept up later."""
        row = self.row(mailbox)
        if row:
            self.drop_number(row[0])

    def drop_number(self, box: int) -> None:
        """Take out the mailbox with this number."""
        self.database.execute("DELETE FROM mailbox WHERE id = ?", (box,))
        self.database.execute("DELETE FROM uid_list WHERE mailbox = ?", (box,))
        self.database.execute("INSERT OR IGNORE INTO garbage VALUES (?)", (box,))
        self._boxes.clear()

    def clear(self, account: bytes | None, name: bytes | None) -> int:
        """Take out a mailbox, an account or everything; how many mailboxes that were."""
        boxes = self.database.execute(
            "SELECT id FROM mailbox "
            "WHERE account = ifnull(?, account) AND label = ifnull(?, label)",
            (account, name),
        ).fetchall()
        for (box,) in boxes:
            self.drop_number(box)
        if name is None:
            for table in ("shape", "note"):
                self.database.execute(
                    f"DELETE FROM {table} WHERE account = ifnull(?, account)", (account,)
                )
        return len(boxes)

    def rename(self, box: int, mailbox: Mailbox) -> None:
        """Give a mailbox the name that ``mailbox`` has."""
        self.database.execute(
            "UPDATE mailbox SET name = ?, label = ?, seal = ? WHERE id = ?",
            (mailbox.identity[2], mailbox.name, seals.of_mailbox(box, mailbox), box),
        )
        self._boxes.clear()

    def _admit(self, mailbox: Mailbox) -> int | None:
        if mailbox.uid_validity > MAX_INTEGER:
            return None
        row = self.row(mailbox)
        if row is not None:
            box, uid_validity, label = row
            if uid_validity > mailbox.uid_validity:
                return None
            if uid_validity == mailbox.uid_validity:
                if label != mailbox.name:
                    self.rename(box, mailbox)
                return box
            self.drop_number(box)
        return self._make(mailbox)

    def _make(self, mailbox: Mailbox) -> int:
        box = self.database.execute(
            "INSERT INTO mailbox (account, mailbox_id, name, label, uid_validity, seal) "
            "VALUES (?, ?, ?, ?, ?, 0)",
            (*mailbox.identity, mailbox.name, mailbox.uid_validity),
        ).lastrowid
        assert box is not None
        seal = seals.of_mailbox(box, mailbox)
        self.database.execute("UPDATE mailbox SET seal = ? WHERE id = ?", (seal, box))
        return box

    def row(self, mailbox: Mailbox) -> tuple[int, int, bytes] | None:
        """The number, UIDVALIDITY and name of a mailbox, if there is such a row and it is whole."""
        row = self.database.execute(
            "SELECT id, uid_validity, label, seal FROM mailbox "
            "WHERE account = ? AND mailbox_id = ? AND name = ?",
            mailbox.identity,
        ).fetchone()
        if row is None:
            return None
        box, uid_validity, label, seal = row
        kept = mailbox._replace(uid_validity=uid_validity)
        if mailbox.mailbox_id:
            kept = kept._replace(name=label)
        if not is_whole(seal, seals.of_mailbox, box, kept):
            self.drop_number(box)
            return None
        return box, uid_validity, label

    def count(self, mailbox: Mailbox, served: int, missed: int) -> None:
        """Add to what was served and missed of a mailbox."""
        box = self.admit(mailbox)
        if box is not None:
            self.database.execute(
                "UPDATE mailbox SET served = served + ?, missed = missed + ? WHERE id = ?",
                (served, missed, box),
            )

    def forget_small(self, table: str, account: bytes, key: bytes) -> None:
        """Take out a note or a shape of an account."""
        column = "request" if table == "shape" else "key"
        self.database.execute(
            f"DELETE FROM {table} WHERE account = ? AND {column} = ?", (account, key)
        )

    # -- messages --------------------------------------------------------------------------

    def new_content(self, size: int) -> int:
        """The number of a content that is put in."""
        content: int = self._next_content
        self._next_content += 1
        self.clock += size
        return content

    def mark(self, messages: Iterable[int]) -> None:
        """See that there is a row for each message of which something is held."""
        rows = [(message, seals.of_octets(message, b""), b"") for message in messages]
        insert(self.database, "INSERT OR IGNORE INTO message", rows)

    def forget(self, messages: Sequence[int]) -> None:
        """Take out all that is held of these messages."""
        wanted = numbers(messages)
        contents = self.database.execute(
            "SELECT DISTINCT content FROM section "
            "WHERE message IN (SELECT value FROM json_each(?))",
            (wanted,),
        ).fetchall()
        for table, column in (("section", "message"), ("attribute", "id"), ("message", "id")):
            self.database.execute(
                f"DELETE FROM {table} WHERE {column} IN (SELECT value FROM json_each(?))",
                (wanted,),
            )
        self.release(content for (content,) in contents)

    def release(self, contents: Iterable[int]) -> None:
        """Let contents go that no section has any more."""
        found = self.database.execute(
            "SELECT value FROM json_each(?) "
            "WHERE NOT EXISTS (SELECT 1 FROM section WHERE content = value)",
            (numbers(contents),),
        ).fetchall()
        unused = (numbers(content for (content,) in found),)
        self.database.execute(
            "DELETE FROM chunk WHERE id IN (SELECT chunk.id FROM json_each(?) AS gone "
            "CROSS JOIN chunk ON chunk.id BETWEEN gone.value << 20 AND (gone.value + 1 << 20) - 1)",
            unused,
        )
        for table, column in (("content", "id"), ("begun", "content")):
            self.database.execute(
                f"DELETE FROM {table} WHERE {column} IN (SELECT value FROM json_each(?))",
                unused,
            )

    def mend(self, table: str, number: int) -> None:
        """Take out what has a broken seal, and all that is held of the same message."""
        if table == "mailbox":
            self.drop_number(number)
        elif table == "uid_list":
            self.database.execute("DELETE FROM uid_list WHERE mailbox = ?", (number,))
        elif table == "content":
            rows = self.database.execute(
                "SELECT DISTINCT message FROM section WHERE content = ?", (number,)
            ).fetchall()
            self.forget([message for (message,) in rows])
        else:
            self.forget([number])

    def unmark(self, messages: Iterable[int]) -> None:
        """Take out the rows of messages of which nothing is held any more."""
        self.database.execute(
            "DELETE FROM message WHERE id IN (SELECT value FROM json_each(?)) AND flags = x'' "
            "AND NOT EXISTS (SELECT 1 FROM attribute WHERE attribute.id = message.id) "
            "AND NOT EXISTS (SELECT 1 FROM section WHERE section.message = message.id)",
            (numbers(messages),),
        )


def numbers(some: Iterable[int]) -> str:
    """Numbers as JSON: a list of any length that is one parameter of a statement.

    Raises :class:`Damaged` if there is something else among them.
    """
    found = list(some)
    if not all(type(number) is int for number in found):
        raise Damaged("a number in the cache is none")
    return json.dumps(found)


def _state(database: sqlite3.Connection) -> tuple[int, int]:
    rows = database.execute("SELECT next_content, clock FROM state").fetchall()
    if len(rows) != 1 or not all(type(number) is int for number in rows[0]):
        raise Damaged("the state of the cache is lost")
    next_content, clock = rows[0]
    return next_content, clock


def messages_of(box: int) -> tuple[int, int]:
    """The first and last number that a message of a mailbox can have."""
    return box << UID_BITS, box << UID_BITS | UID_MASK
