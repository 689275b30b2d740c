"""What goes to the client, in order: octets that are here, and answers that are made as they go.

An answer from the cache may be large, and is made piece by piece as the client takes it; what the
upstream says meanwhile waits behind it. While nothing is being made, the outbox is a list that is
joined and written, nothing more.
"""

from collections import deque
from collections.abc import Callable
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime
from zope.interface import implementer

from imapproxy.relay.client_port import ClientPort
from imapproxy.relay.large_answer import BrokenAnswer
from imapproxy.relay.valve import Valve

# How much is made in one turn of the reactor: other sessions wait for no more than this.
_TURN = 256 * 1024  # octets
# Octets that may wait behind an answer that is being made; then the upstream is not read.
_PATIENCE = 60.0  # seconds for a client to take what is left, once the session is over
_MAX_BEHIND = 256 * 1024


class Source(Protocol):
    """An answer that is made as it goes."""

    def next_piece(self) -> bytes | None:
        """The next octets; ``None`` when there are no more. Raises :class:`BrokenAnswer`."""


class Gate:
    """Octets that wait, with all behind them, until :meth:`open`."""

    def __init__(self, octets: bytes, on_open: Callable[[], None]) -> None:
        self.octets = octets
        self.is_open = False
        self._on_open = on_open

    def open(self) -> None:
        """Let them go."""
        self.is_open = True
        self._on_open()


@implementer(IPushProducer)
class Outbox:
    """Octets and sources on their way to ``client``; ``upstream`` is held while too much waits.

    It is the producer that the client's transport is to pause.
    """

    def __init__(
        self,
        client: ClientPort,
        upstream: Valve,
        clock: IReactorTime,
        on_broken: Callable[[BrokenAnswer], None],
    ) -> None:
        self._client = client
        self._upstream = upstream
        self._clock = clock
        self._on_broken = on_broken
        self._ready: list[bytes] = []  # in front of all that waits
        self._waiting: deque[Source | Gate | bytes] = deque()
        self._behind = 0  # octets in _waiting
        self._paused = False
        self._turn: IDelayedCall | None = None
        self._when_empty: Callable[[], None] | None = None
        self._give_up: IDelayedCall | None = None

    @property
    def is_making(self) -> bool:
        """Whether an answer is still being made."""
        return bool(self._waiting)

    @property
    def nothing_behind(self) -> bool:
        """Whether nothing waits behind the source that is being made."""
        return len(self._waiting) <= 1

    @property
    def holds_upstream(self) -> bool:
        """Whether the upstream is not read, since the client does not take what is here."""
        return self._upstream.is_held

    @property
    def last_source(self) -> Source | None:
        """The source behind which nothing was said yet."""
        last = self._waiting[-1] if self._waiting else None
        return None if isinstance(last, bytes | Gate) else last

    def say(self, octets: bytes) -> None:
        """Put octets behind everything else (hot: all that is relayed)."""
        if not self._waiting:
            self._ready.append(octets)
            return
        self._waiting.append(octets)
        self._behind += len(octets)
        if self._behind > _MAX_BEHIND:
            self._upstream.hold("outbox")

    def add(self, source: Source) -> None:
        """Put an answer that is made as it goes behind everything else."""
        self._waiting.append(source)

    def add_gate(self, octets: bytes) -> Gate:
        """Put octets behind everything else, and let neither them nor what follows go yet."""
        gate = Gate(octets, self.flush)
        self._waiting.append(gate)
        return gate

    def change_upstream(self, transport: IPushProducer) -> None:
        """Another upstream connection takes the place of the one before."""
        self._upstream.change(transport)

    def flush(self) -> None:
        """Write out what can be written now."""
        if self._ready:
            ready, self._ready = self._ready, []
            self._client.write(b"".join(ready))
        if self._turn is None and self._can_go_on:
            self._make()

    def finish(self, then: Callable[[], None]) -> None:
        """Write everything, then call ``then``: at once if the client takes nothing for long."""
        self._when_empty = then
        self._give_up = self._clock.callLater(_PATIENCE, self._finished)
        self.flush()
        self._tell_if_empty()

    def _tell_if_empty(self) -> None:
        if not self._waiting and self._when_empty is not None:
            self._finished()

    def _finished(self) -> None:
        then = self._when_empty
        self.drop()
        if then is not None:
            then()

    def drop(self) -> None:
        """The client is gone, or has heard enough."""
        self._ready.clear()
        self._waiting.clear()
        self._when_empty = None
        for timer in (self._turn, self._give_up):
            if timer is not None and timer.active():
                timer.cancel()
        self._turn = self._give_up = None

    def _make(self) -> None:
        """Make and write for one turn."""
        made = 0
        while self._can_go_on and made < _TURN:
            piece = self._next_piece()
            if piece:
                made += len(piece)
                self._client.write(piece)
        if self._can_go_on:
            self._turn = self._clock.callLater(0, self._next_turn)
        if self._behind <= _MAX_BEHIND:
            self._upstream.release("outbox")
        self._tell_if_empty()

    @property
    def _can_go_on(self) -> bool:
        first = self._waiting[0] if self._waiting else None
        is_shut = isinstance(first, Gate) and not first.is_open
        return first is not None and not is_shut and not self._paused

    def _next_piece(self) -> bytes | None:
        first = self._waiting[0]
        if isinstance(first, Gate):
            self._waiting.popleft()
            return first.octets
        if isinstance(first, bytes):
            self._behind -= len(first)
            self._waiting.popleft()
            return first
        try:
            piece = first.next_piece()
        except BrokenAnswer as error:
            self._on_broken(error)
            return None
        if piece is None and self._waiting and self._waiting[0] is first:
            self._waiting.popleft()
        return piece

    def _next_turn(self) -> None:
        self._turn = None
        self.flush()

    # -- IPushProducer, for the client's transport -------------------------------------------

    def pauseProducing(self) -> None:
        """The client does not take what was written to it."""
        self._paused = True
        self._upstream.pauseProducing()

    def resumeProducing(self) -> None:
        """The client has room again."""
        self._paused = False
        self._upstream.resumeProducing()
        self.flush()

    def stopProducing(self) -> None:
        """See :class:`Valve`."""
