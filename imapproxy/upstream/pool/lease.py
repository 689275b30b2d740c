"""A connection of the pool: a slot of the plan together with what it stands for."""

from typing import NamedTuple, Protocol

from twisted.internet.interfaces import IDelayedCall

from imapproxy.upstream.connection import UpstreamConnection
from imapproxy.upstream.dial import Upstream
from imapproxy.upstream.errors import UpstreamError
from imapproxy.upstream.pool.logged_in import LoggedIn
from imapproxy.upstream.pool.plan import Slot
from imapproxy.wire.framing import Line, Octets


class AccountKey(NamedTuple):
    """Whose connections they are. Names are compared octet for octet: which of them mean the same
    only the server knows.
    """

    upstream: Upstream
    user: bytes
    authorization: bytes


class LeaseOwner(Protocol):
    """The pool, as far as a connection of it needs it."""

    def would_keep(self, lease: "Lease") -> bool:
        """Whether it would be parked if it were left now, with nothing in flight."""

    def returned(self, lease: "Lease") -> None:
        """The session has left it."""

    def spoke(self, lease: "Lease") -> None:
        """Something was said on it that nobody has asked for."""


class Lease(Slot):
    """What a session holds of the pool; see :class:`imapproxy.upstream.farewell.Parting`."""

    __slots__ = ("_logged_in", "_owner", "expiry", "key", "watch")

    def __init__(self, owner: LeaseOwner, key: AccountKey, credential: bytes) -> None:
        super().__init__(credential)
        self.key = key
        self.watch = Watch(self, owner)
        self._owner = owner
        self._logged_in: LoggedIn | None = None
        self.expiry: IDelayedCall | None = None

    @property
    def logged_in(self) -> LoggedIn:
        """The connection, and what its session hears at log-in."""
        assert self._logged_in is not None, "not logged in yet"
        return self._logged_in

    @logged_in.setter
    def logged_in(self, logged_in: LoggedIn) -> None:
        self._logged_in = logged_in

    @property
    def connection(self) -> UpstreamConnection:
        """The connection, once it is logged in."""
        return self.logged_in.connection

    @property
    def stays(self) -> bool:
        """See :class:`Parting`."""
        return self._owner.would_keep(self)

    def leave(self) -> None:
        """See :class:`Parting`."""
        self._owner.returned(self)

    def expire_never(self) -> None:
        """It waits for nobody any more."""
        if self.expiry is not None and self.expiry.active():
            self.expiry.cancel()
        self.expiry = None


class Watch:
    """Receives what comes on a connection that has no session.

    What is said while a mailbox is being left is of no interest. Once ``nothing_is_due`` nobody has
    asked for anything, and whatever comes is news that the next session would miss: an alert, the
    server's BYE. ``heard`` tells that there was some.
    """

    takes_runs = False
    takes_whole_responses = False

    def __init__(self, lease: Lease, owner: LeaseOwner) -> None:
        self._lease = lease
        self._owner = owner
        self.nothing_is_due = False
        self.heard = False

    def untagged_run(self, octets: bytes, inside_response: bool) -> None:
        """See :class:`imapproxy.upstream.connection.Receiver`."""
        raise AssertionError("runs are not for a receiver that looks at every response")

    def untagged_line(self, line: Line) -> None:
        """See :class:`imapproxy.upstream.connection.Receiver`."""
        if self.nothing_is_due:
            self.heard = True
            self._owner.spoke(self._lease)

    def untagged_octets(self, octets: Octets) -> None:
        """See :class:`imapproxy.upstream.connection.Receiver`."""

    def batch_received(self) -> None:
        """See :class:`imapproxy.upstream.connection.Receiver`."""

    def disconnected(self, error: UpstreamError) -> None:
        """See :class:`imapproxy.upstream.connection.Receiver`; the pool waits for it itself."""
