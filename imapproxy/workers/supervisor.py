"""The parent process: it listens, gives each connection to a worker, and sees that all are there.

A connection goes to the worker that has the fewest. Workers that wait on one socket for connections
would be woken in the same order each time, and the first would get most of them.
"""

import os
import socket
from collections.abc import Callable, Sequence
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList, DeferredLock, TimeoutError
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from imapproxy.config import ConfigError, Settings
from imapproxy.listen_address import found_again
from imapproxy.status import Origin, ProcessStatus, Report, make_report
from imapproxy.workers.door import Door
from imapproxy.workers.messages import Begin, Settle
from imapproxy.workers.process import WorkerGone, WorkerProcess
from imapproxy.workers.restarts import Restarts
from imapproxy.workers.share import at, shared

_LAST_WORDS = 10.0  # seconds beyond the grace of sessions, for a worker to end
_STATUS_PATIENCE = 2.0  # seconds
# So many deaths before any worker was ready say that none ever will be.
_FATAL_DEATHS = 3


class Supervisor(Service):
    """Does for several processes what :class:`ProxyService` does in one."""

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        settings: Settings,
        on_ready: Callable[[Door], None],
        *,
        verbose: bool = False,
        log_json: bool = False,
    ) -> None:
        self._reactor = reactor
        self._settings = settings
        self._on_ready = on_ready
        self._verbose = verbose
        self._log_json = log_json
        self._started_at: float = reactor.seconds()
        self._doors: list[Door] = []
        self._restarts = {number + 1: Restarts() for number in range(settings.workers)}
        self._workers: dict[int, WorkerProcess] = {}
        self._timers: set[IDelayedCall] = set()
        self._started: Deferred[None] = Deferred()
        self._ending: Deferred[None] | None = None
        self._lock = DeferredLock()

    # -- the beginning ---------------------------------------------------------------------

    async def start(self) -> None:
        """Listen everywhere and start every worker, or nothing. Raises :class:`ConfigError`."""
        self._doors = self._bound(self._settings)
        for number in self._restarts:
            self._start_worker(number)
        await self._started
        for door in self._doors:
            self._on_ready(door)

    def _bound(self, settings: Settings, kept: Sequence[Door | None] = ()) -> list[Door]:
        """A door for each listener: one that is kept, or a new one. All of them, or no new one."""
        doors: list[Door] = []
        new: list[Door] = []
        try:
            for number, listener in enumerate(settings.listeners):
                door = kept[number] if kept else None
                if door is None:
                    door = Door(self._reactor, listener, self._entered)
                    new.append(door)
                doors.append(door)
        except ConfigError:
            for door in new:
                door.close()
            raise
        return doors

    def _start_worker(self, number: int) -> None:
        worker = WorkerProcess(self._reactor, number, self._worker_ended)
        self._workers[number] = worker
        worker.start(Begin(number, self._verbose, self._log_json))
        settled = worker.settle(self._for_workers())
        settled.addCallbacks(self._worker_settled, self._never_settled, (worker,))

    def _for_workers(self) -> Settle:
        addresses = [door.address for door in self._doors]
        config = shared(at(self._settings.config, addresses), len(self._restarts))
        return Settle(config, str(self._settings.base.absolute()))

    def _worker_settled(self, error: str, worker: WorkerProcess) -> None:
        if error:
            self.log.error(
                "worker {number} cannot work: {error}", number=worker.number, error=error
            )
            worker.kill()
            return
        worker.ready = self._ending is None
        if not self._started.called and len(self._ready) == len(self._restarts):
            self._started.callback(None)
        self._open_or_shut()

    def _never_settled(self, failure: Failure) -> None:
        failure.trap(WorkerGone)

    def _worker_ended(self, worker: WorkerProcess, reason: str) -> None:
        del self._workers[worker.number]
        if self._ending is not None:
            if not self._workers:
                self._ending.callback(None)
            return
        self._open_or_shut()
        lived = self._reactor.seconds() - worker.started_at
        pause = self._restarts[worker.number].died(lived)
        if not self._started.called and self.restarts >= _FATAL_DEATHS:
            self._started.errback(ConfigError(f"the workers do not start ({reason})"))
            return
        self.log.warn(
            "worker {number} has ended ({reason}); it is started again in {pause:g} seconds",
            number=worker.number,
            reason=reason,
            pause=pause,
        )
        self._later(pause, self._start_worker, worker.number)

    def _later(self, seconds: float, what: Callable[..., None], *arguments: Any) -> None:
        def do() -> None:
            self._timers.discard(timer)
            what(*arguments)

        timer: IDelayedCall = self._reactor.callLater(seconds, do)
        self._timers.add(timer)

    @property
    def restarts(self) -> int:
        """How many workers have died."""
        return sum(each.total for each in self._restarts.values())

    # -- connections -----------------------------------------------------------------------

    @property
    def _ready(self) -> list[WorkerProcess]:
        return [worker for worker in self._workers.values() if worker.ready]

    def _open_or_shut(self) -> None:
        """Let clients in as long as somebody is there for them."""
        for door in self._doors:
            if self._ready and self._started.called:
                door.open()
            else:
                door.shut()

    def _entered(self, connection: socket.socket) -> None:
        worker = min(self._ready, key=lambda worker: (worker.load, worker.number))
        worker.give(connection)

    # -- another configuration -------------------------------------------------------------

    def reload_from(self, source: Callable[[], Settings]) -> Deferred[None]:
        """See :meth:`ProxyService.reload_from`."""

        async def do() -> None:
            await self._lock.acquire()
            try:
                await self._reload(source())
            except ConfigError as error:
                self.log.warn("not reloaded: {error}", error=str(error))
            else:
                self.log.info("reloaded")
            finally:
                self._lock.release()

        return Deferred.fromCoroutine(do())

    async def _reload(self, settings: Settings) -> None:
        if settings.workers != len(self._restarts):
            self.log.warn("how many workers there are changes with a restart only")
        places = [(door.settings.address, door.address) for door in self._doors]
        found = found_again(places, [listener.address for listener in settings.listeners])
        kept = [None if index is None else self._doors[index] for index in found]
        before, doors = self._doors, self._bound(settings, kept)
        self._settings, self._doors = settings, doors
        for door, listener in zip(doors, settings.listeners, strict=True):
            door.settings = listener
        for door in before:
            if door not in doors:
                door.close()
        await DeferredList([self._settle_again(worker) for worker in self._ready])
        self._open_or_shut()
        for door in doors:
            if door not in before:
                self._on_ready(door)

    def _settle_again(self, worker: WorkerProcess) -> Deferred[None]:
        def told(error: str) -> None:
            if error:
                self.log.warn(
                    "worker {number} has not reloaded: {error}", number=worker.number, error=error
                )

        return worker.settle(self._for_workers()).addCallbacks(told, self._never_settled)

    # -- status ----------------------------------------------------------------------------

    async def report(self) -> Report:
        """What all processes have to tell; who does not answer in time is left out."""
        asked = [
            worker.tell().addTimeout(_STATUS_PATIENCE, self._reactor) for worker in self._ready
        ]
        told: list[ProcessStatus] = []
        for answer in asked:
            answer.addCallbacks(told.append, lambda failure: failure.trap(WorkerGone, TimeoutError))
        await DeferredList(asked)
        seconds = self._reactor.seconds() - self._started_at
        origin = Origin(os.getpid(), seconds, len(self._restarts), self.restarts)
        return make_report(origin, sorted(told, key=lambda status: status.worker))

    # -- the end ---------------------------------------------------------------------------

    def drain(self) -> Deferred[None]:
        """Listen no more, and let each worker end in order; fires when all are gone."""
        if self._ending is not None:
            return self._ending
        self._ending = Deferred()
        for door in self._doors:
            door.close()
        for timer in list(self._timers):
            timer.cancel()
        for worker in self._workers.values():
            worker.ready = False
            worker.drain()
        if self._workers:
            patience = self._settings.limits.drain_grace + _LAST_WORDS
            timer = self._reactor.callLater(patience, self._kill)
            self._ending.addCallback(lambda _: timer.active() and timer.cancel())
        else:
            self._ending.callback(None)
        return self._ending

    def cut(self) -> None:
        """Wait for no session any more."""
        for worker in self._workers.values():
            worker.cut()

    def _kill(self) -> None:
        for worker in self._workers.values():
            self.log.warn("worker {number} does not end, and is killed", number=worker.number)
            worker.kill()

    def startService(self) -> None:
        """See :class:`twisted.application.service.IService`."""
        Service.startService(self)
        Deferred.fromCoroutine(self.start()).addErrback(self._cannot_start)

    def _cannot_start(self, failure: Failure) -> None:
        self.log.critical("{error}", error=failure.getErrorMessage())
        self._reactor.stop()

    def stopService(self) -> Deferred[None]:
        """See :class:`twisted.application.service.IService`."""
        Service.stopService(self)
        return self.drain()
