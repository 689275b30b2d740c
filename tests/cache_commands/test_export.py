"""Mail files that others can read."""

import mailbox
import os
import tracemalloc
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imapproxy.cache.keeper import HeldMessage
from imapproxy.cache.store import Form, Mailbox
from imapproxy.cache_commands.mail_files import MboxFile, quoted, with_bare_newlines
from tests.cache.waiting import Opened
from tests.cache_commands.commands import cache, refused

ANN = b"imaps://mail.example ann"
INBOX = Mailbox(ANN, b"INBOX", b"", 7)
WORK = Mailbox(ANN, b"Work/2026", b"", 7)
ARRIVED = 1_767_261_600  # 2026-01-01 10:00:00 UTC
DATE = b'"01-Jan-2026 12:00:00 +0200"'
BODY = b"Subject: one\r\n\r\nFrom here\r\n>From there\r\n From nowhere\r\nFromage\r\n"


def keep(writer, box, uid, body, flags=b"(\\Seen \\Flagged $Work)", date=DATE):
    writer.keep_section(box, uid, "", Form.LITERAL, body)
    writer.keep_attributes(box, uid, {"FLAGS": flags, "INTERNALDATE": date})


@pytest.fixture
def directory(tmp_path):
    with Opened(tmp_path / "data") as opened:
        writer = opened.store.writer
        keep(writer, INBOX, 1, BODY)
        keep(writer, INBOX, 2, b"Subject: two\r\n\r\nno newline", b"(\\Answered \\Draft \\Deleted)")
        writer.keep_section(INBOX, 3, "", Form.LITERAL, b"Subject: three\r\n\r\n")
        writer.keep_attributes(INBOX, 4, {"FLAGS": b"(\\Seen)"})
        keep(writer, WORK, 1, b"Subject: work\r\n\r\n" + b"x\r\n" * 200_000)
    return tmp_path / "data"


def test_an_mbox(directory, tmp_path):
    file = tmp_path / "inbox.mbox"
    said = cache("export", "--mbox", file, "--mailbox", "INBOX", "--data-dir", directory)
    assert said == (0, f"3 messages in {file}\n", "")
    assert file.stat().st_mode & 0o777 == 0o600
    with closing(mailbox.mbox(file, create=False)) as box:
        one, two, three = box
    assert one.get_from() == "MAILER-DAEMON Thu Jan  1 10:00:00 2026"
    flags = [set(message.get_flags()) for message in (one, two, three)]
    assert flags == [set("ROF"), set("OTAD"), set("O")]
    assert [m["Subject"] for m in (one, two, three)] == ["one", "two", "three"]
    text = one.get_payload()
    assert text == ">From here\n>>From there\n From nowhere\nFromage\n"
    assert two.get_payload() == "no newline\n"


def test_a_maildir(directory, tmp_path):
    said = cache("export", "--maildir", tmp_path / "Mail", "--data-dir", directory)
    assert said == (0, f"4 messages in {tmp_path / 'Mail'}\n", "")
    box = mailbox.Maildir(tmp_path / "Mail", create=False)
    assert box.list_folders() == ["Work.2026"]
    by_subject = {message["Subject"]: message for message in box}
    assert set(by_subject) == {"one", "two", "three"}
    assert by_subject["one"].get_flags() == "FS"
    assert by_subject["two"].get_flags() == "DRT"
    assert by_subject["one"].get_date() == ARRIVED
    assert by_subject["one"].as_bytes() == BODY.replace(b"\r\n", b"\n")
    (work,) = box.get_folder("Work.2026")
    assert work.get_payload() == "x\n" * 200_000
    assert (tmp_path / "Mail").stat().st_mode & 0o777 == 0o700


def test_nothing_is_written_over(directory, tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "file").touch()
    options = ("--mailbox", "INBOX", "--data-dir", directory)
    for target in (("--mbox", tmp_path / "there" / "file"), ("--maildir", tmp_path / "there")):
        assert "is there already; choose another place" in refused("export", *target, *options)
    told = refused("export", "--mbox", tmp_path / "none" / "file", *options)
    assert told == f"imapproxy: {tmp_path / 'none' / 'file'}: No such file or directory"


def test_what_is_meant_has_to_be_said(directory):
    assert "say where to" in refused("export", "--data-dir", directory)
    assert "say where to" in refused("export", "--mbox", "x", "--maildir", "y")
    told = refused("export", "--mbox", "x", "--data-dir", directory)
    assert "an mbox is one mailbox: choose with --mailbox (INBOX, Work/2026)" in told


def test_mail_of_two_is_not_mixed(directory):
    with Opened(directory) as opened:
        keep(opened.store.writer, Mailbox(b"imaps://h bob", b"INBOX", b"", 7), 1, b"x")
    told = refused("export", "--maildir", "x", "--data-dir", directory)
    assert told.endswith(
        "say whose mail with --account; there is mail of: imaps://h bob, imaps://mail.example ann"
    )


def test_a_damaged_message_is_left_out(directory, tmp_path):
    import sqlite3

    with sqlite3.connect(directory / "cache.sqlite") as database:
        database.execute("UPDATE chunk SET seal = seal + 1 WHERE id & 1048575 = 1")
    database.close()
    for target in (("--mbox", tmp_path / "work.mbox"), ("--maildir", tmp_path / "Mail")):
        options = ("--mailbox", "Work/2026", "--data-dir", directory)
        said = cache("export", *target, *options)
        assert said.code == 1
        assert said.err.startswith("left out: Work/2026, UID 1: ")
        assert said.out.startswith("0 messages in ")
    assert (tmp_path / "work.mbox").read_bytes() == b""
    assert not [path for path in (tmp_path / "Mail").rglob("*") if path.suffix == ".imapproxy"]


def test_a_message_is_never_in_memory(tmp_path):
    piece = os.urandom(65536)
    message = HeldMessage(1, None, None, 0, (piece for _ in range(1000)))
    file = MboxFile(tmp_path / "large")
    tracemalloc.start()
    try:
        file.add(message)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    file.close()
    assert peak < 4 * 1024 * 1024
    assert (tmp_path / "large").stat().st_size > 60_000_000


_LINES = st.lists(st.sampled_from([b"From ", b">From ", b"Fro", b"\r", b"\n", b"\r\n", b">", b"x"]))


@given(_LINES, st.data())
def test_pieces_do_not_matter(lines, data):
    octets = b"".join(lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(octets)), max_size=6)))
    pieces = [octets[a:b] for a, b in zip([0, *cuts], [*cuts, len(octets)], strict=True)]
    plain = octets.replace(b"\r\n", b"\n")
    assert b"".join(with_bare_newlines(pieces)) == plain
    wanted = b"\n".join(
        b">" + line if line.lstrip(b">").startswith(b"From ") else line
        for line in plain.split(b"\n")
    )
    assert b"".join(quoted(with_bare_newlines(pieces))) == wanted
