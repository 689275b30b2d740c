"""The running proxy: listeners come and go, sessions stay."""

from collections.abc import Callable, Sequence
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList, TimeoutError
from twisted.internet.endpoints import TCP4ServerEndpoint, TCP6ServerEndpoint
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOFactory

import imapproxy
from imapproxy.config import ConfigError, ListenerSettings, Settings
from imapproxy.listen_address import ListenAddress
from imapproxy.listener.factory import ListenerFactory
from imapproxy.listener.limits import Limits
from imapproxy.relay.partner import PartnerSource
from imapproxy.upstream.dial import Upstream
from imapproxy.upstream.errors import UpstreamError

_BACKLOG = 128
_INTRODUCTION = 3.0  # seconds that the upstream gets before clients are told that we are ready


class Listener:
    """One address that is listened on."""

    def __init__(
        self, reactor: Any, settings: ListenerSettings, limits: Limits, partners: PartnerSource
    ) -> None:
        self.settings = settings
        self.partners = partners
        self.factory = ListenerFactory(
            reactor,
            self.partners,
            limits,
            imapproxy.__version__,
            settings.tls,
        )
        self._reactor = reactor
        self._port: IListeningPort | None = None

    async def start(self) -> None:
        """Listen. Raises :class:`ConfigError`."""
        settings = self.settings
        kind = TCP6ServerEndpoint if settings.address.is_ipv6 else TCP4ServerEndpoint
        endpoint: Any = kind(
            self._reactor, settings.address.port, _BACKLOG, interface=settings.address.host
        )
        factory: Any = self.factory
        if settings.tls_from_start and settings.tls is not None:
            factory = TLSMemoryBIOFactory(settings.tls, False, factory, self._reactor)
            factory.noisy = False
        try:
            self._port = await endpoint.listen(factory)
        except CannotListenError as error:
            reason = error.socketError.strerror or error.socketError
            raise ConfigError(
                f"cannot listen on {settings.address}: {reason}; "
                "choose another port, or stop what uses this one"
            ) from None

    @property
    def address(self) -> ListenAddress:
        """Where it listens, with the real port."""
        assert self._port is not None
        port: Any = self._port.getHost()
        return ListenAddress(self.settings.address.host, port.port)

    @property
    def ready_line(self) -> str:
        """What ``imapproxy run`` prints."""
        return f"ready: {self.address} -> {self.settings.upstream.address}"

    def change(self, settings: ListenerSettings, limits: Limits, partners: PartnerSource) -> None:
        """Take new settings for the same address; connections keep what they began with."""
        self.settings = settings
        self.factory.partners = self.partners = partners
        self.factory.limits = limits

    async def stop(self) -> None:
        """Listen no more; connections stay."""
        if self._port is not None:
            port, self._port = self._port, None
            await port.stopListening()  # type: ignore[misc]


class ProxyService(Service):
    """All listeners of one configuration; several services may live in one process.

    ``on_ready`` is called with each listener once it listens.
    """

    log = Logger()

    def __init__(
        self, reactor: Any, settings: Settings, on_ready: Callable[[Listener], None] | None = None
    ) -> None:
        self._reactor = reactor
        self._settings = settings
        self._on_ready = on_ready or (lambda listener: None)
        self.listeners: list[Listener] = []
        self._retired: list[Listener] = []
        self._sources: dict[Upstream, PartnerSource] = {}

    async def start(self) -> None:
        """Start every listener or, if one cannot be, none. Raises :class:`ConfigError`."""
        started: list[Listener] = []
        try:
            for settings in self._settings.listeners:
                started.append(await self._start(settings))
        except ConfigError:
            for listener in started:
                await listener.stop()
            raise
        self.listeners = started
        await self._introduce(started)
        for listener in started:
            self._on_ready(listener)

    async def _start(self, settings: ListenerSettings) -> Listener:
        partners = self._partners(settings.upstream)
        listener = Listener(self._reactor, settings, self._settings.limits, partners)
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
        await DeferredList([Deferred.fromCoroutine(self._meet(partners)) for partners in new])

    async def _meet(self, partners: PartnerSource) -> None:
        # An upstream that is away keeps nobody from starting the proxy.
        introduction = Deferred.fromCoroutine(partners.introduce())
        try:
            await introduction.addTimeout(_INTRODUCTION, self._reactor)
        except TimeoutError:
            self.log.warn("{upstream} has not answered yet", upstream=partners)
        except UpstreamError as error:
            self.log.warn("{error}; until that is mended nobody can log in", error=str(error))

    def _partners(self, upstream: Upstream) -> PartnerSource:
        """The one source of partners for an upstream, whatever listeners use it."""
        if upstream not in self._sources:
            self._sources[upstream] = PartnerSource(self._reactor, upstream)
        return self._sources[upstream]

    async def reload(self, settings: Settings) -> None:
        """Go over to another configuration; no session is dropped. Raises :class:`ConfigError`."""
        self._settings = settings
        self._sources = {}
        before = {_identity(listener.settings): listener for listener in self.listeners}
        after: list[Listener] = []
        added: list[Listener] = []
        for wanted in settings.listeners:
            listener = before.pop(_identity(wanted), None)
            if listener is None:
                listener = await self._start(wanted)
                added.append(listener)
            else:
                listener.change(wanted, settings.limits, self._partners(wanted.upstream))
            after.append(listener)
        for listener in before.values():
            await listener.stop()
            self._retired.append(listener)
        self.listeners = after
        await self._introduce(after)
        for listener in added:
            self._on_ready(listener)

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
        await DeferredList([listener.factory.drain() for listener in everybody])

    # -- twisted.application -------------------------------------------------------------

    def startService(self) -> None:
        """See :class:`twisted.application.service.IService`."""
        Service.startService(self)
        Deferred.fromCoroutine(self.start()).addErrback(
            lambda failure: self.log.critical("{error}", error=failure.getErrorMessage())
        )

    def stopService(self) -> Deferred[None]:
        """See :class:`twisted.application.service.IService`."""
        Service.stopService(self)
        return Deferred.fromCoroutine(self.drain())


def _identity(settings: ListenerSettings) -> tuple[str, int, bool]:
    return (settings.address.host, settings.address.port, settings.tls_from_start)
