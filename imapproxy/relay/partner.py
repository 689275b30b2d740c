"""An upstream connection that is logged in and belongs to one client."""

from typing import Any, NamedTuple

from imapproxy.relay.hop_by_hop import status_for_client, untagged_for_client
from imapproxy.upstream.connection import UpstreamConnection
from imapproxy.upstream.dial import Upstream, dial
from imapproxy.upstream.errors import (
    LoginRefused,
    NoWayToLogIn,
    UpstreamError,
    UpstreamProtocolError,
    UpstreamUnavailable,
)
from imapproxy.upstream.log_in import log_in
from imapproxy.wire.capability import Capabilities
from imapproxy.wire.credentials import Credentials


class Partner(NamedTuple):
    """The connection, what the upstream offers, and what it said to the log-in.

    ``untagged`` are the responses during log-in as they came (alerts, capabilities); ``ok`` is the
    tagged response behind its tag.
    """

    connection: UpstreamConnection
    capabilities: Capabilities
    untagged: tuple[bytes, ...]
    ok: bytes

    def answer_to_login(self, tag: bytes) -> bytes:
        """What the client hears of its log-in."""
        untagged = b"".join(untagged_for_client(line) for line in self.untagged)
        return untagged + tag + b" " + status_for_client(self.ok)


class NotLetIn(Exception):
    """There is no partner. ``answer`` is what the client hears: its tagged response less the tag.

    ``refused`` tells that the upstream was reached and did not take the credentials.
    """

    def __init__(self, error: UpstreamError) -> None:
        super().__init__(str(error))
        self.answer = _answer_to(error)
        self.refused = isinstance(error, LoginRefused)


async def open_partner(reactor: Any, upstream: Upstream, credentials: Credentials) -> Partner:
    """Dial the upstream and log in. Raises :class:`NotLetIn`."""
    try:
        return await _open_partner(reactor, upstream, credentials)
    except UpstreamError as error:
        raise NotLetIn(error) from error


async def _open_partner(reactor: Any, upstream: Upstream, credentials: Credentials) -> Partner:
    client = await dial(reactor, upstream)
    logged_in = False
    try:
        if client.preauthenticated:
            # Nobody would have checked the client's password.
            raise UpstreamProtocolError(
                f"{upstream.address} logs everybody in (PREAUTH) and checks no password; "
                "the proxy does not pass that on"
            )
        outcome = await log_in(client, credentials)
        logged_in = True
    finally:
        if not logged_in:
            client.connection.receiver = None
            client.connection.close()
    return Partner(
        client.connection,
        client.capabilities or Capabilities(),
        outcome.untagged,
        b"OK " + outcome.text + b"\r\n",
    )


def _answer_to(error: UpstreamError) -> bytes:
    match error:
        case LoginRefused(status=status, text=text):
            return status_for_client(status + b" " + text)
        case UpstreamUnavailable(advice=advice) if advice:
            return b"NO [UNAVAILABLE] " + f"{error} ({advice})".encode("ascii", "replace")
        case NoWayToLogIn():
            return b"NO [CANNOT] " + str(error).encode("ascii", "replace")
        case _:
            return b"NO [UNAVAILABLE] " + str(error).encode("ascii", "replace")
