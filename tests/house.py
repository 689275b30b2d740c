"""The running proxy in this process, its upstream servers and its clients, on real sockets."""

import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest_twisted
from twisted.internet import reactor  # noqa: TID251
from twisted.internet.defer import Deferred

from imapproxy.config import (
    CacheConfig,
    Config,
    ListenerConfig,
    ReconnectConfig,
    Settings,
    UpstreamConfig,
)
from imapproxy.config import check_config as checked
from imapproxy.service import Listener, ProxyService
from tests.deadline import soon
from tests.socket_client import Client, connect
from tests.upstream import certificates
from tests.upstream.server import Answer, Server, Session


def accepting(name: bytes, slow: "Deferred[tuple[Session, bytes]]"):
    """A server that takes every password and tells its name.

    It does not answer SLOW, but fires ``slow`` with itself and the tag.
    """

    def answer(session: Session, tag: bytes, command: bytes) -> None:
        verb = command.split(b" ")[0].upper()
        if verb == b"CAPABILITY":
            session.say(b"* CAPABILITY IMAP4rev1 X-" + name)
        elif verb == b"LOGOUT":
            session.say(b"* BYE")
        if verb == b"SLOW":
            slow.callback((session, tag))
        else:
            session.say(tag + b" OK " + name)

    return answer


class House:
    """Services, their upstream servers, and clients; all are gone at the end of the test."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.ready: list[str] = []
        self.slow: Deferred[tuple[Session, bytes]] = Deferred()
        self.servers: list[Server] = []
        self._services: list[ProxyService] = []
        self._upstreams: dict[str, UpstreamConfig] = {}
        self._identity("cert", certificates.issued("localhost"))
        (directory / "ca.pem").write_bytes(certificates.AUTHORITY.cert_pem.bytes())

    def _identity(self, name: str, identity: certificates.Identity) -> None:
        chain = identity.certificate + b"".join(identity.chain)
        (self.directory / f"{name}.pem").write_bytes(chain)
        (self.directory / f"{name}.key").write_bytes(identity.key)

    def renew_certificate(self) -> bytes:
        """Another certificate in the same files; returns it as a peer sees it."""
        identity = certificates.issued("localhost", "renewed.example")
        self._identity("cert", identity)
        return identity.certificate

    async def upstream(self, name: str, answer: Answer | None = None) -> Server:
        """A good server with implicit TLS."""
        tls = certificates.issued("localhost").server_tls()
        server = Server(answer=answer or accepting(name.encode(), self.slow), tls=tls)
        return await self.add_upstream(name, server)

    async def add_upstream(
        self, name: str, server: Server, scheme: str = "imaps", pins: tuple[str, ...] = ()
    ) -> Server:
        """Any server, reached as the scheme says."""
        await server.listen(reactor)
        self.servers.append(server)
        self.name_upstream(name, server.port, scheme, pins)
        return server

    def name_upstream(
        self, name: str, at: int, scheme: str = "imaps", pins: tuple[str, ...] = ()
    ) -> None:
        """One that listens already."""
        url = f"{scheme}://localhost:{at}"
        self._upstreams[name] = UpstreamConfig(url, "ca.pem", pins, connect_timeout=60)

    def settings(
        self,
        *listeners: ListenerConfig,
        reconnect: ReconnectConfig = ReconnectConfig(),  # noqa: B008 - frozen
        **limits: object,
    ) -> Settings:
        # A verifier of each account's password would take a third of a second.
        cache = CacheConfig(offline=False)
        config = Config(
            self._upstreams, listeners, data_dir="data", cache=cache, reconnect=reconnect
        )
        settings = checked(config, self.directory)
        changed = dataclasses.replace(settings.limits, **limits)
        return msgspec.structs.replace(settings, limits=changed)

    def listener(self, upstream: str, listen: str = "127.0.0.1:0", tls: str = "none"):
        files = {} if tls == "none" else {"cert_file": "cert.pem", "key_file": "cert.key"}
        return ListenerConfig(listen, upstream=upstream, tls=tls, **files)

    async def start(self, *listeners: ListenerConfig, **limits: Any) -> ProxyService:
        service = ProxyService(reactor, self.settings(*listeners, **limits), self._on_ready)
        self._services.append(service)
        await service.start()
        return service

    def _on_ready(self, listener: Listener) -> None:
        self.ready.append(listener.ready_line)

    async def close(self) -> None:
        for service in self._services:
            await service.drain()
        for server in self.servers:
            await server.stop()


@pytest_twisted.async_yield_fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    house = House(tmp_path)
    yield house
    await soon(house.close())


async def logged_in(service: ProxyService, number: int = 0, *, tls: bool = False) -> Client:
    client = await connect(reactor, port(service, number), tls=tls)
    assert b"t OK" in await client.ask(b"LOGIN demo pw")
    return client


def port(service: ProxyService, number: int = 0) -> int:
    return service.listeners[number].address.port
