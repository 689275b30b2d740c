"""Reaching the upstream: name, TCP, TLS, greeting; every fault with what to do about it."""

import secrets
import ssl
from dataclasses import dataclass
from enum import Enum
from typing import Any

from twisted.internet import error as network
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory

from imapproxy.upstream.address import Address
from imapproxy.upstream.client import ImapClient
from imapproxy.upstream.connection import UpstreamConnection
from imapproxy.upstream.errors import (
    CertificateRefused,
    CommandRefused,
    TlsRefused,
    TurnedAway,
    Unreachable,
    UpstreamProtocolError,
    UpstreamUnavailable,
    printable,
)
from imapproxy.upstream.keepalive import DEAD_AFTER, keep_watch
from imapproxy.upstream.prompt_tls import PromptTls
from imapproxy.upstream.request import Request, read_status
from imapproxy.upstream.tls import BadCertificate, Handshake, Trust, fault_of_chain
from imapproxy.wire import responses
from imapproxy.wire.decode_response import decode_response
from imapproxy.wire.errors import DecodeError

TIMEOUT = 30.0  # seconds from the look-up of the name to the greeting over TLS


@dataclass(frozen=True, slots=True)
class Upstream:
    """An upstream server: where it is and what its certificate has to satisfy.

    ``timeout`` is in seconds, for all that it takes to reach it. ``max_connections`` is how many it
    allows each account, ``None`` where that is not known. ``compress`` compresses the connection if
    the server offers that. When it has been silent to all probes for ``dead_after`` seconds it is
    taken for gone.
    """

    address: Address
    tls: Trust
    timeout: float = TIMEOUT
    max_connections: int | None = None
    compress: bool = False
    dead_after: float = DEAD_AFTER


class DialObserver:
    """Is told each step that worked; the default is not interested."""

    def connected(self, peer: str) -> None:
        """TCP stands; ``peer`` is the address and port that answered."""

    def secured(self, session: ssl.SSLObject, handshake: Handshake) -> None:
        """TLS stands and the certificate was accepted."""

    def greeted(self, greeting: bytes) -> None:
        """The server's greeting, CRLF included."""


class _Step(Enum):
    """What a dial waits for; the text is for a sentence that says that it waited in vain."""

    NAME = "its name was still being looked up"
    TCP = "there was no TCP connection yet"
    TLS = "the TLS handshake was not over"
    GREETING = "there was no greeting yet"
    STARTTLS = "STARTTLS was not answered"
    CAPABILITY = "CAPABILITY was not answered over TLS"


class _Way:
    """How far a dial has come, and who wants to know."""

    def __init__(self, upstream: Upstream, observer: DialObserver) -> None:
        self.upstream = upstream
        self.observer = observer
        self.step = _Step.NAME

    def take(self, step: _Step) -> None:
        """Begin the next step."""
        self.step = step

    def too_long(self) -> Unreachable:
        """The error of a dial whose time is over."""
        advice = "check the port, and that no firewall is in the way"
        if self.step is _Step.NAME:
            advice = "check the network and its name server"
        seconds, where = self.upstream.timeout, self.upstream.address
        return Unreachable(
            f"{where} did not answer within {seconds:g} seconds: {self.step.value}", advice
        )


async def dial(
    reactor: Any, upstream: Upstream, observer: DialObserver | None = None
) -> ImapClient:
    """Connect, secure and greet. ``client.preauthenticated`` tells a PREAUTH greeting.

    One time-out holds for all of it, also for the look-up of the name, which has none of its own.

    Raises :class:`Unreachable`, :class:`TlsRefused`, :class:`TurnedAway` or
    :class:`UpstreamProtocolError`.
    """
    way = _Way(upstream, observer or DialObserver())
    dialling = Deferred.fromCoroutine(_dial(reactor, way))
    dialling.addTimeout(upstream.timeout, reactor)
    try:
        return await dialling
    except DeferredTimeout:
        raise way.too_long() from None
    except UpstreamUnavailable as error:
        if type(error) is UpstreamUnavailable:
            # The connection was closed before it had said anything that counts.
            raise Unreachable(str(error), error.advice) from error.__cause__
        raise


async def _dial(reactor: Any, way: _Way) -> ImapClient:
    connection = await _connect(reactor, way)
    ready = False
    try:
        way.observer.connected(_peer(connection))
        client = ImapClient(connection)
        await (_upgrade if way.upstream.address.starttls else _implicit)(client, way)
        ready = True
        return client
    finally:
        if not ready:
            connection.receiver = None
            connection.abort()


class _Connections(Factory):
    """Makes the connection of one dial. What is called first tells that the name is known."""

    noisy = False

    def __init__(self, reactor: Any, way: _Way) -> None:
        self._reactor = reactor
        self._way = way

    def startFactory(self) -> None:
        """The first attempt at an address begins."""
        self._way.take(_Step.TCP)

    def buildProtocol(self, addr: IAddress | None) -> UpstreamConnection:
        """An address has answered."""
        return UpstreamConnection(self._reactor, str(self._way.upstream.address), _tag_prefix())


async def _connect(reactor: Any, way: _Way) -> UpstreamConnection:
    address, timeout = way.upstream.address, way.upstream.timeout
    endpoint = HostnameEndpoint(reactor, address.host, address.port, timeout=timeout)
    connecting = endpoint.connect(_Connections(reactor, way))
    try:
        connection: Any = await _cancelled_as_such(connecting)
    except network.DNSLookupError:
        raise Unreachable(
            f"the host name {address.host} is not known", "check its spelling, and the network"
        ) from None
    except network.ConnectionRefusedError:
        raise Unreachable(
            f"{address.host} refuses connections on port {address.port}",
            "check the port: 993 is usual for imaps://, 143 for imap+starttls://",
        ) from None
    except network.TimeoutError:
        raise Unreachable(
            f"{address.host} did not answer on port {address.port}",
            "check the port, and that no firewall is in the way",
        ) from None
    except network.ConnectError as error:
        raise Unreachable(
            f"{address.host} port {address.port} cannot be reached: {error.osError or error}",
            "check the network",
        ) from None
    connection.transport.setTcpNoDelay(True)
    keep_watch(connection.transport, way.upstream.dead_after, takes_all=True)
    assert isinstance(connection, UpstreamConnection)
    return connection


def _tag_prefix() -> bytes:
    """Begins the tags of our own commands: no client, however clever, can guess it."""
    return b"P" + secrets.token_hex(4).encode() + b"."


def _cancelled_as_such(connecting: Deferred[Any]) -> Deferred[Any]:
    """The same; when it is cancelled it says so, and not that the name cannot be looked up."""

    def cancel(outcome: Deferred[Any]) -> None:
        outcome.errback(CancelledError())
        connecting.cancel()

    outcome: Deferred[Any] = Deferred(cancel)
    connecting.addBoth(lambda result: None if outcome.called else outcome.callback(result))
    return outcome


def _peer(connection: UpstreamConnection) -> str:
    peer = connection.transport.getPeer()
    return f"{peer.host} port {peer.port}"


async def _implicit(client: ImapClient, way: _Way) -> None:
    handshake = _start_tls(client.connection, way, _Step.GREETING)
    greeting = await _explained(client.connection.greeting, way.upstream.address)
    _accepted(client.connection, handshake, way)
    way.observer.greeted(greeting)
    client.preauthenticated = _read_greeting(client, greeting) is responses.Condition.PREAUTH


async def _upgrade(client: ImapClient, way: _Way) -> None:
    way.take(_Step.GREETING)
    greeting = await client.connection.greeting
    way.observer.greeted(greeting)
    if _read_greeting(client, greeting, trusted=False) is responses.Condition.PREAUTH:
        # RFC 9051 section 11.3: in this state STARTTLS is not allowed, so that somebody on the way
        # could keep the connection in plaintext for ever.
        raise TlsRefused(f"{client.connection.name} greets with PREAUTH before TLS")
    starting = _StartTls(client.connection, way)
    way.take(_Step.STARTTLS)
    starting.send()
    try:
        await starting.done
    except CommandRefused:
        raise TlsRefused(
            f"{client.connection.name} does not offer STARTTLS",
            "use imaps:// if the server has implicit TLS (port 993)",
        ) from None
    # Whatever was told in plaintext is forgotten (RFC 3501 section 6.2.1).
    client.forget()
    assert starting.handshake is not None
    await _explained(client.capability(), way.upstream.address)
    _accepted(client.connection, starting.handshake, way)


class _StartTls(Request):
    """STARTTLS; the handshake begins before another octet of the server is looked at."""

    __slots__ = ("_way", "handshake")

    def __init__(self, connection: UpstreamConnection, way: _Way) -> None:
        super().__init__(connection, [b" STARTTLS\r\n"], "sync")
        self._way = way
        self.handshake: Handshake | None = None

    def tagged_response(self, text: bytes) -> None:
        """See :class:`Request`."""
        if read_status(text)[0] == b"OK":
            try:
                self.handshake = _start_tls(self._connection, self._way, _Step.CAPABILITY)
            except UpstreamProtocolError as error:
                self.done.errback(error)
                self._connection.fail(error)
                return
        super().tagged_response(text)


def _start_tls(connection: UpstreamConnection, way: _Way, behind: _Step) -> Handshake:
    handshake = way.upstream.tls.new_handshake(connection.clock.seconds())
    way.take(_Step.TLS)
    connection.secured.addCallback(lambda _: way.take(behind))
    connection.start_tls(handshake)
    return handshake


def _session(connection: UpstreamConnection) -> ssl.SSLObject:
    transport: PromptTls = connection.transport
    return transport.session


def _accepted(connection: UpstreamConnection, handshake: Handshake, way: _Way) -> None:
    """The server has said something over TLS, and so its session can be kept."""
    session = _session(connection)
    handshake.keep(session)
    way.observer.secured(session, handshake)


async def _explained(step: Deferred[Any], address: Address) -> Any:
    """The first answer over TLS; a failed handshake is told by its cause."""
    try:
        return await step
    except UpstreamUnavailable as error:
        refusal = _refusal(error.__cause__, address)
        if refusal is None:
            raise
        raise refusal from None


def _refusal(cause: BaseException | None, address: Address) -> TlsRefused | None:
    """The error for people, if a connection ended for something that TLS did not like."""
    match cause:
        case BadCertificate(fault=fault, advice=advice, certificate=certificate):
            return CertificateRefused(f"{address}: {fault}", advice, certificate)
        case ssl.SSLCertVerificationError():
            fault, advice = fault_of_chain(cause)
            return CertificateRefused(f"{address}: {fault}", advice, None)
        case ssl.SSLError(reason=reason):
            why = (reason or "connection closed").replace("_", " ").lower()
            return TlsRefused(
                f"{address}: the TLS handshake failed ({why})",
                "check the port; the server has to speak TLS 1.2 or newer there",
            )
    return None


def _read_greeting(client: ImapClient, line: bytes, *, trusted: bool = True) -> responses.Condition:
    """Read the greeting. What is not ``trusted`` anybody on the way may have written."""
    try:
        greeting = decode_response(line)
    except DecodeError:
        greeting = None
    name = client.connection.name
    if not isinstance(greeting, responses.StatusResponse):
        raise UpstreamProtocolError(f"{name} is no IMAP server: odd greeting")
    if greeting.condition is responses.Condition.BYE:
        text = f": {printable(greeting.text)}" if trusted else " before TLS"
        raise TurnedAway(f"{name} turned us away{text}", greeting.text if trusted else b"")
    if greeting.condition not in (responses.Condition.OK, responses.Condition.PREAUTH):
        raise UpstreamProtocolError(f"{name} is no IMAP server: odd greeting")
    client.learn(greeting)
    return greeting.condition
