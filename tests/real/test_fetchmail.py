"""fetchmail: takes the mail out of an INBOX and hands it to a program."""

from pathlib import Path

import pytest

from tests.real.dovecot import Message
from tests.real.mail import forwarded, large, multipart, plain
from tests.real.peer import AnyAccount, Peer
from tests.real.programs import Program, python_environment, require_program
from tests.real.truth import contents

# Well-formed mail: of other mail fetchmail makes what it likes (it is a mail transport itself).
MESSAGES = [
    Message(plain("one", "text\n.\n..\nFrom here on", number=1)),
    Message(multipart(2), "S"),
    Message(forwarded(plain("inner", "text")), "F"),
    Message(large(500_000)),
]


@pytest.fixture
def account(peer: Peer) -> AnyAccount:
    account = peer.server.account("fetch")
    account.seed("INBOX", MESSAGES)
    return account


def fetchmail(directory: Path, port: int, account: AnyAccount, options: str) -> list[bytes]:
    """Run fetchmail once; return what it handed over, in order."""
    handed_over = directory / "handed-over"
    handed_over.mkdir()
    deliver = directory / "deliver"
    deliver.write_text(
        f"#!/bin/sh\nset -- {handed_over}/*\n"
        f'[ -e "$1" ] || shift\ncat > {handed_over}/$(printf %04d $#)\n'
    )
    deliver.chmod(0o755)
    configuration = directory / "fetchmailrc"
    configuration.write_text(
        f"set invisible\nset no bouncemail\n"
        f"poll 127.0.0.1 protocol IMAP service {port} auth password\n"
        f'  user "{account.user}" password "{account.password}" sslproto \'\'\n'
        f"  no rewrite no mimedecode {options}\n"
        f'  mda "{deliver}"\n'
    )
    # It refuses a file with passwords that others may read.
    configuration.chmod(0o600)
    program = Program(
        [
            require_program("fetchmail"), "--fetchmailrc", configuration, "--nodetach",
            "--verbose", "--pidfile", directory / "pid",
        ],
        environment={**python_environment(), "HOME": str(directory)},
    )  # fmt: skip
    with program:
        assert program.wait() == 0, program.describe()
    return [path.read_bytes() for path in sorted(handed_over.iterdir())]


def test_all_mail_is_taken(peer: Peer, account: AnyAccount, tmp_path: Path) -> None:
    got = fetchmail(tmp_path, peer.port, account, "fetchall no keep")
    assert got == [message.octets for message in MESSAGES]
    assert contents(peer.server, account) == []


def test_unread_mail_is_taken_and_kept(peer: Peer, account: AnyAccount, tmp_path: Path) -> None:
    before = contents(peer.server, account)
    got = fetchmail(tmp_path, peer.port, account, "keep")
    assert got == [message.octets for message in MESSAGES if "S" not in message.flags]
    after = contents(peer.server, account)
    assert [held.octets for held in after] == [held.octets for held in before]
    assert all(b"\\Seen" in held.flags for held in after)
