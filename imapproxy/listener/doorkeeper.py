"""What all listeners of a service have in common: who is here, and who has failed to log in."""

from twisted.internet.interfaces import IReactorTime

from imapproxy.listener.attempts import Account
from imapproxy.listener.census import Census, network_of
from imapproxy.listener.limits import Limits
from imapproxy.listener.prudence import Prudence
from imapproxy.listener.slowness import Slowness

# Failures without a delay. Several people may come from one address.
_FREE_FOR_ACCOUNT = 3
_FREE_FOR_ADDRESS = 10


class Doorkeeper:
    """Stays when the configuration is read again; what it lets happen is told it each time."""

    def __init__(self, clock: IReactorTime) -> None:
        self.census = Census()
        self.prudence = Prudence(clock)
        self._clock = clock
        self._of_account = Slowness(_FREE_FOR_ACCOUNT)
        self._of_address = Slowness(_FREE_FOR_ADDRESS)

    def login_refused(self, host: str, account: Account, limits: Limits) -> float:
        """Count a log-in that failed; the seconds to hold its answer back."""
        now = self._clock.seconds()
        delays = (
            self._of_account.failed(account, now),
            self._of_address.failed(network_of(host), now),
        )
        return min(max(delays), limits.max_login_delay)
