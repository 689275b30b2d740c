"""What all listeners of a service have in common: who is here, and who has failed to log in."""

from collections.abc import Callable, Hashable
from math import inf

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from imapproxy.listener.attempts import Account
from imapproxy.listener.census import Census, network_of
from imapproxy.listener.limits import Limits
from imapproxy.listener.prudence import Prudence
from imapproxy.listener.slowness import Slowness

# Failures without a delay. Several people may come from one address.
_FREE_FOR_ACCOUNT = 3
_FREE_FOR_ADDRESS = 10
_ONCE_A_MINUTE = 60.0


class Doorkeeper:
    """Stays when the configuration is read again; what it lets happen is told it each time."""

    log = Logger()

    def __init__(self, clock: IReactorTime) -> None:
        self.census = Census()
        self.on_leave: Callable[[], None] | None = None  # a connection is gone
        self.prudence = Prudence(clock)
        self._clock = clock
        self._arrived = self._turned_away = 0
        self._told: dict[str, float] = {}  # why clients were turned away, and when that was said
        self._of_account = Slowness(_FREE_FOR_ACCOUNT)
        self._of_address = Slowness(_FREE_FOR_ADDRESS)

    def arrive(self, connection: Hashable, host: str, limits: Limits) -> str | None:
        """Count a connection in; a sentence if it is one too many.

        The log has each such sentence once a minute: who floods us shall not fill the disk.
        """
        self._arrived += 1
        refusal = self.census.arrive(connection, host, limits)
        if refusal is None:
            return None
        self._turned_away += 1
        now = self._clock.seconds()
        if now - self._told.get(refusal, -inf) >= _ONCE_A_MINUTE:
            self._told[refusal] = now
            self.log.warn(
                "a client was turned away, of {host}: {refusal}", host=host, refusal=refusal
            )
        return refusal

    def leave(self, connection: Hashable) -> None:
        """The connection is gone."""
        self.census.leave(connection)
        if self.on_leave is not None:
            self.on_leave()

    def login_refused(self, host: str, account: Account, limits: Limits) -> float:
        """Count a log-in that failed; the seconds to hold its answer back."""
        now = self._clock.seconds()
        delays = (
            self._of_account.failed(account, now),
            self._of_address.failed(network_of(host), now),
        )
        return min(max(delays), limits.max_login_delay)

    def figures(self) -> dict[str, int]:
        """For the status: who is here, and who has been since the start."""
        return {
            "now": self.census.connections,
            "not_logged_in": self.census.unauthenticated,
            "accounts": self.census.accounts,
            "since_the_start": self._arrived,
            "turned_away": self._turned_away,
        }
