"""The parent process in memory: its workers are what the test says they are."""

import socket
from collections.abc import Iterator

import msgspec
import pytest
from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone, ProcessExitedAlready, ProcessTerminated
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from imapproxy.config import Config, ConfigError, ListenerConfig, UpstreamConfig, check_config
from imapproxy.status import ProcessStatus
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
from imapproxy.workers.supervisor import Supervisor
from tests.logged_errors import logged_errors
from tests.upstream.talk import failure, result, waits

__all__ = ["logged_errors"]


class Wire(StringTransport):
    """The parent's end of a channel; ``descriptors`` are those that were sent."""

    def __init__(self) -> None:
        super().__init__()
        self.descriptors: list[int] = []

    def sendFileDescriptor(self, descriptor: int) -> None:
        self.descriptors.append(descriptor)


class Child:
    """A worker that was spawned."""

    def __init__(self, protocol) -> None:
        self.protocol = protocol
        self.pid = 4711
        self.wire = Wire()
        self.channel = None
        self.killed = False
        self.gone = False
        protocol.transport = self

    def signalProcess(self, name: str) -> None:
        if self.gone:
            raise ProcessExitedAlready
        assert name == "KILL"
        self.killed = True

    def heard(self) -> list[ToWorker]:
        lines = self.wire.value().splitlines()
        self.wire.clear()
        return [msgspec.json.decode(line, type=ToWorker) for line in lines]

    def say(self, message: msgspec.Struct) -> None:
        self.channel.dataReceived(msgspec.json.encode(message) + b"\n")

    def end(self, code: int | None = 0, number: int | None = None) -> None:
        self.gone = True
        self.channel.connectionLost()
        error = ProcessTerminated(code, number) if code or number else ProcessDone(0)
        self.protocol.processEnded(Failure(error))


class Reactor(Clock):
    """Spawns nothing and reads nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.children: list[Child] = []
        self.readers: set[object] = set()

    def spawnProcess(self, protocol, *_: object, **__: object) -> None:
        self.children.append(Child(protocol))

    def adoptStreamConnection(self, _: int, family: int, factory) -> None:
        assert family == socket.AF_UNIX
        child = self.children[-1]
        child.channel = factory.buildProtocol(None)
        child.channel.makeConnection(child.wire)

    def addReader(self, reader) -> None:
        self.readers.add(reader)

    def removeReader(self, reader) -> None:
        self.readers.discard(reader)


class Office:
    """A supervisor of two workers."""

    def __init__(self, tmp_path) -> None:
        self.reactor = Reactor()
        self.ready: list[object] = []
        config = Config(
            {"x": UpstreamConfig("imaps://imap.example.com")},
            (ListenerConfig("127.0.0.1:0"),),
            workers=2,
        )
        self.supervisor = Supervisor(
            self.reactor, check_config(config, tmp_path), self.ready.append
        )
        self.starting = Deferred.fromCoroutine(self.supervisor.start())

    @property
    def children(self) -> list[Child]:
        return self.reactor.children

    @property
    def lets_in(self) -> bool:
        return bool(self.reactor.readers)

    def settle(self, *numbers: int) -> None:
        for number in numbers:
            self.children[number].say(Settled())

    def started(self) -> "Office":
        self.settle(0, 1)
        result(self.starting)
        for child in self.children:
            child.heard()
        return self

    def clients(self, count: int) -> list[socket.socket]:
        """So many of them connect, and are accepted."""
        (door,) = self.reactor.readers
        address = (door.address.host, door.address.port)
        clients = [socket.create_connection(address) for _ in range(count)]
        door.doRead()
        return clients


@pytest.fixture
def office(tmp_path) -> Iterator[Office]:
    office = Office(tmp_path)
    office.starting.addErrback(lambda failure: failure)
    yield office
    for door in office.supervisor._doors:
        door.close()


class TestStarting:
    def test_nobody_is_let_in_before_all_are_ready(self, office):
        for number, child in enumerate(office.children, 1):
            begin, settle = child.heard()
            assert begin == Begin(number, False, False)
            (listener,) = settle.config.listener
            assert listener.listen == str(office.supervisor._doors[0].address)
            assert settle.config.limits.max_sessions == 1000
        office.settle(1)
        assert not office.ready
        assert not office.lets_in
        office.settle(0)
        result(office.starting)
        assert len(office.ready) == 1
        assert office.lets_in

    def test_one_that_dies_is_started_again(self, office):
        office.settle(0)
        office.children[1].end(number=11)
        office.reactor.advance(0.25)
        assert len(office.children) == 3
        assert waits(office.starting)
        office.settle(2)
        result(office.starting)

    def test_when_too_many_have_died_it_gives_up(self, office):
        for pause in (0.25, 0.5, 1):
            office.children[-1].end(code=1)
            office.reactor.advance(pause)
        error = failure(office.starting, ConfigError)
        assert str(error) == "the workers do not start (exit code 1)"
        ending = office.supervisor.stopService()
        assert office.children[0].heard()[-1] == Drain()
        office.children[0].end()
        result(ending)
        assert not office.reactor.getDelayedCalls()

    def test_one_that_cannot_settle_is_tried_again(self, office, logged_errors):
        office.children[0].say(Settled("cert.pem is gone"))
        assert office.children[0].killed
        assert "worker 1 cannot work: cert.pem is gone" in logged_errors.text()
        office.children[0].end(number=9)
        office.reactor.advance(0.25)
        office.settle(1, 2)
        result(office.starting)


class TestConnections:
    def test_they_go_to_who_has_the_fewest(self, office):
        first, second = office.started().children
        clients = office.clients(5)
        assert (len(first.wire.descriptors), len(second.wire.descriptors)) == (3, 2)
        assert first.heard() == [Take()] * 3
        first.say(Load(sessions=3, taken=3))
        second.say(Load(sessions=0, taken=2))  # they are gone already
        clients += office.clients(3)
        assert (len(first.wire.descriptors), len(second.wire.descriptors)) == (3, 5)
        for client in clients:
            client.close()

    def test_what_was_handed_over_is_closed_here(self, office):
        (child, _) = office.started().children
        clients = office.clients(4)
        (one, other) = [socket.socket(fileno=d) for d in child.wire.descriptors]
        child.say(Load(sessions=1, taken=1))
        with pytest.raises(OSError, match="Bad file descriptor"):
            one.getsockname()
        assert other.getsockname()[0] == "127.0.0.1"
        child.end(number=9)
        with pytest.raises(OSError, match="Bad file descriptor"):
            other.getsockname()
        for closed in (one, other):
            closed.detach()
        for client in clients:
            client.close()

    def test_nobody_is_let_in_when_nobody_is_there(self, office):
        office.started()
        office.children[0].end(number=9)
        assert office.lets_in
        office.children[1].end(number=9)
        assert not office.lets_in
        office.reactor.advance(0.25)
        office.settle(3)
        assert office.lets_in

    def test_who_hangs_is_given_nothing_more(self, office):
        office.started()
        office.children[0].channel.connectionLost()
        clients = office.clients(2)
        assert len(office.children[1].wire.descriptors) == 2
        office.reactor.advance(5)
        assert office.children[0].killed
        for client in clients:
            client.close()


class TestStatus:
    def test_who_does_not_answer_is_left_out(self, office):
        first, second = office.started().children
        asking = Deferred.fromCoroutine(office.supervisor.report())
        assert first.heard() == second.heard() == [Tell()]
        second.say(Told(ProcessStatus(2, 13, 1.0, (), {"x": {"n": 3}})))
        office.reactor.advance(2)
        report = result(asking)
        assert [process.worker for process in report.processes] == [2]
        assert (report.workers, report.figures) == (2, {"x": {"n": 3}})
        # Its answer comes late, and is not taken for that to the next question.
        asking = Deferred.fromCoroutine(office.supervisor.report())
        first.say(Told(ProcessStatus(1, 12, 1.0, (), {"x": {"n": 1}})))
        first.say(Told(ProcessStatus(1, 12, 1.0, (), {"x": {"n": 2}})))
        second.end(number=9)
        assert result(asking).figures == {"x": {"n": 2}}


class TestEnding:
    def test_it_waits_for_all(self, office):
        first, second = office.started().children
        ending = office.supervisor.drain()
        assert first.heard() == second.heard() == [Drain()]
        assert not office.lets_in
        first.end()
        assert waits(ending)
        assert office.supervisor.drain() is ending
        second.end()
        result(ending)
        assert len(office.children) == 2
        assert not office.reactor.getDelayedCalls()

    def test_who_is_impatient(self, office):
        first, _ = office.started().children
        office.supervisor.drain()
        office.supervisor.cut()
        assert first.heard() == [Drain(), Cut()]

    def test_who_does_not_end_is_killed(self, office, logged_errors):
        first, second = office.started().children
        ending = office.supervisor.drain()
        first.end()
        office.reactor.advance(15)
        assert second.killed
        assert "worker 2 does not end, and is killed" in logged_errors.text()
        second.end(number=9)
        result(ending)

    def test_while_one_is_on_its_way(self, office):
        office.started().children[0].end(number=9)
        ending = office.supervisor.drain()
        office.children[1].end()
        result(ending)
        assert not office.reactor.getDelayedCalls()


class TestReloading:
    def test_all_are_told_and_those_that_come_later(self, office, tmp_path, logged_errors):
        first, second = office.started().children
        settings = office.supervisor._settings
        limits = msgspec.structs.replace(settings.config.limits, max_sessions=10)
        changed = msgspec.structs.replace(settings.config, limits=limits)
        second.end(number=9)
        reloading = office.supervisor.reload_from(lambda: check_config(changed, tmp_path))
        (settle,) = first.heard()
        assert isinstance(settle, Settle)
        assert settle.config.limits.max_sessions == 5
        office.reactor.advance(0.25)
        assert office.children[2].heard()[1] == settle
        first.say(Settled("not that one"))
        result(reloading)
        assert "worker 1 has not reloaded: not that one" in logged_errors.text()
        assert len(office.ready) == 1
