"""aioimaplib, the client for asyncio."""

import asyncio
import re
import ssl
from collections.abc import Awaitable, Callable

import aioimaplib
import pytest

from tests.real.mail import corpus, large
from tests.real.peer import AnyAccount, Peer
from tests.real.programs import DEADLINE
from tests.real.truth import contents, straight, with_crlf

Client = aioimaplib.IMAP4
Talk = Callable[[Client], Awaitable[None]]


@pytest.fixture
def account(peer: Peer) -> AnyAccount:
    account = peer.server.account("aio")
    account.seed("INBOX", corpus())
    account.seed("Archive")
    return account


@pytest.fixture(params=["plain", "tls"])
def with_client(
    request: pytest.FixtureRequest, peer: Peer, account: AnyAccount
) -> Callable[[Talk], None]:
    """Give a coroutine function a client that is logged in, and let it run."""

    def connect() -> Client:
        if request.param == "plain":
            return aioimaplib.IMAP4("127.0.0.1", peer.port, timeout=DEADLINE)
        context = ssl.create_default_context(cafile=str(peer.ca_file))
        return aioimaplib.IMAP4_SSL(
            "127.0.0.1", peer.tls_port, timeout=DEADLINE, ssl_context=context
        )

    async def run(talk: Talk) -> None:
        client = connect()
        lost = asyncio.Event()
        client.protocol.conn_lost_cb = lambda _: lost.set()
        await client.wait_hello_from_server()
        assert (await client.login(account.user, account.password)).result == "OK"
        await talk(client)
        await client.logout()
        await asyncio.wait_for(lost.wait(), DEADLINE)

    return lambda talk: asyncio.run(run(talk))


def test_every_message_is_fetched(with_client: Callable[[Talk], None]) -> None:
    async def talk(client: Client) -> None:
        await client.select()
        response = await client.fetch("1:*", "(UID RFC822.SIZE BODY.PEEK[])")
        assert response.result == "OK"
        # What is no line of text is the octets of a literal.
        fetched = [bytes(line) for line in response.lines if isinstance(line, bytearray)]
        assert fetched == [with_crlf(message.octets) for message in corpus()]

    with_client(talk)


def test_search_store_copy_and_expunge(
    with_client: Callable[[Talk], None], peer: Peer, account: AnyAccount
) -> None:
    before = contents(peer.server, account)

    async def talk(client: Client) -> None:
        await client.select()
        found = await client.uid_search("SUBJECT first")
        assert found.lines[0].split() == [b"1", b"3"]
        assert (await client.uid("copy", "1,3", "Archive")).result == "OK"
        assert (await client.uid("store", "1,3", r"+FLAGS (\Deleted one)")).result == "OK"
        assert (await client.uid("expunge", "1,3")).result == "OK"

    with_client(talk)
    assert contents(peer.server, account) == [held for held in before if held.uid not in (1, 3)]
    copied = contents(peer.server, account, "Archive")
    assert [held.octets for held in copied] == [before[0].octets, before[2].octets]


def test_append(with_client: Callable[[Talk], None], peer: Peer, account: AnyAccount) -> None:
    message = with_crlf(large(200_000))

    async def talk(client: Client) -> None:
        assert (await client.append(message, "Archive", r"\Seen \Flagged")).result == "OK"

    with_client(talk)
    [held] = contents(peer.server, account, "Archive")
    assert held.octets == message
    assert held.flags == {b"\\Seen", b"\\Flagged"}


def test_idle_hears_of_a_message(
    with_client: Callable[[Talk], None], peer: Peer, account: AnyAccount
) -> None:
    def deliver() -> None:
        with straight(peer.server, account) as other:
            other.append("INBOX", "", "", b"Subject: news\r\n\r\n")

    async def talk(client: Client) -> None:
        await client.select()
        idle = await client.idle_start(timeout=DEADLINE)
        await asyncio.to_thread(deliver)
        heard: list[bytes] = []
        while not any(re.fullmatch(rb"\d+ EXISTS", line) for line in heard):
            heard += await client.wait_server_push(DEADLINE)
        assert b"%d EXISTS" % (len(corpus()) + 1) in heard
        client.idle_done()
        assert (await asyncio.wait_for(idle, DEADLINE)).result == "OK"

    with_client(talk)


def test_mailboxes(with_client: Callable[[Talk], None]) -> None:
    async def talk(client: Client) -> None:
        assert (await client.create("New.Sub")).result == "OK"
        assert (await client.rename("New.Sub", "Other")).result == "OK"
        assert (await client.subscribe("Other")).result == "OK"
        listed = await client.list('""', "*")
        names = {line.rpartition(b" ")[2].strip(b'"') for line in listed.lines[:-1]}
        assert names >= {b"INBOX", b"Archive", b"Other"}
        status = await client.status("Other", "(MESSAGES UIDNEXT)")
        assert status.lines[0] == b"Other (MESSAGES 0 UIDNEXT 1)"
        assert (await client.delete("Other")).result == "OK"

    with_client(talk)
