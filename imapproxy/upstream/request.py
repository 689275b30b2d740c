"""A whole command that we send on our own behalf, literals and all, and its outcome."""

from collections.abc import Sequence
from typing import NamedTuple

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer
from twisted.python.failure import Failure
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer

from imapproxy.upstream.connection import UpstreamConnection
from imapproxy.upstream.errors import CommandRefused, UpstreamError, UpstreamProtocolError
from imapproxy.upstream.exchange import Exchange
from imapproxy.wire.strings import MINUS_MAX, LiteralPart, LiteralStyle


class StreamedLiteral(NamedTuple):
    """A literal whose octets come from a producer, ``producer.length`` of them exactly.

    ``twisted.web.client.FileBodyProducer`` makes one of a file.
    """

    producer: IBodyProducer


Part = bytes | LiteralPart | StreamedLiteral


class Request(Exchange):
    """A command of ours. ``done`` fires with the text behind ``OK `` or fails.

    It fails with :class:`CommandRefused` for NO and BAD, with another :class:`UpstreamError` when
    the connection ends first. ``parts`` begin with the space behind the tag and end in CRLF.
    """

    __slots__ = ("_connection", "_literal_style", "_parts", "_waiting", "done")

    takes_continuation = True

    def __init__(
        self, connection: UpstreamConnection, parts: Sequence[Part], literal_style: LiteralStyle
    ) -> None:
        super().__init__()
        self.done: Deferred[bytes] = Deferred()
        self._connection = connection
        self._parts = list(parts)
        self._literal_style = literal_style
        self._waiting = False  # for a continuation request

    def send(self) -> None:
        """Write it as soon as no other command is half written."""
        self._connection.when_writable(self._begin)

    def _begin(self) -> None:
        if self._connection.error is not None:
            self.connection_lost(self._connection.error)
            return
        self._connection.start(self, self._next_octets())
        self._go_on()

    def _next_octets(self) -> bytes:
        """The octets up to and with the next announcement of a literal, or to the end."""
        out = b""
        while self._parts and isinstance(self._parts[0], bytes):
            out += self._parts.pop(0)  # type: ignore[operator]
        if self._parts:
            out += self._announce(self._parts[0])
        return out

    def _announce(self, part: Part) -> bytes:
        assert not isinstance(part, bytes)
        size = _size_of(part)
        tilde = b"~" if isinstance(part, LiteralPart) and part.binary else b""
        style = self._literal_style
        self._waiting = style == "sync" or (style == "minus" and size > MINUS_MAX)
        return tilde + (b"{%d}\r\n" if self._waiting else b"{%d+}\r\n") % size

    def _go_on(self) -> None:
        while not self._waiting:
            if not self._parts:
                self._connection.finish(self)
                return
            literal = self._parts.pop(0)
            if isinstance(literal, StreamedLiteral):
                self._stream(literal.producer)
                return
            assert isinstance(literal, LiteralPart)
            self._connection.write(literal.octets + self._next_octets())

    def _stream(self, producer: IBodyProducer) -> None:
        transport = self._connection.transport
        assert transport is not None
        consumer = _Counting(self._connection)
        transport.registerProducer(producer, True)
        producing = producer.startProducing(consumer)
        producing.addCallback(self._streamed, consumer, int(producer.length))
        producing.addErrback(self._stream_failed)

    def _streamed(self, _: object, consumer: "_Counting", length: int) -> None:
        if self._connection.transport is not None:
            self._connection.transport.unregisterProducer()
        if consumer.octets != length:
            message = f"the message gave {consumer.octets} octets, {length} were announced"
            self._connection.fail(UpstreamProtocolError(message))
            return
        self._connection.write(self._next_octets())
        self._go_on()

    def _stream_failed(self, failure: Failure) -> None:
        # Half a literal cannot be taken back: the connection is of no more use.
        message = f"the message could not be read: {failure.getErrorMessage()}"
        self._connection.fail(UpstreamProtocolError(message))

    def continuation_request(self, line: bytes) -> None:
        """The literal is welcome."""
        if self._waiting:
            self._waiting = False
            self._go_on()

    def tagged_response(self, text: bytes) -> None:
        """The outcome."""
        self._connection.finish(self)
        status, _, rest = text.rstrip(b"\r\n").partition(b" ")
        status = status.upper()
        if status == b"OK":
            self.done.callback(rest)
        elif status in (b"NO", b"BAD"):
            self.done.errback(self.refused(status, rest))
        else:
            message = f"{self._connection.name} answered {status[:16]!r}, not OK, NO or BAD"
            self.done.errback(UpstreamProtocolError(message))

    def refused(self, status: bytes, text: bytes) -> CommandRefused:
        """The error for NO and BAD."""
        return CommandRefused(status, text)

    def connection_lost(self, error: UpstreamError) -> None:
        """There will be no outcome."""
        self.done.errback(error)


def _size_of(literal: LiteralPart | StreamedLiteral) -> int:
    if isinstance(literal, StreamedLiteral):
        return int(literal.producer.length)
    return len(literal.octets)


@implementer(IConsumer)
class _Counting:
    """Passes a producer's octets on and counts them."""

    def __init__(self, connection: UpstreamConnection) -> None:
        self._connection = connection
        self.octets = 0

    def write(self, data: bytes) -> None:
        self.octets += len(data)
        self._connection.write(data)

    def registerProducer(self, producer: object, streaming: bool) -> None:
        """The transport itself is the consumer of record."""

    def unregisterProducer(self) -> None:
        """See :meth:`registerProducer`."""
