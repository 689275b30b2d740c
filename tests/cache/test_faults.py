"""Full disks, slow disks, other processes, and threads that end: reading goes on."""

import resource
import sqlite3
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest

from imapproxy.cache.sqlite.changes import Spoilt
from imapproxy.cache.sqlite.queue import ChangeQueue
from imapproxy.cache.store import Form, Mailbox, Need, StoreError
from tests.cache import small
from tests.cache.small import INBOX
from tests.cache.waiting import Opened
from tests.real.programs import python_environment

BODY = Need(("",))
ALL = 1, 2**32 - 1


@pytest.fixture
def directory(tmp_path):
    small.make(tmp_path / "cache")
    return tmp_path / "cache"


@contextmanager
def no_file_longer_than(octets: int):
    """The disk is full, as far as this process is concerned."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (octets, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def held(opened: Opened, mailbox: Mailbox = INBOX) -> list[int]:
    return list(opened.store.reader.held(mailbox, (), [BODY], *ALL))


def keep(opened: Opened, uid: int, size: int = 1000) -> None:
    opened.store.writer.keep_section(INBOX, uid, "", Form.LITERAL, b"x" * size)


# -- full disks ------------------------------------------------------------------------------


def test_a_full_disk_ends_writing_and_not_reading(directory, logged_errors):
    with Opened(directory, retry=0) as opened:
        with no_file_longer_than(100_000):
            for uid in range(1001, 1011):
                keep(opened, uid, 100_000)
                opened.flush()
            assert small.true_share(opened.store) == 1
        assert logged_errors.text().count("the cache cannot be written") == 1
        keep(opened, 2001)
        opened.flush()
        assert held(opened)[-1] == 2001
        opened.store.writer.forget(INBOX, [2001])
        opened.flush()
        assert small.true_share(opened.store) == 1
    assert logged_errors.text().count("the cache can be written again") == 1


def test_a_database_that_cannot_grow(directory, logged_errors):
    with Opened(directory, retry=0) as opened:
        writing = opened.store._thread._database
        (pages,) = writing.execute("PRAGMA page_count").fetchone()
        writing.execute(f"PRAGMA max_page_count = {pages + 2}")
        keep(opened, 1001, 100_000)
        opened.flush()
        assert "database or disk is full" in logged_errors.text()
        assert small.true_share(opened.store) == 1


def test_on_a_full_disk_nothing_is_tried_for_a_while(directory):
    with Opened(directory, retry=1000) as opened:
        with no_file_longer_than(100_000):
            keep(opened, 1001, 100_000)
            opened.flush()
        keep(opened, 1002)
        opened.flush()
        assert held(opened)[-1] == small.COUNT


def test_what_was_dropped_is_not_read_though_it_cannot_be_written(directory):
    with Opened(directory, retry=0) as opened:
        with no_file_longer_than(1000):
            opened.store.writer.drop(INBOX)
            assert held(opened) == []
            opened.flush()
            assert held(opened) == []
            keep(opened, 1001)
            opened.flush()
            assert held(opened) == []
            assert len(held(opened, small.SENT)) == small.COUNT
        keep(opened, 1002)
        opened.flush()
        assert held(opened) == [1002]


def test_what_was_dropped_and_could_not_be_written_is_not_found_again(directory, logged_errors):
    opened = Opened(directory)
    opened.flush()
    with no_file_longer_than(1000):
        opened.store.writer.drop(INBOX)
        opened.reactor.wait(opened.store.close())
    assert "it is deleted" in logged_errors.text()
    with Opened(directory) as opened:
        assert held(opened) == []


# -- slow disks ------------------------------------------------------------------------------


def test_what_does_not_fit_into_the_queue_is_not_kept(tmp_path, logged_errors):
    with Opened(tmp_path / "cache", max_waiting=1_000_000) as opened:
        lock = sqlite3.connect(opened.database, isolation_level=None)
        opened.flush()
        lock.execute("BEGIN IMMEDIATE")
        for uid in range(1, 101):
            keep(opened, uid, 20_000)
        section = opened.store.writer.begin_section(INBOX, 200, "", Form.LITERAL, 300_000)
        section.write(b"x" * 300_000)
        section.close(header=b"A: 1\r\n\r\n")
        lock.execute("ROLLBACK")
        lock.close()
        opened.flush()
        kept = held(opened)
        assert kept == list(range(1, len(kept) + 1))
        assert 40 < len(kept) < 60
        keep(opened, 300)
        opened.flush()
        assert held(opened)[-1] == 300
    assert logged_errors.text().count("slower than the mail that comes") == 1


def test_the_queue_hands_over_everything_once():
    queue = ChangeQueue(10**9)
    taken = []

    def take():
        while not taken or taken[-1] != Spoilt("end", 0):
            taken.extend(queue.take(None))

    thread = threading.Thread(target=take)
    thread.start()
    for number in range(5_000):
        assert queue.offer(Spoilt("", number), 10)
        if number % 700 == 0:
            queue.hurry(Spoilt("", -number))
    queue.hurry(Spoilt("end", 0))
    thread.join()
    numbers = [order.number for order in taken if order.number > 0]
    assert numbers == list(range(1, 5_000))
    assert len(taken) == 5_000 + 8 + 1


# -- other processes -------------------------------------------------------------------------


def test_two_see_what_the_other_has_written(directory):
    with Opened(directory) as one, Opened(directory) as other:
        for turn in range(1, 6):
            keep(one, 1000 + turn)
            keep(other, 2000 + turn)
            one.flush()
            other.flush()
            assert held(one) == held(other)
            assert held(one)[-turn:] == list(range(2001, 2001 + turn))
        one.store.writer.forget(INBOX, [2001])
        one.flush()
        assert 2001 not in held(other)


_WRITER = """
import sys
from pathlib import Path
from tests.cache import small
from tests.cache.waiting import Opened
with Opened(Path(sys.argv[1])) as opened:
    for uid in range(1, small.COUNT + 1, 2):
        small.fill(opened.store, uid, uid + 1)
        opened.flush()
"""


def test_several_processes_write_the_same_at_once(tmp_path):
    directory = tmp_path / "cache"
    command = [sys.executable, "-c", _WRITER, str(directory)]
    programs = [
        subprocess.Popen(command, env=python_environment(), stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    with Opened(directory) as opened:
        while any(program.poll() is None for program in programs):
            small.true_share(opened.store)
            small.fill(opened.store, 1, 3)
            opened.flush()
        assert [program.communicate()[1] for program in programs] == [""] * 3
        assert small.true_share(opened.store) == 1


def test_another_process_that_holds_the_lock_for_long_costs_what_is_written(
    directory, logged_errors, monkeypatch
):
    with Opened(directory, retry=0) as opened:
        opened.store._thread._database.execute("PRAGMA busy_timeout = 10")
        lock = sqlite3.connect(opened.database, isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        keep(opened, 1001)
        opened.flush()
        assert small.true_share(opened.store) == 1
        lock.execute("ROLLBACK")
        lock.close()
        keep(opened, 1002)
        opened.flush()
        assert held(opened)[-1] == 1002
    assert "cannot be written (database is locked)" in logged_errors.text()


# -- ends ------------------------------------------------------------------------------------


def test_a_store_that_is_closed_keeps_nobody_waiting(directory):
    opened = Opened(directory)
    opened.reactor.wait(opened.store.close())
    keep(opened, 1001)
    opened.store.writer.drop(INBOX)
    opened.flush()
    opened.settle()
    with pytest.raises(StoreError, match="closed"):
        held(opened)


def test_a_section_that_is_open_when_the_store_closes_is_not_kept(directory):
    with Opened(directory) as opened:
        section = opened.store.writer.begin_section(INBOX, 1001, "", Form.LITERAL, 300_000)
        section.write(b"x" * 299_999)
    section.write(b"x")
    section.close()
    with Opened(directory) as opened:
        opened.settle()
        assert held(opened)[-1] == small.COUNT
        database = sqlite3.connect(opened.database)
        assert database.execute("SELECT count(*) FROM begun").fetchone() == (0,)
        database.close()
