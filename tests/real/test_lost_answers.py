"""Dovecot does what it was told, and the answer is lost: the client hears what was done."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.real.caching_proxy import CachingProxy
from tests.real.deaf_forwarder import DeafForwarder
from tests.real.dovecot import Account, Dovecot, Message
from tests.real.raw import RawClient, octets_of
from tests.real.test_reconnect import log_in

MESSAGES = [Message(b"Subject: %d\r\n\r\n%d\r\n" % (n, n)) for n in range(1, 5)]
NEW = b"Subject: new\r\nMessage-ID: <new.1@here>\r\n\r\nnew\r\n"


class Lossy(NamedTuple):
    """A client whose next answer the network may lose; ``other`` is not on that network."""

    client: RawClient
    network: DeafForwarder
    other: RawClient


@pytest.fixture
def lossy(dovecot: Dovecot, tmp_path: Path) -> Iterator[Lossy]:
    account: Account = dovecot.account("losing")
    account.seed("INBOX", MESSAGES)
    with (
        DeafForwarder(dovecot.imaps_port) as network,
        CachingProxy(
            f"imaps://localhost:{network.port}", dovecot.ca_file, tmp_path, "live"
        ) as proxy,
        log_in(proxy.port, account) as client,
        log_in(dovecot.imap_port, account) as other,
    ):
        told = octets_of(client.ok(b"UID FETCH 1:* (FLAGS)"))
        assert told.count(b" FETCH ") == len(MESSAGES)
        client.ok(b"NOOP")
        yield Lossy(client, network, other)


def messages(lossy: Lossy) -> list[bytes]:
    lossy.other.ok(b"NOOP")
    told = lossy.other.ok(b"UID FETCH 1:* (FLAGS)")
    return [response.octets for response in told if b" FETCH " in response.octets]


def append(lossy: Lossy, mailbox: bytes) -> bytes:
    lossy.network.lose_next_answer()
    literal = b" (\\Seen) {%d+}\r\n" % len(NEW) + NEW
    return octets_of(lossy.client.command(b"APPEND " + mailbox + literal))


def test_an_append_is_found(lossy: Lossy) -> None:
    told = append(lossy, b"INBOX")
    assert b"\r\nt OK [APPENDUID " in told, told
    assert b" 5] Append completed.\r\n" in told, told
    assert b"* 5 EXISTS\r\n" in told, told
    assert len(messages(lossy)) == len(MESSAGES) + 1


def test_one_to_another_mailbox_is_unknown_and_not_doubled(lossy: Lossy) -> None:
    lossy.client.ok(b"CREATE Sent")
    assert b"t NO [UNAVAILABLE] Outcome unknown" in append(lossy, b"Sent")
    assert b"(MESSAGES 1)" in octets_of(lossy.client.ok(b"STATUS Sent (MESSAGES)"))


@pytest.mark.parametrize("command", [b"EXPUNGE", b"UID EXPUNGE 2:3"])
def test_an_expunge_is_seen(lossy: Lossy, command: bytes) -> None:
    lossy.client.ok(b"STORE 2,3 +FLAGS.SILENT (\\Deleted)")
    lossy.network.lose_next_answer()
    told = octets_of(lossy.client.command(command))
    assert told == b"* 3 EXPUNGE\r\n* 2 EXPUNGE\r\nt OK Expunge completed.\r\n", told
    assert len(messages(lossy)) == len(MESSAGES) - 2
    lossy.client.ok(b"FETCH 1:2 (UID)")


def test_flags_are_stored_once_more(lossy: Lossy) -> None:
    lossy.network.lose_next_answer()
    lossy.client.ok(b"STORE 2 +FLAGS (\\Flagged)")
    # Dovecot tells nothing of flags that a STORE has not changed; what they are comes with news.
    assert b"* 2 FETCH (FLAGS (\\Flagged" in octets_of(lossy.client.ok(b"NOOP"))
    assert [b"Flagged" in message for message in messages(lossy)] == [False, True, False, False]
