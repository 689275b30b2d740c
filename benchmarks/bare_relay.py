"""A relay of octets in plain Twisted that knows nothing of IMAP: what nobody can do without.

How much a hop costs differs from one machine to the next, and a limit that is a ratio means little
without it. Run as ``python -m benchmarks.bare_relay UPSTREAM_PORT CA_FILE``; the first line it
prints is its port.
"""

import sys
from pathlib import Path
from typing import Any

from twisted.internet import reactor as _reactor  # noqa: TID251 - a program of its own
from twisted.internet.endpoints import SSL4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.ssl import Certificate, optionsForClientTLS, trustRootFromCertificates
from twisted.python.failure import Failure

reactor: Any = _reactor


class Leg(Protocol):
    """One side of the relay. ``other`` is the other one."""

    transport: Any
    other: "Leg"

    def join(self, other: "Leg") -> None:
        """Pass on what comes, and let a slow reader slow down the other side."""
        self.other = other
        self.transport.setTcpNoDelay(True)
        self.transport.registerProducer(other.transport, True)

    def dataReceived(self, data: bytes) -> None:
        """Pass it on."""
        self.other.transport.write(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Let the other side go, too."""
        self.transport.unregisterProducer()
        self.other.transport.loseConnection()


class ClientLeg(Leg):
    """The plaintext side; it opens the other one."""

    def __init__(self, upstream: SSL4ClientEndpoint) -> None:
        self._upstream = upstream

    def connectionMade(self) -> None:
        """A client is here: reach the server before the client says anything."""
        self.transport.pauseProducing()
        connectProtocol(self._upstream, Leg()).addCallback(self._joined)

    def _joined(self, upstream: Leg) -> None:
        self.join(upstream)
        upstream.join(self)
        self.transport.resumeProducing()


def main(port: str, ca_file: str) -> None:
    """Listen on any port."""
    trust = trustRootFromCertificates([Certificate.loadPEM(Path(ca_file).read_bytes())])
    options = optionsForClientTLS("localhost", trustRoot=trust)
    upstream = SSL4ClientEndpoint(reactor, "127.0.0.1", int(port), options)
    factory = Factory.forProtocol(lambda: ClientLeg(upstream))
    listening = reactor.listenTCP(0, factory, interface="127.0.0.1")
    print(listening.getHost().port, flush=True)
    reactor.run()


if __name__ == "__main__":
    main(*sys.argv[1:3])
