"""The command line: one line when ready, a clean end, one line for what is wrong."""

import imaplib
import json
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SECONDS = 60.0


def fakeserver(*arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "fakeserver", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def running() -> Iterator["subprocess.Popen[str]"]:
    process = fakeserver("--user", "joe:secret", "--user", "ann:pw", "--empty", "--without", "MOVE")
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_a_signal_comes(
    running: "subprocess.Popen[str]", how: signal.Signals
) -> None:
    assert running.stdout is not None
    ready = json.loads(running.stdout.readline())
    assert list(ready) == ["imap", "imaps", "ca_file"]
    ca_file = Path(ready["ca_file"])
    assert ca_file.parent.stat().st_mode & 0o777 == 0o700
    with imaplib.IMAP4("127.0.0.1", ready["imap"]) as client:
        client.login("joe", "secret")
        assert client.list() == ("OK", [b'(\\HasNoChildren) "." INBOX'])
        assert "MOVE" not in client.capability()[1][0].decode().split()
    context = ssl.create_default_context(cafile=str(ca_file))
    with imaplib.IMAP4_SSL("localhost", ready["imaps"], ssl_context=context) as client:
        client.login("ann", "pw")
    # Somebody who is still there does not hold it up.
    with socket.create_connection(("127.0.0.1", ready["imap"])):
        running.send_signal(how)
        out, err = running.communicate(timeout=SECONDS)
    assert (running.returncode, out, err) == (0, "", "")
    assert not ca_file.parent.exists()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--listen", "x"], "'x' is not HOST:PORT"),
        (["--listen", "127.0.0.1:99999"], "'127.0.0.1:99999' is not HOST:PORT"),
        (["--user", "demo"], "a user is NAME:PASSWORD"),
        (["--without", "FOO"], "unknown extension 'FOO'"),
        (["--nosuch"], "No such option"),
        (["--listen", "192.0.2.1:0"], "cannot listen on 192.0.2.1:0: "),
    ],
)
def test_what_is_wrong_is_one_line(arguments: list[str], complaint: str) -> None:
    out, err = (process := fakeserver(*arguments)).communicate(timeout=SECONDS)
    assert (process.returncode, out) == (2, "")
    assert err.startswith("fakeserver: ")
    assert complaint in err
    assert err.count("\n") == 1


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = fakeserver("--listen", f"127.0.0.1:{port}")
        _, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 2
    assert err.startswith(f"fakeserver: cannot listen on 127.0.0.1:{port}: ")
