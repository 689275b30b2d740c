"""Recording: a proxy that passes sessions on to a server and keeps what was said.

Clients come in plaintext on this machine; the way to the server is TLS, verified. What cannot be
replayed is not offered: STARTTLS, since it would be the proxy's, and COMPRESS.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from OpenSSL import SSL
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.endpoints import HostnameEndpoint, TCP4ServerEndpoint, TCP6ServerEndpoint
from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint, ITransport
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.ssl import Certificate, optionsForClientTLS, trustRootFromCertificates
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure

from fakeserver.conversation import Conversation, Entry, text_of
from fakeserver.scrub import scrub
from imapproxy.wire.framing import Line, Octets, ResponseFramer

_CAPABILITIES = re.compile(rb"\A(?:\* CAPABILITY|\S+ \w+ \[CAPABILITY) .*", re.I | re.DOTALL)
_NOT_OFFERED = re.compile(rb" (?:STARTTLS|LOGINDISABLED|COMPRESS=\w+)(?=[ \]\r])", re.IGNORECASE)
_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_PORTS = {"imaps": 993, "imap": 143}


class UpstreamMistake(ValueError):
    """The server to record cannot be used; ``str()`` says why."""


@dataclass(frozen=True)
class Upstream:
    """Where the server is; ``tls`` unless it is spoken to in plaintext; ``ca`` in PEM."""

    host: str
    port: int
    tls: bool = True
    ca: bytes = b""

    @classmethod
    def from_url(cls, url: str, ca_file: Path | None = None) -> "Upstream":
        """``imaps://host:port``, or ``imap://`` for a server on this machine."""
        parts = urlsplit(url)
        try:
            port = parts.port
        except ValueError:
            port = 0
        if parts.scheme not in _PORTS or not parts.hostname or port == 0:
            raise UpstreamMistake(f"{url!r} is not imaps://HOST[:PORT]")
        ca = b"" if ca_file is None else ca_file.read_bytes()
        if ca_file is not None and not _CERTIFICATE.search(ca):
            raise UpstreamMistake(f"{ca_file} holds no PEM certificate")
        port = port or _PORTS[parts.scheme]
        return cls(parts.hostname, port, parts.scheme == "imaps", ca)


class Recorder:
    """Listens, passes on, keeps. ``conversations`` has what was said, with credentials."""

    def __init__(self, reactor: Any, upstream: Upstream) -> None:
        self.reactor = reactor
        self.upstream = upstream
        self.conversations: list[Conversation] = []
        # Called with each connection that ended.
        self.on_end: Callable[[], None] = lambda: None
        self._listening: IListeningPort | None = None
        self._open: set[_Client] = set()

    async def start(self, listen: tuple[str, int] = ("127.0.0.1", 0)) -> None:
        """Listen for plaintext."""
        kind: Any = TCP6ServerEndpoint if ":" in listen[0] else TCP4ServerEndpoint
        factory = Factory.forProtocol(lambda: _Client(self))
        factory.noisy = False
        endpoint: IStreamServerEndpoint = kind(self.reactor, listen[1], interface=listen[0])
        self._listening = await endpoint.listen(factory)

    async def stop(self) -> None:
        """Close all; what was said so far is kept."""
        if self._listening is not None:
            await maybeDeferred(self._listening.stopListening)
        for client in list(self._open):
            client.cut_off()

    @property
    def port(self) -> int:
        """Where clients connect to."""
        return cast(Any, self._listening).getHost().port  # type: ignore[no-any-return]

    def text(self) -> str:
        """What was said, scrubbed."""
        return text_of(scrub(self.conversations, [self.upstream.host]))

    def dial(self, protocol: "_Server") -> "Deferred[Any]":
        """Connect to the server; fires when there is a connection."""
        factory: Any = Factory.forProtocol(lambda: protocol)
        factory.noisy = False
        if self.upstream.tls:
            creator = optionsForClientTLS(self.upstream.host, trustRoot=self._trust())
            factory = TLSMemoryBIOFactory(creator, True, factory, self.reactor)
        endpoint = HostnameEndpoint(self.reactor, self.upstream.host, self.upstream.port)
        return endpoint.connect(factory)

    def opened(self, client: "_Client") -> list[Entry]:
        """A client came; the list that takes what is said."""
        self._open.add(client)
        number = len(self.conversations) + 1
        self.conversations.append(Conversation(f"connection {number}, recorded"))
        return self.conversations[-1].entries

    def ended(self, client: "_Client") -> None:
        """A client is gone."""
        self._open.discard(client)
        self.on_end()

    def _trust(self) -> Any:
        if not self.upstream.ca:
            return None
        pems = _CERTIFICATE.findall(self.upstream.ca)
        return trustRootFromCertificates([Certificate.loadPEM(pem) for pem in pems])


class _Lines:
    """One direction: what comes is kept line by line."""

    def __init__(self, who: str, entries: list[Entry]) -> None:
        self._who = who
        self._entries = entries
        self._rest = b""

    def take(self, octets: bytes) -> None:
        """Keep what came."""
        *lines, self._rest = (self._rest + octets).split(b"\r\n")
        self._entries += [(self._who, line + b"\r\n") for line in lines]

    def end(self) -> None:
        """No more comes."""
        if self._rest:
            self._entries.append((self._who, self._rest))
            self._rest = b""


class _Client(Protocol):
    """The side of the client."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._server: _Server | None = None

    def connectionMade(self) -> None:
        """Dial; the client is not read from until somebody is there to read it."""
        entries = self._recorder.opened(self)
        self._said, self._heard = _Lines("C", entries), _Lines("S", entries)
        transport = cast(Any, self.transport)
        transport.pauseProducing()
        transport.setTcpNoDelay(True)
        self._recorder.dial(_Server(self)).addErrback(self._not_reached)

    def dataReceived(self, data: bytes) -> None:
        """The client said something."""
        self._said.take(data)
        assert self._server is not None, "not read from before there is a server"
        _of(self._server).write(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The client is gone."""
        self._said.end()
        self._heard.end()
        if self._server is not None:
            _of(self._server).loseConnection()
        self._recorder.ended(self)

    def server_is_there(self, server: "_Server") -> None:
        """The server can be written to."""
        self._server = server
        cast(Any, self.transport).resumeProducing()

    def server_said(self, data: bytes) -> None:
        """The server said something."""
        self._heard.take(data)
        _of(self).write(data)

    def server_is_gone(self, reason: Failure) -> None:
        """The server closed."""
        if reason.check(SSL.Error):
            self._not_reached(reason)
        _of(self).loseConnection()

    def cut_off(self) -> None:
        """End at once."""
        cast(Any, self.transport).abortConnection()

    def _not_reached(self, failure: Failure) -> None:
        text = f"* BYE Cannot reach {self._recorder.upstream.host}: {failure.value}"
        _of(self).write(text.encode("ascii", "replace").replace(b"\n", b" ") + b"\r\n")
        _of(self).loseConnection()


class _Server(Protocol):
    """The side of the server."""

    def __init__(self, client: _Client) -> None:
        self._client = client
        self._framer = ResponseFramer()

    def connectionMade(self) -> None:
        """The way is open."""
        cast(Any, self.transport).setTcpNoDelay(True)
        self._client.server_is_there(self)

    def dataReceived(self, data: bytes) -> None:
        """Pass on, less what is not offered."""
        self._framer.feed(data)
        said: list[bytes] = []
        while (fragment := self._framer.next_fragment()) is not None:
            if isinstance(fragment, Line):
                said.append(_CAPABILITIES.sub(_without_not_offered, fragment.data))
            elif isinstance(fragment, Octets):
                said.append(fragment.data)
            else:
                self._client.cut_off()
        self._client.server_said(b"".join(said))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The server is gone."""
        self._client.server_is_gone(reason)


def _without_not_offered(found: re.Match[bytes]) -> bytes:
    return _NOT_OFFERED.sub(b"", found[0])


def _of(protocol: Protocol) -> ITransport:
    return cast(ITransport, protocol.transport)
