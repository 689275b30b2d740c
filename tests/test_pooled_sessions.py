"""Sessions one after the other on the same connection, with the fake server, on real sockets."""

from collections.abc import AsyncIterator, Sequence
from itertools import pairwise
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor  # noqa: TID251

from fakeserver.extensions import Extensions
from fakeserver.host import Limits
from fakeserver.server import FakeServer
from fakeserver.transcript import ConnectionRecord
from imapproxy.config import (
    CacheConfig,
    Config,
    ListenerConfig,
    PoolConfig,
    UpstreamConfig,
    check_config,
)
from imapproxy.service import ProxyService
from tests.deadline import in_reactor, soon
from tests.logged_errors import logged_errors
from tests.socket_client import Client, connect

__all__ = ["logged_errors"]

_LOG_INS = ("LOGIN", "AUTHENTICATE")


async def ask(client: Client, command: bytes) -> bytes:
    """The answer, by a tag that stands in no other."""
    return await client.ask(command, b"Tag")


class Pooled:
    """One fake server, one proxy before it, and their clients."""

    def __init__(self, directory: Any) -> None:
        self._directory = directory
        self.server: FakeServer | None = None
        self.service: ProxyService | None = None

    async def start(
        self,
        pool: PoolConfig = PoolConfig(),  # noqa: B008 - frozen
        *,
        max_connections: int | None = None,
        compress: bool = False,
        **server: Any,
    ) -> FakeServer:
        self.server = FakeServer(reactor, **server)
        for user in ("ann", "bob"):
            self.server.add_account(user, "pw")
        await self.server.start()
        self._max_connections = max_connections
        self._compress = compress
        self.service = ProxyService(reactor, self.settings(pool))
        await self.service.start()
        self.server.transcript.clear()
        return self.server

    def settings(self, pool: PoolConfig = PoolConfig()) -> Any:  # noqa: B008 - frozen
        assert self.server is not None
        upstream = UpstreamConfig(
            f"imaps://localhost:{self.server.tls_port}",
            ca_file=str(self.server.ca_file),
            max_connections=self._max_connections,
            compress=self._compress,
        )
        listener = ListenerConfig("127.0.0.1:0")
        cache = CacheConfig(offline=False)
        config = Config({"s": upstream}, (listener,), cache=cache, pool=pool)
        return check_config(config, self._directory)

    async def client(self) -> Client:
        assert self.service is not None
        return await connect(reactor, self.service.listeners[0].address.port)

    async def session(self, *commands: bytes, user: bytes = b"ann") -> list[bytes]:
        """Log in, say these, log out; all that was heard to each."""
        client = await self.client()
        heard = [
            await ask(client, command) for command in (b"LOGIN %b pw" % user, *commands, b"LOGOUT")
        ]
        await client.lost
        return heard

    @property
    def logged_in(self) -> list[ConnectionRecord]:
        """The connections on which somebody has logged in at the server."""
        assert self.server is not None
        return [
            one
            for one in self.server.transcript.connections
            if any(command.name in _LOG_INS for command in one.commands)
        ]

    @property
    def connections(self) -> int:
        """How many they are."""
        return len(self.logged_in)

    async def stop(self) -> None:
        if self.service is not None:
            await self.service.drain()
        if self.server is not None:
            await self.server.stop()


@pytest_twisted.async_yield_fixture
async def pooled(tmp_path: Any, logged_errors: object) -> AsyncIterator[Pooled]:
    pooled = Pooled(tmp_path)
    yield pooled
    await soon(pooled.stop())


class TestTransparency:
    @pytest.mark.parametrize("without", [(), ("UNSELECT",), ("SASL-IR",)])
    @in_reactor
    async def test_nothing_tells_the_second_session_from_the_first(self, pooled, without):
        extensions = Extensions.with_changes(without=without)
        await pooled.start(extensions=extensions)
        script = (
            b"FETCH 1 FLAGS",  # nothing is selected
            b"CAPABILITY",
            b'LIST "" "*"',
            b"NAMESPACE",
            b"EXAMINE INBOX",
            b"FETCH 1:* (UID FLAGS)",
            b"SEARCH UNSEEN",
            b"STATUS INBOX (MESSAGES RECENT UIDNEXT)",
        )
        first = await pooled.session(*script)
        assert await pooled.session(*script) == first
        assert pooled.connections == 1
        assert b"Tag BAD" in first[1] or b"Tag NO" in first[1]

    @in_reactor
    async def test_nor_does_compression(self, pooled):
        server = await pooled.start(compress=True)
        server.deliver(b"Subject: large\r\n\r\n" + b"all work and no play\r\n" * 20_000, user="ann")
        script = (b"EXAMINE INBOX", b"FETCH * BODY.PEEK[]", b"CAPABILITY")
        first = await pooled.session(*script)
        assert await pooled.session(*script) == first
        assert len(first[2]) > 400_000
        assert b"COMPRESS" not in first[3]
        assert len(server.commands("COMPRESS")) == 1

    @in_reactor
    async def test_recent_is_told_to_the_first_session_that_selects(self, pooled):
        server = await pooled.start()
        await pooled.session(b"SELECT INBOX")
        server.deliver(b"Subject: new\r\n\r\n", user="ann")
        _, second, flags, _ = await pooled.session(b"SELECT INBOX", b"FETCH * FLAGS")
        assert b"* 1 RECENT" in second
        assert b"\\Recent" in flags
        _, third, _ = await pooled.session(b"SELECT INBOX")
        assert b"* 0 RECENT" in third
        assert pooled.connections == 1

    @in_reactor
    async def test_parking_takes_recent_from_nobody(self, pooled):
        server = await pooled.start(extensions=Extensions.with_changes(without=("UNSELECT",)))
        server.mailbox("INBOX", "ann")
        await pooled.session(b"EXAMINE INBOX")
        server.deliver(b"Subject: new\r\n\r\n", user="ann")
        await pooled.session(b'EXAMINE "Drafts"', b"EXAMINE INBOX")
        _, selected, _ = await pooled.session(b"SELECT INBOX")
        assert b"* 0 RECENT" not in selected
        assert pooled.connections == 1

    @in_reactor
    async def test_parking_expunges_nothing(self, pooled):
        server = await pooled.start(extensions=Extensions.with_changes(without=("UNSELECT",)))
        before = len(server.mailbox("INBOX", "ann").messages)
        await pooled.session(b"SELECT INBOX", b"STORE 1 +FLAGS (\\Deleted)")
        await pooled.session(b"NOOP")
        assert pooled.connections == 1
        assert len(server.mailbox("INBOX", "ann").messages) == before

    @in_reactor
    async def test_what_was_enabled_is_not_inherited(self, pooled):
        await pooled.start()
        await pooled.session(b"ENABLE CONDSTORE", b"SELECT INBOX")
        _, _, flags, _ = await pooled.session(b"SELECT INBOX", b"STORE 1 FLAGS (\\Seen)")
        assert b"MODSEQ" not in flags
        assert pooled.connections == 2

    @in_reactor
    async def test_a_mailbox_that_is_gone_meanwhile(self, pooled):
        server = await pooled.start()
        await pooled.session(b"CREATE Doomed", b"SELECT Doomed")
        account = server.account("ann")
        account.delete(b"Doomed")
        heard = await pooled.session(b"SELECT Doomed")
        assert b"Tag NO" in heard[1]

    @in_reactor
    async def test_a_client_that_goes_without_log_out(self, pooled):
        await pooled.start()
        client = await pooled.client()
        await ask(client, b"LOGIN ann pw")
        await ask(client, b"SELECT INBOX")
        client.transport.loseConnection()
        await client.lost
        await pooled.session(b"NOOP")
        assert pooled.connections == 1

    @in_reactor
    async def test_the_pool_switched_off(self, pooled):
        server = await pooled.start(PoolConfig(enabled=False))
        await pooled.session(b"NOOP")
        await pooled.session(b"NOOP")
        assert pooled.connections == 2
        assert len(server.commands("LOGOUT", "ann")) == 2


class TestRoundTrips:
    @in_reactor
    async def test_log_in_and_select_take_two_at_most(self, pooled):
        await pooled.start()
        await pooled.session(b"SELECT INBOX")
        (connection,) = pooled.logged_in
        # UNSELECT of the session before may still be on its way.
        before = [line for line in connection.lines if b"UNSELECT" not in line[1]]
        client = await pooled.client()
        await ask(client, b"LOGIN ann pw")
        await ask(client, b"SELECT INBOX")
        assert pooled.connections == 1
        assert round_trips(connection.lines[len(before) :]) <= 2

    @in_reactor
    async def test_a_new_connection_takes_two_behind_its_greeting(self, pooled):
        await pooled.start()
        client = await pooled.client()
        await ask(client, b"LOGIN ann pw")
        await ask(client, b"SELECT INBOX")
        (connection,) = pooled.logged_in
        assert [command.name for command in connection.commands] == ["AUTHENTICATE", "SELECT"]
        assert round_trips(connection.lines) == 2


def round_trips(lines: Sequence[tuple[str, bytes]]) -> int:
    """How often the client spoke when it had heard the server."""
    speakers = [speaker for speaker, _ in lines]
    return sum(one == "C" != before for before, one in pairwise(["S", *speakers]))


class TestIsolation:
    @in_reactor
    async def test_a_wrong_password_hears_the_servers_own_refusal(self, pooled):
        server = await pooled.start()
        await pooled.session(b"SELECT INBOX")
        for guess in (b"PW", b"pw2"):
            client = await pooled.client()
            assert await ask(client, b"LOGIN ann " + guess) == (
                b"Tag NO [AUTHENTICATIONFAILED] Authentication failed.\r\n"
            )
            client.transport.loseConnection()
            await client.lost
        refused = [one for one in server.transcript.commands() if one.name in _LOG_INS][1:]
        assert len(refused) == 2

    @in_reactor
    async def test_mail_of_one_account_is_not_shown_to_another(self, pooled):
        server = await pooled.start()
        server.deliver(b"Subject: for ann alone\r\n\r\n", user="ann")
        await pooled.session(b"SELECT INBOX")
        heard = await pooled.session(
            b"SELECT INBOX", b"FETCH 1:* BODY.PEEK[HEADER.FIELDS (SUBJECT)]", user=b"bob"
        )
        assert b"for ann alone" not in b"".join(heard)
        users = {command.user for command in server.commands("SELECT")}
        assert users == {"ann", "bob"}
        assert pooled.connections == 2

    @in_reactor
    async def test_many_clients_of_two_accounts_at_once(self, pooled):
        server = await pooled.start()
        for user in ("ann", "bob"):
            server.deliver(b"Subject: for %b\r\n\r\n" % user.encode(), user=user)
        for _ in range(5):
            for user in (b"ann", b"bob"):
                heard = await pooled.session(
                    b"SELECT INBOX", b"FETCH * BODY.PEEK[HEADER.FIELDS (SUBJECT)]", user=user
                )
                assert b"Subject: for " + user in heard[2]
        assert pooled.connections == 2


class TestLimits:
    @in_reactor
    async def test_who_is_one_too_many_waits(self, pooled):
        await pooled.start(max_connections=1)
        first = await pooled.client()
        await ask(first, b"LOGIN ann pw")
        second = await pooled.client()
        second.say(b"Tag LOGIN ann pw")
        # What the second has asked has arrived when a third, behind it, is answered.
        third = await pooled.client()
        await ask(third, b"NOOP")
        assert second.heard == b""
        await ask(first, b"LOGOUT")
        assert b"Tag OK" in await second.until(b"Tag ")
        assert pooled.connections == 1

    @in_reactor
    async def test_who_waits_in_vain_is_told_what_to_do(self, pooled):
        await pooled.start(PoolConfig(wait=0.05), max_connections=1)
        first = await pooled.client()
        await ask(first, b"LOGIN ann pw")
        second = await pooled.client()
        answer = await ask(second, b"LOGIN ann pw")
        assert answer.startswith(b"Tag NO [LIMIT] imaps://localhost")
        assert b"close a mail program or a window that uses this account" in answer
        # It may try again.
        await ask(first, b"LOGOUT")
        assert b"Tag OK" in await ask(second, b"LOGIN ann pw")

    @in_reactor
    async def test_a_server_that_takes_no_more(self, pooled):
        await pooled.start(limits=Limits(connections_per_user=1))
        first = await pooled.client()
        await ask(first, b"LOGIN ann pw")
        second = await pooled.client()
        second.say(b"Tag LOGIN ann pw")
        third = await pooled.client()
        assert b"Tag OK" in await ask(third, b"LOGIN bob pw")
        assert second.heard == b""
        await ask(first, b"LOGOUT")
        assert b"Tag OK" in await second.until(b"Tag ")


class TestTheEnd:
    @in_reactor
    async def test_parked_connections_log_out_when_the_proxy_stops(self, pooled):
        server = await pooled.start()
        await pooled.session(b"SELECT INBOX")
        await pooled.session(b"NOOP", user=b"bob")
        await pooled.service.drain()
        assert server.commands("LOGOUT", "ann")
        assert server.commands("LOGOUT", "bob")

    @in_reactor
    async def test_a_reload_leaves_nothing_parked_that_was_trusted_otherwise(self, pooled):
        server = await pooled.start()
        await pooled.session(b"NOOP")
        await pooled.service.reload(pooled.settings())
        await pooled.session(b"NOOP")
        assert pooled.connections == 2
        assert len(server.commands("LOGOUT", "ann")) == 1

    @in_reactor
    async def test_a_server_that_ends_a_parked_connection(self, pooled):
        server = await pooled.start()
        await pooled.session(b"NOOP")
        server.disconnect_all("Restarting.")
        heard = await pooled.session(b"SELECT INBOX")
        assert b"Tag OK" in heard[1]
        assert pooled.connections == 2
