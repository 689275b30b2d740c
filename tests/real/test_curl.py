"""curl as an IMAP client."""

from pathlib import Path

import pytest

from tests.real.mail import corpus, large
from tests.real.peer import AnyAccount, Peer
from tests.real.programs import require_program, run
from tests.real.truth import contents, with_crlf


class Curl:
    """curl with the address, the user and the password already told."""

    def __init__(self, port: int, account: AnyAccount, *options: str | Path, scheme: str = "imap"):
        self._curl = require_program("curl")
        self._base = f"{scheme}://127.0.0.1:{port}/"
        self._user = f"{account.user}:{account.password}"
        self._options = options

    def __call__(self, path: str, *options: str | Path) -> bytes:
        """Ask for a path below the server; return what curl writes to standard output."""
        return run(
            self._curl, "--silent", "--show-error", "--disable", "--user", self._user,
            *self._options, *options, self._base + path,
        )  # fmt: skip


@pytest.fixture(params=["plain", "tls"])
def curl(request: pytest.FixtureRequest, peer: Peer, account: AnyAccount) -> Curl:
    if request.param == "plain":
        return Curl(peer.port, account)
    return Curl(peer.tls_port, account, "--cacert", peer.ca_file, scheme="imaps")


@pytest.fixture
def account(peer: Peer) -> AnyAccount:
    account = peer.server.account("curl")
    account.seed("INBOX", corpus())
    account.seed("Two words")
    return account


def test_list(curl: Curl) -> None:
    lines = set(curl("").splitlines())
    assert {line.rpartition(b'"." ')[2] for line in lines} == {b"INBOX", b'"Two words"'}


def test_fetch_every_message(curl: Curl, tmp_path: Path) -> None:
    messages = corpus()
    curl(f"INBOX;UID=[1-{len(messages)}]", "--output", tmp_path / "#1.eml")
    for uid, message in enumerate(messages, 1):
        assert (tmp_path / f"{uid}.eml").read_bytes() == with_crlf(message.octets)


def test_fetch_a_section(curl: Curl) -> None:
    assert curl("INBOX;UID=1;SECTION=TEXT") == b"one line\r\n"
    assert curl("INBOX;MAILINDEX=1;SECTION=HEADER.FIELDS%20(SUBJECT)") == (
        b"Subject: first\r\n\r\n"
    )


def test_append(curl: Curl, peer: Peer, account: AnyAccount, tmp_path: Path) -> None:
    message = with_crlf(large(300_000))
    file = tmp_path / "message.eml"
    file.write_bytes(message)
    curl("Two%20words", "--upload-file", file)
    [held] = contents(peer.server, account, "Two words")
    assert held.octets == message
    # That is how curl appends.
    assert held.flags == {b"\\Seen"}


def test_search(curl: Curl) -> None:
    assert curl("INBOX", "--request", "SEARCH SUBJECT first") == b"* SEARCH 1 3\r\n"
    assert curl("INBOX?SUBJECT%20first") == b"* SEARCH 1 3\r\n"


def test_a_command_of_its_own(curl: Curl, peer: Peer, account: AnyAccount) -> None:
    assert b"* 4 FETCH (FLAGS (" in curl("INBOX", "--request", r"STORE 4 +FLAGS (\Flagged one)")
    assert contents(peer.server, account)[3].flags >= {b"\\Flagged", b"one"}


def test_a_wrong_password(curl: Curl) -> None:
    # 67 is what curl calls a denied log-in.
    with pytest.raises(AssertionError, match="exit code: 67"):
        curl("INBOX", "--user", "nobody:wrong")
