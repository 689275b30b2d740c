"""Trying the upstream again while a session is offline."""

import random
from collections.abc import Callable

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from imapproxy.relay.comeback import Reopen
from imapproxy.relay.partner import NotLetIn, Partner

_FIRST_PAUSE = 5.0  # seconds; each is twice as long as the one before …
_LONGEST_PAUSE = 60.0


class ReturnPath:
    """Logs in upstream as the session did, with growing pauses, until it is let in or refused.

    ``on_partner`` is told the connection, ``on_refused`` that the upstream was reached and does not
    take this password any more. Any other fault is none of the password's, and is tried again.
    """

    log = Logger()

    def __init__(
        self,
        reopen: Reopen,
        clock: IReactorTime,
        on_partner: Callable[[Partner], None],
        on_refused: Callable[[], None],
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._reopen = reopen
        self._clock = clock
        self._on_partner = on_partner
        self._on_refused = on_refused
        self._jitter = jitter
        self._pause = _FIRST_PAUSE
        self._next: IDelayedCall | None = None
        self._attempt: Deferred[Partner] | None = None

    def begin(self) -> None:
        """Try when the first pause is over."""
        # Programs with many connections lose all of them at one moment; not all are to come back
        # at one moment.
        self._next = self._clock.callLater(self._pause * (0.5 + self._jitter() / 2), self._try)
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)

    def stop(self) -> None:
        """The session is over."""
        if self._next is not None and self._next.active():
            self._next.cancel()
        if self._attempt is not None:
            self._attempt.cancel()

    def _try(self) -> None:
        attempt = self._attempt = Deferred.fromCoroutine(self._reopen())
        attempt.addCallbacks(self._opened, self._failed).addErrback(self._broken)

    def _opened(self, partner: Partner) -> None:
        self._attempt = None
        self._on_partner(partner)

    def _failed(self, failure: Failure) -> None:
        self._attempt = None
        if failure.trap(NotLetIn, CancelledError) is CancelledError:
            return
        error = failure.value
        assert isinstance(error, NotLetIn)
        if error.blames_the_password:
            self._on_refused()
        else:
            self.log.debug("still offline: {error}", error=error)
            self.begin()

    def _broken(self, failure: Failure) -> None:
        self.log.failure("an offline session cannot go online for a fault in imapproxy", failure)
