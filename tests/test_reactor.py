"""The reactor of the proxy's own process."""

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from twisted.internet.interfaces import IReadDescriptor
from zope.interface import implementer

from imapproxy.reactor import PromptReactor
from tests.logged_errors import logged_errors
from tests.real.programs import python_environment

__all__ = ["logged_errors"]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has epoll")


@implementer(IReadDescriptor)
class Reader:
    """Reads one end of a pair of sockets; its test holds the other."""

    def __init__(self, reactor: PromptReactor) -> None:
        self.reactor = reactor
        self.near, self.far = socket.socketpair()
        self.read: list[bytes] = []
        self.lost: list[BaseException] = []
        self.then: Callable[[], None] | None = None
        reactor.addReader(self)

    def fileno(self) -> int:
        return self.near.fileno()

    def logPrefix(self) -> str:
        return "reader"

    def doRead(self) -> None:
        self.read.append(self.near.recv(100))
        if self.then is not None:
            self.then()

    def connectionLost(self, reason) -> None:
        self.lost.append(reason.value)

    def close(self) -> None:
        self.reactor.removeReader(self)
        self.near.close()
        self.far.close()


@pytest.fixture
def reactor() -> PromptReactor:
    return PromptReactor()


@pytest.fixture
def readers(reactor: PromptReactor) -> Iterator[tuple[Reader, Reader]]:
    pair = Reader(reactor), Reader(reactor)
    yield pair
    for reader in pair:
        reader.close()


def test_everybody_is_told(reactor, readers):
    for number, reader in enumerate(readers):
        reader.far.send(b"%d" % number)
    reactor.doIteration(0)
    assert [reader.read for reader in readers] == [[b"0"], [b"1"]]


def test_nothing_to_tell(reactor, readers):
    reactor.doIteration(0)
    assert [reader.read for reader in readers] == [[], []]


def test_a_fault_is_logged_and_ends_its_own_connection(reactor, readers, logged_errors):
    for reader in readers:
        reader.far.send(b"x")
    fault = ZeroDivisionError()

    def fail() -> None:
        raise fault

    readers[0].then = fail
    reactor.doIteration(0)
    assert readers[0].lost == [fault]
    assert readers[0] not in reactor.getReaders()
    assert "ZeroDivisionError" in logged_errors.flush()[0]
    assert (readers[1].read, readers[1].lost) == ([b"x"], [])


def test_one_that_its_neighbour_has_closed(reactor, readers):
    for reader, other in (readers, reversed(readers)):
        reader.far.send(b"x")
        reader.then = other.close
    reactor.doIteration(0)
    assert sorted(len(reader.read) for reader in readers) == [0, 1]


def test_the_command_line_runs_on_it():
    program = "from imapproxy.running import reactor_of_process as r; print(type(r()).__name__)"
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, env=python_environment()
    )
    assert told.stdout.split() == [b"PromptReactor"], told.stderr


def test_a_reactor_that_is_there_stays():
    program = (
        "from twisted.internet import reactor\n"
        "from imapproxy.running import reactor_of_process\n"
        "print(reactor_of_process() is reactor)"
    )
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, env=python_environment()
    )
    assert told.stdout.split() == [b"True"], told.stderr
