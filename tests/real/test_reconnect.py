"""Dovecot's process is killed in the middle of a session; the client hears of its mail alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.caching_proxy import CachingProxy
from tests.real.dovecot import Account, Dovecot, Message
from tests.real.raw import Closed, RawClient, octets_of

MESSAGES = [Message(b"Subject: %d\r\n\r\n%d\r\n" % (n, n)) for n in range(1, 5)]
NEW = b"Subject: new\r\n\r\nnew\r\n"


@pytest.fixture(scope="module")
def caching_proxy(dovecot: Dovecot, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A proxy that knows which messages a mailbox has."""
    directory = tmp_path_factory.mktemp("reconnect")
    with CachingProxy(dovecot.upstream, dovecot.ca_file, directory, "live") as proxy:
        yield proxy


@pytest.fixture
def account(dovecot: Dovecot) -> Account:
    account = dovecot.account("lost")
    account.seed("INBOX", MESSAGES)
    return account


def log_in(port: int, account: Account) -> RawClient:
    client = RawClient(port)
    client.ok(f"LOGIN {account.user} {account.password}".encode())
    client.ok(b"SELECT INBOX")
    return client


@pytest.fixture
def client(caching_proxy: CachingProxy, account: Account) -> Iterator[RawClient]:
    """A client that knows all messages of its mailbox."""
    with log_in(caching_proxy.port, account) as client:
        told = octets_of(client.ok(b"UID FETCH 1:* (FLAGS)"))
        assert told.count(b" FETCH ") == len(MESSAGES)
        yield client


def others(dovecot: Dovecot, account: Account) -> None:
    """Two messages go, one comes and one is flagged, through another program."""
    with log_in(dovecot.imap_port, account) as other:
        other.ok(b"STORE 1,3 +FLAGS.SILENT (\\Deleted)")
        other.ok(b"EXPUNGE")
        other.ok(b"UID STORE 4 +FLAGS.SILENT (\\Flagged)")
        other.ok(b"APPEND INBOX {%d+}\r\n" % len(NEW) + NEW)
        other.ok(b"LOGOUT")


def test_nothing_has_changed(dovecot: Dovecot, account: Account, client: RawClient) -> None:
    dovecot.kill_session(account)
    assert b"BYE" not in octets_of(client.ok(b"NOOP"))
    told = octets_of(client.ok(b"FETCH 2 (UID BODY.PEEK[TEXT])"))
    assert b"* 2 FETCH (UID 2 BODY[TEXT] {3}\r\n2\r\n)" in told
    client.ok(b"STORE 2 +FLAGS (\\Answered)")
    client.ok(b"LOGOUT")


def test_what_others_did_is_told(dovecot: Dovecot, account: Account, client: RawClient) -> None:
    dovecot.kill_session(account)
    others(dovecot, account)
    told = octets_of(client.ok(b"NOOP"))
    assert told.startswith(b"* 3 EXPUNGE\r\n* 1 EXPUNGE\r\n* 3 EXISTS\r\n"), told
    assert b"* 2 FETCH (FLAGS (\\Flagged" in told
    told = octets_of(client.ok(b"FETCH 1:* (UID)"))
    assert [f"* {n} FETCH (UID {uid})".encode() in told for n, uid in ((1, 2), (2, 4), (3, 5))] == [
        True
    ] * 3, told
    client.ok(b"LOGOUT")


def test_in_idle_it_is_told_at_once(dovecot: Dovecot, account: Account, client: RawClient) -> None:
    client.continued(b"t IDLE\r\n")
    dovecot.kill_session(account)
    others(dovecot, account)
    told = client.read_until(lambda response: b" EXISTS" in response.octets)
    assert b"EXPUNGE" in octets_of(told) or b" 5 EXISTS" in octets_of(told), told
    with log_in(dovecot.imap_port, account) as other:
        other.ok(b"APPEND INBOX {%d+}\r\n" % len(NEW) + NEW)
    told = client.read_until(lambda response: b"* 4 EXISTS" in response.octets)
    client.send(b"DONE\r\n")
    assert client.read_until(lambda response: response.first_word == b"t")[-1].octets[:4] == b"t OK"
    client.ok(b"LOGOUT")


def test_numbers_that_mean_other_messages_now(
    dovecot: Dovecot, account: Account, client: RawClient
) -> None:
    dovecot.kill_session(account)
    others(dovecot, account)
    told = octets_of(client.command(b"STORE 1 +FLAGS (\\Deleted)"))
    assert told == b"t NO [EXPUNGEISSUED] Some of the messages are gone\r\n", told
    told = octets_of(client.command(b"STORE 1:2 +FLAGS (\\Answered)"))
    assert told.startswith(b"* 2 FETCH (UID 2 FLAGS (\\Answered"), told
    assert told.endswith(b"t NO [EXPUNGEISSUED] Some of the messages are gone\r\n"), told
    told = octets_of(client.ok(b"FETCH 2,4 (UID FLAGS)"))
    assert b"* 2 FETCH (UID 2 FLAGS (\\Answered" in told, told
    assert b"* 4 FETCH (UID 4 FLAGS (\\Flagged" in told, told
    assert b"* SEARCH 2 4\r\n" in octets_of(client.ok(b"SEARCH ALL"))
    assert b"* SEARCH 2\r\n" in octets_of(client.ok(b"SEARCH 1:3"))
    told = octets_of(client.ok(b"NOOP"))
    assert told.startswith(b"* 3 EXPUNGE\r\n* 1 EXPUNGE\r\n* 3 EXISTS\r\n"), told
    with log_in(dovecot.imap_port, account) as other:
        assert b"Deleted" not in octets_of(other.ok(b"FETCH 1:* FLAGS"))


def test_numbers_that_cannot_be_said_by_uid(
    dovecot: Dovecot, account: Account, client: RawClient
) -> None:
    dovecot.kill_session(account)
    others(dovecot, account)
    told = octets_of(client.command(b"FETCH 1 BODY[]"))
    assert b"t NO [UNAVAILABLE] " in told, told
    with pytest.raises(Closed) as closed:
        client.read_until(lambda response: False)
    assert octets_of(closed.value.responses).startswith(b"* BYE [UNAVAILABLE] ")


def test_appends_are_not_doubled(dovecot: Dovecot, account: Account, client: RawClient) -> None:
    dovecot.kill_session(account)
    outcome = octets_of(client.command(b"APPEND INBOX {%d+}\r\n" % len(NEW) + NEW))
    told = octets_of(client.ok(b"STATUS INBOX (MESSAGES)"))
    done = b"\r\nt OK " in b"\r\n" + outcome
    assert done or b"t NO [UNAVAILABLE] " in outcome, outcome
    assert b"MESSAGES %d" % (len(MESSAGES) + done) in told
    client.ok(b"LOGOUT")
