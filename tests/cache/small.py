"""A small store of which all is known, and whether another gives nothing but that."""

from array import array
from pathlib import Path

from imapproxy.cache.sqlite.store import SqliteStore, open_store
from imapproxy.cache.store import ATTRIBUTES, Form, Mailbox, Need, StoreError, UidList
from tests.cache.waiting import Waiting

INBOX = Mailbox(b"mail.example:anna", b"INBOX", b"", 7)
SENT = Mailbox(b"mail.example:anna", b"Sent", b"F2", 7)
MAILBOXES = (INBOX, SENT)
COUNT = 60
KEYS = ("", "HEADER", "1")
LARGE = bytes(range(256)) * 1200  # 300 KiB


def octets(mailbox: Mailbox, uid: int, key: str) -> bytes:
    """The section of that message."""
    text = b"%s %d %s\r\n" % (mailbox.name, uid, key.encode())
    return text * 40 + (LARGE if uid == 7 and not key else b"")


def values(mailbox: Mailbox, uid: int) -> dict[str, bytes]:
    """The attributes of that message."""
    return {name: b"(%s of %s %d)" % (name.encode(), mailbox.name, uid) * 5 for name in ATTRIBUTES}


def uid_list(mailbox: Mailbox) -> UidList:
    return UidList(COUNT + len(mailbox.name), array("I", range(1, COUNT + 1)))


def fill(store: SqliteStore, low: int = 1, high: int = COUNT) -> None:
    """Put everything in."""
    writer = store.writer
    for mailbox in MAILBOXES:
        for uid in range(low, high + 1):
            writer.keep_attributes(mailbox, uid, values(mailbox, uid))
            for key in KEYS:
                whole = octets(mailbox, uid, key)
                writer.keep_section(mailbox, uid, key, Form.LITERAL, whole, clean=not key)
        writer.keep_uid_list(mailbox, uid_list(mailbox))
    writer.keep_note(INBOX.account, b"key", b"value")
    writer.keep_shape(INBOX.account, b"request", [b"UID", b"FLAGS"])


def make(directory: Path) -> None:
    """Make a store with everything in it."""
    reactor = Waiting()
    store = open_store(reactor, directory)
    fill(store)
    reactor.wait(store.close())


def true_share(store: SqliteStore) -> float:
    """How much of everything is there, of 1; that nothing else is there is asserted.

    What cannot be read is not there.
    """
    found = total = 0
    for mailbox in MAILBOXES:
        for check in (_attributes, _flags, _sections, _uid_list):
            some, of = check(store, mailbox)
            found += some
            total += of
    found += _told(lambda: store.reader.note(INBOX.account, b"key"), b"value")
    found += _told(lambda: store.reader.shape(INBOX.account, b"request"), (b"UID", b"FLAGS"))
    _or_nothing(store.reader.holdings)
    return found / (total + 2)


def _told(ask, wanted) -> bool:
    told = _or_nothing(ask)
    assert told in (None, wanted)
    return told is not None


def _or_nothing(ask):
    try:
        return ask()
    except StoreError:
        return None


def _attributes(store, mailbox) -> tuple[int, int]:
    return _rows(store, mailbox, ATTRIBUTES[1:])


def _flags(store, mailbox) -> tuple[int, int]:
    return _rows(store, mailbox, ATTRIBUTES)


def _rows(store, mailbox, names) -> tuple[int, int]:
    _or_nothing(lambda: store.reader.held(mailbox, names, (), 1, 2**32 - 1))
    rows = _or_nothing(lambda: store.reader.attributes(mailbox, names, 1, 2**32 - 1)) or []
    for uid, *told in rows:
        wanted = values(mailbox, uid)
        for name, value in zip(names, told, strict=True):
            assert value in (None, wanted[name])
    assert len({row[0] for row in rows}) == len(rows)
    return len(rows), COUNT


def _sections(store, mailbox) -> tuple[int, int]:
    found = 0
    for keys in (*((key,) for key in KEYS), ("HEADER", ""), ("2", "1", "")):
        need = Need(keys, clean=False)
        _or_nothing(lambda need=need: store.reader.held(mailbox, (), [need], 1, 2**32 - 1))
        sections = _or_nothing(
            lambda need=need: store.reader.sections(mailbox, need, 1, 2**32 - 1, 2**40)
        )
        for section in sections or []:
            wanted = octets(mailbox, section.uid, section.key)
            assert section.form is Form.LITERAL
            told = section.data
            if told is None:
                told = _or_nothing(lambda s=section: store.reader.octets(s.content, 0, s.size))
                part = _or_nothing(lambda s=section: store.reader.octets(s.content, 9, 99))
                assert part in (None, wanted[9:108])
            assert told in (None, wanted)
            found += told is not None
    return found, COUNT * 5


def _uid_list(store, mailbox) -> tuple[int, int]:
    return _told(lambda: store.reader.uid_list(mailbox), uid_list(mailbox)), 1
