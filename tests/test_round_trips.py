"""How often the upstream is asked for what the cache holds, told by its transcript."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor  # noqa: TID251

from fakeserver.server import FakeServer
from imapproxy.config import CacheConfig, Config, ListenerConfig, UpstreamConfig, check_config
from imapproxy.service import ProxyService
from tests.deadline import in_reactor, soon
from tests.logged_errors import logged_errors
from tests.socket_client import Client, connect

__all__ = ["logged_errors"]

_MESSAGES = 12
_BODY = b"FETCH 1:* (UID BODY.PEEK[])"
_ENVELOPES = b"FETCH 1:* (UID ENVELOPE)"
_FLAGS = b"FETCH 1:* (FLAGS UID ENVELOPE)"


class Warm:
    """A proxy with a cache that holds the mailbox of a user, and its upstream."""

    def __init__(self, directory: Any, freshness: Any) -> None:
        self._directory = directory
        self.freshness = freshness
        self.server = FakeServer(reactor)
        self.service: ProxyService | None = None

    async def start(self) -> None:
        """Fill the cache, then start the proxy anew."""
        self.server.add_account("ann", "pw")
        for number in range(_MESSAGES):
            self.deliver(number)
        await self.server.start()
        await self._start_proxy()
        await self.session(_BODY, _BODY, _ENVELOPES, _ENVELOPES, _FLAGS, _FLAGS)
        await self.restart()

    def deliver(self, number: int) -> None:
        """One more message."""
        self.server.deliver(b"Subject: %d\r\n\r\nText %d.\r\n" % (number, number), user="ann")

    async def _start_proxy(self) -> None:
        upstream = UpstreamConfig(
            f"imaps://localhost:{self.server.tls_port}", ca_file=str(self.server.ca_file)
        )
        config = Config(
            {"s": upstream},
            (ListenerConfig("127.0.0.1:0"),),
            cache=CacheConfig(freshness=self.freshness, offline=False),
            data_dir=str(self._directory / "data"),
        )
        self.service = ProxyService(reactor, check_config(config, self._directory))
        await self.service.start()

    async def restart(self) -> None:
        """A new process, as far as the cache can tell."""
        assert self.service is not None
        await self.service.drain()
        await self._start_proxy()

    async def log_in(self) -> Client:
        assert self.service is not None
        client = await connect(reactor, self.service.listeners[0].address.port)
        await client.ask(b"LOGIN ann pw", b"Tag")
        return client

    async def session(self, *commands: bytes) -> None:
        client = await self.log_in()
        for command in (b"SELECT INBOX", *commands, b"NOOP", b"LOGOUT"):
            await client.ask(command, b"Tag")
        await client.lost

    def asked(self) -> list[bytes]:
        """What the upstream was asked since it was looked at last, without tags."""
        found = [
            command.octets.partition(b" ")[2].rstrip(b"\r\n")
            for connection in self.server.transcript.connections
            for command in connection.commands
        ]
        self.server.transcript.clear()
        return found

    async def stop(self) -> None:
        if self.service is not None:
            await self.service.drain()
        await self.server.stop()


@pytest_twisted.async_yield_fixture
async def warm(tmp_path: Any, request: Any, logged_errors: object) -> AsyncIterator[Warm]:
    warm = Warm(tmp_path, request.param)
    await soon(warm.start())
    yield warm
    await soon(warm.stop())


both = pytest.mark.parametrize("warm", ["live", "exact"], indirect=True)


async def opened(warm: Warm) -> Client:
    """A client that has opened its mailbox; nothing that was asked for that is counted."""
    client = await warm.log_in()
    warm.asked()
    await client.ask(b"SELECT INBOX", b"Tag")
    return client


async def figures(warm: Warm) -> dict[str, dict[str, int]]:
    """What the status tells of the cache."""
    assert warm.service is not None
    return (await warm.service.report()).figures


class TestFigures:
    @both
    @in_reactor
    async def test_the_status_tells_what_came_from_where(self, warm):
        assert set((await figures(warm))["cache"].values()) == {0}
        client = await opened(warm)
        count = len(warm.server.mailbox("INBOX", "ann").messages)
        octets = len(await client.ask(_BODY, b"Tag"))
        told = (await figures(warm))["cache"]
        assert (told["messages_served"], told["messages_asked"]) == (count, 0)
        assert octets - 100 < told["octets_served"] < octets
        await client.ask(_ENVELOPES, b"Tag")
        assert (await figures(warm))["cache"]["messages_served"] == 2 * count
        unknown = b"FETCH 1:* (UID BODY.PEEK[1.MIME])"
        before = (await figures(warm))["cache"]["octets_asked"]
        octets = len(await client.ask(unknown, b"Tag"))
        told = (await figures(warm))["cache"]
        assert (told["messages_served"], told["messages_asked"]) == (2 * count, count)
        assert octets - 200 < told["octets_asked"] - before <= octets

    @both
    @in_reactor
    async def test_one_message_is_counted_too(self, warm):
        client = await opened(warm)
        octets = len(await client.ask(b"FETCH 1 (UID BODY.PEEK[])", b"Tag"))
        told = (await figures(warm))["cache"]
        assert told["messages_served"] == 1
        assert octets - 100 < told["octets_served"] < octets

    @both
    @in_reactor
    async def test_the_status_tells_how_much_room_there_is(self, warm):
        room = (await figures(warm))["store"]
        assert 0 < room["octets_held"] < 1_000_000
        assert room["octets_at_most"] == 2 * 1024**3


class TestBudgets:
    @both
    @in_reactor
    async def test_an_unchanged_mailbox_is_opened_by_one_command(self, warm):
        await opened(warm)

        assert warm.asked() == [b"SELECT INBOX"]

    @both
    @pytest.mark.parametrize("command", [_BODY, _ENVELOPES])
    @in_reactor
    async def test_what_cannot_change_is_not_asked_for(self, warm, command):
        client = await opened(warm)
        warm.asked()
        heard = await client.ask(command, b"Tag")

        assert heard.count(b" FETCH (") == len(warm.server.mailbox("INBOX", "ann").messages)
        asked = warm.asked()
        assert len(asked) == (0 if warm.freshness == "live" else 1)
        # A sign that the messages can be read, of an octet each.
        assert all(one.startswith(b"FETCH 1:") for one in asked)
        assert all(b"ENVELOPE" not in one and not one.endswith(b"BODY.PEEK[])") for one in asked)

    @both
    @in_reactor
    async def test_flags_are_asked_for_alone(self, warm):
        client = await opened(warm)
        count = len(warm.server.mailbox("INBOX", "ann").messages)
        warm.asked()
        heard = await client.ask(_FLAGS, b"Tag")

        assert heard.count(b"ENVELOPE") == count
        assert warm.asked() == [b"FETCH 1:%d (UID FLAGS)" % count]

    @both
    @in_reactor
    async def test_what_is_missing_is_asked_for_at_once(self, warm):
        for number in range(3):
            warm.deliver(100 + number)
        client = await opened(warm)
        count = len(warm.server.mailbox("INBOX", "ann").messages)
        warm.asked()
        heard = await client.ask(_ENVELOPES, b"Tag")

        assert heard.count(b"ENVELOPE") == count
        asked = warm.asked()
        if warm.freshness == "live":
            # The UIDs of what is new were asked for when the mailbox was open.
            learned = b"FETCH %d:%d (UID EMAILID)" % (count - 3, count)
            missing = b"FETCH %d:%d (UID ENVELOPE)" % (count - 2, count)
            assert [one for one in asked if one != learned] == [missing]
        else:
            # Answered in parts, it would tell news in between.
            assert asked == [_ENVELOPES]

    @both
    @pytest.mark.parametrize("command", [b"XYZZY 1", b"SEARCH ALL", b'LIST "" "*"', b"NOOP"])
    @in_reactor
    async def test_everything_else_goes_as_it_is(self, warm, command):
        client = await opened(warm)
        warm.asked()
        await client.ask(command, b"Tag")

        assert warm.asked() == [command]
