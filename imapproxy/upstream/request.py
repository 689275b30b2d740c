"""A whole command that we send on our own behalf, literals and all, and its outcome."""

from collections.abc import Sequence
from typing import NamedTuple

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IConsumer
from twisted.python.failure import Failure
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer

from imapproxy.upstream.connection import UpstreamConnection
from imapproxy.upstream.errors import (
    CommandRefused,
    LiteralFailed,
    UpstreamError,
    UpstreamProtocolError,
)
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
    the connection ends first. Cancelling it stops the waiting; a command that was sent runs on.
    ``parts`` begin with the space behind the tag and end in CRLF. ``name`` is the command's, in
    upper case and without ``UID``.
    """

    __slots__ = (
        "_answered",
        "_connection",
        "_literal_style",
        "_parts",
        "_streaming",
        "_waiting",
        "done",
        "name",
    )

    takes_continuation = True

    def __init__(
        self, connection: UpstreamConnection, parts: Sequence[Part], literal_style: LiteralStyle
    ) -> None:
        super().__init__()
        self.done: Deferred[bytes] = Deferred()
        self.name = _name_of(parts[0])
        self._connection = connection
        self._parts = list(parts)
        self._literal_style = literal_style
        self._waiting = False  # for a continuation request
        self._streaming = False  # a producer writes
        self._answered = False

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
                self._written()
                return
            literal = self._parts.pop(0)
            if isinstance(literal, StreamedLiteral):
                self._stream(literal.producer)
                return
            assert isinstance(literal, LiteralPart)
            self._connection.write(literal.octets + self._next_octets())

    def _written(self) -> None:
        """The last octet is out: the turn to write goes to the next command."""
        self._connection.finish(self)

    # -- a literal that is streamed --------------------------------------------------------

    def _stream(self, producer: IBodyProducer) -> None:
        transport = self._connection.transport
        assert transport is not None
        self._streaming = True
        consumer = _LiteralConsumer(self._connection, int(producer.length))
        transport.registerProducer(producer, True)
        producing = maybeDeferred(producer.startProducing, consumer)
        producing.addCallbacks(self._streamed, self._stream_failed, (consumer,))

    def _streamed(self, _: object, consumer: "_LiteralConsumer") -> None:
        self._stream_ended()
        if self._connection.error is not None:
            return
        if consumer.left:
            self._connection.fail(LiteralFailed(f"the message lacks {consumer.left} octets"))
            return
        self._connection.write(self._next_octets())
        if self._answered:
            self._written()  # the answer came early; what it had to read, it was given
        else:
            self._go_on()

    def _stream_failed(self, failure: Failure) -> None:
        self._stream_ended()
        # Half a literal cannot be taken back: the connection is of no more use.
        message = f"the message could not be read: {failure.getErrorMessage()}"
        self._connection.fail(LiteralFailed(message))

    def _stream_ended(self) -> None:
        self._streaming = False
        if self._connection.transport is not None:
            self._connection.transport.unregisterProducer()

    # -- from the connection ---------------------------------------------------------------

    def continuation_request(self, line: bytes) -> None:
        """The literal is welcome."""
        if self._waiting:
            self._waiting = False
            self._go_on()

    def tagged_response(self, text: bytes) -> None:
        """The outcome."""
        self._answered = True
        # A non-synchronizing literal has to be sent whole although the answer has come
        # (RFC 7888 section 4): what another command wrote into it would be lost, and what is
        # left of it would be taken for commands.
        if not self._streaming:
            self._written()
        status, rest = read_status(text)
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


def read_status(text: bytes) -> tuple[bytes, bytes]:
    """``OK``, ``NO`` or whatever a tagged response says, in upper case, and what follows it."""
    status, _, rest = text.rstrip(b"\r\n").partition(b" ")
    return status.upper(), rest


def _name_of(first: Part) -> bytes:
    words = first.split(None, 2) if isinstance(first, bytes) else []
    if len(words) > 1 and words[0].upper() == b"UID":
        return words[1].upper()
    return words[0].upper() if words else b""


def _size_of(literal: LiteralPart | StreamedLiteral) -> int:
    if isinstance(literal, StreamedLiteral):
        return int(literal.producer.length)
    return len(literal.octets)


@implementer(IConsumer)
class _LiteralConsumer:
    """Passes a producer's octets on, as many as were announced. ``left`` are still to come."""

    def __init__(self, connection: UpstreamConnection, size: int) -> None:
        self._connection = connection
        self.left = size

    def write(self, data: bytes) -> None:
        if len(data) > self.left:
            # Behind the literal the server would read mail as commands.
            self._connection.fail(LiteralFailed("the message is longer than was announced"))
            return
        self.left -= len(data)
        if self._connection.error is None:
            self._connection.write(data)

    def registerProducer(self, producer: object, streaming: bool) -> None:
        """The transport itself is the consumer of record."""

    def unregisterProducer(self) -> None:
        """See :meth:`registerProducer`."""
