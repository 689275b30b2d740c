"""An upstream connection that is logged in and belongs to one client."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, Protocol

from imapproxy.relay.cached_account import CachedAccount
from imapproxy.relay.hop_by_hop import status_for_client, untagged_for_client
from imapproxy.upstream.address import Address
from imapproxy.upstream.client import ImapClient
from imapproxy.upstream.compress import compress
from imapproxy.upstream.connection import UpstreamConnection
from imapproxy.upstream.dial import Upstream, dial
from imapproxy.upstream.errors import (
    LoginRefused,
    NoFreeConnection,
    NoWayToLogIn,
    TurnedAway,
    Unreachable,
    UpstreamError,
    UpstreamProtocolError,
    UpstreamUnavailable,
)
from imapproxy.upstream.farewell import Goodbye, Parting, say_goodbye
from imapproxy.upstream.log_in import Introduction, log_in
from imapproxy.upstream.pool.logged_in import LoggedIn
from imapproxy.upstream.pool.pool import Pool
from imapproxy.upstream.pool.refusal import says_too_many
from imapproxy.upstream.pool.rules import NOTHING_PARKED
from imapproxy.wire.capability import Capabilities
from imapproxy.wire.credentials import Credentials

_ALERT = re.compile(rb"\* (?:OK|NO|BAD) \[ALERT\]", re.IGNORECASE)
_CODE = re.compile(rb"[A-Z]+ \[([^\] ]+)", re.IGNORECASE)
# Response codes of a NO that is not about the password (RFC 5530, RFC 9051 section 7.1).
_NOT_THE_PASSWORD = frozenset(
    (b"UNAVAILABLE", b"INUSE", b"LIMIT", b"SERVERBUG", b"PRIVACYREQUIRED", b"CANNOT")
)


class Partner(NamedTuple):
    """The connection, what the upstream offers, and what it said to the log-in, which may have been
    that of a session before.

    ``untagged`` are the responses during log-in as they came (alerts, capabilities); ``ok`` is the
    tagged response behind its tag. ``parting`` takes the connection when the session is over;
    without one it is closed. ``account`` is whose mail is cached, if any is.
    """

    connection: UpstreamConnection
    capabilities: Capabilities
    untagged: tuple[bytes, ...]
    ok: bytes
    parting: Parting | None = None
    account: CachedAccount | None = None

    @property
    def has_literal_plus(self) -> bool:
        """Whether it takes non-synchronizing literals (RFC 7888)."""
        return "LITERAL+" in self.capabilities or "LITERAL-" in self.capabilities

    def leave(self) -> None:
        """No session wants it."""
        (self.parting or Goodbye(self.connection)).leave()

    @property
    def alerts(self) -> bytes:
        """What the client hears of a log-in that was none of its own."""
        return b"".join(line for line in self.untagged if _ALERT.match(line) is not None)

    def answer_to_login(self, tag: bytes) -> bytes:
        """What the client hears of its log-in."""
        untagged = b"".join(untagged_for_client(line) for line in self.untagged)
        return untagged + tag + b" " + status_for_client(self.ok)


class NotLetIn(Exception):
    """There is no partner. ``answer`` is what the client hears: its tagged response less the tag.

    ``refused`` tells that the upstream was reached and did not take the credentials,
    ``is_unreachable`` that it was not, for no reason but that it is away.
    """

    def __init__(self, error: UpstreamError) -> None:
        super().__init__(str(error))
        self.answer = _answer_to(error)
        self.refused = isinstance(error, LoginRefused)
        self.is_unreachable = _is_unreachable(error)

    @property
    def blames_the_password(self) -> bool:
        """Whether the upstream refused, and for the password."""
        if not self.refused or says_too_many(self.answer):
            return False
        code = _CODE.match(self.answer)
        return code is None or code[1].upper() not in _NOT_THE_PASSWORD


class Accounts(Protocol):
    """Tells whose mail is cached (:class:`imapproxy.mail_cache.MailCache`)."""

    def account(
        self, address: Address, credentials: Credentials, capabilities: Capabilities
    ) -> CachedAccount:
        """The account that these credentials open."""


class PartnerSource:
    """Gets partners from one upstream; ``accounts`` is ``None`` where nothing is cached."""

    def __init__(
        self,
        reactor: Any,
        upstream: Upstream,
        pool: Pool | None = None,
        accounts: Accounts | None = None,
    ) -> None:
        self._reactor = reactor
        self._accounts = accounts
        self._upstream = upstream
        self._pool = pool or Pool(reactor, NOTHING_PARKED)
        self._introduction = Introduction()

    def __str__(self) -> str:
        return str(self._upstream.address)

    @property
    def introduced(self) -> Capabilities | None:
        """The capabilities that the upstream told before log-in when it was last dialled.

        Many clients read the list once, before they log in, and never use what is not in it
        (Python's imaplib: ENABLE, IDLE).
        """
        return self._introduction.told

    async def open(self, credentials: Credentials) -> Partner:
        """A connection that waits in the pool, or a new one. Raises :class:`NotLetIn`."""
        try:
            lease = await self._pool.acquire(self._upstream, credentials, self._log_in)
        except UpstreamError as error:
            raise NotLetIn(error) from error
        account = None
        if self._accounts is not None:
            capabilities = lease.logged_in.capabilities
            account = self._accounts.account(self._upstream.address, credentials, capabilities)
        return Partner(*lease.logged_in, lease, account)

    async def introduce(self) -> None:
        """Dial only to learn what the upstream offers. Raises :class:`UpstreamError`."""
        client = await self._dial()
        async with closed_unless_done(client):
            self._introduction.told = client.capabilities or await client.capability()
        say_goodbye(client.connection)

    async def _dial(self) -> ImapClient:
        client = await dial(self._reactor, self._upstream)
        if client.preauthenticated:
            client.close()
            # Nobody would have checked the client's password.
            raise UpstreamProtocolError(
                f"{self._upstream.address} logs everybody in (PREAUTH) and checks no password; "
                "the proxy does not pass that on"
            )
        return client

    async def _log_in(self, credentials: Credentials) -> LoggedIn:
        client = await self._dial()
        async with closed_unless_done(client):
            outcome = await log_in(client, credentials, self._introduction)
            if self._upstream.compress:
                await compress(client)
        return LoggedIn(
            client.connection,
            client.capabilities or Capabilities(),
            outcome.untagged,
            b"OK " + outcome.text + b"\r\n",
        )


@asynccontextmanager
async def closed_unless_done(client: ImapClient) -> AsyncIterator[None]:
    """Close the connection if what is done with it fails or is cancelled."""
    done = False
    try:
        yield
        done = True
    finally:
        if not done:
            client.connection.receiver = None
            client.connection.close()


def _is_unreachable(error: UpstreamError) -> bool:
    """A server that turns everybody away for now is as good as none (RFC 5530 UNAVAILABLE).

    One that shows a bad certificate is there, or somebody in its place is.
    """
    if isinstance(error, TurnedAway):
        return error.text.upper().startswith(b"[UNAVAILABLE]")
    return isinstance(error, Unreachable)


def _answer_to(error: UpstreamError) -> bytes:
    match error:
        case NoFreeConnection(advice=advice):
            return b"NO [LIMIT] " + f"{error} ({advice})".encode("ascii", "replace")
        case LoginRefused(status=status, text=text):
            return status_for_client(status + b" " + text)
        case UpstreamUnavailable(advice=advice) if advice:
            return b"NO [UNAVAILABLE] " + f"{error} ({advice})".encode("ascii", "replace")
        case NoWayToLogIn():
            return b"NO [CANNOT] " + str(error).encode("ascii", "replace")
        case _:
            return b"NO [UNAVAILABLE] " + str(error).encode("ascii", "replace")
