"""A server on a real socket that says what the test has it say."""

from collections.abc import Callable
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.endpoints import TCP4ServerEndpoint, TCP6ServerEndpoint
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.internet.protocol import ServerFactory, connectionDone
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure

Answer = Callable[["Session", bytes, bytes], None]


class Session(TwistedProtocol):
    """One connection. ``answer`` is called with each line's tag and the rest."""

    transport: Any

    def __init__(self, server: "Server") -> None:
        self._server = server
        self._rest = b""
        self.received = b""
        self.gone: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        self._server.joined(self)
        if self._server.greeting is None:
            self.transport.loseConnection()
        else:
            self.transport.write(self._server.greeting)

    def dataReceived(self, data: bytes) -> None:
        self.received += data
        self._rest += data
        while b"\r\n" in self._rest:
            line, self._rest = self._rest.split(b"\r\n", 1)
            tag, _, rest = line.partition(b" ")
            self._server.answer(self, tag, rest)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.gone.callback(None)

    def say(self, *lines: bytes) -> None:
        self.transport.write(b"".join(line + b"\r\n" for line in lines))


class Server(ServerFactory):
    """Listens on loopback. ``tls`` is there from the start; ``greeting`` ``None`` hangs up."""

    noisy = False

    def __init__(
        self,
        greeting: bytes | None = b"* OK [CAPABILITY IMAP4rev1] hello\r\n",
        answer: Answer | None = None,
        tls: Any = None,
    ) -> None:
        self.greeting = greeting
        self.answer = answer or polite
        self.tls = tls
        self.sessions: list[Session] = []
        self._port: IListeningPort | None = None
        self._reactor: Any = None
        self._first: Deferred[Session] = Deferred()

    async def listen(self, reactor: Any, *, ipv6: bool = False) -> int:
        """Begin; the port."""
        self._reactor = reactor
        factory: Any = self
        if self.tls is not None:
            factory = TLSMemoryBIOFactory(self.tls, False, self, reactor)
            factory.noisy = False
        kind, host = (TCP6ServerEndpoint, "::1") if ipv6 else (TCP4ServerEndpoint, "127.0.0.1")
        self._port = await kind(reactor, 0, interface=host).listen(factory)
        return self.port

    @property
    def port(self) -> int:
        address: IPv4Address = self._port.getHost()
        return address.port

    def buildProtocol(self, addr: object) -> Session:
        return Session(self)

    def joined(self, session: Session) -> None:
        self.sessions.append(session)
        if not self._first.called:
            self._first.callback(session)

    @property
    def connected(self) -> Deferred[Session]:
        """Fires when a client is there."""
        return self._first

    async def no_client_left(self) -> None:
        """Done when every connection is gone."""
        await DeferredList([session.gone for session in self.sessions])

    async def stop(self) -> None:
        """Listen no more, and cut what is connected."""
        for session in self.sessions:
            if not session.gone.called:
                session.transport.abortConnection()
        port, self._port = self._port, None
        if port is not None:
            await port.stopListening()
        await self.no_client_left()


def polite(session: Session, tag: bytes, command: bytes) -> None:
    """A server of few words."""
    if command.upper() == b"CAPABILITY":
        session.say(b"* CAPABILITY IMAP4rev1 SECURE")
    elif command.upper() == b"LOGOUT":
        session.say(b"* BYE")
    session.say(tag + b" OK done")


def silent(session: Session, tag: bytes, command: bytes) -> None:
    """A server that never answers."""


def with_starttls(tls: Any, *, behind: bytes = b"", reply: bytes = b"OK begin") -> Answer:
    """A server that takes STARTTLS; ``behind`` is injected in plaintext behind its reply."""

    def answer(session: Session, tag: bytes, command: bytes) -> None:
        if command.upper() == b"STARTTLS":
            session.transport.write(tag + b" " + reply + b"\r\n" + behind)
            session.transport.startTLS(tls)
        else:
            polite(session, tag, command)

    return answer
