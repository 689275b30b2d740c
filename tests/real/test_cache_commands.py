"""``imapproxy cache`` with a real server: filled, of use at once, checked, and taken along."""

import mailbox
import re
import ssl
import subprocess
from pathlib import Path

import pytest

from tests.real.caching_proxy import CachingProxy
from tests.real.dovecot import Account, Dovecot, Message
from tests.real.programs import python_environment, python_module
from tests.real.raw import RawClient, octets_of

# What Dovecot says of a session when it ends: how much it told, and what it opened for that.
_LOGGED_OUT = re.compile(
    r"imap\((?P<user>[^)]*)\).* out=(?P<out>\d+) .*hdr_count=(?P<headers>\d+) .*"
    r"body_count=(?P<bodies>\d+)"
)
QUESTIONS = (
    b"FETCH 1:* (UID BODY.PEEK[])",
    b"FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)",
    b"FETCH 2:4 RFC822.HEADER",
    b"UID FETCH 1:* (UID BODY.PEEK[])",
)
COUNT = 12


def messages() -> list[Message]:
    return [
        Message(
            b"From: a@example.org\r\nSubject: number %d\r\n"
            b"Date: Thu, 1 Jan 2026 10:00:00 +0000\r\n\r\nFrom here on: %d\r\n%b"
            % (number, number, b"0123456789\r\n" * 2000 * (number % 4)),
            flags="FS" if number % 2 else "",
            arrived=1_750_000_000 + number,
        )
        for number in range(1, COUNT + 1)
    ]


@pytest.fixture
def account(dovecot: Dovecot) -> Account:
    account = dovecot.account("warm")
    account.seed("INBOX", messages())
    account.seed("Archive.2025", messages()[:3])
    return account


def cache(*arguments: str | Path, password: str = "") -> str:
    """What it says on both; it has to end well."""
    environment = {**python_environment(), "IMAPPROXY_PASSWORD": password}
    done = subprocess.run(
        python_module("imapproxy", "cache", *arguments),
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def answers(client: RawClient, account: Account) -> list[bytes]:
    client.ok(b"LOGIN %b %b" % (account.user.encode(), account.password.encode()))
    client.ok(b"SELECT INBOX")
    told = [octets_of(client.ok(question)[:-1]) for question in QUESTIONS]
    client.ok(b"LOGOUT")
    return told


@pytest.mark.parametrize("freshness", ["live", "exact"])
def test_what_was_warmed_is_not_fetched_again(
    dovecot: Dovecot, account: Account, tmp_path: Path, freshness: str
) -> None:
    with CachingProxy(dovecot.upstream, dovecot.ca_file, tmp_path, freshness) as proxy:
        config = tmp_path / "imapproxy.toml"
        options = ("--config", config, "--user", account.user)
        told = cache("warm", *options, password=account.password)
        assert f"INBOX: {COUNT} of {COUNT} are held, " in told
        assert "Archive.2025: 3 of 3 are held, " in told
        before = len(ended(dovecot, account))
        through = RawClient(proxy.port)
        got = answers(through, account)
        through.close()
    dovecot.wait_for_log(rf"imap\({account.user}\).* out=", before)
    (session,) = ended(dovecot, account)[before:]
    straight = RawClient(
        dovecot.imaps_port, ssl.create_default_context(cafile=str(dovecot.ca_file))
    )
    assert got == answers(straight, account)
    straight.close()
    assert int(session["headers"]) == 0
    if freshness == "live":
        assert int(session["bodies"]) == 0
    assert int(session["out"]) < 6000 < len(got[0]) / 20
    verified = cache("verify", *options, password=account.password)
    assert f"INBOX: {COUNT} are as the server has them" in verified


def ended(dovecot: Dovecot, account: Account) -> list[re.Match[str]]:
    found = [_LOGGED_OUT.search(line) for line in dovecot.log().splitlines()]
    return [match for match in found if match is not None and match["user"] == account.user]


def test_what_is_exported_is_what_the_server_has(
    dovecot: Dovecot, account: Account, tmp_path: Path
) -> None:
    place = ("--data-dir", tmp_path / "data")
    server = ("--upstream", dovecot.upstream, "--ca-file", dovecot.ca_file)
    cache("warm", *server, "--user", account.user, *place, password=account.password)
    cache("export", "--maildir", tmp_path / "Mail", *place)
    cache("export", "--mbox", tmp_path / "mbox", "--mailbox", "INBOX", *place)
    wanted = {
        (message.octets.replace(b"\r\n", b"\n"), message.flags, message.arrived)
        for message in messages()
    }
    box = mailbox.Maildir(tmp_path / "Mail", create=False)
    got = {(box.get_bytes(key), one.get_flags(), one.get_date()) for key, one in box.items()}
    assert got == wanted
    assert len(box.get_folder("Archive.2025")) == 3
    with (tmp_path / "mbox").open("rb") as file:
        unquoted = re.sub(rb"^>(>*From )", rb"\1", file.read(), flags=re.MULTILINE)
    for octets, _, _ in wanted:
        assert octets in unquoted
