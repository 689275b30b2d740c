"""Both legs of the proxy in memory, told as a conversation.

A script has a line for each thing that is said::

    C: a1 NOOP              the client sends a line
    U: P1 NOOP              the upstream has got exactly this
    S: P1 OK Done.          the upstream sends a line
    R: a1 OK Done.          the client has got exactly this

``C.`` and ``S.`` send without a line end, ``U.`` and ``R.`` expect without one. At the end of a
script nothing may be left over on either side. Who loses the upstream may find another one, and
``U`` and ``S`` are that one then.
"""

from textwrap import dedent

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from imapproxy.listener.connection import ClientConnection
from imapproxy.listener.factory import ListenerFactory
from imapproxy.listener.limits import Limits
from imapproxy.relay.cached_account import CachedAccount
from imapproxy.relay.comeback import NO_RECONNECTING, ReconnectRules
from imapproxy.relay.partner import NotLetIn, Partner
from imapproxy.upstream.connection import UpstreamConnection
from imapproxy.upstream.farewell import Parting
from imapproxy.wire.capability import Capabilities
from imapproxy.wire.credentials import Credentials


class Wire(StringTransport):
    """One leg's transport; ``take`` gives what was written since."""

    def __init__(self) -> None:
        super().__init__()
        self.aborted = False

    def abortConnection(self) -> None:
        self.aborted = True
        super().abortConnection()

    def unregisterProducer(self) -> None:
        # Twisted's own transports take it twice (abstract.FileDescriptor, TLSMemoryBIOProtocol).
        if self.producer is not None:
            super().unregisterProducer()

    def take(self) -> bytes:
        data = self.value()
        self.clear()
        return data

    @property
    def paused(self) -> bool:
        return self.producerState == "paused"

    @property
    def closed(self) -> bool:
        return self.disconnecting or self.aborted


class Conversation:
    """A client that is logged in through the proxy, and its partner."""

    def __init__(
        self,
        capabilities: str = "IMAP4rev1 LITERAL+ IDLE",
        limits: Limits = Limits(),  # noqa: B008 - frozen
        *,
        logged_in: bool = True,
        parting: Parting | None = None,
        account: CachedAccount | None = None,
        reconnect: ReconnectRules = NO_RECONNECTING,
    ) -> None:
        self.account = account
        self.clock = Clock()
        self.client_wire = Wire()
        self._dial()
        self.capabilities = Capabilities(capabilities.split())
        self.parting = parting
        self.introduced: Capabilities | None = None
        self.credentials: list[Credentials] = []
        self.refusal: NotLetIn | None = None
        self.waiting_login: Deferred[None] | None = None
        self.house = ListenerFactory(self.clock, self, limits, "0", reconnect=reconnect)
        self.client: ClientConnection = self.house.buildProtocol()
        self.client.makeConnection(self.client_wire)
        if logged_in:
            self.client_wire.take()
            self.client.dataReceived(b"a0 LOGIN user secret\r\n")
            assert self.client_wire.take() == b"a0 OK Logged in.\r\n"

    def _dial(self) -> None:
        self.upstream_wire = Wire()
        self.upstream = UpstreamConnection(self.clock, "imaps://upstream")
        self.upstream.makeConnection(self.upstream_wire)
        self.upstream.dataReceived(b"* OK Hello.\r\n")

    async def open(self, credentials: Credentials) -> Partner:
        """The listener asks for a partner."""
        self.credentials.append(credentials)
        if self.waiting_login is not None:
            await self.waiting_login
        if self.refusal is not None:
            raise self.refusal
        if self.upstream.error is not None:
            self._dial()
        return Partner(
            self.upstream,
            self.capabilities,
            (),
            b"OK Logged in.\r\n",
            self.parting,
            self.account,
        )

    def script(self, text: str) -> None:
        """Play a conversation and check it."""
        for number, line in enumerate(dedent(text).strip("\n").split("\n"), 1):
            if line.strip():
                self._play(line.lstrip(" "), number)
        self.nothing_left()

    def nothing_left(self) -> None:
        """Nobody has got anything that was not expected."""
        assert self.client_wire.take() == b"", "the client has got more"
        more = self.upstream_wire.take()
        assert not more, f"the upstream has got more: {more!r}"

    def _play(self, line: str, number: int) -> None:
        actor, rest = line[:2], line[3:]
        data = rest.encode("latin-1").decode("unicode_escape").encode("latin-1")
        if actor[1] == ":":
            data += b"\r\n"
        if actor[0] == "C":
            self.client.dataReceived(data)
        elif actor[0] == "S":
            self.upstream.dataReceived(data)
        else:
            self._expect(self.upstream_wire if actor[0] == "U" else self.client_wire, data, number)

    def _expect(self, wire: Wire, data: bytes, number: int) -> None:
        got = wire.value()
        assert got.startswith(data), f"line {number}: expected {data!r}, got {got!r}"
        wire.clear()
        wire.write(got[len(data) :])

    def upstream_closes(self) -> None:
        """The partner's connection is lost."""
        self.upstream.connectionLost(Failure(ConnectionDone()))

    def client_closes(self) -> None:
        """The client's connection is lost."""
        self.client.connectionLost(Failure(ConnectionDone()))
