"""Reaching the upstream: name, TCP, TLS, greeting; every fault with what to do about it."""

import secrets
from dataclasses import dataclass
from typing import Any

from OpenSSL import SSL
from twisted.internet import error as network
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.protocol import Factory

from imapproxy.upstream.address import Address
from imapproxy.upstream.client import ImapClient
from imapproxy.upstream.connection import UpstreamConnection
from imapproxy.upstream.errors import (
    CommandRefused,
    TlsRefused,
    UpstreamError,
    UpstreamProtocolError,
    UpstreamUnavailable,
    printable,
)
from imapproxy.upstream.request import Request, read_status
from imapproxy.upstream.tls import Handshake, UpstreamTls
from imapproxy.wire import responses
from imapproxy.wire.decode_response import decode_response
from imapproxy.wire.errors import DecodeError

TIMEOUT = 30.0  # seconds from the first packet to the greeting


@dataclass(frozen=True, slots=True)
class Upstream:
    """An upstream server: where it is and what its certificate has to satisfy."""

    address: Address
    tls: UpstreamTls
    timeout: float = TIMEOUT


class DialObserver:
    """Is told each step that worked; the default is not interested."""

    def connected(self, peer: str) -> None:
        """TCP stands; ``peer`` is the address and port that answered."""

    def secured(self, session: SSL.Connection, handshake: Handshake) -> None:
        """TLS stands and the certificate was accepted."""

    def greeted(self, greeting: bytes) -> None:
        """The server's greeting, CRLF included."""


async def dial(
    reactor: Any, upstream: Upstream, observer: DialObserver | None = None
) -> ImapClient:
    """Connect, secure and greet. ``client.preauthenticated`` tells a PREAUTH greeting.

    Raises :class:`TlsRefused`, :class:`UpstreamUnavailable` or :class:`UpstreamProtocolError`.
    """
    observer = observer or DialObserver()
    address = upstream.address
    connection = await _connect(reactor, address, upstream.timeout)
    watchdog = reactor.callLater(upstream.timeout, connection.abort)
    ready = False
    try:
        observer.connected(_peer(connection))
        client = ImapClient(connection)
        if address.starttls:
            await _upgrade(client, upstream, observer)
        else:
            await _implicit(client, upstream, observer)
        ready = True
        return client
    except UpstreamError:
        if not watchdog.active():
            raise UpstreamUnavailable(
                f"{address} did not answer within {upstream.timeout:g} seconds",
                "check the port, and that no firewall is in the way",
            ) from None
        raise
    finally:
        if watchdog.active():
            watchdog.cancel()
        if not ready:
            connection.receiver = None
            connection.abort()


async def _connect(reactor: Any, address: Address, timeout: float) -> UpstreamConnection:
    endpoint = HostnameEndpoint(reactor, address.host, address.port, timeout=timeout)
    factory = Factory.forProtocol(lambda: UpstreamConnection(reactor, str(address), _tag_prefix()))
    factory.noisy = False
    try:
        connection: Any = await _cancelled_as_such(endpoint.connect(factory))
    except network.DNSLookupError:
        raise UpstreamUnavailable(
            f"the host name {address.host} is not known", "check its spelling, and the network"
        ) from None
    except network.ConnectionRefusedError:
        raise UpstreamUnavailable(
            f"{address.host} refuses connections on port {address.port}",
            "check the port: 993 is usual for imaps://, 143 for imap+starttls://",
        ) from None
    except (network.TimeoutError, DeferredTimeout):
        raise UpstreamUnavailable(
            f"{address.host} did not answer on port {address.port}",
            "check the port, and that no firewall is in the way",
        ) from None
    except network.ConnectError as error:
        raise UpstreamUnavailable(
            f"{address.host} port {address.port} cannot be reached: {error.osError or error}",
            "check the network",
        ) from None
    connection.transport.setTcpNoDelay(True)
    connection.transport.setTcpKeepAlive(True)
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


async def _implicit(client: ImapClient, upstream: Upstream, observer: DialObserver) -> None:
    handshake = _start_tls(client.connection, upstream)
    greeting = await _explained(client.connection.greeting, handshake, upstream.address)
    observer.secured(_session(client.connection), handshake)
    observer.greeted(greeting)
    client.preauthenticated = _read_greeting(client, greeting) is responses.Condition.PREAUTH


async def _upgrade(client: ImapClient, upstream: Upstream, observer: DialObserver) -> None:
    greeting = await client.connection.greeting
    observer.greeted(greeting)
    if _read_greeting(client, greeting, trusted=False) is responses.Condition.PREAUTH:
        # RFC 9051 section 11.3: in this state STARTTLS is not allowed, so that somebody on the way
        # could keep the connection in plaintext for ever.
        raise TlsRefused(f"{client.connection.name} greets with PREAUTH before TLS")
    starting = _StartTls(client.connection, upstream)
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
    await _explained(client.capability(), starting.handshake, upstream.address)
    observer.secured(_session(client.connection), starting.handshake)


class _StartTls(Request):
    """STARTTLS; the handshake begins before another octet of the server is looked at."""

    __slots__ = ("_upstream", "handshake")

    def __init__(self, connection: UpstreamConnection, upstream: Upstream) -> None:
        super().__init__(connection, [b" STARTTLS\r\n"], "sync")
        self._upstream = upstream
        self.handshake: Handshake | None = None

    def tagged_response(self, text: bytes) -> None:
        """See :class:`Request`."""
        if read_status(text)[0] == b"OK":
            try:
                self.handshake = _start_tls(self._connection, self._upstream)
            except UpstreamProtocolError as error:
                self.done.errback(error)
                self._connection.fail(error)
                return
        super().tagged_response(text)


def _start_tls(connection: UpstreamConnection, upstream: Upstream) -> Handshake:
    handshake = upstream.tls.new_handshake()
    connection.start_tls(handshake)
    return handshake


def _session(connection: UpstreamConnection) -> SSL.Connection:
    handle: SSL.Connection = connection.transport.getHandle()
    return handle


async def _explained(step: Deferred[Any], handshake: Handshake, address: Address) -> Any:
    """The first answer over TLS; a failed handshake is told by its cause."""
    try:
        return await step
    except UpstreamUnavailable as error:
        if handshake.fault is not None:
            fault, advice = handshake.fault
            raise TlsRefused(f"{address}: {fault}", advice, handshake.chain) from None
        if isinstance(error.__cause__, SSL.Error):
            raise TlsRefused(
                f"{address}: the TLS handshake failed ({_reasons(error.__cause__)})",
                "check the port; the server has to speak TLS 1.2 or newer there",
            ) from None
        raise


def _reasons(error: SSL.Error) -> str:
    stack = error.args[0] if error.args and isinstance(error.args[0], list) else []
    return ", ".join(str(entry[-1]) for entry in stack) or "connection closed"


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
        raise UpstreamUnavailable(f"{name} turned us away{text}")
    if greeting.condition not in (responses.Condition.OK, responses.Condition.PREAUTH):
        raise UpstreamProtocolError(f"{name} is no IMAP server: odd greeting")
    client.learn(greeting)
    return greeting.condition
