"""The connection to the upstream: greeting, tags, order of writing, dispatch of responses.

It cuts what comes into fragments and tells each to whom it belongs, and decides nothing else:

* tagged responses and continuation requests go to their :class:`Exchange`;
* everything untagged goes, in order, to the one ``receiver`` of the connection, because IMAP does
  not say to which command untagged data belong (RFC 3501 section 2.2.2).
"""

from collections import deque
from collections.abc import Callable, Collection
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IHandshakeListener, IReactorTime
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from imapproxy.upstream.deflate import Deflated
from imapproxy.upstream.errors import UpstreamError, UpstreamProtocolError, UpstreamUnavailable
from imapproxy.upstream.exchange import Exchange
from imapproxy.upstream.footprint import Footprint
from imapproxy.upstream.prompt_tls import TlsParty, start_prompt_tls
from imapproxy.wire.framing import Fragment, Line, Malformed, Octets, ResponseFramer

# Lines that are no response at all. A stray empty line is harmless; more than a few say that we
# have lost the frame, and then nothing that follows can be believed.
_MAX_STRAY_LINES = 16
_CLOSE_TIMEOUT = 5.0  # seconds for a close_notify or a BYE; then the connection is cut


class Receiver(Protocol):
    """Who is told the untagged responses, fragment by fragment, in the order they came.

    Who only passes them on sets ``takes_runs`` and is told numbered responses (FETCH above all)
    as they come, many at once; with ``takes_whole_responses`` those only that are here whole. Both
    may change at any time.
    """

    @property
    def takes_runs(self) -> bool:
        """Whether it is told runs."""

    @property
    def takes_whole_responses(self) -> bool:
        """Whether of those only what is whole."""

    def untagged_run(self, octets: bytes, inside_response: bool) -> None:
        """Numbered responses: the rest of one, whole ones, the beginning of one.

        ``inside_response`` tells whether the rest of the last one is still to come.
        """

    def untagged_line(self, line: Line) -> None:
        """A line of an untagged response; more of them follow where it announces a literal."""

    def untagged_octets(self, octets: Octets) -> None:
        """A piece of the literal that the last line announced."""

    def batch_received(self) -> None:
        """Everything that had arrived was told: the moment to write out what was gathered."""

    def disconnected(self, error: UpstreamError) -> None:
        """Nothing more comes. Every exchange in flight was told before."""


@implementer(IHandshakeListener)
class UpstreamConnection(TwistedProtocol):
    """One connection to one IMAP server, on any transport.

    ``tag_prefix`` begins every tag that is made here, and no other.
    ``greeting`` fires with the first line (CRLF included) or fails with an
    :class:`UpstreamError`. ``secured`` fires when a TLS handshake has ended well. ``footprint``,
    once there is one, is told every command.
    """

    log = Logger()
    transport: Any  # a TCP transport, with TLS once it was started; None when it is gone

    def __init__(self, clock: IReactorTime, name: str, tag_prefix: bytes = b"P") -> None:
        self.clock = clock
        self.name = name
        self.greeting: Deferred[bytes] = Deferred()
        self.secured: Deferred[None] = Deferred()
        self.receiver: Receiver | None = None
        self.error: UpstreamError | None = None
        self.footprint: Footprint | None = None
        self._framer = ResponseFramer()
        self._in_flight: dict[bytes, Exchange] = {}
        self._tag_prefix = tag_prefix
        self._last_tag = 0
        self._gathering = False
        self._gathered: list[bytes] = []
        self._writer: Exchange | None = None  # has the turn to write
        self._waiting: deque[Callable[[], None]] = deque()  # for their turn
        self._turning = False
        self._greeted = False
        self._inside_response = False
        self._stray_lines = 0
        self._deflated: Deflated | None = None
        self._closing: IDelayedCall | None = None
        self._lost: list[Deferred[None]] = []

    # -- writing ---------------------------------------------------------------------------

    @property
    def in_flight(self) -> Collection[Exchange]:
        """The commands without their tagged response yet, oldest first; a view, not a copy."""
        return self._in_flight.values()

    @property
    def inside_response(self) -> bool:
        """Whether an untagged response has begun and not ended: nothing may come between."""
        return self._inside_response

    @property
    def at_rest(self) -> bool:
        """Whether nothing is half said in either direction, and nothing odd ever was."""
        return self.error is None and not (
            self._in_flight
            or self._writer is not None
            or self._waiting
            or self._gathered
            or self._inside_response
            or self._framer.buffered
            or (self._deflated is not None and self._deflated.waits)
            or self._stray_lines
        )

    def start(self, exchange: Exchange, rest: bytes, tag: bytes = b"") -> None:
        """Write a command's first line: its tag and ``rest``, which begins with a space.

        ``tag`` is the tag that is wished for. It is taken as it is unless it is in flight already,
        or could be one of our own: servers tell it again where nobody can rewrite it (ESEARCH,
        INPROGRESS, extensions that are not known here). Without a wish, a tag is made.

        The exchange has the turn to write until :meth:`finish`; others wait for it. That is also
        so when its tagged response comes first: whoever writes the command knows whether the rest
        of it still has to follow (RFC 7888 section 4).
        """
        if self._writer is not None:
            raise RuntimeError(f"{self._writer!r} is still being written")
        self._writer = exchange
        if not tag or tag in self._in_flight or tag.startswith(self._tag_prefix):
            self._last_tag += 1
            tag = b"%b%d" % (self._tag_prefix, self._last_tag)
        exchange.tag = tag
        self._in_flight[tag] = exchange
        self._send(tag + rest)
        if self.footprint is not None:
            self.footprint.begun(tag, rest)

    def finish(self, exchange: Exchange) -> None:
        """The last octet of the command was written."""
        if self._writer is exchange:
            self._writer = None
            self._next_turn()

    def _next_turn(self) -> None:
        # One loop, however many wait: those that are written at once end up here again.
        if not self._turning:
            self._turning = True
            while self._waiting and self._writer is None:
                self._waiting.popleft()()
            self._turning = False

    def when_writable(self, begin: Callable[[], None]) -> None:
        """Call ``begin`` as soon as no command is half written; at once if none is."""
        if self._writer is None and not self._waiting:
            begin()
        else:
            self._waiting.append(begin)

    def write(self, data: bytes) -> None:
        """Octets of the command whose turn it is."""
        if self.footprint is not None and self.footprint.reads_on:
            self.footprint.went_on(data)
        self._send(data)

    def _send(self, data: bytes) -> None:
        if self._gathering:
            self._gathered.append(data)
        elif self.transport is not None:
            self.transport.write(data)

    def gather(self) -> None:
        """Keep what is written until :meth:`flush`: pipelined commands go out as one record."""
        self._gathering = True

    def flush(self) -> None:
        """Write out what was gathered."""
        self._gathering = False
        if self._gathered:
            data = b"".join(self._gathered)
            self._gathered.clear()
            self._send(data)

    # -- reading ---------------------------------------------------------------------------

    def dataReceived(self, data: bytes) -> None:
        """Everything the upstream says comes in here (the hot path of the relay)."""
        if self._deflated is not None:
            self._deflated.received(data)
        else:
            self._take(data)

    def _take(self, data: bytes) -> None:
        if self.error is not None:
            return
        framer = self._framer
        line = framer.whole_line(data)
        if line is not None:
            self._line(line)
        else:
            framer.feed(data)
        while framer.waiting and self.error is None:
            self._pass_run_on()
            fragment = framer.next_fragment()
            if fragment is None:
                break
            self._fragment(fragment)
        if self.receiver is not None and self.error is None:
            self.receiver.batch_received()

    def _fragment(self, fragment: Fragment) -> None:
        if isinstance(fragment, Line):
            self._line(fragment)
        elif isinstance(fragment, Malformed):
            self._malformed(fragment)
        elif self.receiver is not None:
            self.receiver.untagged_octets(fragment)

    def _pass_run_on(self) -> None:
        receiver = self.receiver
        if receiver is not None and receiver.takes_runs and self._greeted:
            whole = receiver.takes_whole_responses
            run = self._framer.next_whole_responses() if whole else self._framer.next_run()
            if run is not None:
                self._inside_response = not self._framer.between_responses
                receiver.untagged_run(run, self._inside_response)

    def _line(self, line: Line) -> None:
        data = line.data
        if self._inside_response or (data.startswith(b"* ") and self._greeted):
            self._inside_response = line.literal is not None
            if self.receiver is not None:
                self.receiver.untagged_line(line)
        elif not self._greeted:
            self._greeted = True
            self.greeting.callback(data)
        elif data.startswith(b"+"):
            self._continuation_request(data)
        else:
            self._tagged(data)

    def _tagged(self, data: bytes) -> None:
        tag, space, text = data.partition(b" ")
        exchange = self._in_flight.pop(tag, None) if space else None
        if exchange is None:
            self._stray(data)
            return
        if self.footprint is not None:
            self.footprint.answered(tag, text)
        exchange.tagged_response(text)

    def _continuation_request(self, data: bytes) -> None:
        for exchange in reversed(self._in_flight.values()):
            if exchange.takes_continuation:
                exchange.continuation_request(data)
                return
        self._stray(data)

    def _stray(self, data: bytes) -> None:
        self._stray_lines += 1
        self.log.warn(
            "{upstream}: a line that answers nothing was dropped ({length} octets)",
            upstream=self.name,
            length=len(data),
        )
        if self._stray_lines > _MAX_STRAY_LINES:
            self.fail(UpstreamProtocolError(f"{self.name} sends lines that are no IMAP responses"))

    def _malformed(self, fragment: Malformed) -> None:
        self.fail(UpstreamProtocolError(f"{self.name} broke the protocol: {fragment.reason}"))

    # -- TLS and compression ---------------------------------------------------------------

    def start_tls(self, party: TlsParty) -> None:
        """Put TLS under the connection, now.

        Whatever came before belongs to nobody: octets that are already here, behind the reply to
        STARTTLS, were put there by someone who cannot speak TLS, and end the connection
        (RFC 9051 section 11.3; "NO STARTTLS", USENIX Security 2021).
        """
        if self._framer.buffered:
            raise UpstreamProtocolError(
                f"{self.name} sent data in plaintext behind its answer to STARTTLS; "
                "somebody may be tampering with the connection"
            )
        assert self.transport is not None
        self.transport = start_prompt_tls(self.transport, party, self)

    def start_compression(self) -> None:
        """Compress in both directions, now; what came behind the answer to COMPRESS already is."""
        self._deflated = self.transport = Deflated(self.transport, self._take, self.fail)
        rest = self._framer.take_buffered()
        if rest:
            self._deflated.received(rest)

    def handshakeCompleted(self) -> None:
        """TLS stands, and the certificate was accepted."""
        self.secured.callback(None)

    # -- the end ---------------------------------------------------------------------------

    def fail(self, error: UpstreamError) -> None:
        """End the connection for something that it did."""
        if self.error is None:
            self.log.warn("{error}", error=str(error))
            self._ended(error)
            self.abort()

    def close(self) -> None:
        """Close in order: what was written is sent; a peer that does not close in turn is cut."""
        if self.transport is None or self._closing is not None or self.error is not None:
            return
        self.flush()
        self.transport.unregisterProducer()
        self.transport.resumeProducing()  # else the peer's close would never be seen
        self.transport.loseConnection()
        self._closing = self.clock.callLater(_CLOSE_TIMEOUT, self.abort)

    def abort(self) -> None:
        """Cut the connection without another octet."""
        if self.transport is not None:
            self.transport.abortConnection()

    def when_lost(self) -> Deferred[None]:
        """Fires when the transport is gone."""
        waiting: Deferred[None] = Deferred()
        if self.transport is None and self.error is not None:
            waiting.callback(None)
        else:
            self._lost.append(waiting)
        return waiting

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The transport is gone, for whatever reason."""
        if self._closing is not None and self._closing.active():
            self._closing.cancel()
        self.transport = None
        error = UpstreamUnavailable(f"{self.name} closed the connection{_because(reason)}")
        error.__cause__ = reason.value
        self._ended(error)
        lost, self._lost = self._lost, []
        for waiting in lost:
            waiting.callback(None)

    def _ended(self, error: UpstreamError) -> None:
        if self.error is not None:
            return
        self.error = error
        self._writer = None
        exchanges, self._in_flight = list(self._in_flight.values()), {}
        for exchange in exchanges:
            exchange.connection_lost(error)
        while self._waiting:
            self._waiting.popleft()()  # whoever waits to write sees ``error``
        if not self._greeted:
            self._greeted = True
            self.greeting.errback(error)
        if self.receiver is not None:
            self.receiver.disconnected(error)


def _because(reason: Failure) -> str:
    if reason.check(type(connectionDone.value)):
        return ""
    return f" ({reason.getErrorMessage()})"
