"""What the protocol needs of a transport, as one type: TCP, or TLS over it."""

from typing import Protocol

from twisted.internet.interfaces import IPushProducer


class Transport(Protocol):
    """Parts of ``ITCPTransport``, ``ITLSTransport``, ``IConsumer`` and ``IPushProducer``."""

    def write(self, data: bytes) -> None:
        """Send octets."""

    def loseConnection(self) -> None:
        """Close once all is sent."""

    def abortConnection(self) -> None:
        """Close at once."""

    def setTcpNoDelay(self, enabled: bool) -> None:
        """Whether small writes go out at once."""

    def registerProducer(self, producer: IPushProducer, streaming: bool) -> None:
        """Who is to be told when the peer does not read."""

    def unregisterProducer(self) -> None:
        """Nobody."""

    def pauseProducing(self) -> None:
        """Do not read from the peer."""

    def resumeProducing(self) -> None:
        """Read again."""
