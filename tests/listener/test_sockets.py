"""The listener on real sockets: TLS, STARTTLS, clients that close one side."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet import reactor  # noqa: TID251
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.protocol import ServerFactory

from imapproxy.listener.factory import ListenerFactory
from imapproxy.listener.limits import Limits
from imapproxy.listener.tls import CertificateError, ServerTls
from imapproxy.relay.partner import NotLetIn, PartnerSource
from imapproxy.upstream.address import Address
from imapproxy.upstream.dial import Upstream
from imapproxy.upstream.errors import UpstreamUnavailable
from imapproxy.upstream.prompt_tls import PromptTls
from imapproxy.upstream.tls import UpstreamTls
from tests.deadline import in_reactor, soon
from tests.socket_client import connect, connect_silently
from tests.upstream import certificates
from tests.upstream.server import Server, silent


class Nobody:
    """No partner for anybody."""

    introduced = None

    async def open(self, credentials):
        raise NotLetIn(UpstreamUnavailable("nobody is there"))


class _WithTls(ServerFactory):
    """TLS from the start for the protocols of another factory."""

    noisy = False

    def __init__(self, tls: ServerTls, factory: ListenerFactory) -> None:
        self._tls = tls
        self._factory = factory

    def buildProtocol(self, addr) -> PromptTls:
        return PromptTls(self._tls, self._factory.buildProtocol(addr), connects=True)


class Door:
    """A listener on a port of its own."""

    def __init__(self, directory: Path) -> None:
        identity = certificates.issued("localhost")
        self.certificate, self.key = directory / "cert.pem", directory / "key.pem"
        self.certificate.write_bytes(identity.certificate + b"".join(identity.chain))
        self.key.write_bytes(identity.key)
        self.factory: ListenerFactory | None = None
        self._port = None

    async def open(self, partners=None, *, tls="none") -> int:
        server_tls = None if tls == "none" else ServerTls(self.certificate, self.key)
        self.factory = ListenerFactory(
            reactor,
            partners or Nobody(),
            Limits(),
            "0",
            server_tls if tls == "starttls" else None,
        )
        factory = self.factory
        if tls == "implicit":
            factory = _WithTls(server_tls, factory)
        endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
        self._port = await endpoint.listen(factory)
        return self._port.getHost().port

    async def close(self) -> None:
        if self._port is not None:
            await self._port.stopListening()
            await self.factory.drain()


@pytest_twisted.async_yield_fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    door = Door(tmp_path)
    yield door
    await soon(door.close())


class TestTls:
    @in_reactor
    async def test_from_the_start(self, door):
        client = await connect(reactor, await door.open(tls="implicit"), tls=True)
        said = await client.ask(b"CAPABILITY")
        assert b"AUTH=PLAIN" in said
        assert b"STARTTLS" not in said
        assert b"t NO [UNAVAILABLE]" in await client.ask(b"LOGIN demo pw")
        await client.ask(b"LOGOUT")
        await client.lost

    @in_reactor
    async def test_plaintext_where_tls_is_expected(self, door):
        client = await connect_silently(reactor, await door.open(tls="implicit"))
        client.say(b"a1 NOOP")
        await client.lost
        assert b"OK" not in client.heard

    @in_reactor
    async def test_starttls(self, door):
        client = await connect(reactor, await door.open(tls="starttls"))
        assert b" STARTTLS " in await client.ask(b"CAPABILITY")
        assert await client.ask(b"STARTTLS") == b"t OK Begin TLS now.\r\n"
        client.start_tls()
        assert b"STARTTLS" not in await client.ask(b"CAPABILITY")
        assert await client.ask(b"STARTTLS") == b"t BAD TLS is not offered here\r\n"
        assert b"t NO [UNAVAILABLE]" in await client.ask(b"LOGIN demo pw")
        await client.ask(b"LOGOUT")
        await client.lost

    @pytest.mark.parametrize(
        "behind", [b"a2 LOGIN demo pw\r\n", b"x", b"\r\n", b"a2 LOGIN {100+}\r\nx", b"\x16\x03\x01"]
    )
    @in_reactor
    async def test_what_comes_behind_starttls_in_plaintext_is_fatal(self, door, behind):
        client = await connect(reactor, await door.open(tls="starttls"))
        client.transport.write(b"a1 STARTTLS\r\n" + behind)
        await client.lost
        assert client.heard == b"a1 OK Begin TLS now.\r\n"

    @in_reactor
    async def test_starttls_and_then_no_tls(self, door):
        client = await connect(reactor, await door.open(tls="starttls"))
        await client.ask(b"STARTTLS")
        client.say(b"a2 NOOP")
        await client.lost
        assert b"a2" not in client.heard


class TestCertificates:
    def test_of_another_key(self, door, tmp_path):
        (tmp_path / "other.pem").write_bytes(certificates.self_signed().key)
        with pytest.raises(CertificateError, match="is not that of"):
            ServerTls(door.certificate, tmp_path / "other.pem")

    @pytest.mark.parametrize("content", [b"", b"x", b"\xff\0"])
    def test_none_at_all(self, door, content):
        door.certificate.write_bytes(content)
        with pytest.raises(CertificateError, match="holds no PEM certificate"):
            ServerTls(door.certificate, door.key)

    @pytest.mark.parametrize(
        ("which", "content"),
        [
            ("certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
            ("key", b""),
            ("key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
        ],
    )
    def test_that_cannot_be_read(self, door, which, content):
        getattr(door, which).write_bytes(content)
        with pytest.raises(CertificateError, match="have to be PEM files"):
            ServerTls(door.certificate, door.key)

    def test_a_missing_file(self, door, tmp_path):
        with pytest.raises(CertificateError, match="cannot read the key file"):
            ServerTls(door.certificate, tmp_path / "none.pem")


class TestClosing:
    @in_reactor
    async def test_only_the_sending_side(self, door):
        client = await connect(reactor, await door.open())
        client.say(b"a1 NOOP", b"a2 LOGIN demo pw", b"a3 NOOP")
        client.transport.loseWriteConnection()
        await client.lost
        assert client.heard.count(b"\r\n") == 3
        assert client.heard.endswith(b"a3 OK Nothing done.\r\n")

    @in_reactor
    async def test_while_the_upstream_is_dialled(self, door):
        server = Server(b"", silent)
        await server.listen(reactor)
        try:
            address = Address("imaps", "localhost", server.port)
            tls = UpstreamTls("localhost", [certificates.authority()])
            port = await door.open(PartnerSource(reactor, Upstream(address, tls)))
            client = await connect(reactor, port)
            client.say(b"a1 LOGIN demo pw")
            await server.connected
            client.transport.abortConnection()
            await client.lost
            await server.no_client_left()
        finally:
            await server.stop()

    @in_reactor
    async def test_at_once(self, door):
        client = await connect_silently(reactor, await door.open())
        client.transport.abortConnection()
        await client.lost
