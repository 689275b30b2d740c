"""One time-out for a whole dial, by a clock that the test turns."""

from contextlib import suppress
from typing import Any

import pytest
from OpenSSL import SSL
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHostnameResolver
from twisted.internet.testing import MemoryReactorClock, StringTransport
from zope.interface import implementer

from imapproxy.upstream.address import Address
from imapproxy.upstream.client import ImapClient
from imapproxy.upstream.dial import Upstream, dial
from imapproxy.upstream.errors import UpstreamUnavailable
from imapproxy.upstream.tls import UpstreamTls
from tests.upstream import certificates
from tests.upstream.talk import failure, result, waits

SECONDS = 10.0


@implementer(IHostnameResolver)
class Names:
    """Name servers that answer when the test says so."""

    receiver: Any

    def resolveHostName(self, receiver: Any, *_: object, **__: object) -> None:
        self.receiver = receiver

    def answer(self) -> None:
        self.receiver.addressResolved(IPv4Address("TCP", "192.0.2.1", 993))
        self.receiver.resolutionComplete()


class Reactor(MemoryReactorClock):
    """Nobody is connected before the test says so."""

    def connectTCP(self, host: str, port: int, factory: Any, *rest: Any, **named: Any) -> Any:
        factory.doStart()  # as connectors do
        return super().connectTCP(host, port, factory, *rest, **named)


class Wire(StringTransport):
    """A connected TCP transport; ``protocol`` is who hears it."""

    protocol: Any

    def setTcpNoDelay(self, enabled: bool) -> None:
        """Nothing is sent."""

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """Nor is anything kept alive."""

    def say(self, octets: bytes) -> None:
        self.protocol.dataReceived(octets)

    def take(self) -> bytes:
        octets = self.value()
        self.clear()
        return octets


class Peer:
    """The server's end of TLS."""

    def __init__(self, wire: Wire) -> None:
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        certificates.AUTHORITY.issue_cert("localhost").configure_cert(context)
        self._tls = SSL.Connection(context, None)
        self._tls.set_accept_state()
        self._wire = wire

    def shake_hands(self) -> None:
        for _ in range(2):  # TLS 1.3: ClientHello, then Finished
            self._tls.bio_write(self._wire.take())
            with suppress(SSL.WantReadError):
                self._tls.do_handshake()
            self._wire.say(self._tls.bio_read(2**16))

    def say(self, octets: bytes) -> None:
        self._tls.send(octets)
        self._wire.say(self._tls.bio_read(2**16))


class Dial:
    """A dial whose every step the test takes."""

    def __init__(self, scheme: str) -> None:
        self.reactor = Reactor()
        self.names = Names()
        self.reactor.installNameResolver(self.names)
        tls = UpstreamTls("localhost", [certificates.authority()])
        upstream = Upstream(Address(scheme, "localhost", 993), tls, SECONDS)
        self.outcome: Deferred[ImapClient] = Deferred.fromCoroutine(dial(self.reactor, upstream))
        self.wire = Wire()
        self.peer: Peer

    def look_up(self) -> None:
        self.names.answer()

    def connect(self) -> None:
        factory = self.reactor.tcpClients[0][2]
        self.wire.protocol = factory.buildProtocol(None)
        self.wire.protocol.makeConnection(self.wire)

    def greet(self) -> None:
        self.wire.say(b"* OK hello\r\n")

    def begin_tls(self) -> None:
        tag = self.wire.take().split(b" ")[0]
        self.wire.say(tag + b" OK begin\r\n")

    def shake_hands(self) -> None:
        self.peer = Peer(self.wire)
        self.peer.shake_hands()

    def greet_over_tls(self) -> None:
        self.peer.say(b"* OK hello\r\n")

    def let_time_pass(self, seconds: float) -> None:
        self.reactor.advance(seconds)


IMPLICIT = ("look_up", "connect", "shake_hands", "greet_over_tls")
STARTTLS = ("look_up", "connect", "greet", "begin_tls", "shake_hands")


@pytest.mark.parametrize(
    ("scheme", "steps", "where", "advice"),
    [
        ("imaps", IMPLICIT[:0], "its name was still being looked up", "name server"),
        ("imaps", IMPLICIT[:1], "there was no TCP connection yet", "firewall"),
        ("imaps", IMPLICIT[:2], "the TLS handshake was not over", "check the port"),
        ("imaps", IMPLICIT[:3], "there was no greeting yet", "check the port"),
        ("imap+starttls", STARTTLS[:0], "its name was still being looked up", "name server"),
        ("imap+starttls", STARTTLS[:1], "there was no TCP connection yet", "firewall"),
        ("imap+starttls", STARTTLS[:2], "there was no greeting yet", "check the port"),
        ("imap+starttls", STARTTLS[:3], "STARTTLS was not answered", "check the port"),
        ("imap+starttls", STARTTLS[:4], "the TLS handshake was not over", "check the port"),
        ("imap+starttls", STARTTLS, "CAPABILITY was not answered over TLS", "check the port"),
    ],
)
def test_the_steps_share_one_time_out(
    scheme: str, steps: tuple[str, ...], where: str, advice: str
) -> None:
    dialling = Dial(scheme)
    for step in steps:
        dialling.let_time_pass(1.5)
        getattr(dialling, step)()
    dialling.let_time_pass(SECONDS - 1.5 * len(steps) - 0.25)
    assert waits(dialling.outcome)
    dialling.let_time_pass(0.25)
    error = failure(dialling.outcome, UpstreamUnavailable)
    assert f"did not answer within 10 seconds: {where}" in str(error)
    assert advice in error.advice
    assert dialling.wire.disconnecting == ("connect" in steps)
    assert not dialling.reactor.getDelayedCalls()


def test_who_answers_in_time_is_not_cut_off_later() -> None:
    dialling = Dial("imaps")
    for step in IMPLICIT:
        dialling.let_time_pass(2)
        getattr(dialling, step)()
    assert isinstance(result(dialling.outcome), ImapClient)
    dialling.let_time_pass(SECONDS)
    assert not dialling.wire.disconnecting


def test_a_name_that_is_known_too_late_is_not_connected_to() -> None:
    dialling = Dial("imaps")
    dialling.let_time_pass(SECONDS)
    failure(dialling.outcome, UpstreamUnavailable)
    dialling.look_up()
    assert not dialling.reactor.tcpClients
