"""Dovecot goes on with the TLS session of the connection before."""

import pytest
from OpenSSL import SSL
from twisted.internet import reactor  # noqa: TID251

from imapproxy.upstream.address import parse_address
from imapproxy.upstream.dial import DialObserver, Upstream, dial
from imapproxy.upstream.tls import Handshake, UpstreamTls, load_ca_file
from tests.deadline import in_reactor
from tests.real.dovecot import Dovecot


class Seen(DialObserver):
    def __init__(self) -> None:
        self.resumed: list[bool] = []

    def secured(self, session: SSL.Connection, handshake: Handshake) -> None:
        self.resumed.append(handshake.resumed)


@pytest.mark.parametrize("starttls", [False, True])
@in_reactor
async def test_the_next_connection_goes_on(dovecot: Dovecot, starttls: bool) -> None:
    url = dovecot.upstream_starttls if starttls else dovecot.upstream
    trust = UpstreamTls("localhost", load_ca_file(dovecot.ca_file))
    seen = Seen()
    # Each of Dovecot's login processes (two here) knows its own sessions alone, and none can choose
    # which of them takes a connection.
    while not any(seen.resumed) and len(seen.resumed) < 50:
        client = await dial(reactor, Upstream(parse_address(url), trust), seen)
        assert "IMAP4rev1" in (client.capabilities or await client.capability())
        await client.logout()
    assert seen.resumed[-1]
    assert not seen.resumed[0]
