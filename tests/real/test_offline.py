"""Dovecot is stopped, and its mail is read all the same, as it was told before."""

import imaplib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.real.caching_proxy import CachingProxy
from tests.real.dovecot import Account, Dovecot, Message
from tests.real.mail import corpus
from tests.real.programs import leave_out
from tests.real.raw import RawClient, octets_of

# What a client asks for, before and after. Dovecot's words in the tagged response are its own.
READING = (
    b'LIST "" "*"',
    b'LIST "" "%"',
    b'LSUB "" "*"',
    b"NAMESPACE",
    b"STATUS INBOX (MESSAGES UIDNEXT UIDVALIDITY UNSEEN)",
    b"FETCH 1:* (UID FLAGS)",
    # Messages 5 and 10 have an empty envelope. Of those that are gone Dovecot tells the same, so
    # that it is never kept.
    b"FETCH 1:4,6:9,11:* (UID RFC822.SIZE INTERNALDATE ENVELOPE BODY)",
    b"FETCH 5,10 (UID RFC822.SIZE INTERNALDATE BODY)",
    b"FETCH 1:* BODYSTRUCTURE",
    b"UID FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT FROM DATE)])",
    b"FETCH 1:* BODY.PEEK[]",
    b"FETCH 2 (BODY.PEEK[1] BODY.PEEK[1.1.MIME] BODY.PEEK[2]<5.20>)",
    b"UID FETCH 3:5,8 (BODY.PEEK[HEADER] BODY.PEEK[TEXT])",
    b"FETCH 1:* RFC822.HEADER",
    b"UID SEARCH ALL",
    b"SEARCH UNSEEN",
    b"SEARCH OR FLAGGED NOT SEEN",
    b"SEARCH SINCE 12-Nov-2022 BEFORE 16-Nov-2022",
    b"SEARCH ON 14-Nov-2022",
    b"SEARCH 1:3,17 SENTSINCE 3-Nov-2022 SENTBEFORE 17-Nov-2022",
    b"SEARCH LARGER 3000",
    b"SEARCH NOT 2:4 UID 1:9",
    b"SEARCH SUBJECT first",
    b"SEARCH FROM grace",
    b"SEARCH HEADER MESSAGE-ID example.org",
    b"SEARCH CHARSET UTF-8 SUBJECT {7+}\r\n" + "Grüße".encode(),
    b"SEARCH CHARSET UTF-8 BODY {6+}\r\n" + "GRÜß".encode(),
    b"SEARCH BODY answer",
    b"SEARCH BODY folded",
    b"SEARCH TEXT forwarder",
    b"SEARCH BODY naive.bin",
    b"SEARCH TEXT naive.bin",
    b"SEARCH BODY juergen",
    b"SEARCH TEXT juergen",
    b"SEARCH BODY utf-8",
    b"SEARCH TEXT utf-8",
    b"SEARCH BODY preamble",
    b'SEARCH HEADER X-FOLDED "one two"',
    b'SEARCH TEXT "subject: "',
    b'SEARCH HEADER SUBJECT ""',
    b'SEARCH BODY "long line that is folded"',
    b"SEARCH TEXT {5+}\r\nhello",
)


@pytest.fixture(scope="module")
def server() -> Iterator[Dovecot]:
    """A Dovecot of its own, for others would miss it."""
    missing = Dovecot.missing()
    if missing is not None:
        leave_out(missing)
    with Dovecot() as server:
        yield server


@pytest.fixture
def proxy(server: Dovecot, tmp_path: Path) -> Iterator[CachingProxy]:
    directory = tmp_path / "proxy"
    directory.mkdir()
    with CachingProxy(server.upstream, server.ca_file, directory, "live", offline=True) as proxy:
        yield proxy


@pytest.fixture
def account(server: Dovecot) -> Account:
    account = server.account("offline")
    account.seed("INBOX", corpus())
    account.seed("Archive", [Message(b"Subject: old\r\n\r\nold\r\n", "S")])
    account.seed("Archive.2022")
    return account


@pytest.fixture
def away(server: Dovecot) -> Iterator[None]:
    """The server is back for the next test."""
    yield
    if server.is_away:
        server.come_back()


def log_in(port: int, account: Account) -> RawClient:
    client = RawClient(port)
    client.ok(f"LOGIN {account.user} {account.password}".encode())
    return client


def ask(client: RawClient, commands: Sequence[bytes]) -> list[bytes]:
    """The untagged responses to each."""
    return [octets_of(client.ok(command)[:-1]) for command in commands]


def test_what_was_told_is_told_again_octet_for_octet(
    server: Dovecot, proxy: CachingProxy, account: Account, away: None
) -> None:
    with log_in(proxy.port, account) as client:
        client.ok(b"SELECT INBOX")
        online = ask(client, READING)
        client.ok(b"SELECT Archive")
        archive = ask(client, [b"FETCH 1 (FLAGS BODY.PEEK[])"])
        client.ok(b"LOGOUT")
    server.go_away()
    proxy.restart(kill=False)
    with log_in(proxy.port, account) as client:
        told = octets_of(client.ok(b"SELECT INBOX"))
        assert b"* %d EXISTS\r\n" % len(corpus()) in told
        assert b"t OK [READ-ONLY] " in told
        for command, before in zip(READING, online, strict=True):
            assert ask(client, [command]) == [before], command
        client.ok(b"SELECT Archive")
        assert ask(client, [b"FETCH 1 (FLAGS BODY.PEEK[])"]) == archive
        assert b"t NO [UNAVAILABLE]" in octets_of(client.command(b"SELECT Archive.2022"))
        client.ok(b"LOGOUT")


def test_imaplib_reads_on(
    server: Dovecot, proxy: CachingProxy, account: Account, away: None
) -> None:
    """What a program does that knows nothing of all this, and what it hears when it writes."""

    def read() -> tuple[object, ...]:
        with imaplib.IMAP4("127.0.0.1", proxy.port) as client:
            client.login(account.user, account.password)
            client.select("INBOX", readonly=True)
            messages = client.fetch("1:*", "(UID FLAGS RFC822)")
            return messages, client.search(None, "ALL"), client.list(), client.lsub()

    before = read()
    server.go_away()
    proxy.restart(kill=False)
    assert read() == before
    opens = imaplib.IMAP4("127.0.0.1", proxy.port)
    opens.login(account.user, account.password)
    with pytest.raises(imaplib.IMAP4.readonly):
        opens.select("INBOX")
    opens.shutdown()
    with imaplib.IMAP4("127.0.0.1", proxy.port) as client:
        client.login(account.user, account.password)
        kind, [why] = client.append("INBOX", "", "", b"Subject: new\r\n\r\n")
        assert (kind, why[:13]) == ("NO", b"[UNAVAILABLE]")
    refused = pytest.raises(imaplib.IMAP4.error, match="refuses connections")
    with imaplib.IMAP4("127.0.0.1", proxy.port) as client, refused:
        client.login(account.user, "wrong")


def test_back_online(server: Dovecot, proxy: CachingProxy, account: Account) -> None:
    with log_in(proxy.port, account) as client:
        client.ok(b"SELECT INBOX")
        client.ok(b"FETCH 1:* (UID FLAGS)")
        client.ok(b"LOGOUT")
    server.go_away()
    proxy.restart(kill=False)
    with log_in(proxy.port, account) as idle, log_in(proxy.port, account) as reading:
        reading.ok(b"SELECT INBOX")
        assert b"t NO [UNAVAILABLE]" in octets_of(idle.command(b"CREATE New"))
        server.come_back()
        told = octets_of(reading.read_until(lambda response: b"* BYE" in response.octets))
        assert b"The server can be reached again" in told
    with log_in(proxy.port, account) as client:
        assert b"[READ-WRITE]" in octets_of(client.ok(b"SELECT INBOX"))
        client.ok(b"LOGOUT")
