"""A scripted server: plays conversations again that were recorded or written down.

The first connection hears the first conversation, and so on; behind the last the first comes again.
A client that says something else than the script has hears BYE, and ``mismatches`` tells what.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from twisted.internet.defer import gatherResults, maybeDeferred
from twisted.internet.endpoints import TCP4ServerEndpoint, TCP6ServerEndpoint
from twisted.internet.interfaces import IAddress, IListeningPort, IStreamServerEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from fakeserver.certificates import Certificates
from fakeserver.conversation import Conversation, parse_conversations
from fakeserver.replay_script import Mismatch, ReplayScript
from fakeserver.tls_layer import start_tls
from fakeserver.transport import Transport

Where = tuple[str, int]


class ReplayServer:
    """Listens for plaintext, STARTTLS and implicit TLS as :class:`fakeserver.server.FakeServer`."""

    def __init__(self, reactor: Any, conversations: Sequence[Conversation]) -> None:
        if not conversations:
            raise ValueError("there is no conversation to replay")
        self.reactor = reactor
        self.mismatches: list[str] = []
        self.certificates: Certificates | None = None
        self.connections: set[ReplayProtocol] = set()
        self._conversations = conversations
        self._opened = 0
        self._listening: list[IListeningPort] = []

    @classmethod
    def from_file(cls, reactor: Any, path: Path) -> "ReplayServer":
        """A server that plays a file. Raises ``ConversationMistake`` where it is none."""
        return cls(reactor, parse_conversations(path.read_text("utf-8")))

    async def start(
        self, listen: Where | None = ("127.0.0.1", 0), tls_listen: Where | None = ("127.0.0.1", 0)
    ) -> None:
        """Listen. Port 0 takes a free one, ``None`` none."""
        self.certificates = Certificates()
        for where, tls in ((listen, False), (tls_listen, True)):
            if where is not None:
                kind: Any = TCP6ServerEndpoint if ":" in where[0] else TCP4ServerEndpoint
                endpoint: IStreamServerEndpoint = kind(self.reactor, where[1], interface=where[0])
                self._listening.append(await endpoint.listen(_Factory(self, tls=tls)))

    async def stop(self) -> None:
        """Close all."""
        ports, self._listening = self._listening, []
        await gatherResults([maybeDeferred(port.stopListening) for port in ports])
        for connection in list(self.connections):
            connection.stop()
        if self.certificates is not None:
            self.certificates.remove()
            self.certificates = None

    @property
    def port(self) -> int:
        """The port of plaintext and STARTTLS."""
        return cast(Any, self._listening[0].getHost()).port  # type: ignore[no-any-return]

    @property
    def tls_port(self) -> int:
        """The port of implicit TLS."""
        return cast(Any, self._listening[-1].getHost()).port  # type: ignore[no-any-return]

    @property
    def ca_file(self) -> Path:
        """The certificate authority to trust, in PEM."""
        assert self.certificates is not None, "not started"
        return self.certificates.ca_file

    def next_script(self) -> ReplayScript:
        """What the next connection hears."""
        conversation = self._conversations[self._opened % len(self._conversations)]
        self._opened += 1
        return ReplayScript(conversation.entries)


class ReplayProtocol(Protocol):
    """One connection."""

    def __init__(self, server: ReplayServer, *, tls: bool) -> None:
        self._server = server
        self._tls = tls
        self._script = server.next_script()

    def connectionMade(self) -> None:
        """Say what the script begins with."""
        self._server.connections.add(self)
        if self._tls:
            self._start_tls()
        self.dataReceived(b"")

    def dataReceived(self, data: bytes) -> None:
        """Say what the script answers."""
        transport = cast(Transport, self.transport)
        try:
            for said in self._script.feed(data):
                transport.write(said.octets)
                if said.starts_tls:
                    self._start_tls()
        except Mismatch as mismatch:
            self._server.mismatches.append(str(mismatch))
            transport.write(b"* BYE Not in the script: %b\r\n" % _one_line(str(mismatch)))
            transport.loseConnection()
        if self._script.is_over:
            cast(Transport, self.transport).loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The client is gone."""
        self._server.connections.discard(self)

    def stop(self) -> None:
        """End the connection."""
        cast(Transport, self.transport).abortConnection()

    def _start_tls(self) -> None:
        assert self._server.certificates is not None, "a server that listens has them"
        start_tls(self, self._server.certificates.options(), self._server.reactor)


class _Factory(Factory):
    """Makes protocols of one listening port."""

    noisy = False

    def __init__(self, server: ReplayServer, *, tls: bool) -> None:
        self._server = server
        self._tls = tls

    def buildProtocol(self, addr: IAddress | None) -> ReplayProtocol:
        """The protocol of one connection."""
        return ReplayProtocol(self._server, tls=self._tls)


def _one_line(text: str) -> bytes:
    return text.encode("ascii", "replace")[:500]
