"""A pool whose connections end in memory: what the servers hear and say is told by the test."""

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from imapproxy.upstream.address import parse_address
from imapproxy.upstream.connection import UpstreamConnection
from imapproxy.upstream.dial import Upstream
from imapproxy.upstream.errors import UpstreamError
from imapproxy.upstream.pool.lease import Lease
from imapproxy.upstream.pool.logged_in import LoggedIn
from imapproxy.upstream.pool.pool import Pool
from imapproxy.upstream.pool.rules import PoolRules
from imapproxy.upstream.request import Request
from imapproxy.upstream.tls import UpstreamTls
from imapproxy.wire.capability import Capabilities
from imapproxy.wire.credentials import Credentials
from imapproxy.wire.secret import Secret
from tests.relay.conversation import Wire
from tests.upstream import certificates
from tests.upstream.talk import result


class End:
    """The server's end of one connection."""

    def __init__(self, clock: Clock) -> None:
        self.wire = Wire()
        self.connection = UpstreamConnection(clock, "imaps://upstream")
        self.connection.makeConnection(self.wire)
        self.connection.dataReceived(b"* OK Hello.\r\n")

    @property
    def closed(self) -> bool:
        return self.wire.closed

    def hears(self, *lines: bytes) -> None:
        assert self.wire.take() == b"".join(line + b"\r\n" for line in lines)

    def says(self, *lines: bytes) -> None:
        self.connection.dataReceived(b"".join(line + b"\r\n" for line in lines))

    def goes(self) -> None:
        """The connection is lost."""
        self.connection.connectionLost(Failure(ConnectionDone()))

    def runs(self, command: bytes, answer: bytes = b"OK done") -> None:
        """The session sends a command that is answered."""
        request = Request(self.connection, [b" " + command + b"\r\n"], "sync")
        request.done.addErrback(lambda failure: failure.trap(UpstreamError) and None)
        request.send()
        tag, _, rest = self.wire.take().partition(b" ")
        assert rest == command + b"\r\n"
        self.says(tag + b" " + answer)


class PoolTalk:
    """``ends`` are the connections that were opened, in their order.

    While ``logging_in`` is a list, log-ins wait in it until the test fires them; else each works,
    or fails with ``refusal``.
    """

    def __init__(
        self,
        rules: PoolRules = PoolRules(),  # noqa: B008 - frozen
        *,
        capabilities: str = "IMAP4rev1 UNSELECT",
        max_connections: int | None = None,
    ) -> None:
        self.clock = Clock()
        self.pool = Pool(self.clock, rules)
        self.upstream = self.new_upstream(max_connections)
        self.ends: list[End] = []
        self.refusal: UpstreamError | None = None
        self.logging_in: list[Deferred[None]] | None = None
        self.untagged: tuple[bytes, ...] = ()
        self.ok = b"OK Logged in.\r\n"
        self._capabilities = Capabilities(capabilities.split())

    @staticmethod
    def new_upstream(max_connections: int | None = None) -> Upstream:
        tls = UpstreamTls("upstream", [certificates.authority()])
        return Upstream(parse_address("imaps://upstream"), tls, max_connections=max_connections)

    async def _log_in(self, credentials: Credentials) -> LoggedIn:
        if self.logging_in is not None:
            waiting: Deferred[None] = Deferred()
            self.logging_in.append(waiting)
            await waiting
        if self.refusal is not None:
            raise self.refusal
        end = End(self.clock)
        self.ends.append(end)
        return LoggedIn(end.connection, self._capabilities, self.untagged, self.ok)

    def asks(
        self, user: bytes = b"user", password: bytes = b"pw", upstream: Upstream | None = None
    ) -> "Deferred[Lease]":
        """A session begins."""
        credentials = Credentials(user, Secret(password))
        acquiring = self.pool.acquire(upstream or self.upstream, credentials, self._log_in)
        return Deferred.fromCoroutine(acquiring)

    def gets(
        self, user: bytes = b"user", password: bytes = b"pw", upstream: Upstream | None = None
    ) -> Lease:
        """The same; it has its connection at once."""
        return result(self.asks(user, password, upstream))

    def end_of(self, lease: Lease) -> End:
        return next(end for end in self.ends if end.connection is lease.connection)
