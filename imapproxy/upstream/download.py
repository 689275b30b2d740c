"""Streaming one literal of a FETCH response to a consumer instead of assembling it."""

import re
from collections.abc import Sequence
from typing import Any

from twisted.internet.interfaces import IConsumer

from imapproxy.upstream.connection import UpstreamConnection
from imapproxy.upstream.errors import UpstreamProtocolError
from imapproxy.wire import responses
from imapproxy.wire.errors import DecodeError
from imapproxy.wire.framing import Line, Octets

_SECTION_FOLLOWS = re.compile(rb"\* +\d+ +FETCH \(.*BODY\[[^\]]*\] ~?\{\d+\}\r\n", re.I | re.S)
_ANNOUNCEMENT = re.compile(rb"\{\d+\}\r\n\Z")


class Download:
    """Takes the octets of the first section that comes in a FETCH response."""

    def __init__(self, connection: UpstreamConnection, consumer: IConsumer) -> None:
        self._connection = connection
        self._consumer: Any = consumer
        self._octets = 0
        self._taken = False
        self._left = False
        self.streaming = False
        consumer.registerProducer(connection.transport, True)

    def line(self, line: Line) -> Line:
        """The line as the rest of the client is to see it.

        Where it announces the section, that is an empty string: its octets go another way.
        """
        if self._taken or _SECTION_FOLLOWS.fullmatch(line.data) is None:
            return line
        assert line.literal is not None
        self._taken = self.streaming = True
        empty = _ANNOUNCEMENT.sub(b"{0}\r\n", line.data)
        return Line(empty, line.literal._replace(size=0))

    def take(self, octets: Octets) -> None:
        """Hand a piece on."""
        self._write(octets.data)
        if octets.left == 0:
            self.streaming = False

    def octets_of(self, data: Sequence[responses.Response]) -> int:
        """How many octets the consumer has got, now that the command is over."""
        if not self._taken:
            # Short sections come as quoted strings from some servers (RFC 3501 section 4.3).
            self._write(_section_in(data))
        return self._octets

    def leave_consumer(self) -> None:
        """It gets nothing more: the command is over, or nobody waits for it."""
        if self._left:
            return
        self._left = True
        self._consumer.unregisterProducer()
        if self._connection.transport is not None:
            # It may have paused us, and has just forgotten whom to resume.
            self._connection.transport.resumeProducing()

    def _write(self, data: bytes) -> None:
        if data and not self._left:
            self._octets += len(data)
            self._consumer.write(data)


def _section_in(data: Sequence[responses.Response]) -> bytes:
    for response in data:
        if isinstance(response, responses.FetchData):
            for item in response.items:
                if item.name.startswith("BODY["):
                    return _string(response, item.name)
    raise UpstreamProtocolError("the server said OK, but sent no section")


def _string(response: responses.FetchData, name: str) -> bytes:
    try:
        return response.string(name) or b""
    except DecodeError as error:
        raise UpstreamProtocolError(
            f"the server sent a section that is no string: {error}"
        ) from None
