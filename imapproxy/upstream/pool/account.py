"""The connections of one account at one upstream, and who waits for one."""

from dataclasses import dataclass, field

from twisted.internet.defer import Deferred

from imapproxy.upstream.pool.lease import AccountKey, Lease
from imapproxy.upstream.pool.plan import Plan, Stage, Wish, plan
from imapproxy.upstream.pool.rules import PoolRules

# Seconds for which a server's refusal is believed: devices elsewhere come and go.
_BELIEVED = 60.0
# Seconds in which a server may still count a connection that is gone.
_STILL_COUNTED = 5.0


class GrantedWish(Wish):
    """``granted`` fires with a lease: a connection that was parked, or one that is to be opened."""

    __slots__ = ("granted",)

    def __init__(self, credential: bytes) -> None:
        super().__init__(credential)
        self.granted: Deferred[Lease] = Deferred()


@dataclass(slots=True, eq=False)
class Account:
    """The leases are all connections it has, whatever they are doing."""

    key: AccountKey
    leases: list[Lease] = field(default_factory=list)
    wishes: list[GrantedWish] = field(default_factory=list)
    visitors: int = 0  # sessions that are about to get a connection
    retired: bool = False  # nothing is parked any more: the configuration has changed
    last_gone: float = float("-inf")  # when a connection that was logged in was gone
    _allowed: int = 0
    _allowed_until: float = float("-inf")

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing left to remember."""
        return not (self.leases or self.wishes or self.visitors)

    @property
    def waiting(self) -> int:
        """Connections without a session, parked or about to be."""
        return sum(lease.stage in (Stage.PARKED, Stage.TIDYING) for lease in self.leases)

    def refused(self, allowed: int, now: float) -> None:
        """The server has shown that it allows no more than so many connections."""
        self._allowed = allowed
        self._allowed_until = now + _BELIEVED

    def may_be_miscounted(self, now: float) -> bool:
        """Whether the server may count one that is gone already."""
        return now - self.last_gone < _STILL_COUNTED

    def limit(self, now: float) -> int | None:
        """How many connections it may have; ``None`` where nobody knows of a limit."""
        configured = self.key.upstream.max_connections
        if now >= self._allowed_until:
            return configured
        return self._allowed if configured is None else min(configured, self._allowed)

    def plan(self, rules: PoolRules, now: float) -> Plan[GrantedWish, Lease]:
        """What is to be done now."""
        return plan(self.leases, self.wishes, rules, now=now, limit=self.limit(now))
