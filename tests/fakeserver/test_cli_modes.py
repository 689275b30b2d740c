"""What the command line can do besides: load, faults, SMTP, control, record, replay."""

import imaplib
import json
import smtplib
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fakeserver.threaded import ThreadedServer

SECONDS = 60.0
Start = Callable[..., tuple["subprocess.Popen[str]", dict[str, Any]]]


def popen(*arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "fakeserver", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def start() -> Iterator[Start]:
    processes = []

    def one(*arguments: str) -> tuple["subprocess.Popen[str]", dict[str, Any]]:
        processes.append(popen(*arguments))
        assert processes[-1].stdout is not None
        return processes[-1], json.loads(processes[-1].stdout.readline())

    yield one
    for process in processes:
        process.kill()
        process.communicate()


def test_load_faults_smtp_and_control(start: Start, tmp_path: Path) -> None:
    (tmp_path / "mail.eml").write_bytes(b"Subject: x\n\nhello\n")
    (tmp_path / "faults.toml").write_text('[[fault]]\naction = "close-before"\ncommand = "NOOP"\n')
    free = "127.0.0.1:0"
    _, ready = start(
        "--load", str(tmp_path / "mail.eml"), "--faults", str(tmp_path / "faults.toml"),
        "--smtp-listen", free, "--control-listen", free,
    )  # fmt: skip
    with smtplib.SMTP("127.0.0.1", ready["smtp"]) as sender:
        sender.sendmail("a@example.org", ["demo@example.org"], b"Subject: y\r\n\r\n")
    client = imaplib.IMAP4("127.0.0.1", ready["imap"])
    client.login("demo", "pw")
    assert client.select() == ("OK", [b"2"])
    with pytest.raises(imaplib.IMAP4.abort):
        client.noop()
    client.shutdown()
    url = f"http://127.0.0.1:{ready['control']}/commands?name=SELECT"
    with urllib.request.urlopen(url) as response:
        assert [one["reply"] for one in json.load(response)] == ["OK"]


def test_persona_and_quirk(start: Start) -> None:
    _, ready = start("--persona", "exchange", "--quirk", "no-recent", "--without", "MOVE")
    with imaplib.IMAP4("127.0.0.1", ready["imap"]) as client:
        assert b"Microsoft Exchange" in client.welcome
        client.login("demo", "pw")
        told = client.capability()[1][0].split()
        assert b"CLIENTACCESSRULES" in told
        assert not {b"MOVE", b"CONDSTORE"} & set(told)


def test_quirks_are_listed() -> None:
    out, _ = popen("--quirk", "help").communicate(timeout=SECONDS)
    assert "no-rfc822: FETCH RFC822 is OK and tells no message" in out


def test_record_and_replay(start: Start, tmp_path: Path, imap_server: ThreadedServer) -> None:
    imap_server.deliver("Subject: x\n\nhello\n")
    file = tmp_path / "session.txt"
    recorder, ready = start(
        "record", "--upstream", f"imaps://localhost:{imap_server.tls_port}",
        "--ca-file", imap_server.ca_file, str(file),
    )  # fmt: skip
    recorded = session(ready["imap"])
    recorder.terminate()
    assert recorder.communicate(timeout=SECONDS) == ("", "")
    assert recorder.returncode == 0
    assert file.stat().st_mode & 0o777 == 0o600
    replayer, ready = start("--replay", str(file))
    assert session(ready["imap"]) == recorded
    replayer.terminate()
    assert replayer.communicate(timeout=SECONDS) == ("", "")
    assert replayer.returncode == 0


def test_a_replay_that_was_left(start: Start, tmp_path: Path) -> None:
    file = tmp_path / "session.txt"
    file.write_text("S: * OK\nC: a CHECK\n")
    replayer, ready = start("--replay", str(file))
    with pytest.raises(imaplib.IMAP4.error):
        imaplib.IMAP4("127.0.0.1", ready["imap"])
    replayer.terminate()
    _, err = replayer.communicate(timeout=SECONDS)
    assert replayer.returncode == 1
    assert err.startswith("fakeserver: the client was to say b'a CHECK")


def session(port: int) -> list[object]:
    with imaplib.IMAP4("127.0.0.1", port) as client:
        return [client.login("demo", "pw"), client.select(), client.fetch("1", "(BODY.PEEK[])")]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--control-listen", "0.0.0.0:0"], "can be reached from other machines"),
        (["--load", "/nowhere"], "there is no /nowhere"),
        (["--load", "FILE"], "neither a message nor an mbox"),
        (["--faults", "FILE"], "FILE: Invalid statement (at line 1"),
        (["--persona", "nobody"], "there is no persona 'nobody'; there are dovecot, gmail,"),
        (["--quirk", "nothing"], "there is no quirk 'nothing'"),
        (["--replay", "FILE"], "line 1: neither C: nor S:"),
        (["record", "--upstream", "pop://x", "out"], "is not imaps://HOST[:PORT]"),
        (["record", "out"], "Missing option '--upstream'"),
        (["nosuch"], "No such command 'nosuch'"),
    ],
    ids=repr,
)
def test_what_is_wrong_is_one_line(tmp_path: Path, arguments: list[str], complaint: str) -> None:
    file = tmp_path / "file"
    file.write_text("\x01 rubbish\n")
    given = [str(file) if one == "FILE" else one for one in arguments]
    out, err = (process := popen(*given)).communicate(timeout=SECONDS)
    assert (process.returncode, out) == (2, "")
    assert err.startswith("fakeserver: ")
    assert complaint.replace("FILE", str(file)) in err
    assert err.count("\n") == 1
