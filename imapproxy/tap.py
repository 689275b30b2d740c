"""The ``twist`` plugin: the same proxy under Twisted's own service runner."""

from pathlib import Path

from twisted.application.service import IService
from twisted.logger import Logger
from twisted.python import usage

from imapproxy.config import ConfigError, read_config
from imapproxy.descriptors import fitting
from imapproxy.running import on_hangup, reactor_of_process
from imapproxy.service import Listener, ProxyService

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
    service = ProxyService(reactor, settings, on_ready=_log_ready)
    on_hangup(reactor, lambda: service.reload_from(read))
    made: IService = service
    return made


def _log_ready(listener: Listener) -> None:
    _log.info("{line}", line=listener.ready_line)
