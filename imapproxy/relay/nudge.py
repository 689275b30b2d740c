"""Asking for news when a client has been answered from the cache for a while."""

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime


class Nudge:
    """Calls ``ask`` once something was served and ``interval`` seconds passed without news.

    ``ask`` says whether it could ask; if not it is called again an interval later. There is one
    timer, and only while there is something to ask for: a session that does nothing costs nothing.
    """

    def __init__(self, clock: IReactorTime, interval: float, ask: Callable[[], bool]) -> None:
        self._clock = clock
        self._interval = interval
        self._ask = ask
        self._heard = 0.0
        self._timer: IDelayedCall | None = None
        self._selected = False

    def start(self) -> None:
        """A mailbox was selected, just now."""
        self._selected = True
        self.heard()

    def stop(self) -> None:
        """No mailbox is selected."""
        self._selected = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def heard(self) -> None:
        """The upstream has answered: it had its chance to tell news."""
        self._heard = self._clock.seconds()

    def served(self) -> None:
        """The client was answered without the upstream."""
        if self._selected and self._timer is None:
            self._wait(self._heard + self._interval - self._clock.seconds())

    def _wait(self, seconds: float) -> None:
        self._timer = self._clock.callLater(max(0.0, seconds), self._due)

    def _due(self) -> None:
        self._timer = None
        left = self._heard + self._interval - self._clock.seconds()
        if left > 0:
            self._wait(left)
        elif not self._ask():
            self._wait(self._interval)
