"""No faster than it may be: for others who use the line, and for the disk."""

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from imapproxy.relay.valve import Valve

# Seconds. What came ahead of time by less than this is let go: mail comes in pieces of 16 KB.
_SLACK = 0.05

# Octets that come before the disk has to have caught up. A store takes some more, and loses what it
# cannot take.
_AHEAD = 8 * 1024 * 1024


class Pace:
    """Holds a connection that gave more than ``rate`` octets a second; ``None`` is no limit."""

    def __init__(self, clock: IReactorTime, rate: float | None, valve: Valve) -> None:
        self._clock = clock
        self._rate = rate
        self._valve = valve
        self._due = 0.0  # when all that has come might have come
        self._call: IDelayedCall | None = None

    def took(self, octets: int) -> None:
        """So many have come."""
        if self._rate is None:
            return
        now = self._clock.seconds()
        self._due = max(self._due, now) + octets / self._rate
        if self._due - now > _SLACK and self._call is None:
            self._valve.hold("rate")
            self._call = self._clock.callLater(self._due - now, self._go_on)

    def stop(self) -> None:
        """Nothing more comes."""
        if self._call is not None and self._call.active():
            self._call.cancel()
        self._call = None

    def _go_on(self) -> None:
        self._call = None
        ahead = self._due - self._clock.seconds()
        if ahead > _SLACK:  # more came before the pause took effect
            self._call = self._clock.callLater(ahead, self._go_on)
        else:
            self._valve.release("rate")


class Disk:
    """Holds a connection that is far ahead of the disk, until ``flushed`` fires."""

    def __init__(self, flushed: Callable[[], "Deferred[None]"], valve: Valve) -> None:
        self._flushed = flushed
        self._valve = valve
        self._ahead = 0
        self._waits = False

    def took(self, octets: int) -> None:
        """So many have come."""
        self._ahead += octets
        if self._ahead > _AHEAD and not self._waits:
            self._ahead = 0
            self._waits = True
            self._valve.hold("disk")
            self._flushed().addCallback(lambda _: self._go_on())

    def _go_on(self) -> None:
        self._waits = False
        self._valve.release("disk")
