"""Looking at everything in a database: every tree, every seal, every octet."""

import sqlite3
from collections.abc import Iterator

from imapproxy.cache.keeper import Checked, Finding
from imapproxy.cache.sqlite import queries, seals
from imapproxy.cache.sqlite.changes import Spoilt
from imapproxy.cache.sqlite.rows import is_whole
from imapproxy.cache.sqlite.schema import CHUNK_BITS, COLUMNS, UID_BITS, UID_MASK
from imapproxy.cache.sqlite.writing import Writing
from imapproxy.cache.store import Mailbox

# Progress is told after so many rows.
_STEP = 500

_Found = Iterator[Checked | Finding]


class Verifier:
    """Looks at a database, of which nothing is changed.

    It has to be one snapshot: otherwise what a proxy changes meanwhile would look like damage.
    """

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._names: dict[int, str] = {}
        self._spoilt: list[Spoilt] = []
        self._spoilt_small: list[tuple[str, bytes, bytes]] = []
        self._unused: list[int] = []

    def everything(self) -> _Found:
        """All there is, one after the other. Raises ``database.ERRORS``."""
        yield from self._trees()
        yield from self._mailboxes()
        yield from self._messages()
        yield from self._attributes()
        yield from self._sections()
        yield from self._small()

    @property
    def is_sound(self) -> bool:
        """Whether nothing was found that could be taken out."""
        return not (self._spoilt or self._spoilt_small or self._unused)

    def mend(self, writing: Writing) -> None:
        """Take out what was found to be damaged."""
        for table, number in self._spoilt:
            writing.mend(table, number)
        for table, account, key in self._spoilt_small:
            writing.forget_small(table, account, key)
        writing.release(self._unused)

    def _trees(self) -> _Found:
        yield Checked("trees", 0, 1)
        for (text,) in self._database.execute("PRAGMA integrity_check"):
            if text != b"ok":
                yield Finding(text.decode("utf-8", "replace"))
        yield Checked("trees", 1, 1)

    def _mailboxes(self) -> _Found:
        total = self._count("mailbox")
        rows = self._database.execute(
            "SELECT id, seal, account, label, mailbox_id, uid_validity, name FROM mailbox"
        )
        for done, (number, seal, account, label, mailbox_id, uid_validity, name) in enumerate(rows):
            mailbox = Mailbox(account, label, mailbox_id, uid_validity)
            whole = is_whole(seal, seals.of_mailbox, number, mailbox)
            if not whole or name != (b"" if mailbox_id else label):
                yield self._finding("mailbox", number, f"mailbox {number}: its name is damaged")
            else:
                self._names[number] = label.decode("utf-8", "replace")
            yield Checked("mailboxes", done + 1, total)
        lists = self._database.execute("SELECT mailbox, seal, uid_next, uids FROM uid_list")
        for number, seal, uid_next, uids in lists:
            if not is_whole(seal, seals.of_uid_list, number, uid_next, uids):
                text = f"{self._name(number)}: its list of UIDs is damaged"
                yield self._finding("uid_list", number, text)

    def _messages(self) -> _Found:
        total = self._count("message")
        rows = self._database.execute("SELECT id, seal, flags FROM message")
        for done, (message, seal, flags) in enumerate(rows):
            if not is_whole(seal, seals.of_octets, message, flags):
                yield self._damaged("message", message, "its flags are damaged")
            if done % _STEP == 0:
                yield Checked("messages", done, total)
        yield Checked("messages", total, total)

    def _attributes(self) -> _Found:
        total = self._count("attribute")
        columns = ", ".join(COLUMNS.values())
        rows = self._database.execute(f"SELECT id, seal, {columns} FROM attribute")
        for done, (message, seal, *values) in enumerate(rows):
            if not is_whole(seal, seals.of_values, message, values):
                yield self._damaged("attribute", message, "its attributes are damaged")
            if done % _STEP == 0:
                yield Checked("attributes", done, total)
        yield Checked("attributes", total, total)

    def _sections(self) -> _Found:
        total = self._count("section")
        rows = self._database.execute(
            "SELECT message, key, form, clean, size, content, checksum, seal FROM section"
        )
        for done, (message, key, form, clean, size, content, checksum, seal) in enumerate(rows):
            what = (key, form, clean, size, content, checksum)
            if not is_whole(seal, seals.of_section, message, *what):
                yield self._damaged("section", message, "one of its sections is damaged")
            else:
                fault = self._fault_of_octets(content, size, checksum)
                if fault:
                    text = f"its section [{key.decode()}] {fault}"
                    yield self._damaged("section", message, text)
            if done % _STEP == 0:
                yield Checked("sections", done, total)
        yield Checked("sections", total, total)

    def _fault_of_octets(self, content: int, size: int, checksum: int) -> str:
        """What is wrong with the octets of a content, or nothing."""
        there = self._database.execute(
            "SELECT size FROM content WHERE id = ?", (content,)
        ).fetchone()
        if there != (size,):
            return "is not in the list of contents" if there is None else "has another size there"
        first = content << CHUNK_BITS
        rows = self._database.execute(queries.CHUNKS, (first, first + (1 << CHUNK_BITS) - 1))
        length, found = 0, seals.Running()
        for place, (number, seal, octets) in enumerate(rows):
            if number != first + place or not is_whole(seal, seals.of_octets, number, octets):
                return f"has a damaged piece ({place})"
            length += len(octets)
            found.add(octets)
        if length != size:
            return f"has {length} octets of {size}"
        return "" if found.value == checksum else "has other octets than it had"

    def _small(self) -> _Found:
        for table, key, value in (("shape", "request", "names"), ("note", "key", "value")):
            rows = self._database.execute(f"SELECT account, {key}, seal, {value} FROM {table}")
            for account, its_key, seal, octets in rows:
                if not is_whole(seal, seals.of_small, account, its_key, octets):
                    self._spoilt_small.append((table, account, its_key))
                    yield Finding(f"{table}: one of an account is damaged")
        unused = self._database.execute(
            "SELECT id FROM content WHERE id NOT IN (SELECT content FROM section) "
            "AND id NOT IN (SELECT content FROM begun)"
        ).fetchall()
        if unused:
            self._unused = [content for (content,) in unused]
            yield Finding(f"{len(unused)} contents belong to no message")

    # -- findings --------------------------------------------------------------------------

    def _damaged(self, table: str, message: int, text: str) -> Finding:
        place = f"{self._name(message >> UID_BITS)}, UID {message & UID_MASK}"
        return self._finding(table, message, f"{place}: {text}")

    def _finding(self, table: str, number: int, text: str) -> Finding:
        self._spoilt.append(Spoilt(table, number))
        return Finding(text)

    def _name(self, box: int) -> str:
        return self._names.get(box, f"mailbox {box}")

    def _count(self, table: str) -> int:
        (count,) = self._database.execute(f"SELECT count(*) FROM {table}").fetchone()
        return int(count)
