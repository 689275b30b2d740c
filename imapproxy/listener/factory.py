"""Accepting legacy clients on one address, and keeping account of them."""

from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.internet.protocol import ServerFactory

from imapproxy.listener.attempts import Account
from imapproxy.listener.connection import ClientConnection, OfflineDoor
from imapproxy.listener.doorkeeper import Doorkeeper
from imapproxy.listener.limits import Limits
from imapproxy.listener.login import Partners
from imapproxy.relay.comeback import NO_RECONNECTING, ReconnectRules


class ListenerFactory(ServerFactory):
    """Makes a :class:`ClientConnection` of every connection accepted.

    ``partners``, ``limits``, ``tls``, ``reconnect`` and ``entrance`` may be changed at any time (a
    reload); connections that are there keep what they began with. ``tls`` are the options for
    STARTTLS, or ``None``; without an ``entrance`` nothing is read offline. The ``doorkeeper`` is
    that of the service, or this listener's own.
    """

    noisy = False

    def __init__(
        self,
        clock: IReactorTime,
        partners: Partners,
        limits: Limits,
        agent: str,
        tls: Any = None,
        doorkeeper: Doorkeeper | None = None,
        reconnect: ReconnectRules = NO_RECONNECTING,
        entrance: OfflineDoor | None = None,
    ) -> None:
        self.clock = clock
        self.partners = partners
        self.limits = limits
        self.agent = agent
        self.tls = tls
        self.reconnect = reconnect
        self.entrance = entrance
        self._doorkeeper = doorkeeper or Doorkeeper(clock)
        self._connections: set[ClientConnection] = set()
        self._draining = False
        self._waiting: list[Deferred[None]] = []  # for the last client to go

    def buildProtocol(self, addr: IAddress | None = None) -> ClientConnection:
        """A client has connected."""
        return ClientConnection(self)

    @property
    def sessions(self) -> int:
        """Connections at the moment."""
        return len(self._connections)

    # -- House -----------------------------------------------------------------------------

    def joined(self, connection: ClientConnection) -> bytes | None:
        """See :class:`House`."""
        self._connections.add(connection)
        if self._draining:
            return b"imapproxy is shutting down"
        refusal = self._doorkeeper.arrive(connection, connection.host, self.limits)
        return b"[LIMIT] " + refusal.encode() if refusal is not None else None

    def claim(self, connection: ClientConnection, account: Account) -> bool:
        """See :class:`House`."""
        return self._doorkeeper.census.claim(connection, account, self.limits)

    def login_failed(
        self, connection: ClientConnection, account: Account, *, refused: bool
    ) -> float:
        """See :class:`House`."""
        self._doorkeeper.census.give_up_claim(connection)
        if not refused:
            return 0.0
        return self._doorkeeper.login_refused(connection.host, account, self.limits)

    def authenticated(self, connection: ClientConnection) -> None:
        """See :class:`House`."""
        self._doorkeeper.census.log_in(connection)

    def left(self, connection: ClientConnection) -> None:
        """See :class:`House`."""
        self._doorkeeper.leave(connection)
        self._connections.discard(connection)
        if not self._connections:
            waiting, self._waiting = self._waiting, []
            for empty in waiting:
                empty.callback(None)

    # -- the end ---------------------------------------------------------------------------

    def drain(self) -> Deferred[None]:
        """Tell every client BYE as soon as what it asked is answered; fires when all are gone."""
        self._draining = True
        for connection in list(self._connections):
            connection.drain(self.limits.drain_grace)
        if not self._connections:
            return succeed(None)
        empty: Deferred[None] = Deferred()
        self._waiting.append(empty)
        return empty

    def cut(self) -> None:
        """End every connection now, without a word."""
        for connection in list(self._connections):
            connection.abort()
