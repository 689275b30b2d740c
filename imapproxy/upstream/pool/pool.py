"""The pool: it does what the plan says, and keeps account of what became of it."""

from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet.defer import Deferred, DeferredList, TimeoutError
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from imapproxy.upstream.dial import Upstream
from imapproxy.upstream.errors import NoFreeConnection, UpstreamError
from imapproxy.upstream.farewell import say_goodbye
from imapproxy.upstream.footprint import Footprint
from imapproxy.upstream.pool.account import Account, GrantedWish
from imapproxy.upstream.pool.fingerprint import Fingerprints
from imapproxy.upstream.pool.lease import AccountKey, Lease
from imapproxy.upstream.pool.logged_in import LoggedIn
from imapproxy.upstream.pool.plan import Stage
from imapproxy.upstream.pool.refusal import is_too_many
from imapproxy.upstream.pool.rules import PoolRules
from imapproxy.upstream.pool.tidying import is_alive, steps_to_tidy, tidy
from imapproxy.wire.credentials import Credentials

#: Dials and logs in. Raises :class:`UpstreamError`.
LogIn = Callable[[Credentials], Awaitable[LoggedIn]]


_PAUSE = 0.5  # seconds for the server to notice that a connection is gone


class Pool:
    """The connections of all accounts at all upstreams. ``rules`` may be changed at any time."""

    log = Logger()

    def __init__(self, clock: IReactorTime, rules: PoolRules) -> None:
        self.rules = rules
        self._clock = clock
        self._fingerprints = Fingerprints()
        self._accounts: dict[AccountKey, Account] = {}
        self._parked: dict[Lease, Account] = {}  # the one that waits longest is the first
        self._closed = False

    @property
    def parked(self) -> int:
        """How many connections wait for a session."""
        return len(self._parked)

    # -- a session begins ------------------------------------------------------------------

    async def acquire(self, upstream: Upstream, credentials: Credentials, log_in: LogIn) -> Lease:
        """A connection for a session: a parked one of the same credentials, or a new one.

        Raises :class:`NoFreeConnection` when the account may have no more connections and none came
        free within ``rules.wait`` seconds, and whatever ``log_in`` raises.
        """
        key = AccountKey(upstream, credentials.user, credentials.authorization)
        account = self._accounts.setdefault(key, Account(key))
        account.visitors += 1
        try:
            return await self._acquire(account, credentials, log_in)
        finally:
            account.visitors -= 1
            self._settle(account)

    async def _acquire(self, account: Account, credentials: Credentials, log_in: LogIn) -> Lease:
        credential = self._fingerprints.of(credentials)
        ends = self._clock.seconds() + self.rules.wait
        again = False
        while True:
            lease = await self._granted(account, credential, ends, first=again)
            if lease.stage is Stage.OPENING:
                usable = await self._opened(account, lease, log_in(credentials))
            else:
                usable = await self._still_good(lease)
            if usable:
                lease.connection.footprint = Footprint()
                return lease
            again = True

    async def _granted(
        self, account: Account, credential: bytes, ends: float, *, first: bool
    ) -> Lease:
        """What the plan has for this wish, at the latest when the clock says ``ends``."""
        wish = GrantedWish(credential)
        account.wishes.insert(0 if first else len(account.wishes), wish)
        try:
            self._settle(account)
            left = max(ends - self._clock.seconds(), 0.0)
            return await wish.granted.addTimeout(left, self._clock)
        except TimeoutError:
            raise self._none_free(account) from None
        finally:
            if wish in account.wishes:
                account.wishes.remove(wish)

    def _none_free(self, account: Account) -> NoFreeConnection:
        limit = account.limit(self._clock.seconds())
        advice = "close a mail program or a window that uses this account"
        if limit == account.key.upstream.max_connections:
            advice += ", or raise max_connections if the server allows more"
        most = len(account.leases) if limit is None else limit
        return NoFreeConnection(
            f"{account.key.upstream.address}: all connections that this account may have ({most}) "
            f"are in use, and none came free within {self.rules.wait:g} seconds",
            advice,
        )

    async def _opened(
        self, account: Account, lease: Lease, logging_in: Awaitable[LoggedIn]
    ) -> bool:
        """Whether the log-in has worked; false if it may, once there is room for it."""
        done = False
        try:
            lease.logged_in = await logging_in
            done = True
        except UpstreamError as error:
            if not (is_too_many(error) and await self._has_hope(account)):
                raise
            return False
        finally:
            if not done:
                self._gone(account, lease)
        lease.stage = Stage.IN_USE
        lease.logged_in_at = self._clock.seconds()
        lease.connection.when_lost().addCallback(lambda _: self._lost(account, lease))
        return True

    async def _has_hope(self, account: Account) -> bool:
        """Whether who was refused as one too many may be let in before long."""
        now = self._clock.seconds()
        others = len(account.leases) - 1
        if others:
            account.refused(others, now)
        elif account.may_be_miscounted(now):
            await deferLater(self._clock, _PAUSE)
        else:
            return False
        return True

    async def _still_good(self, lease: Lease) -> bool:
        """Whether a parked connection can be used; if not, it is closed."""
        good = False
        connection = lease.connection
        try:
            now = self._clock.seconds()
            probed = not lease.needs_probe(now, self.rules) or await is_alive(connection)
            good = probed and connection.at_rest and not lease.watch.heard
        finally:
            if not good:
                self._close(lease)
                connection.abort()  # it may well be dead, and the new one needs its place
        return good

    # -- a session ends --------------------------------------------------------------------

    def would_keep(self, lease: Lease) -> bool:
        """See :class:`LeaseOwner`."""
        account = self._accounts.get(lease.key)
        footprint = lease.connection.footprint
        return (
            account is not None
            and self._parks(account)
            and account.waiting < self.rules.per_account
            and not lease.is_too_old(self._clock.seconds(), self.rules)
            and footprint is not None
            and steps_to_tidy(footprint, lease.logged_in.capabilities) is not None
        )

    def _parks(self, account: Account) -> bool:
        return not (self._closed or account.retired)

    def returned(self, lease: Lease) -> None:
        """See :class:`LeaseOwner`."""
        connection = lease.connection
        if not (self.would_keep(lease) and connection.at_rest):
            self._close(lease)
            return
        connection.transport.unregisterProducer()
        connection.transport.resumeProducing()
        connection.receiver = lease.watch
        lease.watch.nothing_is_due = False
        lease.stage = Stage.TIDYING
        tidying = Deferred.fromCoroutine(self._tidy(self._accounts[lease.key], lease))
        tidying.addErrback(lambda failure: self.log.failure("tidying failed", failure))

    async def _tidy(self, account: Account, lease: Lease) -> None:
        good = await tidy(lease.connection, lease.logged_in.capabilities)
        if lease.stage is not Stage.TIDYING:
            return  # closed meanwhile
        if good and self._parks(account):
            self._park(account, lease)
        else:
            self._close(lease)
        self._settle(account)

    def _park(self, account: Account, lease: Lease) -> None:
        rules = self.rules
        now = self._clock.seconds()
        lease.logged_in = lease.logged_in.for_another()
        lease.stage = Stage.PARKED
        lease.parked_at = now
        lease.watch.nothing_is_due = True
        left = min(rules.idle_timeout, rules.max_age - (now - lease.logged_in_at))
        lease.expiry = self._clock.callLater(max(left, 0.0), self._close, lease)
        self._parked[lease] = account
        if len(self._parked) > rules.in_all:
            self._close(next(iter(self._parked)))

    def spoke(self, lease: Lease) -> None:
        """See :class:`LeaseOwner`."""
        if lease.stage is Stage.PARKED:
            self._close(lease)

    # -- doing what the plan says ----------------------------------------------------------

    def _settle(self, account: Account) -> None:
        to_do = account.plan(self.rules, self._clock.seconds())
        for lease in to_do.close:
            self._close(lease)
        opened = [(wish, Lease(self, account.key, wish.credential)) for wish in to_do.open]
        account.leases += [lease for _, lease in opened]
        for wish, lease in to_do.hand_out:
            account.wishes.remove(wish)
            lease.expire_never()
            lease.stage = Stage.IN_USE
            del self._parked[lease]
        for wish in to_do.open:
            account.wishes.remove(wish)
        # Who is told may come back here at once; by now everything is as the plan has it.
        for wish, lease in (*to_do.hand_out, *opened):
            wish.granted.callback(lease)
        if account.is_empty and self._accounts.get(account.key) is account:
            del self._accounts[account.key]

    def _close(self, lease: Lease) -> None:
        """Say goodbye. It counts as a connection until it is gone."""
        lease.expire_never()
        self._parked.pop(lease, None)
        lease.stage = Stage.CLOSING
        say_goodbye(lease.connection)

    def _lost(self, account: Account, lease: Lease) -> None:
        account.last_gone = self._clock.seconds()
        self._gone(account, lease)

    def _gone(self, account: Account, lease: Lease) -> None:
        lease.expire_never()
        self._parked.pop(lease, None)
        if lease in account.leases:
            account.leases.remove(lease)
        self._settle(account)

    # -- the end ---------------------------------------------------------------------------

    def retire(self, upstream: Upstream) -> None:
        """No session will come for this one any more; those that are there go on."""
        for key, account in list(self._accounts.items()):
            if key.upstream is upstream:
                account.retired = True
                self._close_parked(account)

    def close(self) -> Deferred[Any]:
        """Log out everywhere, and park nothing any more; fires when all that was parked is gone."""
        self._closed = True
        going: list[Deferred[None]] = []
        for account in list(self._accounts.values()):
            going += [lease.connection.when_lost() for lease in self._close_parked(account)]
        return DeferredList(going)

    def _close_parked(self, account: Account) -> list[Lease]:
        parked = [lease for lease in account.leases if lease.stage is Stage.PARKED]
        for lease in parked:
            self._close(lease)
        return parked

    def cut(self) -> None:
        """Wait for no server any more."""
        for account in list(self._accounts.values()):
            for lease in list(account.leases):
                if lease.stage is Stage.CLOSING:
                    lease.connection.abort()
