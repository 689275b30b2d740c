"""A mail program, the proxy and the fake server in memory, on a network that cuts connections.

The program says its commands one after the other, and where it hears that an outcome is unknown, or
is sent away, it does what a careful program does: it looks whether it was done, and tries again.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from imapproxy.cache.memory_store import MemoryStore
from imapproxy.listener.connection import ClientConnection
from imapproxy.listener.factory import ListenerFactory
from imapproxy.listener.limits import Limits
from imapproxy.relay.cached_account import CachedAccount
from imapproxy.relay.comeback import ReconnectRules
from imapproxy.relay.freshness import Freshness
from imapproxy.relay.partner import Partner
from imapproxy.upstream.connection import UpstreamConnection
from imapproxy.wire.capability import Capabilities
from imapproxy.wire.credentials import Credentials
from tests.fakeserver.peers import MemoryPeer, MemoryServer
from tests.relay.conversation import Wire

_EXISTS = re.compile(rb"^\* ([0-9]+) (EXISTS|EXPUNGE)\r\n", re.MULTILINE)
_ENDED = re.compile(rb"^\* BYE [^\r\n]*\r\n\Z", re.MULTILINE)
_PATIENCE = 100  # steps of the clock, of a second each, until a command has to be answered


@dataclass
class Cut:
    """Where the first connection is cut: behind so many octets of the server, or of the proxy.

    ``meanwhile`` is what others do to the mail just then.
    """

    down: int | None = None
    up: int | None = None
    meanwhile: Callable[[MemoryServer], None] | None = None


class Link:
    """A connection between the proxy and the server. ``down`` and ``up`` count its octets."""

    def __init__(self, clock: Clock, home: MemoryServer, cut: Cut) -> None:
        self.down = self.up = 0
        self.lost = False
        self._cut = cut
        self._home = home
        self._wire = Wire()
        self._peer = MemoryPeer(home)
        self._peer.send(b"x LOGIN demo pw\r\n")
        self._peer.read_all()
        self.upstream = UpstreamConnection(clock, "imaps://upstream")
        self.upstream.makeConnection(self._wire)
        self.upstream.dataReceived(b"* OK Hello.\r\n")

    def pump(self) -> bool:
        """Carry what waits in both directions; whether there was anything."""
        if self.lost:
            return False
        said = self._wire.take()
        allowed = len(said) if self._cut.up is None else self._cut.up - self.up
        self.up += len(said)
        if said:
            self._peer.send(said[:allowed])
        if len(said) > allowed:
            self._lose()
            return True
        heard = self._peer.read_all()
        allowed = len(heard) if self._cut.down is None else self._cut.down - self.down
        self.down += len(heard)
        if heard:
            self.upstream.dataReceived(heard[:allowed])
        if len(heard) > allowed or self._wire.closed or self._peer.closed:
            self._lose()
            return True
        return bool(said or heard)

    def _lose(self) -> None:
        self.lost = True
        self._peer.close()
        if self._cut.meanwhile is not None:
            self._cut.meanwhile(self._home)
        self.upstream.connectionLost(Failure(ConnectionDone()))


class Network:
    """One run. ``links`` are the connections to the server, the first of which is cut."""

    introduced = None

    def __init__(self, home: MemoryServer, cut: Cut) -> None:
        self.clock = Clock()
        self.links: list[Link] = []
        self._home = home
        self._cut = cut
        self._account = CachedAccount(b"upstream demo", MemoryStore(self.clock), Freshness())
        self._house = ListenerFactory(
            self.clock, self, Limits(), "0", reconnect=ReconnectRules(patience=30.0)
        )

    async def open(self, credentials: Credentials) -> Partner:
        cut = Cut() if self.links else self._cut
        link = Link(self.clock, self._home, cut)
        self.links.append(link)
        capabilities = Capabilities(["IMAP4rev1", "LITERAL+", "IDLE"])
        return Partner(link.upstream, capabilities, (), b"OK .\r\n", None, self._account)

    def client(self) -> "tuple[ClientConnection, Wire]":
        wire = Wire()
        connection = self._house.buildProtocol()
        connection.makeConnection(wire)
        return connection, wire

    def settle(self) -> None:
        """Carry everything until nothing moves."""
        while sum(link.pump() for link in self.links):
            pass


class Program:
    """The mail program. ``exists`` is how many messages it believes to be in its mailbox."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._tag = 0
        self.exists = 0
        self.sent_away = 0
        self.unknown = 0
        self._connect()

    def _connect(self) -> None:
        self._connection, self._wire = self._network.client()
        self._wire.take()
        self._connection.dataReceived(b"l LOGIN demo pw\r\n")
        assert self._wire.take().startswith(b"l OK")
        self._selected = b""

    def select(self, mailbox: bytes) -> None:
        """Have it selected, and hear so."""
        while self._selected != mailbox:
            if self.try_once(b"SELECT " + mailbox):
                self._selected = mailbox

    def try_once(self, command: bytes, more: bytes = b"") -> bool:
        """Whether the server says that it was done. Afterwards the same mailbox is selected."""
        selected = self._selected
        self._tag += 1
        tag = b"a%d" % self._tag
        heard = self._ask(tag, command + more)
        answers = re.findall(rb"^" + tag + rb" (OK|NO|BAD)", heard, re.MULTILINE)
        if self._wire.closed:
            # Sent away with an answer, or in the middle of one behind which nothing can be said. A
            # BYE is the whole answer to an APPEND.
            if not command.startswith(b"APPEND"):
                assert _ENDED.search(heard) if answers else not _ENDED.search(heard)
            assert len(answers) <= 1
            self._connection.connectionLost(Failure(ConnectionDone()))
            self.sent_away += 1
            self._connect()
            if selected and not command.startswith(b"SELECT"):
                self.select(selected)
        else:
            assert len(answers) == 1, f"{command!r} has {len(answers)} answers: {heard!r}"
        assert answers != [b"BAD"], heard
        self.unknown += answers == [b"NO"]
        return answers == [b"OK"]

    def _ask(self, tag: bytes, command: bytes) -> bytes:
        self._connection.dataReceived(tag + b" " + command + b"\r\n")
        heard = b""
        for _ in range(_PATIENCE):
            self._network.settle()
            heard += self._wire.take()
            if b"\r\n" + tag + b" " in b"\r\n" + heard or self._wire.closed:
                break
            if command == b"IDLE" and heard.count(b"+ ") == 1:
                self._connection.dataReceived(b"DONE\r\n")
            self._network.clock.advance(1.0)
        self._listen(heard)
        return heard

    def _listen(self, heard: bytes) -> None:
        for number, kind in _EXISTS.findall(heard):
            self.exists = int(number) if kind == b"EXISTS" else self.exists - 1

    def do(self, command: bytes) -> None:
        """Something that may be done twice without harm."""
        for _ in range(5):
            if self.try_once(command):
                return
        raise AssertionError(f"{command!r} was never done")

    def do_once(self, command: bytes, is_done: Callable[[], bool], more: bytes = b"") -> None:
        """Something that may not: ``is_done`` tells what has become of it."""
        while not self.try_once(command, more) and not is_done():
            pass

    def finds(self, criteria: bytes) -> bool:
        """Whether a search in the selected mailbox finds anything."""
        while True:
            selected = self._selected
            self._tag += 1
            tag = b"a%d" % self._tag
            heard = self._ask(tag, b"UID SEARCH " + criteria)
            if self._wire.closed:
                self._connect()
                self.select(selected)
            elif tag + b" OK" in heard:
                return re.search(rb"^\* SEARCH [0-9]", heard, re.MULTILINE) is not None
