"""One worker: the proxy less its ports, for the connections that its parent process accepts."""

import os
import signal
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ReactorNotRunning
from twisted.logger import Logger

from imapproxy.config import ConfigError, Settings, check_config
from imapproxy.descriptors import fitting
from imapproxy.logs import begin_logging
from imapproxy.running import reactor_of_process
from imapproxy.service import Listener, ProxyService
from imapproxy.workers.channel import Channel
from imapproxy.workers.messages import (
    Begin,
    Cut,
    Drain,
    Load,
    Settle,
    Settled,
    Take,
    Tell,
    Told,
    ToWorker,
)

#: The worker's end of the channel, as the parent process opens it for it.
CHANNEL = 3


def run_worker() -> None:
    """Serve until the parent says so or is gone. Raises :class:`ConfigError`."""
    # Ctrl-C goes to all processes of a terminal, and its closing too; the parent decides.
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    try:
        end = socket.socket(fileno=CHANNEL)
    except OSError:
        raise ConfigError("a worker is started by imapproxy run --workers alone") from None
    reactor = reactor_of_process()
    worker = Worker(reactor)
    worker.channel.open(reactor, end)
    reactor.addSystemEventTrigger("before", "shutdown", worker.drained)
    # A service that is stopped sends this to all its processes, and the parent says so, too: either
    # may be first. Twisted's own handler would complain of the second.
    signal.signal(signal.SIGTERM, lambda *_: reactor.callFromThread(worker.stop))
    reactor.run(installSignalHandlers=False)


class Worker:
    """Does what the parent process says."""

    log = Logger()

    def __init__(self, reactor: Any) -> None:
        self.channel: Channel[ToWorker] = Channel(
            ToWorker, self._heard, self.stop, self._connection_came
        )
        self._reactor = reactor
        self._number = 0
        self._taken = 0
        self._service: ProxyService | None = None
        self._settling: Deferred[None] | None = None

    def drained(self) -> Deferred[None] | None:
        """Let sessions finish; fires when all are gone."""
        return Deferred.fromCoroutine(self._service.drain()) if self._service is not None else None

    def cut(self) -> None:
        """Wait for no session any more."""
        if self._service is not None:
            self._service.cut()

    def _heard(self, message: ToWorker) -> None:
        match message:
            case Begin(worker=number, verbose=verbose, log_json=log_json):
                self._number = number
                begin_logging(verbose=verbose, as_json=log_json, worker=number)
            case Settle():
                settling = Deferred.fromCoroutine(self._settle(message))
                settling.addErrback(lambda failure: self.log.failure("not settled", failure))
            case Take():
                self._taken += 1
                self._tell_load()
            case Tell() if self._service is not None:
                self.channel.say(Told(self._service.status(self._number)))
            case Drain():
                self.stop()
            case Cut():
                self.cut()

    async def _settle(self, wanted: Settle) -> None:
        def read() -> Settings:
            return check_config(wanted.config, Path(wanted.base))

        try:
            settings = fitting(read)()
            if self._service is None:
                service = ProxyService(self._reactor, settings, listens=False)
                service.doorkeeper.on_leave = self._tell_load
                await service.start()
                self._service = service
            else:
                await self._service.reload(settings)
        except ConfigError as error:
            self.channel.say(Settled(str(error)))
        else:
            self.channel.say(Settled())

    def _connection_came(self, descriptor: int) -> None:
        with socket.socket(fileno=descriptor) as connection:
            listener = self._listener_of(connection)
            if listener is not None:
                with suppress(OSError):  # the client is gone already
                    listener.accept(connection)

    def _listener_of(self, connection: socket.socket) -> Listener | None:
        """Whose it is tells the address that the client has connected to.

        Not the message: a connection for which there was no descriptor left is lost on the way,
        and then the next one must not be taken for it.
        """
        host, port, *_ = connection.getsockname()
        listeners = self._service.listeners if self._service is not None else []
        same_port = [each for each in listeners if each.address.port == port]
        exact = [each for each in same_port if each.address.host == host]
        wildcard = [each for each in same_port if each.address.is_wildcard]
        return next(iter((*exact, *wildcard)), None)

    def _tell_load(self) -> None:
        if self._service is not None and self.channel.connected:
            sessions = self._service.doorkeeper.census.connections
            self.channel.say(Load(sessions, self._taken))

    def stop(self) -> None:
        """End in order, once."""
        with suppress(ReactorNotRunning):  # it ends already
            self._reactor.stop()


def command_of_worker(python: str) -> list[str]:
    """What the parent process runs. There is nothing in it that tells one worker from another."""
    return [python, "-m", "imapproxy", "worker"]


def environment_of_worker() -> dict[str, str]:
    """The parent's own, less what is a secret of the user's and none of the worker's business."""
    return {name: value for name, value in os.environ.items() if name != "IMAPPROXY_PASSWORD"}
