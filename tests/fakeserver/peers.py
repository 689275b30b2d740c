"""Two ends to hold a conversation with: the fake server in memory, and any server over TCP."""

import re
import socket
from collections.abc import Callable

from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from fakeserver.protocol import ImapProtocol
from fakeserver.server import FakeServer

_LITERAL = re.compile(rb"\{(\d+)\}\r\n\Z")
_SECONDS = 60.0


class MemoryTransport(StringTransport):
    """A transport that keeps what is written, and tells the protocol when it is closed."""

    disconnected = False
    connected = True
    protocol: ImapProtocol

    def setTcpNoDelay(self, enabled: bool) -> None:
        pass

    def loseConnection(self) -> None:
        self.disconnected = True

    def abortConnection(self) -> None:
        self.disconnected = True


class MemoryServer:
    """A fake server without a reactor: time stands still but for what is due at once."""

    def __init__(self, **options: object) -> None:
        self.clock = Clock()
        self.server = FakeServer(self.clock, **options)  # type: ignore[arg-type]

    def connect(self) -> "MemoryPeer":
        return MemoryPeer(self)


class MemoryPeer:
    """A client of a :class:`MemoryServer`."""

    def __init__(self, home: MemoryServer) -> None:
        self._home = home
        self._seen = b""
        self.transport = MemoryTransport(IPv4Address("TCP", "127.0.0.1", 1143))
        self.protocol = home.server.build(tls=False)
        self.protocol.makeConnection(self.transport)
        self.closed = False

    def send(self, octets: bytes) -> None:
        if not self.closed:
            self.protocol.dataReceived(octets)
        self.settle()

    def settle(self) -> None:
        """Let all happen that is due, with the client reading what it is sent."""
        while any(call.getTime() <= self._home.clock.seconds() for call in self._due()):
            self._home.clock.advance(0)
        self._seen += self.transport.value()
        self.transport.clear()
        if self.transport.disconnected and not self.closed:
            self.close()

    def read(self) -> bytes:
        """The next response, literals and all; empty where there is none."""
        self.settle()
        response, self._seen = _split(self._seen)
        return response

    def read_all(self) -> bytes:
        """Everything that was said and not read yet."""
        self.settle()
        octets, self._seen = self._seen, b""
        return octets

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            from twisted.internet.error import ConnectionDone
            from twisted.python.failure import Failure

            self.protocol.connectionLost(Failure(ConnectionDone()))

    def _due(self) -> list[object]:
        return list(self._home.clock.getDelayedCalls())


class SocketPeer:
    """A client of a server on this machine, plaintext."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), _SECONDS)
        self._file = self._socket.makefile("rb")

    def send(self, octets: bytes) -> None:
        self._socket.sendall(octets)

    def read(self) -> bytes:
        response = b""
        while True:
            line = self._file.readline()
            response += line
            found = _LITERAL.search(line)
            if found is None:
                return response
            response += self._file.read(int(found[1]))

    def close(self) -> None:
        self._file.close()
        self._socket.close()


Peer = MemoryPeer | SocketPeer
Connect = Callable[[], Peer]


def _split(octets: bytes) -> tuple[bytes, bytes]:
    """The first whole response, and what is behind it."""
    at = 0
    while (end := octets.find(b"\r\n", at)) >= 0:
        end += 2
        found = _LITERAL.search(octets[at:end])
        if found is None:
            return octets[:end], octets[end:]
        at = end + int(found[1])
    return b"", octets
