"""Calls that are to come, by name."""

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime


class Timers:
    """There is one call of each name."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._calls: dict[str, IDelayedCall] = {}

    def later(self, name: str, seconds: float, then: Callable[[], None]) -> None:
        """Call ``then`` in so many seconds; one of this name that waits begins to wait anew.

        With 0 seconds, for the reactor's next turn, it stays as it is.
        """
        call = self._calls.get(name)
        if call is None or not call.active():
            self._calls[name] = self._clock.callLater(seconds, then)
        elif seconds:
            call.reset(seconds)

    def stop(self) -> None:
        """None of them comes."""
        for call in self._calls.values():
            if call.active():
                call.cancel()
        self._calls.clear()
