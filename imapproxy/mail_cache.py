"""The cache of this process: the store that its configuration names, and whose mail is in it."""

from dataclasses import asdict
from functools import partial
from typing import Any
from urllib.parse import quote_from_bytes

from imapproxy.cache.sqlite.store import open_store
from imapproxy.cache.store import Store, StoreError
from imapproxy.config import CacheSettings, ConfigError
from imapproxy.listener.offline_entrance import OfflineEntrance
from imapproxy.offline.figures import OfflineFigures
from imapproxy.offline.in_thread import OneAtATime
from imapproxy.relay.account_lists import Lists
from imapproxy.relay.cached_account import CachedAccount
from imapproxy.relay.freshness import Freshness
from imapproxy.relay.traffic import Traffic
from imapproxy.status import Figures
from imapproxy.upstream.address import Address
from imapproxy.wire.capability import Capabilities
from imapproxy.wire.credentials import Credentials

_PATIENCE = 2.0  # seconds for what is still being worked out when everything ends


class MailCache:
    """One store, how fresh its answers have to be, and whether it is read ``offline``.

    The last two may be changed at any time.
    """

    def __init__(
        self, reactor: Any, store: Store, freshness: Freshness, *, offline: bool = True
    ) -> None:
        self.store = store
        self.freshness = freshness
        self.offline = offline
        self._reactor = reactor
        self._in_thread = OneAtATime(reactor)
        self._offline_figures = OfflineFigures()
        self._entrances: dict[Address, OfflineEntrance] = {}
        self._lists = Lists()
        self._traffic = Traffic()

    def account(
        self, address: Address, credentials: Credentials, capabilities: Capabilities
    ) -> CachedAccount:
        """Whose mail it is that these credentials open, now that the upstream has taken them."""
        name = account_name(address, credentials)
        return CachedAccount(
            name,
            self.store,
            self.freshness,
            has_emailid="OBJECTID" in capabilities,
            lists=self._lists.of(name),
            traffic=self._traffic,
            offered=capabilities,
        )

    def entrance(self, address: Address) -> OfflineEntrance | None:
        """The one way in to what is held of an upstream, if there is any."""
        if not self.offline:
            return None
        if address not in self._entrances:
            self._entrances[address] = OfflineEntrance(
                address,
                self.store,
                partial(account_name, address),
                self._reactor,
                self._in_thread,
                self._offline_figures,
            )
        return self._entrances[address]

    def offline_sessions(self) -> Figures:
        """Who reads what is held while the upstream is away, for the status."""
        return asdict(self._offline_figures)

    def traffic(self) -> Figures:
        """What the sessions of this process have done, for the status."""
        return asdict(self._traffic)

    def room(self) -> Figures:
        """What the store has and may have, for the status: the same in all processes."""
        try:
            in_use, limit = self.store.budget()
        except StoreError:
            return {}  # said in the log
        return {"octets_held": in_use, "octets_at_most": limit}

    async def close(self) -> None:
        """Finish writing."""
        for entrance in self._entrances.values():
            await entrance.settled(_PATIENCE)
        await self.store.close()


def open_cache(reactor: Any, settings: CacheSettings) -> MailCache:
    """Open the store. Raises :class:`ConfigError` where it cannot be used."""
    try:
        store = open_store(reactor, settings.directory, max_octets=settings.max_octets)
    except StoreError as error:
        raise ConfigError(str(error)) from None
    return MailCache(reactor, store, settings.freshness, offline=settings.offline)


def account_name(address: Address, credentials: Credentials) -> bytes:
    """What tells an account from all others, readable: ``imaps://imap.example.com me@example.com``.

    Whose mailboxes are opened with another's password (SASL authorization identity) stands behind.
    """
    names = [credentials.user, *([credentials.authorization] if credentials.authorization else [])]
    quoted = (quote_from_bytes(name, safe="@+") for name in names)
    return " ".join((str(address), *quoted)).encode("ascii")
