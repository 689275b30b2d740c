"""mutt and neomutt, driven by a list of their own functions.

Each reaches the account at Dovecot in two ways: by the port of the proxy, and by its ``tunnel``,
the standard input and output of a program it starts; and it goes to the fake server.
"""

import mailbox
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.real.dovecot import Message
from tests.real.mail import corpus, forwarded, large, multipart, plain
from tests.real.peer import AnyAccount, Peer
from tests.real.programs import python_environment, require_program
from tests.real.terminal import run_in_terminal
from tests.real.truth import contents, with_crlf, with_lf

SETTINGS = """\
set imap_user="{account.user}" imap_pass="{account.password}"
set ssl_starttls=no ssl_force_tls=no
set folder="{folder}" spoolfile="{folder}INBOX" record="" postponed=""
set mbox_type=Maildir move=no delete=yes quit=yes confirmappend=no confirmcreate=no
set auto_tag=yes wait_key=no beep=no mark_old=no sleep_time=0 save_empty=yes
set pipe_decode=no pipe_split=yes pipe_sep="" sort=mailbox-order read_inc=0 write_inc=0
"""
# mutt adds one of these to a message that it copies out of a local mailbox.
_ADDED = re.compile(rb"^(?:Content-Length|Lines): \d+\r\n", re.MULTILINE)


@dataclass(frozen=True)
class Mutt:
    """One of the two programs, and one of the two ways to the account."""

    program: str
    directory: Path
    folder: str
    settings: str

    def do(self, *functions: str, start: str = "") -> None:
        """Open a mailbox (INBOX if none is given), do something, leave."""
        configuration = self.directory / "muttrc"
        configuration.write_text(self.settings)
        keys = "".join((*functions, "<quit>"))
        run_in_terminal(
            [
                self.program, "-n", "-F", configuration, "-f", start or f"{self.folder}INBOX",
                "-e", f"push '{keys}'",
            ],
            {**python_environment(), "HOME": str(self.directory)},
            self.directory,
        )  # fmt: skip

    def read_all(self) -> list[bytes]:
        """Return the octets of all messages of INBOX, sorted."""
        pieces = self.directory / "messages"
        pieces.mkdir()
        collect = self.directory / "collect"
        collect.write_text(f"#!/bin/sh\ncat > $(mktemp {pieces}/XXXXXXXX)\n")
        collect.chmod(0o755)
        self.do("<tag-pattern>~A<enter>", f"<pipe-message>{collect}<enter>")
        return sorted(path.read_bytes() for path in pieces.iterdir())


@pytest.fixture
def account(peer: Peer) -> AnyAccount:
    account = peer.server.account("mutt")
    # None is marked as deleted, for mutt expunges what is when it leaves, and each ends in a line
    # end, for mutt would add it.
    messages = [
        Message(message.octets, message.flags.replace("T", ""), message.arrived)
        for message in corpus()
        if message.octets.endswith(b"\n")
    ]
    account.seed("INBOX", messages)
    account.seed("Archive")
    return account


every_way = pytest.mark.parametrize(
    ("peer", "mutt"),
    [
        (peer, f"{program}-{way}")
        for program in ("mutt", "neomutt")
        for peer, way in (("proxy", "port"), ("proxy", "tunnel"), ("fake server", "port"))
    ],
    indirect=True,
)


@pytest.fixture
def mutt(request: pytest.FixtureRequest, peer: Peer, account: AnyAccount, tmp_path: Path) -> Mutt:
    program, _, way = request.param.partition("-")
    folder = f"imap://127.0.0.1:{peer.port}/" if way == "port" else "imap://localhost/"
    settings = SETTINGS.format(account=account, folder=folder)
    if way == "tunnel":
        settings += f'set tunnel="{peer.stdio}"\n'
        if program == "neomutt":
            # Otherwise it takes the tunnel to be the server's own machine and wants no password.
            settings += "set tunnel_is_secure=no\n"
    return Mutt(require_program(program), tmp_path, folder, settings)


@every_way
def test_every_message_is_read(mutt: Mutt, peer: Peer, account: AnyAccount) -> None:
    before = contents(peer.server, account)
    assert mutt.read_all() == sorted(with_lf(held.octets) for held in before)
    after = contents(peer.server, account)
    assert [held.octets for held in after] == [held.octets for held in before]


@every_way
def test_flags_copies_and_deletions(mutt: Mutt, peer: Peer, account: AnyAccount) -> None:
    before = contents(peer.server, account)
    mutt.do(
        "<first-entry><flag-message>",
        "<first-entry><next-entry><delete-message>",
        f"<tag-pattern>~s appended|~s first<enter><copy-message>{mutt.folder}Archive<enter>",
        "<sync-mailbox>",
    )
    after = contents(peer.server, account)
    assert [held.octets for held in after] == [held.octets for held in before if held.uid != 2]
    assert b"\\Flagged" in after[0].flags
    copied = contents(peer.server, account, "Archive")
    assert [held.octets for held in copied] == [before[0].octets, before[2].octets]


@every_way
def test_messages_are_appended(mutt: Mutt, peer: Peer, account: AnyAccount) -> None:
    local = mailbox.Maildir(mutt.directory / "local")
    messages = [plain("one", "text\n.\nFrom here"), multipart(2), forwarded(plain("in", "side"))]
    messages.append(large(300_000))
    for octets in messages:
        local.add(octets)
    mutt.do(
        "<tag-pattern>~A<enter>",
        f"<copy-message>{mutt.folder}Archive<enter>",
        start=str(mutt.directory / "local"),
    )
    appended = [held.octets for held in contents(peer.server, account, "Archive")]
    assert sorted(_ADDED.sub(b"", octets, count=1) for octets in appended) == (
        sorted(map(with_crlf, messages))
    )
