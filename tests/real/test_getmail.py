"""getmail6: fetches the mail of an account and hands it to a program."""

import re
from pathlib import Path

import pytest

from tests.real.dovecot import Message
from tests.real.mail import corpus, forwarded, large, plain
from tests.real.peer import AnyAccount, Peer
from tests.real.programs import require_program, run
from tests.real.truth import contents, straight

# None with parts in parts: getmail puts each message together anew, with the email package.
MESSAGES = [
    Message(plain("one", "text\n.\nFrom here on", number=1)),
    Message(plain("two", "text", sender="grace@example.net", number=2), "S"),
    Message(forwarded(plain("inner", "text")), "F"),
    Message(large(200_000)),
]
# It adds where a message was and, where there is none, from whom it came.
_ADDED = re.compile(
    rb"^(?:X-getmail-retrieved-from-mailbox: .*|Return-Path: <unknown>)\n", re.MULTILINE
)


class Getmail:
    """getmail for one account; what it hands over is kept in files."""

    def __init__(self, directory: Path, port: int, account: AnyAccount) -> None:
        self._program = require_program("getmail", "getmail6")
        self._directory = directory
        self._handed_over = directory / "handed-over"
        self._handed_over.mkdir()
        deliver = directory / "deliver"
        deliver.write_text(f"#!/bin/sh\nexec cat > $(mktemp {self._handed_over}/XXXXXXXX)\n")
        deliver.chmod(0o755)
        # To a Maildir it refuses to deliver as root; a command it runs if it may.
        (directory / "getmailrc").write_text(
            f"[retriever]\ntype = SimpleIMAPRetriever\nserver = 127.0.0.1\nport = {port}\n"
            f"username = {account.user}\npassword = {account.password}\n"
            f"mailboxes = ('INBOX', 'Archive')\n\n"
            f"[destination]\ntype = MDA_external\npath = {deliver}\nallow_root_commands = true\n\n"
            f"[options]\ndelivered_to = false\nreceived = false\n"
        )

    def __call__(self, *options: str) -> list[bytes]:
        """Run it once; what it handed over in this run, sorted."""
        run(
            self._program, "--getmaildir", self._directory, "--rcfile", "getmailrc", "--quiet",
            *options,
        )  # fmt: skip
        files = list(self._handed_over.iterdir())
        octets = [_ADDED.sub(b"", path.read_bytes()) for path in files]
        for path in files:
            path.unlink()
        return sorted(octets)


@pytest.fixture
def account(peer: Peer) -> AnyAccount:
    account = peer.server.account("getmail")
    account.seed("INBOX", MESSAGES)
    account.seed("Archive", corpus()[:1])
    return account


@pytest.fixture
def getmail(peer: Peer, account: AnyAccount, tmp_path: Path) -> Getmail:
    return Getmail(tmp_path, peer.port, account)


def test_all_mail_is_taken_once(getmail: Getmail, peer: Peer, account: AnyAccount) -> None:
    expected = sorted(one.octets for one in (*MESSAGES, corpus()[0]))
    assert getmail("--dont-delete") == expected
    # What it has seen it knows by UIDVALIDITY and UID.
    assert getmail("--new") == []
    with straight(peer.server, account) as other:
        other.append("INBOX", "", "", b"Subject: news\r\n\r\ntext\r\n")
    assert getmail("--new") == [b"Subject: news\n\ntext\n"]
    assert len(contents(peer.server, account)) == len(MESSAGES) + 1


def test_what_is_taken_is_deleted(getmail: Getmail, peer: Peer, account: AnyAccount) -> None:
    assert len(getmail("--delete")) == len(MESSAGES) + 1
    assert contents(peer.server, account) == []
    assert contents(peer.server, account, "Archive") == []
