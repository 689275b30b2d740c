"""Looking at a store, checking it and clearing it, on the command line."""

import json
import os
import sqlite3
from array import array
from io import StringIO

import pytest
from rich.console import Console

from imapproxy.cache.store import Form, Holding, Mailbox, UidList
from imapproxy.cache_commands.selection import Selection
from imapproxy.cache_commands.stats import Taken, console_for, show
from imapproxy.config import ConfigError
from tests.cache import small
from tests.cache.waiting import Opened
from tests.cache_commands.commands import cache, refused

ANN = b"imaps://mail.example ann@mail.example"
BOB = b"imaps://mail.example bob"
DRAFTS = "Entwürfe"


@pytest.fixture
def directory(tmp_path):
    """Two accounts: Ann has INBOX (with 1 MB) and Entwürfe, Bob has INBOX."""
    with Opened(tmp_path / "data") as opened:
        writer = opened.store.writer
        for account, name in ((ANN, b"INBOX"), (ANN, b"Entw&APw-rfe"), (BOB, b"INBOX")):
            mailbox = Mailbox(account, name, b"", 7)
            for uid in (1, 2, 3):
                body = b"Subject: %d\r\n\r\n" % uid + os.urandom(350_000)
                writer.keep_section(mailbox, uid, "", Form.LITERAL, body)
            writer.keep_attributes(mailbox, 4, {"ENVELOPE": b"(NIL)"})
            writer.keep_uid_list(mailbox, UidList(5, array("I", [1, 2, 3, 4])))
            writer.count(mailbox, served=3, missed=1)
        opened.settle()
    return tmp_path / "data"


def held(directory) -> list[tuple[str, str]]:
    told = json.loads(cache("stats", "--json", "--data-dir", directory).out)
    return [(a["account"], m["mailbox"]) for a in told["accounts"] for m in a["mailboxes"]]


@pytest.mark.parametrize("command", ["stats", "warm", "verify", "export", "clear"])
def test_help(command):
    said = cache(command, "-h")
    assert said.code == 0
    assert "--config FILE" in said.out
    assert "--password " not in said.out
    assert max(map(len, said.out.splitlines())) <= 100
    assert command in cache("-h").out


class TestStats:
    def test_for_people(self, directory):
        said = cache("stats", "--data-dir", directory)
        assert (said.code, said.err) == (0, "")
        lines = [line.split() for line in said.out.splitlines()]
        assert lines[0] == ANN.decode().split()
        assert lines[1] == ["mailbox", "messages", "bodies", "size", "hit", "rate", "used", "last"]
        for line, mailbox in ((lines[2], DRAFTS), (lines[3], "INBOX")):
            assert line[:7] == [mailbox, "4", "3", "1.0", "MiB", "75", "%"]
        assert lines[4][:7] == ["together", "8", "6", "2.0", "MiB", "75", "%"]
        assert lines[5] == BOB.decode().split()
        assert said.out.splitlines()[-1].startswith(f"{directory}: 3.")
        assert "of 2.0 GiB (0 %)" in said.out

    def test_for_machines(self, directory):
        said = cache("stats", "--json", "--data-dir", directory)
        told = json.loads(said.out)
        assert told["directory"] == str(directory)
        assert told["max_octets"] == 2 * 1024**3
        assert 3_150_000 < told["octets_in_use"] < told["octets_on_disk"] < 8_000_000
        (ann, bob) = told["accounts"]
        assert (ann["account"], bob["account"]) == (ANN.decode(), BOB.decode())
        (inbox,) = bob["mailboxes"]
        assert inbox["used"] > 1_700_000_000
        assert inbox | {"used": 0} == {
            "mailbox": "INBOX",
            "uid_validity": 7,
            "messages": 4,
            "bodies": 3,
            "octets": 3 * (350_000 + len("Subject: 1\r\n\r\n")),
            "served": 3,
            "missed": 1,
            "hit_rate": 0.75,
            "used": 0,
        }

    def test_while_a_proxy_writes(self, tmp_path):
        with Opened(tmp_path / "data") as opened:
            small.fill(opened.store)
            opened.flush()
            assert [name for _, name in held(tmp_path / "data")] == ["INBOX", "Sent"]

    def test_the_configuration_tells_where_and_how_large(self, directory, tmp_path):
        file = tmp_path / "imapproxy.toml"
        file.write_text(
            'data_dir = "data"\n[cache]\nmax_size = "32MiB"\n'
            '[upstream.x]\nurl = "imaps://mail.example"\n[[listener]]\nlisten = "127.0.0.1:0"\n'
        )
        told = json.loads(cache("stats", "--json", "--config", file).out)
        assert (told["directory"], told["max_octets"]) == (str(directory), 32 * 1024**2)
        assert "--config tells where" in refused("stats", "--config", file, "--data-dir", "x")
        file.write_text(file.read_text().replace("[cache]", "[cache]\nenabled = false"))
        assert "switched off; say enabled = true" in refused("stats", "--config", file)

    def test_where_there_is_none(self, tmp_path):
        assert refused("stats", "--data-dir", tmp_path) == (
            f"imapproxy: there is no cache in {tmp_path}"
        )

    def test_names_cannot_do_anything_to_a_terminal(self):
        mailbox = Mailbox(b"x\x1b[2J", b"[red]a\x1b]0;b[/red]", b"", 7)
        told = StringIO()
        console = console_for(Console(file=told, force_terminal=True, width=80))
        show(console, Taken(small.Path("data"), 1, 1, 1), [Holding(mailbox, 1, 1, 1, 0, 0, 0)])
        assert "x\\x1b[2J" in told.getvalue()
        assert "\x1b]0" not in told.getvalue()
        assert "[red]a" in told.getvalue()


class TestClear:
    def test_room_is_given_back(self, directory):
        before = (directory / "cache.sqlite").stat().st_size
        said = cache("clear", "--yes", "--data-dir", directory)
        assert (said.code, said.err) == (0, "")
        assert said.out.startswith("Taken out: 3 mailboxes with 12 messages. 3.")
        assert (directory / "cache.sqlite").stat().st_size < before - 3_000_000
        assert held(directory) == []

    def test_one_mailbox_of_one_account(self, directory):
        said = cache(
            "clear", "--yes", "--user", "ann@mail.example", "--mailbox", DRAFTS,
            "--data-dir", directory,
        )  # fmt: skip
        assert said.out.startswith("Taken out: 1 mailbox with 4 messages. 1.0 MiB given back, ")
        assert held(directory) == [(ANN.decode(), "INBOX"), (BOB.decode(), "INBOX")]

    def test_one_account(self, directory):
        cache("clear", "--yes", "--account", ANN.decode(), "--data-dir", directory)
        assert held(directory) == [(BOB.decode(), "INBOX")]

    @pytest.mark.parametrize(("answer", "left"), [("y\n", 0), ("n\n", 3), ("\n", 3)])
    def test_it_asks(self, directory, answer, left):
        said = cache("clear", "--data-dir", directory, stdin=answer)
        assert "Take 3 mailboxes with 12 messages out of " in said.err
        assert said.code == 0
        assert len(held(directory)) == left
        assert ("Nothing was taken out." in said.out) == bool(left)

    def test_where_nobody_can_answer(self, directory):
        said = cache("clear", "--data-dir", directory, stdin="")
        assert said.code == 2
        assert "--yes does not ask" in said.err
        assert len(held(directory)) == 3


class TestVerify:
    def test_all_is_well(self, directory):
        said = cache("verify", "--data-dir", directory)
        assert said == (0, f"{directory}: sound, 12 messages\n", "")

    def test_damage_is_told_and_taken_out(self, directory):
        with sqlite3.connect(directory / "cache.sqlite") as database:
            database.execute(
                "UPDATE chunk SET octets = zeroblob(100) WHERE id = (SELECT min(id) FROM chunk)"
            )
        database.close()
        only_looked = cache("verify", "--dry-run", "--data-dir", directory)
        assert only_looked.code == 1
        assert "INBOX, UID 1: its section [] has a damaged piece" in only_looked.out
        assert only_looked.out.endswith("Nothing was taken out (--dry-run).\n")
        mended = cache("verify", "--data-dir", directory)
        assert mended.code == 1
        assert "INBOX, UID 1: " in mended.out
        assert "The cache is sound now" in mended.out
        assert cache("verify", "--data-dir", directory).out.endswith("sound, 11 messages\n")

    def test_what_cannot_be_mended(self, directory):
        database = sqlite3.connect(directory / "cache.sqlite")
        ((page,),) = database.execute("SELECT rootpage FROM sqlite_master WHERE name = 'message'")
        ((size,),) = database.execute("PRAGMA page_size")
        database.close()
        with (directory / "cache.sqlite").open("r+b") as file:
            file.seek((page - 1) * size)
            file.write(os.urandom(size))
        said = cache("verify", "--data-dir", directory)
        assert said.code == 1
        assert f"end the proxy and delete {directory / 'cache.sqlite'}" in said.out


class TestSelection:
    HOLDINGS = [
        Holding(Mailbox(account, name, b"", 1), 1, 1, 1, 0, 0, 0)
        for account, name in ((b"imaps://h a%20b", b"INBOX"), (b"imaps://h c", b"INBOX"))
    ]

    def test_a_user_is_meant_as_it_logs_in(self):
        assert Selection("a b").of(self.HOLDINGS) == self.HOLDINGS[:1]
        assert Selection("imaps://h c").of(self.HOLDINGS) == self.HOLDINGS[1:]
        assert Selection(None, ("inbox",)).of(self.HOLDINGS) == self.HOLDINGS

    @pytest.mark.parametrize(
        ("selection", "words"),
        [
            (Selection("d"), "nothing is held of d; there is mail of: imaps://h a%20b, imaps://h"),
            (Selection("c", ("Sent",)), "no mailbox Sent is held; there are: INBOX"),
            (Selection("c", ("\ud800",)), "--mailbox: "),
        ],
    )
    def test_what_there_is_not(self, selection, words):
        with pytest.raises(ConfigError, match=words.replace("(", r"\(")):
            selection.of(self.HOLDINGS)
