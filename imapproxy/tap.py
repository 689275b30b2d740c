"""The ``twist`` plugin: the same proxy under Twisted's own service runner."""

from pathlib import Path
from typing import Any

from twisted.application.service import IService, MultiService, Service
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python import usage

from imapproxy.config import ConfigError, read_config
from imapproxy.daemon import proxy_of
from imapproxy.descriptors import fitting
from imapproxy.running import on_hangup, reactor_of_process
from imapproxy.service import Listener
from imapproxy.status_socket import StatusSocket
from imapproxy.workers.door import Door

_log = Logger()


class Options(usage.Options):
    """What ``twist imapproxy`` takes: everything else is in the configuration file."""

    synopsis = "--config FILE"
    optParameters = [["config", "c", None, "TOML file with listeners and upstreams."]]

    def postOptions(self) -> None:
        """See :class:`usage.Options`."""
        if self["config"] is None:
            raise usage.UsageError("say which configuration: --config imapproxy.toml")


def makeService(options: Options) -> IService:
    """Called by Twisted with the options read."""
    read = fitting(lambda: read_config(Path(options["config"])))
    try:
        settings = read()
    except ConfigError as error:
        raise usage.UsageError(str(error)) from None
    reactor = reactor_of_process()
    proxy = proxy_of(reactor, settings, _log_ready)
    on_hangup(reactor, lambda: proxy.reload_from(read))
    service: Any = MultiService()
    service.addService(proxy)
    service.addService(StatusService(StatusSocket(reactor, proxy.report, settings.status_socket)))
    made: IService = service
    return made


class StatusService(Service):
    """The status socket, for as long as the proxy runs."""

    def __init__(self, status: StatusSocket) -> None:
        self._status = status

    def startService(self) -> None:
        """See :class:`IService`."""
        Service.startService(self)
        self._status.start()

    def stopService(self) -> Deferred[None]:
        """See :class:`IService`."""
        Service.stopService(self)
        return Deferred.fromCoroutine(self._status.stop())


def _log_ready(listener: Listener | Door) -> None:
    _log.info("{line}", line=listener.ready_line)
