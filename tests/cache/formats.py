"""What the stores of older formats hold that are kept beside this file, and how they were made.

``python -m tests.cache.formats`` writes one of today's format: to be done, and committed, before
the format changes.
"""

import sqlite3
import tempfile
from array import array
from pathlib import Path

from imapproxy.cache.sqlite.schema import APPLICATION_ID, FORMAT
from imapproxy.cache.sqlite.store import SqliteStore
from imapproxy.cache.store import ATTRIBUTES, Form, Mailbox, Need, UidList
from tests.cache.waiting import Opened

_HERE = Path(__file__).parent
_INBOX = Mailbox(b"mail.example:anna", b"INBOX", b"", 7)
_SENT = Mailbox(b"mail.example:anna", b"Sent", b"F2", 8)
_ACCOUNT = _INBOX.account
_ALL = 1, 2**32 - 1


def kept() -> list[Path]:
    """The files, oldest first."""
    return sorted(_HERE.glob("format-*.sql"))


def begins_anew(file: Path) -> bool:
    """Whether nothing that is in it is kept: before format 3 the seals were others."""
    return file.stem in ("format-1", "format-2")


def restore(file: Path, directory: Path) -> None:
    """Make a store out of a file."""
    directory.mkdir(mode=0o700)
    place = directory / "cache.sqlite"
    place.touch(mode=0o600)
    with sqlite3.connect(place) as database:
        database.executescript(file.read_text())
    database.close()


def everything(store: SqliteStore) -> dict[str, object]:
    """What is there."""
    reader = store.reader
    sections = [
        (section.uid, section.key, section.form, section.clean, section.data)
        for mailbox in (_INBOX, _SENT)
        for key in ("", "HEADER")
        for section in reader.sections(mailbox, Need((key,)), *_ALL, 2**40)
    ]
    return {
        "lists": [reader.uid_list(_INBOX), reader.uid_list(_SENT)],
        "attributes": reader.attributes(_INBOX, ATTRIBUTES, *_ALL),
        "copies": reader.attributes(_SENT, ATTRIBUTES, *_ALL),
        "sections": sections,
        "note": reader.note(_ACCOUNT, b"key"),
        "shape": reader.shape(_ACCOUNT, b"request"),
        "holdings": [holding._replace(used=0) for holding in reader.holdings()],
    }


def fill(store: SqliteStore) -> None:
    """Put in one of each."""
    writer = store.writer
    for uid in (3, 5, 2**32 - 2):
        values = {name: b"(%s %d)" % (name.encode(), uid) for name in ATTRIBUTES}
        writer.keep_attributes(_INBOX, uid, values)
        writer.keep_section(_INBOX, uid, "", Form.LITERAL, b"A: %d\r\n\r\nText" % uid, clean=True)
    writer.keep_section(_INBOX, 5, "HEADER", Form.AS_IS, b'"A: 5"')
    writer.keep_uid_list(_INBOX, UidList(2**32 - 1, array("I", [3, 5, 2**32 - 2])))
    writer.copied(_INBOX, _SENT, [(3, 1), (5, 2)])
    writer.keep_note(_ACCOUNT, b"key", b"value")
    writer.keep_shape(_ACCOUNT, b"request", [b"UID", b"FLAGS"])
    writer.count(_INBOX, 4, 2)


def _write() -> None:
    with tempfile.TemporaryDirectory() as name:
        with Opened(Path(name) / "cache") as opened:
            fill(opened.store)
        with sqlite3.connect(opened.database) as database:
            database.text_factory = lambda octets: octets.decode()
            dump = "\n".join(database.iterdump())
        database.close()
    head = "PRAGMA page_size = 8192;\nPRAGMA auto_vacuum = INCREMENTAL;\n"
    head += f"PRAGMA application_id = {APPLICATION_ID};\nPRAGMA user_version = {FORMAT};\n"
    (_HERE / f"format-{FORMAT}.sql").write_text(head + dump + "\n")


if __name__ == "__main__":
    _write()
