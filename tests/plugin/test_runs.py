"""The plugin in test runs of its own: what it costs, what it leaves alone, what it shows."""

import subprocess
import sys
from pathlib import Path

LOGIN = """
import imaplib, os, pytest

@pytest.mark.parametrize("number", range(6))
def test_login(imap_server, number):
    imap_server.deliver(f"Subject: {number}\\n\\n")
    with imaplib.IMAP4(imap_server.host, imap_server.port) as client:
        client.login(imap_server.user, imap_server.password)
        assert client.select() == ("OK", [b"1"])
"""
ON_THE_REACTOR = """
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString, connectProtocol
from twisted.internet.protocol import Protocol

class Greeted(Protocol):
    def __init__(self):
        self.greeting = Deferred()

    def dataReceived(self, data):
        self.greeting.callback(data)
        self.transport.loseConnection()

@pytest_twisted.ensureDeferred
async def test_twisted(imap_server):
    endpoint = clientFromString(reactor, f"tcp:{imap_server.host}:{imap_server.port}")
    greeted = await connectProtocol(endpoint, Greeted())
    assert (await greeted.greeting).startswith(b"* OK")
"""
FAILS = """
import imaplib

def test_fails(imap_server):
    with imaplib.IMAP4(imap_server.host, imap_server.port) as client:
        client.login(imap_server.user, "wrong")
"""
REPLAYS = """
import imaplib

def log_in(server, user, password):
    with imaplib.IMAP4(server.host, server.port) as client:
        return client.login(user, password)

def test_replayed(imap_server, imap_replay):
    recorded = log_in(imap_server, imap_server.user, imap_server.password)
    assert log_in(imap_replay(imap_server.transcript()), "anybody", "at all") == recorded
"""
LEAVES_THE_SCRIPT = """
import imaplib, pytest

def test_another_command(imap_replay):
    client = imaplib.IMAP4(imap_replay(SCRIPT).host, imap_replay(SCRIPT).port)
    with pytest.raises(imaplib.IMAP4.abort):
        client.noop()
    client.shutdown()

SCRIPT = "S: * OK\\nC: a CAPABILITY\\nS: * CAPABILITY IMAP4rev1\\nS: a OK done\\nC: b CHECK\\n"
"""
NOTHING_INSTALLED = """
import sys

def test_tls_installs_no_reactor(imap_server):
    import imaplib, ssl
    context = ssl.create_default_context(cafile=imap_server.ca_file)
    with imaplib.IMAP4(imap_server.host, imap_server.port) as client:
        client.starttls(context)
        client.login(imap_server.user, imap_server.password)
    with imaplib.IMAP4_SSL(imap_server.host, imap_server.tls_port, ssl_context=context) as client:
        client.login(imap_server.user, imap_server.password)
    assert "twisted.internet.reactor" not in sys.modules
"""
NOT_USED = """
import sys

def test_nothing_was_imported():
    ours = [name for name in sys.modules if name.startswith("fakeserver.")]
    assert ours == ["fakeserver.pytest_plugin"]
    assert not {name.split(".")[0] for name in sys.modules} & {"twisted", "zope", "imapproxy"}
"""


def run(directory: Path, source: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    (directory / "test_it.py").write_text(source)
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider"]
    if source is not ON_THE_REACTOR:
        # It imports Twisted when it is loaded, whoever uses it.
        command += ["-p", "no:twisted"]
    return subprocess.run(
        [*command, *arguments, "test_it.py"],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_without_a_reactor_of_the_tests(tmp_path: Path) -> None:
    result = run(tmp_path, LOGIN + REPLAYS + NOTHING_INSTALLED)
    assert result.returncode == 0, result.stdout + result.stderr


def test_on_the_reactor_of_the_tests(tmp_path: Path) -> None:
    result = run(tmp_path, ON_THE_REACTOR)
    assert result.returncode == 0, result.stdout + result.stderr


def test_nothing_is_imported_before_it_is_used(tmp_path: Path) -> None:
    result = run(tmp_path, NOT_USED)
    assert result.returncode == 0, result.stdout + result.stderr


def test_xdist(tmp_path: Path) -> None:
    result = run(tmp_path, LOGIN, "-n", "2")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "6 passed" in result.stdout


def test_what_is_shown_of_tests_that_fail(tmp_path: Path) -> None:
    result = run(tmp_path, FAILS + LEAVES_THE_SCRIPT)
    assert "1 failed, 1 passed, 1 error" in result.stdout
    assert "IMAP transcript" in result.stdout
    assert "NO [AUTHENTICATIONFAILED]" in result.stdout
    assert "LOGIN (hidden)" in result.stdout
    assert "the client was to say b'b CHECK" in result.stdout


def test_what_loading_it_costs() -> None:
    code = (
        "import sys, pytest; before = set(sys.modules); import fakeserver.pytest_plugin;"
        "print(sorted(set(sys.modules) - before))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "['fakeserver', 'fakeserver.pytest_plugin']"
