"""No more than so many octets a second, so that others who use the line have theirs."""

from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReactorTime

# Seconds. What came ahead of time by less than this is let go: mail comes in pieces of 16 KB.
_SLACK = 0.05


class Pace:
    """Pauses a transport as often as it has given more than ``rate`` octets a second.

    ``None`` is no limit.
    """

    def __init__(self, clock: IReactorTime, rate: float | None, transport: Any) -> None:
        self._clock = clock
        self._rate = rate
        self._transport = transport
        self._due = 0.0  # when all that has come might have come
        self._call: IDelayedCall | None = None

    def took(self, octets: int) -> None:
        """So many have come."""
        if self._rate is None:
            return
        now = self._clock.seconds()
        self._due = max(self._due, now) + octets / self._rate
        if self._due - now > _SLACK and self._call is None:
            self._transport.pauseProducing()
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
            self._transport.resumeProducing()
