"""The running proxy: listeners come and go, sessions stay."""

import os
import socket
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import asdict
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList, DeferredLock
from twisted.internet.endpoints import TCP4ServerEndpoint, TCP6ServerEndpoint
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress, IListeningPort, ILoggingContext
from twisted.internet.protocol import ServerFactory
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

import imapproxy
from imapproxy.config import CacheSettings, ConfigError, ListenerSettings, Settings
from imapproxy.introduction import introduce
from imapproxy.listen_address import ListenAddress, cannot_listen, found_again
from imapproxy.listener.doorkeeper import Doorkeeper
from imapproxy.listener.factory import ListenerFactory
from imapproxy.listener.limits import Limits
from imapproxy.listener.login import Partners
from imapproxy.listener.offline_entrance import OfflineEntrance, RememberedPartners
from imapproxy.listener.prudence import PrudentPartners
from imapproxy.listener.tls import ServerTls
from imapproxy.mail_cache import MailCache, open_cache
from imapproxy.relay.comeback import NO_RECONNECTING, ReconnectRules
from imapproxy.relay.partner import PartnerSource
from imapproxy.status import (
    SHARED,
    ListenerStatus,
    Origin,
    ProcessStatus,
    Report,
    StatusRegistry,
    make_report,
)
from imapproxy.upstream.dial import Upstream
from imapproxy.upstream.pool.pool import Pool
from imapproxy.upstream.prompt_tls import PromptTls

_BACKLOG = 128


class Listener:
    """One address that is listened on: by this process or, unless it ``listens``, by another that
    accepts for it (:meth:`accept`).
    """

    def __init__(
        self,
        reactor: Any,
        settings: ListenerSettings,
        limits: Limits,
        partners: PartnerSource,
        doorkeeper: Doorkeeper,
        *,
        listens: bool = True,
        reconnect: ReconnectRules = NO_RECONNECTING,
        entrance: OfflineEntrance | None = None,
    ) -> None:
        self._reactor = reactor
        self.settings = settings
        self.partners = partners
        self._listens = listens
        self._doorkeeper = doorkeeper
        self.factory = ListenerFactory(
            reactor,
            self._prudent(partners, limits, entrance),
            limits,
            imapproxy.__version__,
            _starttls(settings),
            doorkeeper,
            reconnect,
            entrance,
        )
        self._port: IListeningPort | None = None
        #: Where it listens; once it does, with the real port.
        self.address = settings.address

    async def start(self) -> None:
        """Listen. Raises :class:`ConfigError`."""
        settings = self.settings
        if not self._listens:
            return
        kind = TCP6ServerEndpoint if settings.address.is_ipv6 else TCP4ServerEndpoint
        endpoint: Any = kind(
            self._reactor, settings.address.port, _BACKLOG, interface=settings.address.host
        )
        try:
            self._port = await endpoint.listen(_Door(self))
        except (CannotListenError, OSError) as error:
            fault = error.socketError if isinstance(error, CannotListenError) else error
            raise ConfigError(cannot_listen(settings.address, fault)) from None
        port: Any = self._port.getHost()
        self.address = ListenAddress(settings.address.host, port.port)

    def accept(self, connection: socket.socket) -> None:
        """Take a connection that another process has accepted; this one's socket is duplicated.

        Raises :class:`OSError` if the client is gone already.
        """
        self._reactor.adoptStreamConnection(connection.fileno(), connection.family, _Door(self))

    @property
    def ready_line(self) -> str:
        """What ``imapproxy run`` prints."""
        return f"ready: {self.address} -> {self.settings.upstream.address}"

    @property
    def status(self) -> ListenerStatus:
        """For the status of the process."""
        upstream = str(self.settings.upstream.address)
        return ListenerStatus(str(self.address), upstream, self.factory.sessions)

    def change(
        self,
        settings: ListenerSettings,
        limits: Limits,
        partners: PartnerSource,
        reconnect: ReconnectRules,
        entrance: OfflineEntrance | None,
    ) -> None:
        """Take new settings for the same address; connections keep what they began with."""
        self.settings = settings
        self.partners = partners
        self.factory.partners = self._prudent(partners, limits, entrance)
        self.factory.entrance = entrance
        self.factory.limits = limits
        self.factory.reconnect = reconnect
        self.factory.tls = _starttls(settings)

    def _prudent(
        self, partners: PartnerSource, limits: Limits, entrance: OfflineEntrance | None
    ) -> Partners:
        prudence = self._doorkeeper.prudence
        prudent = PrudentPartners(partners, prudence, limits.max_refused_logins)
        if entrance is None:
            return prudent
        return RememberedPartners(prudent, entrance, self._reactor)

    def protocol(self, peer: IAddress | None) -> Any:
        """For a connection that was accepted: with TLS at once, or without."""
        settings = self.settings
        if settings.tls_from_start and settings.tls is not None:
            return PromptTls(settings.tls, self.factory.buildProtocol(peer), connects=True)
        return self.factory.buildProtocol(peer)

    async def stop(self) -> None:
        """Listen no more; connections stay."""
        if self._port is not None:
            port, self._port = self._port, None
            await port.stopListening()  # type: ignore[misc]


@implementer(ILoggingContext)
class _Door(ServerFactory):
    """Lets a listener decide anew for each connection: a reload may change everything but the
    address.
    """

    noisy = False

    def logPrefix(self) -> str:
        """What Twisted's log calls it."""
        return "imapproxy"

    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """See :class:`twisted.internet.interfaces.IProtocolFactory`."""
        return self._listener.protocol(addr)


def _starttls(settings: ListenerSettings) -> ServerTls | None:
    return None if settings.tls_from_start else settings.tls


class ProxyService(Service):
    """All listeners of one configuration; several services may live in one process.

    ``on_ready`` is called with each listener once it listens. ``listens`` is false where another
    process accepts the connections.
    """

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        settings: Settings,
        on_ready: Callable[[Listener], None] | None = None,
        *,
        listens: bool = True,
    ) -> None:
        self._reactor = reactor
        self._settings = settings
        self._on_ready = on_ready or (lambda listener: None)
        self._listens = listens
        self.listeners: list[Listener] = []
        self._retired: list[Listener] = []
        self._sources: dict[Upstream, PartnerSource] = {}
        self.doorkeeper = Doorkeeper(reactor)
        self._pool = Pool(reactor, settings.pool)
        self._started_at: float = reactor.seconds()
        #: Where parts of the service leave their numbers.
        self.registry = StatusRegistry()
        self.registry.add("sessions", self.doorkeeper.figures)
        self.registry.add("pool", lambda: {"parked": self._pool.parked})
        self._cache: MailCache | None = None
        self._lock = DeferredLock()

    async def start(self) -> None:
        """Start every listener or, if one cannot be, none. Raises :class:`ConfigError`."""
        await self._alone(self._start_all())

    async def _start_all(self) -> None:
        if self._settings.cache is not None and self._cache is None:
            self._cache = open_cache(self._reactor, self._settings.cache)
            self.registry.add("cache", self._cache.traffic)
            self.registry.add("offline", self._cache.offline_sessions)
            self.registry.add(SHARED, self._cache.room)
        started = await self._started(self._settings.listeners)
        self.listeners = started
        await self._introduce(started)
        for listener in started:
            self._on_ready(listener)

    async def _alone(self, change: Coroutine[Any, Any, None]) -> None:
        """Make one change of the listeners after the other."""
        await self._lock.acquire()
        try:
            await change
        finally:
            self._lock.release()

    async def _started(self, wanted: Sequence[ListenerSettings]) -> list[Listener]:
        """All of them, or none."""
        started: list[Listener] = []
        try:
            for settings in wanted:
                started.append(await self._start(settings))
        except ConfigError:
            for listener in started:
                await listener.stop()
            raise
        return started

    async def _start(self, settings: ListenerSettings) -> Listener:
        partners = self._partners(settings.upstream)
        limits = self._settings.limits
        listener = Listener(
            self._reactor,
            settings,
            limits,
            partners,
            self.doorkeeper,
            listens=self._listens,
            reconnect=self._settings.reconnect,
            entrance=self._entrance(settings.upstream),
        )
        await listener.start()
        if not settings.address.is_loopback:
            self.log.warn(
                "{address} can be reached from other machines{how}",
                address=str(listener.address),
                how=""
                if settings.tls_from_start
                else ": names, passwords and mail cross that network in plaintext",
            )
        return listener

    async def _introduce(self, listeners: Sequence[Listener]) -> None:
        """Meet the upstreams before the first client does."""
        new = {listener.partners for listener in listeners if not listener.partners.introduced}
        await DeferredList(
            [Deferred.fromCoroutine(introduce(self._reactor, partners)) for partners in new]
        )

    def _partners(self, upstream: Upstream) -> PartnerSource:
        """The one source of partners for an upstream, whatever listeners use it."""
        if upstream not in self._sources:
            self._sources[upstream] = PartnerSource(
                self._reactor, upstream, self._pool, self._cache
            )
            outcomes = self.doorkeeper.prudence.outcomes_at(str(upstream.address))
            self.registry.add(f"log-ins at {upstream.address}", lambda: asdict(outcomes))
        return self._sources[upstream]

    def _entrance(self, upstream: Upstream) -> OfflineEntrance | None:
        return None if self._cache is None else self._cache.entrance(upstream.address)

    def status(self, worker: int = 0) -> ProcessStatus:
        """What this process has to tell of itself; ``worker`` is which one of several it is."""
        everybody = [*self.listeners, *self._retired]
        return ProcessStatus(
            worker,
            os.getpid(),
            self._reactor.seconds() - self._started_at,
            tuple(listener.status for listener in everybody),
            self.registry.figures(),
        )

    async def report(self) -> Report:
        """The same as that of the whole proxy, where it is one process."""
        status = self.status()
        return make_report(Origin(status.pid, status.seconds), [status])

    async def reload(self, settings: Settings) -> None:
        """Go over to another configuration; no session is dropped. Raises :class:`ConfigError`.

        In that case everything is as it was before.
        """
        await self._alone(self._reload(settings))

    async def _reload(self, settings: Settings) -> None:
        self._reload_cache(settings.cache)
        before, sources = self._settings, self._sources
        self._settings, self._sources = settings, {}
        kept = self._kept(settings.listeners)
        places = zip(settings.listeners, kept, strict=True)
        try:
            new = await self._started([wanted for wanted, old in places if old is None])
        except ConfigError:
            self._settings, self._sources = before, sources
            raise
        added = iter(new)
        after = [old or next(added) for old in kept]
        for listener, wanted in zip(after, settings.listeners, strict=True):
            partners = self._partners(wanted.upstream)
            entrance = self._entrance(wanted.upstream)
            listener.change(wanted, settings.limits, partners, settings.reconnect, entrance)
        await self._retire([listener for listener in self.listeners if listener not in after])
        self._pool.rules = settings.pool
        for upstream in sources.keys() - self._sources.keys():
            self._pool.retire(upstream)
        self.listeners = after
        await self._introduce(after)
        for listener in new:
            self._on_ready(listener)

    def _kept(self, wanted: Sequence[ListenerSettings]) -> list[Listener | None]:
        """For each that is wanted the listener that is there already, if one is."""
        places = [(listener.settings.address, listener.address) for listener in self.listeners]
        found = found_again(places, [settings.address for settings in wanted])
        return [None if index is None else self.listeners[index] for index in found]

    def _reload_cache(self, wanted: CacheSettings | None) -> None:
        """Of the cache only how it is read can be changed while it is in use."""
        before = self._settings.cache
        if wanted is None or before is None or self._cache is None:
            changed = wanted is not before
        else:
            self._cache.freshness = wanted.freshness
            self._cache.offline = wanted.offline
            changed = (wanted.directory, wanted.max_octets) != (before.directory, before.max_octets)
        if changed:
            self.log.warn("whether, where and how much is cached changes with a restart only")

    async def _retire(self, listeners: Sequence[Listener]) -> None:
        """Listen no more; the sessions go on."""
        for listener in listeners:
            await listener.stop()
        retired = [*self._retired, *listeners]
        self._retired = [listener for listener in retired if listener.factory.sessions]

    def reload_from(self, source: Callable[[], Settings]) -> Deferred[None]:
        """Reload; a configuration that is wrong is told in the log, and the old one stays."""

        async def do() -> None:
            try:
                await self.reload(source())
            except ConfigError as error:
                self.log.warn("not reloaded: {error}", error=str(error))
            else:
                self.log.info("reloaded")

        return Deferred.fromCoroutine(do())

    async def drain(self) -> None:
        """Listen no more, let sessions finish what is under way, say BYE to each."""
        everybody = [*self.listeners, *self._retired]
        for listener in everybody:
            await listener.stop()
        pool_empty = self._pool.close()
        await DeferredList([listener.factory.drain() for listener in everybody])
        self.doorkeeper.prudence.stop()
        await pool_empty
        if self._cache is not None:
            cache, self._cache = self._cache, None
            self.registry.remove("cache")
            self.registry.remove(SHARED)
            await cache.close()

    def cut(self) -> None:
        """Wait for nobody any more: :meth:`drain` is over at once."""
        self._pool.cut()
        for listener in (*self.listeners, *self._retired):
            listener.factory.cut()

    # -- twisted.application -------------------------------------------------------------

    def startService(self) -> None:
        """See :class:`twisted.application.service.IService`."""
        Service.startService(self)
        Deferred.fromCoroutine(self.start()).addErrback(self._cannot_start)

    def _cannot_start(self, failure: Failure) -> None:
        # A daemon without a listener is of no use to anybody, and its runner cannot see that.
        self.log.critical("{error}", error=failure.getErrorMessage())
        self._reactor.stop()

    def stopService(self) -> Deferred[None]:
        """See :class:`twisted.application.service.IService`."""
        Service.stopService(self)
        return Deferred.fromCoroutine(self.drain())
