"""A client on a real socket that says lines and waits for what it hears."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.protocol import Factory, connectionDone
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.python.failure import Failure

from tests.upstream import certificates


class Client(TwistedProtocol):
    """``until`` takes what it returns out of ``heard``."""

    transport: Any

    def __init__(self) -> None:
        self.heard = b""
        self.lost: Deferred[None] = Deferred()
        self.heard_or_lost: Deferred[None] = Deferred()
        self._waiting: tuple[bytes, Deferred[bytes]] | None = None

    def dataReceived(self, data: bytes) -> None:
        self.heard += data
        self._told()
        self._look()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._waiting is not None:
            needle, waiting = self._waiting
            waiting.errback(AssertionError(f"closed before {needle!r}; heard {self.heard!r}"))
        self._told()
        self.lost.callback(None)

    def _told(self) -> None:
        if not self.heard_or_lost.called:
            self.heard_or_lost.callback(None)

    def say(self, *lines: bytes) -> None:
        self.transport.write(b"".join(line + b"\r\n" for line in lines))

    def until(self, needle: bytes) -> Deferred[bytes]:
        """All up to and with the line that ``needle`` begins or is part of."""
        waiting: Deferred[bytes] = Deferred()
        self._waiting = (needle, waiting)
        self._look()
        return waiting

    async def ask(self, command: bytes, tag: bytes = b"t") -> bytes:
        """Say a command and wait for its tagged response."""
        self.say(tag + b" " + command)
        return await self.until(tag + b" ")

    def start_tls(self, host: str = "localhost") -> None:
        self.transport.startTLS(certificates.client_tls(host))

    def _look(self) -> None:
        if self._waiting is None:
            return
        needle, waiting = self._waiting
        at = self.heard.find(needle)
        end = self.heard.find(b"\n", at) + 1
        if at >= 0 and end:
            self._waiting = None
            heard, self.heard = self.heard[:end], self.heard[end:]
            waiting.callback(heard)


async def connect(reactor: Any, port: int, *, tls: bool = False) -> Client:
    """A client that has heard the greeting."""
    client = await connect_silently(reactor, port)
    if tls:
        client.start_tls()
    await client.until(b"* ")
    return client


async def connect_silently(
    reactor: Any, port: int, host: str = "127.0.0.1", *, source: str | None = None
) -> Client:
    """A client that has only connected, from the address ``source``."""
    factory = Factory.forProtocol(Client)
    factory.noisy = False
    bind = (source, 0) if source is not None else None
    endpoint = HostnameEndpoint(reactor, host, port, bindAddress=bind)
    client: Client = await endpoint.connect(factory)
    return client
