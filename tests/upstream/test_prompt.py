"""Writing at once: nothing is lost or overtaken when the socket takes only a part."""

from typing import Any

import pytest
from twisted.internet.testing import StringTransport

from imapproxy.upstream.prompt import PromptWriter, prompt


class Socket:
    """A transport and its socket, which takes ``room`` octets; the reactor takes what is left."""

    connected = True
    disconnecting = False

    def __init__(self) -> None:
        self.reactor = self
        self.room = 0
        self.sent = b""
        self.left = b""
        self.error: OSError | None = None

    def getHandle(self) -> "Socket":
        return self

    def getWriters(self) -> list[Any]:
        return [self] if self.left else []

    def send(self, data: bytes) -> int:
        if self.error is not None:
            raise self.error
        taken = data[: self.room]
        self.sent += taken
        self.room -= len(taken)
        return len(taken)

    def write(self, data: bytes) -> None:
        self.left += data

    def turn(self) -> None:
        """The reactor finds the socket writable again."""
        self.sent, self.left = self.sent + self.left, b""


@pytest.fixture
def socket() -> Socket:
    return Socket()


def test_all_at_once(socket: Socket) -> None:
    socket.room = 10
    PromptWriter(socket).write(b"abc")
    assert (socket.sent, socket.left) == (b"abc", b"")


def test_what_the_socket_does_not_take_is_left_to_the_reactor(socket: Socket) -> None:
    socket.room = 2
    PromptWriter(socket).write(b"abc")
    assert (socket.sent, socket.left) == (b"ab", b"c")


def test_nothing_overtakes(socket: Socket) -> None:
    transport = PromptWriter(socket)
    socket.room = 2
    transport.write(b"abc")
    socket.room = 10
    transport.write(b"de")
    assert (socket.sent, socket.left) == (b"ab", b"cde")
    socket.turn()
    transport.write(b"fg")
    assert (socket.sent, socket.left) == (b"abcdefg", b"")


def test_nothing_overtakes_what_was_written_before(socket: Socket) -> None:
    socket.write(b"ab")
    socket.room = 10
    PromptWriter(socket).write(b"c")
    assert (socket.sent, socket.left) == (b"", b"abc")


@pytest.mark.parametrize("state", [{"connected": False}, {"disconnecting": True}])
def test_the_end_is_the_reactors(socket: Socket, state: dict[str, bool]) -> None:
    vars(socket).update(state)
    socket.room = 10
    PromptWriter(socket).write(b"ab")
    assert (socket.sent, socket.left) == (b"", b"ab")


@pytest.mark.parametrize("error", [BlockingIOError(), ConnectionResetError(), BrokenPipeError()])
def test_an_error_is_the_reactors(socket: Socket, error: OSError) -> None:
    socket.error = error
    PromptWriter(socket).write(b"ab")
    assert socket.left == b"ab"


def test_only_sockets_are_prompt() -> None:
    transport = StringTransport()
    assert prompt(transport) is transport
