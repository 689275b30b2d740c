"""A server that can go away and come back, a proxy with a cache before it, and their clients."""

import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor  # noqa: TID251
from twisted.internet.defer import maybeDeferred

from fakeserver.server import FakeServer, _Factory
from imapproxy.config import CacheConfig, Config, ListenerConfig, UpstreamConfig, check_config
from imapproxy.listener import offline_entrance
from imapproxy.offline.verifier import Cost, Verifier, make_verifier
from imapproxy.service import ProxyService
from imapproxy.wire.secret import Secret
from tests.deadline import soon
from tests.reserved_port import reserved
from tests.socket_client import Client, connect


class Server(FakeServer):
    """The fake server, whose port of implicit TLS can be shut and opened again."""

    at = 0  # that port
    _held: socket.socket | None = None

    async def go_away(self) -> None:
        """Nobody listens any more, and who was connected no longer is."""
        port = self._listening.pop("imaps")
        await maybeDeferred(port.stopListening)
        self._held = reserved(self.at)
        self.disconnect_all()

    async def come_back(self) -> None:
        await self.listen("imaps", ("127.0.0.1", self.at), _Factory(self, tls=True))
        self.let_go()

    def let_go(self) -> None:
        """Hold on to the port no longer."""
        if self._held is not None:
            self._held.close()
            self._held = None


class OfflineHouse:
    """One server, one proxy, and the directory in which it keeps mail."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.server = Server(reactor)
        self.service: ProxyService | None = None
        for user in ("ann", "bob"):
            self.server.add_account(user, f"pw-{user}")

    async def start(self, **cache: Any) -> None:
        await self.server.start()
        self.server.at = self.server.tls_port
        await self.start_proxy(**cache)

    async def start_proxy(self, **cache: Any) -> None:
        """The proxy; where there was one before, on what it has kept."""
        url = f"imaps://localhost:{self.server.at}"
        settings = check_config(
            Config(
                {"s": UpstreamConfig(url, ca_file=str(self.server.ca_file))},
                (ListenerConfig("127.0.0.1:0"),),
                cache=CacheConfig(**cache),
                data_dir="data",
            ),
            self._directory,
        )
        self.service = ProxyService(reactor, settings)
        await self.service.start()

    async def restart_proxy(self, **cache: Any) -> None:
        await self.stop_proxy()
        await self.start_proxy(**cache)

    async def stop_proxy(self) -> None:
        if self.service is not None:
            service, self.service = self.service, None
            await service.drain()

    async def client(self) -> Client:
        assert self.service is not None
        return await connect(reactor, self.service.listeners[0].address.port)

    async def logged_in(self, user: str = "ann") -> Client:
        client = await self.client()
        told = await ask(client, f"LOGIN {user} pw-{user}")
        assert "Tag OK" in told, told
        return client

    async def session(self, *commands: str, user: str = "ann") -> list[str]:
        """Log in, say these, log out; what was heard to each of them."""
        client = await self.logged_in(user)
        heard = [await ask(client, command) for command in commands]
        await ask(client, "LOGOUT")
        await client.lost
        return heard

    def figures(self) -> dict[str, int]:
        """What the status tells of sessions that are offline."""
        assert self.service is not None
        return self.service.registry.figures()["offline"]

    async def settled(self) -> None:
        """Everything that was to be kept can be read."""
        assert self.service is not None
        cache = self.service._cache
        assert cache is not None
        for entrance in cache._entrances.values():
            await entrance.settled()
        await cache.store.flushed()

    async def stop(self) -> None:
        await self.stop_proxy()
        await self.server.stop()
        self.server.let_go()


async def ask(client: Client, command: str) -> str:
    """The answer, by a tag that stands in no other."""
    return (await client.ask(command.encode("latin-1"), b"Tag")).decode("latin-1")


@pytest_twisted.async_yield_fixture
async def offline_house(
    tmp_path: Path, logged_errors: object, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[OfflineHouse]:
    def cheap(account: bytes, password: Secret) -> Verifier:
        return make_verifier(account, password, Cost(2, 1, 1))

    monkeypatch.setattr(offline_entrance, "make_verifier", cheap)
    house = OfflineHouse(tmp_path)
    yield house
    await soon(house.stop())
