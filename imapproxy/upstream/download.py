"""Streaming one literal of a FETCH response to a consumer instead of assembling it."""

from typing import Any

from twisted.internet.interfaces import IConsumer

from imapproxy.upstream.connection import UpstreamConnection
from imapproxy.wire.framing import Line, Octets


class Download:
    """Takes the octets of the first FETCH literal that comes; ``octets`` counts them."""

    def __init__(self, connection: UpstreamConnection, consumer: IConsumer) -> None:
        self._connection = connection
        self._consumer: Any = consumer
        self.octets = 0
        self._taken = False
        self.streaming = False
        consumer.registerProducer(connection.transport, True)

    def line(self, line: Line) -> bool:
        """Whether the literal that this line announces is the one to stream."""
        if self._taken or line.literal is None or b" FETCH " not in line.data.upper():
            return False
        self._taken = self.streaming = True
        return True

    def take(self, octets: Octets) -> None:
        """Hand a piece on."""
        self.octets += len(octets.data)
        self._consumer.write(octets.data)
        if octets.left == 0:
            self.streaming = False

    def finish(self) -> None:
        """The command is over."""
        self._consumer.unregisterProducer()
