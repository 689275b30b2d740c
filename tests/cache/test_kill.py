"""A process that is killed at any moment while it writes: what is left is whole and true."""

import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from imapproxy.cache.store import Form, Mailbox, Need
from tests.cache.waiting import Opened
from tests.real.programs import python_environment

_WRITER = """
import sys
from pathlib import Path
from tests.cache.test_kill import write_for_ever
write_for_ever(Path(sys.argv[1]), int(sys.argv[2]))
"""
INBOX = Mailbox(b"mail.example:anna", b"INBOX", b"", 7)
SENT = INBOX._replace(name=b"Sent")
NAMES = ("RFC822.SIZE", "ENVELOPE")
ALL = 1, 2**32 - 1


def octets(uid: int) -> bytes:
    """Every fifth message is a large one."""
    return b"message %d\r\n" % uid * (40_000 if uid % 5 == 0 else 200)


def values(uid: int) -> dict[str, bytes]:
    return {name: b"(%s %d)" % (name.encode(), uid) for name in NAMES}


def write_for_ever(directory, first: int) -> None:
    """Write, copy and drop until killed."""
    with Opened(directory, max_octets=20_000_000) as opened:
        sys.stdout.write("begun\n")
        sys.stdout.flush()
        writer = opened.store.writer
        uid = first
        while True:
            uid += 1
            writer.keep_attributes(INBOX, uid, values(uid))
            if uid % 5:
                writer.keep_section(INBOX, uid, "", Form.LITERAL, octets(uid))
            else:
                section = writer.begin_section(INBOX, uid, "", Form.LITERAL, len(octets(uid)))
                for at in range(0, len(octets(uid)), 50_000):
                    section.write(octets(uid)[at : at + 50_000])
                section.close()
            writer.copied(INBOX, SENT, [(uid - 7, uid - 7)])
            if uid % 10 == 0:
                opened.flush()
            if uid % 50 == 0:
                writer.forget(INBOX, range(uid - 50, uid, 3))
            if uid % 400 == 0:
                writer.drop(SENT)


@pytest.mark.parametrize("seed", range(4))
def test_what_is_left_is_whole_and_true(tmp_path, seed, logged_errors):
    chance = random.Random(seed)
    directory = tmp_path / "cache"
    for life in range(3):
        command = [sys.executable, "-c", _WRITER, str(directory), str(life * 10_000)]
        with subprocess.Popen(
            command, env=python_environment(), stdout=subprocess.PIPE, text=True
        ) as program:
            assert program.stdout.readline() == "begun\n"
            with pytest.raises(subprocess.TimeoutExpired):
                program.wait(chance.random() / 2)
            program.kill()
        with Opened(directory, max_octets=20_000_000) as opened:
            with at_one_moment(opened):
                assert_whole_and_true(opened)
            opened.settle()
            assert_whole_and_true(opened)
            check = opened.store._thread._database.execute("PRAGMA integrity_check").fetchall()
            assert check == [(b"ok",)]
    assert "damaged" not in logged_errors.text()


@contextmanager
def at_one_moment(opened: Opened) -> Iterator[None]:
    """What is left over is tidied up meanwhile, and what is too much goes: not seen in here."""
    database = opened.store.reader._database
    database.execute("BEGIN")
    yield
    database.execute("COMMIT")


def assert_whole_and_true(opened: Opened) -> None:
    reader = opened.store.reader
    need = Need(("",))
    for mailbox in (INBOX, SENT):
        for uid, *told in reader.attributes(mailbox, NAMES, *ALL):
            assert told == list(values(uid).values())
        sections = reader.sections(mailbox, need, *ALL, 2**40)
        assert [s.uid for s in sections] == list(reader.held(mailbox, (), [need], *ALL))
        for section in sections:
            told = section.data
            if told is None:
                told = reader.octets(section.content, 0, section.size)
            assert told == octets(section.uid)
