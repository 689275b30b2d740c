"""How much a store takes on the disk, and what goes when that is too much."""

import sqlite3
from pathlib import Path

import pytest

from imapproxy.cache.store import Form, Mailbox, Need
from tests.cache.waiting import Opened

INBOX = Mailbox(b"mail.example:anna", b"INBOX", b"", 7)
SENT = INBOX._replace(name=b"Sent")
BODY = Need(("",))
ALL = 1, 2**32 - 1
MEGABYTE = 1_000_000


def octets(uid: int, size: int) -> bytes:
    return (b"%d " % uid * (size // 2))[:size]


def keep(opened: Opened, uid: int, size: int, mailbox: Mailbox = INBOX) -> None:
    opened.store.writer.keep_section(mailbox, uid, "", Form.LITERAL, octets(uid, size))


def bodies(opened: Opened, mailbox: Mailbox = INBOX) -> list[int]:
    return list(opened.store.reader.held(mailbox, (), [BODY], *ALL))


def size(opened: Opened) -> int:
    return opened.database.stat().st_size


@pytest.mark.parametrize("body", [20_000, 900_000])
def test_the_file_never_passes_the_limit(tmp_path, body):
    limit = 12 * MEGABYTE
    largest = 0
    with Opened(tmp_path / "cache", max_octets=limit) as opened:
        count = 40 * MEGABYTE // body
        for uid in range(1, count + 1):
            keep(opened, uid, body)
            opened.store.writer.keep_attributes(INBOX, uid, {"ENVELOPE": b"(NIL)" * 20})
            if uid % (4 * MEGABYTE // body) == 0:
                opened.flush()
                largest = max(largest, size(opened))
        opened.settle()
        assert 0.8 * limit < largest <= limit + 100_000
        assert size(opened) <= limit
        left = bodies(opened)
        assert left == list(range(left[0], count + 1))  # the newest
        assert len(left) * body > 0.7 * limit
        # What is small goes last.
        assert len(opened.store.reader.attributes(INBOX, ["ENVELOPE"], *ALL)) == count


def test_a_smaller_limit_makes_a_smaller_file(tmp_path):
    with Opened(tmp_path / "cache") as opened:
        for uid in range(1, 201):
            keep(opened, uid, 100_000)
        opened.settle()
        assert size(opened) > 20 * MEGABYTE
    with Opened(tmp_path / "cache", max_octets=5 * MEGABYTE) as opened:
        opened.settle()
        assert size(opened) <= 5 * MEGABYTE
        left = bodies(opened)
        assert left == list(range(left[0], 201))
        assert len(left) > 35


@pytest.mark.parametrize("how", ["drop", "forget"])
def test_what_is_gone_is_given_back_to_the_file_system(tmp_path, how):
    with Opened(tmp_path / "cache") as opened:
        keep(opened, 1, 50_000, SENT)
        opened.settle()
        before = size(opened)
        for uid in range(1, 1201):
            keep(opened, uid, 10_000)
        opened.settle()
        assert size(opened) > before + 12 * MEGABYTE
        if how == "drop":
            opened.store.writer.drop(INBOX)
        else:
            opened.store.writer.forget(INBOX, range(1, 1201))
        opened.settle()
        assert size(opened) < before + 200_000
        assert bodies(opened, SENT) == [1]


def test_what_two_messages_share_stays_until_both_are_gone(tmp_path):
    with Opened(tmp_path / "cache") as opened:
        keep(opened, 1, MEGABYTE)
        opened.store.writer.copied(INBOX, SENT, [(1, 9)])
        opened.settle()
        assert size(opened) < 1.5 * MEGABYTE
        opened.store.writer.forget(INBOX, [1])
        opened.settle()
        assert bodies(opened, SENT) == [9]
        opened.store.writer.forget(SENT, [9])
        opened.settle()
        assert size(opened) < MEGABYTE / 2


def test_a_message_that_would_push_out_the_others_is_not_kept(tmp_path):
    with Opened(tmp_path / "cache", max_octets=4 * MEGABYTE) as opened:
        keep(opened, 1, MEGABYTE)
        section = opened.store.writer.begin_section(INBOX, 2, "", Form.LITERAL, 3 * MEGABYTE)
        for _ in range(30):
            section.write(b"x" * 100_000)
        section.close()
        keep(opened, 3, 3 * MEGABYTE)
        opened.flush()
        assert bodies(opened) == [1]


def test_attributes_go_when_there_is_nothing_else(tmp_path):
    envelope = b"(" + b"x" * 3_000 + b")"
    with Opened(tmp_path / "cache", max_octets=2 * MEGABYTE) as opened:
        for mailbox in (SENT, INBOX):
            for uid in range(1, 301):
                opened.store.writer.keep_attributes(mailbox, uid, {"ENVELOPE": envelope})
            opened.flush()
        opened.settle()
        assert size(opened) <= 2 * MEGABYTE
        reader = opened.store.reader
        assert len(reader.attributes(INBOX, ["ENVELOPE"], *ALL)) == 300
        assert reader.attributes(SENT, ["ENVELOPE"], *ALL) == []


def test_reading_the_same_again_writes_nothing(tmp_path):
    with Opened(tmp_path / "cache") as opened:
        for uid in range(1, 101):
            keep(opened, uid, 1_000)
        opened.flush()
        contents = [s.content for s in opened.store.reader.sections(INBOX, BODY, *ALL, 2**40)]
        opened.store.writer.used(contents)
        opened.flush()
        before = uses(opened.database)
        for _ in range(3):
            opened.store.writer.used(contents)
            opened.flush()
        assert uses(opened.database) == before


def uses(path: Path) -> list[tuple[int, int]]:
    database = sqlite3.connect(path)
    found = database.execute("SELECT id, used FROM content").fetchall()
    database.close()
    return found


def test_a_clock_that_jumps_changes_nothing(tmp_path, monkeypatch):
    times = iter([2e9, 1e9, 3e9, 0.0, 1e9, 5e9, 1.0] * 10)
    monkeypatch.setattr("imapproxy.cache.sqlite.write_thread.time.time", lambda: next(times))
    with Opened(tmp_path / "cache", max_octets=4 * MEGABYTE) as opened:
        for uid in range(1, 7):
            keep(opened, uid, MEGABYTE)
            opened.flush()
        assert bodies(opened) == [4, 5, 6]
