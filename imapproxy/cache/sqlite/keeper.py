"""Looking after the store on disk: for people, with or without a proxy that uses it."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from imapproxy.cache.keeper import Checked, Finding, HeldMessage, Keeper
from imapproxy.cache.sqlite.database import ERRORS, transaction
from imapproxy.cache.sqlite.doubts import Doubts
from imapproxy.cache.sqlite.files import StoreFiles
from imapproxy.cache.sqlite.opening import open_existing
from imapproxy.cache.sqlite.reader import SqliteReader
from imapproxy.cache.sqlite.room import give_back, sweep, taken
from imapproxy.cache.sqlite.verify import Verifier
from imapproxy.cache.sqlite.writing import Writing
from imapproxy.cache.store import Form, Holding, Mailbox, Need, Section, StoreError

_WHOLE = Need(("",))

# So many UIDs are looked up, and so many octets are in memory, at one time.
_UIDS = 200
_OCTETS = 256 * 1024


def open_keeper(directory: Path) -> "SqliteKeeper":
    """Look after the store in ``directory``. Raises :class:`StoreError` if there is none."""
    return SqliteKeeper(StoreFiles(directory))


class SqliteKeeper(Keeper):
    """See the port; made by :func:`open_keeper`."""

    def __init__(self, files: StoreFiles) -> None:
        self._files = files
        opened = open_existing(files)
        self._writing = opened.writing
        # What is damaged a proxy mends when it comes upon it, and ``verify`` when it is told to.
        self._reader = SqliteReader(Doubts(), lambda _: None, lambda _: None)
        self._reader.use(opened.reading, opened.number)

    def holdings(self) -> list[Holding]:
        """See the port."""
        return self._reader.holdings()

    def octets_on_disk(self) -> int:
        """See the port."""
        return self._files.octets()

    def octets_in_use(self) -> int:
        """See the port."""
        with self._told():
            return taken(self._writing)

    def messages(self, mailbox: Mailbox) -> Iterator[HeldMessage]:
        """See the port."""
        uids = self._reader.held(mailbox, (), [_WHOLE], 1, 2**32 - 1)
        for at in range(0, len(uids), _UIDS):
            low, high = uids[at], uids[min(at + _UIDS, len(uids)) - 1]
            rows = self._reader.attributes(mailbox, ("FLAGS", "INTERNALDATE"), low, high)
            told = {row[0]: row[1:] for row in rows}
            for uid in uids[at : at + _UIDS]:
                for section in self._reader.sections(mailbox, _WHOLE, uid, uid, 1):
                    flags, internal_date = told.get(uid, (None, None))
                    yield self._message(section, flags, internal_date)

    def verify(self, *, mend: bool = False) -> Iterator[Checked | Finding]:
        """See the port."""
        verifier = Verifier(self._writing)
        with self._told():
            self._writing.execute("BEGIN")
            try:
                yield from verifier.everything()
            finally:
                self._writing.execute("ROLLBACK")
            if mend and not verifier.is_sound:
                self._write(verifier.mend)
                yield Finding("what is damaged was taken out")

    def clear(self, account: bytes | None = None, name: bytes | None = None) -> int:
        """See the port."""
        cleared = 0

        def clear(writing: Writing) -> None:
            nonlocal cleared
            cleared = writing.clear(account, name)

        with self._told():
            self._write(clear)
            while self._write(sweep):
                pass
            while give_back(self._writing):
                pass
            self._writing.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return cleared

    def close(self) -> None:
        """See the port."""
        self._reader.close()
        self._writing.close()

    def _write(self, write: Callable[[Writing], object]) -> object:
        with transaction(self._writing):
            writing = Writing(self._writing, time.time())
            written = write(writing)
            writing.finish()
        return written

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except ERRORS as error:
            raise StoreError(f"the cache {self._files.database}: {error}") from None

    # -- messages --------------------------------------------------------------------------

    def _message(
        self, section: Section, flags: int | bytes | None, internal_date: int | bytes | None
    ) -> HeldMessage:
        assert not isinstance(flags, int)
        assert not isinstance(internal_date, int)
        if section.form is Form.AS_IS:
            octets = _unquoted(section.data or b"")
            return HeldMessage(section.uid, flags, internal_date, len(octets), iter([octets]))
        pieces = self._pieces(section)
        return HeldMessage(section.uid, flags, internal_date, section.size, pieces)

    def _pieces(self, section: Section) -> Iterator[bytes]:
        if section.data is not None:
            yield section.data
            return
        for at in range(0, section.size, _OCTETS):
            yield self._reader.octets(section.content, at, _OCTETS)


def _unquoted(value: bytes) -> bytes:
    """What a quoted string stands for, or NIL (RFC 9051 section 4.3)."""
    if not value.startswith(b'"'):
        return b""
    return re.sub(rb"\\(.)", rb"\1", value[1:-1])
