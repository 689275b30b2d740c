"""One worker as its parent process sees it."""

import socket
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from imapproxy.status import ProcessStatus
from imapproxy.workers.channel import Channel
from imapproxy.workers.messages import (
    Cut,
    Drain,
    Load,
    Settle,
    Settled,
    Take,
    Tell,
    Told,
    ToParent,
    ToWorker,
)
from imapproxy.workers.worker import CHANNEL, command_of_worker, environment_of_worker

_PATIENCE = 5.0  # seconds between the end of the channel and that of the process


class WorkerGone(Exception):
    """The worker has ended before it answered."""


class WorkerProcess(ProcessProtocol):
    """A process that was started. ``ready`` is whether it can be given connections.

    ``ended`` is called once it is gone, with how it has ended.
    """

    transport: Any

    def __init__(
        self, reactor: Any, number: int, ended: Callable[["WorkerProcess", str], None]
    ) -> None:
        self._reactor = reactor
        self.number = number
        self.ready = False
        self.started_at = 0.0
        self._ended = ended
        self._lingering: IDelayedCall | None = None
        self._channel: Channel[ToParent] = Channel(ToParent, self._heard, self._lost)
        self._sessions = 0
        self._given = 0
        self._under_way: deque[socket.socket] = deque()  # connections that it has not got yet
        self._settling: deque[Deferred[str]] = deque()
        self._telling: deque[Deferred[ProcessStatus]] = deque()

    @property
    def load(self) -> int:
        """Its connections, those among them that are on their way to it."""
        return self._sessions + len(self._under_way)

    @property
    def pid(self) -> int:
        """The process id."""
        return int(self.transport.pid)

    def start(self, first: ToWorker) -> None:
        """Start the process, and say the first thing to it."""
        reactor = self._reactor
        self.started_at = reactor.seconds()
        ours, theirs = socket.socketpair()
        with theirs, Path("/dev/null").open("rb") as nothing:
            descriptors = {0: nothing.fileno(), 1: 1, 2: 2, CHANNEL: theirs.fileno()}
            command = command_of_worker(sys.executable)
            environment = environment_of_worker()
            reactor.spawnProcess(self, command[0], command, environment, childFDs=descriptors)
        self._channel.open(reactor, ours)
        self._channel.say(first)

    def settle(self, wanted: Settle) -> Deferred[str]:
        """Have it go over to a configuration; fires with what is wrong, which is nothing if empty.

        Fails with :class:`WorkerGone`.
        """
        return self._ask(wanted, self._settling)

    def tell(self) -> Deferred[ProcessStatus]:
        """Its status. Fails with :class:`WorkerGone`."""
        return self._ask(Tell(), self._telling)

    def give(self, connection: socket.socket) -> None:
        """Hand a client's connection over; it is closed here when it is there."""
        self._under_way.append(connection)
        self._given += 1
        self._channel.say(Take(), connection.fileno())

    def drain(self) -> None:
        """Have it end in order."""
        self._channel.say(Drain())

    def cut(self) -> None:
        """Have it wait for no session any more."""
        self._channel.say(Cut())

    def kill(self) -> None:
        """End it at once."""
        try:
            self.transport.signalProcess("KILL")
        except ProcessExitedAlready:
            return

    def _ask(self, message: ToWorker, waiting: "deque[Deferred[Any]]") -> "Deferred[Any]":
        answer: Deferred[Any] = Deferred()
        waiting.append(answer)
        self._channel.say(message)
        return answer

    def _heard(self, message: ToParent) -> None:
        match message:
            case Load(sessions=sessions, taken=taken):
                self._sessions = sessions
                while len(self._under_way) > self._given - taken:
                    self._under_way.popleft().close()
            case Settled(error=error):
                self._settling.popleft().callback(error)
            case Told(status=status):
                answer = self._telling.popleft()
                if not answer.called:  # or it took too long
                    answer.callback(status)

    def _lost(self) -> None:
        # It ends, or is of no use any more.
        self.ready = False
        self._lingering = self._reactor.callLater(_PATIENCE, self.kill)

    def processEnded(self, reason: Failure) -> None:
        """It is gone."""
        self.ready = False
        if self._lingering is not None and self._lingering.active():
            self._lingering.cancel()
        for connection in self._under_way:
            connection.close()
        self._under_way.clear()
        for waiting in (self._settling, self._telling):
            while waiting:
                answer = waiting.popleft()
                if not answer.called:
                    answer.errback(WorkerGone())
        self._ended(self, _how(reason.value))


def _how(end: Any) -> str:
    """How a process has ended (:class:`twisted.internet.error.ProcessTerminated`)."""
    return f"signal {end.signal}" if end.signal else f"exit code {end.exitCode}"
