"""Who is here: the connections of all listeners of a service, counted."""

import ipaddress
from collections import Counter
from collections.abc import Hashable
from typing import TypeVar

from imapproxy.listener.limits import Limits


class Census:
    """Counts connections in all, those without log-in, and by address and account.

    A connection is whatever can be a key; so is an account. Nothing is kept of who has left.
    """

    def __init__(self) -> None:
        self._addresses: dict[Hashable, str] = {}  # of each connection
        self._accounts: dict[Hashable, Hashable] = {}  # of each that logs in or is logged in
        self._unauthenticated: set[Hashable] = set()
        self._of_address: Counter[str] = Counter()
        self._of_account: Counter[Hashable] = Counter()

    @property
    def connections(self) -> int:
        """Connections at the moment."""
        return len(self._addresses)

    @property
    def unauthenticated(self) -> int:
        """Those that wait for a log-in."""
        return len(self._unauthenticated)

    @property
    def accounts(self) -> int:
        """Accounts with a session or a log-in under way."""
        return len(self._of_account)

    def arrive(self, connection: Hashable, host: str, limits: Limits) -> str | None:
        """Count a connection from ``host`` in; a sentence if it is one too many."""
        refusal = self._refusal(host, limits)
        address = network_of(host)
        self._addresses[connection] = address
        self._of_address[address] += 1
        if refusal is None:
            self._unauthenticated.add(connection)
        return refusal

    def _refusal(self, host: str, limits: Limits) -> str | None:
        if self.connections >= limits.max_sessions:
            return "imapproxy serves as many clients as it is configured for"
        most = limits.sessions_of_address(this_machine=is_this_machine(host))
        if most is not None and self._of_address[network_of(host)] >= most:
            return "too many connections from this address"
        if self.unauthenticated >= limits.max_unauthenticated:
            return "too many clients are not logged in"
        return None

    def claim(self, connection: Hashable, account: Hashable, limits: Limits) -> bool:
        """Count the connection as one of the account, unless that has as many as it may."""
        most = limits.max_sessions_per_account
        if most is not None and self._of_account[account] >= most:
            return False
        self._accounts[connection] = account
        self._of_account[account] += 1
        return True

    def give_up_claim(self, connection: Hashable) -> None:
        """It is not one of the account: the log-in has failed."""
        if connection in self._accounts:
            _count_down(self._of_account, self._accounts.pop(connection))

    def log_in(self, connection: Hashable) -> None:
        """The log-in has succeeded."""
        self._unauthenticated.discard(connection)

    def leave(self, connection: Hashable) -> None:
        """The connection is gone."""
        self._unauthenticated.discard(connection)
        self.give_up_claim(connection)
        if connection in self._addresses:
            _count_down(self._of_address, self._addresses.pop(connection))


def host_of(peer: object) -> str:
    """The address that a client comes from; empty where it has none (a pipe)."""
    return str(getattr(peer, "host", ""))


def network_of(host: str) -> str:
    """What is counted as one address: of IPv6 a /64, for that is what one subscriber has.

    Whatever is no IP address (a pipe has none) is itself.
    """
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        if not address.is_loopback:
            return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def is_this_machine(host: str) -> bool:
    """Whether a client comes from this machine, as far as its address tells."""
    try:
        return ipaddress.ip_address(network_of(host).partition("/")[0]).is_loopback
    except ValueError:
        return True


_Key = TypeVar("_Key", bound=Hashable)


def _count_down(counter: Counter[_Key], key: _Key) -> None:
    counter[key] -= 1
    if not counter[key]:
        del counter[key]
