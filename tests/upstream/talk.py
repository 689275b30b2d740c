"""The typed client and a server in memory, told as a conversation.

``C:`` is a line that the client has sent, ``S:`` one that the server says; ``C.`` and ``S.`` are
octets without a line end. At the end of a script the client has sent nothing more.
"""

from textwrap import dedent
from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from imapproxy.upstream.client import ImapClient
from imapproxy.upstream.connection import UpstreamConnection
from imapproxy.wire.capability import Capabilities
from tests.relay.conversation import Wire

T = TypeVar("T")
E = TypeVar("E", bound=Exception)


class Talk:
    """A client whose greeting has come. ``chunk`` is the size in which octets reach it."""

    def __init__(self, capabilities: str | None = "IMAP4rev1", chunk: int = 0) -> None:
        self.clock = Clock()
        self.wire = Wire()
        self.connection = UpstreamConnection(self.clock, "imaps://upstream")
        self.connection.makeConnection(self.wire)
        self.client = ImapClient(self.connection)
        self.connection.dataReceived(b"* OK Hello.\r\n")
        self._chunk = chunk
        if capabilities is not None:
            self.client.capabilities = Capabilities(capabilities.split())

    def script(self, text: str) -> None:
        for line in dedent(text).strip("\n").split("\n"):
            data = line[3:].encode("latin-1").decode("unicode_escape").encode("latin-1")
            if line[1] == ":":
                data += b"\r\n"
            if line[0] == "S":
                self.say(data)
            else:
                self.expect(data)
        self.expect_nothing()

    def say(self, data: bytes) -> None:
        size = self._chunk or len(data)
        for at in range(0, len(data), size):
            self.connection.dataReceived(data[at : at + size])

    def expect(self, data: bytes) -> None:
        got = self.wire.take()
        assert got.startswith(data), f"expected {data!r}, got {got!r}"
        self.wire.write(got[len(data) :])

    def expect_nothing(self) -> None:
        assert self.wire.take() == b"", "the client has sent more"

    def lose(self) -> None:
        if self.wire.producer is not None:  # as Twisted's own transports do
            self.wire.producer.stopProducing()
        self.connection.connectionLost(Failure(ConnectionDone()))


def result(deferred: "Deferred[T]") -> T:
    """What it has fired with."""
    results: list[T] = []
    failures: list[Failure] = []
    deferred.addCallbacks(results.append, failures.append)
    if failures:
        failures[0].raiseException()
    assert results, "it has not fired"
    return results[0]


def failure(deferred: "Deferred[T]", kind: type[E]) -> E:
    """The error it has failed with."""
    failures: list[Failure] = []
    deferred.addErrback(failures.append)
    assert failures, "it has not failed"
    assert failures[0].check(kind), failures[0]
    return failures[0].value


def waits(deferred: "Deferred[T]") -> bool:
    return not deferred.called or isinstance(deferred.result, Deferred)
