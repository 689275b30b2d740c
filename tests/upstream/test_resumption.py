"""TLS sessions that go on: with whom, for how long, and what is still verified."""

import ssl
from collections.abc import AsyncIterator

import pytest
import pytest_twisted
from twisted.internet import reactor  # noqa: TID251
from twisted.internet.ssl import TLSVersion

from imapproxy.upstream.address import Address
from imapproxy.upstream.dial import DialObserver, Upstream, dial
from imapproxy.upstream.errors import TlsRefused
from imapproxy.upstream.tls import (
    BadCertificate,
    UpstreamTls,
    VerifiedHandshake,
    peer_certificate,
    pin_of,
)
from tests.deadline import in_reactor, soon
from tests.upstream import certificates
from tests.upstream.server import Server, polite, with_starttls

GOOD = certificates.issued("localhost", "127.0.0.1")


class Network:
    """A server that gives tickets, and the way to it."""

    def __init__(self) -> None:
        self._servers: list[Server] = []

    async def serve(self, *, starttls: bool = False, **tls: object) -> Server:
        options = GOOD.server_tls(enableSessionTickets=True, **tls)
        server = (
            Server(answer=with_starttls(options))
            if starttls
            else Server(answer=polite, tls=options)
        )
        return await self.listen(server)

    async def listen(self, server: Server) -> Server:
        await server.listen(reactor)
        self._servers.append(server)
        return server

    async def stop(self) -> None:
        for server in self._servers:
            await server.stop()


@pytest_twisted.async_yield_fixture
async def network() -> AsyncIterator[Network]:
    network = Network()
    yield network
    await soon(network.stop())


def tls(host: str = "localhost", pins: tuple[bytes, ...] = ()) -> UpstreamTls:
    return UpstreamTls(host, [certificates.authority()], pins)


def upstream(server: Server, trust: UpstreamTls, scheme: str = "imaps") -> Upstream:
    return Upstream(Address(scheme, trust.host, server.port), trust)


class Seen(DialObserver):
    def __init__(self) -> None:
        self.resumed: bool | None = None
        self.version = ""
        self.verified_at = 0.0

    def secured(self, session: ssl.SSLObject, handshake: VerifiedHandshake) -> None:
        self.resumed = handshake.resumed
        self.verified_at = handshake.verified_at
        self.version = session.version()
        assert self.resumed is session.session_reused
        assert pin_of(peer_certificate(session)) == GOOD.pin


async def dialled(upstream: Upstream) -> Seen:
    seen = Seen()
    client = await dial(reactor, upstream, seen)
    lost = client.connection.when_lost()
    client.connection.abort()
    await lost
    return seen


class TestGoingOn:
    @pytest.mark.parametrize("scheme", ["imaps", "imap+starttls"])
    @pytest.mark.parametrize(
        ("most", "version"), [(TLSVersion.TLSv1_3, "TLSv1.3"), (TLSVersion.TLSv1_2, "TLSv1.2")]
    )
    @in_reactor
    async def test_the_next_connection_goes_on_with_the_session(
        self, network, scheme, most, version
    ):
        server = await network.serve(
            starttls=scheme == "imap+starttls", lowerMaximumSecurityTo=most
        )
        target = upstream(server, tls(), scheme)
        seen = [await dialled(target) for _ in range(3)]
        assert [one.resumed for one in seen] == [False, True, True]
        assert {one.version for one in seen} == {version}

    @in_reactor
    async def test_a_server_without_tickets_is_verified_each_time(self, network):
        server = await network.listen(Server(answer=polite, tls=GOOD.server_tls()))
        target = upstream(server, tls())
        assert [(await dialled(target)).resumed for _ in range(2)] == [False, False]


class TestNobodyElses:
    @pytest.mark.parametrize(
        "other",
        [tls(), tls(pins=(GOOD.pin,)), tls("127.0.0.1")],
        ids=["the same once more", "with a pin", "another name"],
    )
    @in_reactor
    async def test_other_settings_begin_anew(self, network, other):
        server = await network.serve()
        first = upstream(server, tls())
        await dialled(first)
        assert not (await dialled(upstream(server, other))).resumed
        assert (await dialled(first)).resumed

    @in_reactor
    async def test_a_server_that_the_other_would_refuse_is_refused(self, network):
        server = await network.serve()
        await dialled(upstream(server, tls()))
        with pytest.raises(TlsRefused, match="none of the pinned ones"):
            await dialled(upstream(server, tls(pins=(bytes(32),))))
        elsewhere = UpstreamTls(
            "localhost",
            [certificates.authority(certificates.OTHER_AUTHORITY)],
        )
        with pytest.raises(TlsRefused, match="issued by an authority that is not trusted"):
            await dialled(upstream(server, elsewhere))

    @in_reactor
    async def test_what_was_refused_is_not_kept(self, network):
        server = await network.serve()
        trust = tls(pins=(bytes(32),))
        for _ in range(2):
            with pytest.raises(TlsRefused):
                await dialled(upstream(server, trust))
        assert not trust.new_handshake(0.0).offers_session

    @in_reactor
    async def test_another_server_at_the_same_place_cannot_go_on(self, network):
        server = await network.serve()
        target = upstream(server, tls())
        await dialled(target)
        stranger = certificates.issued("other.example").server_tls(enableSessionTickets=True)
        other = Server(answer=polite, tls=stranger)
        await network.listen(other)
        # As if the name led there now; the session goes along with what is trusted.
        with pytest.raises(TlsRefused, match="not for localhost"):
            await dialled(upstream(other, target.tls))


class TestStillVerified:
    @in_reactor
    async def test_the_certificate_of_the_session_has_to_be_good_now(self, network):
        server = await network.serve()
        trust = tls()
        await dialled(upstream(server, trust))
        trust.pins = frozenset([bytes(32)])
        with pytest.raises(TlsRefused, match="none of the pinned ones"):
            await dialled(upstream(server, trust))

    def test_one_that_has_expired_meanwhile_is_not(self):
        with pytest.raises(BadCertificate, match="the certificate has expired"):
            tls().verify_known_leaf(certificates.expired().x509)
        tls().verify_known_leaf(GOOD.x509)

    @pytest.mark.parametrize(("seconds", "offered"), [(3500, True), (3601, False)])
    @in_reactor
    async def test_after_an_hour_the_certificate_is_shown_again(self, network, seconds, offered):
        server = await network.serve()
        trust = tls()
        seen = await dialled(upstream(server, trust))
        assert trust.new_handshake(seen.verified_at + seconds).offers_session is offered

    @in_reactor
    async def test_going_on_does_not_make_it_younger(self, network):
        server = await network.serve()
        target = upstream(server, tls())
        first, second = await dialled(target), await dialled(target)
        assert second.resumed
        assert second.verified_at == first.verified_at

    @in_reactor
    async def test_it_is_given_away_once(self, network):
        server = await network.serve()
        trust = tls()
        await dialled(upstream(server, trust))
        assert [trust.new_handshake(0.0).offers_session for _ in range(2)] == [True, False]
