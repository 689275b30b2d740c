"""COMPRESS=DEFLATE between the proxy and Dovecot: nothing that a client hears is another."""

import hashlib
import zlib
from collections.abc import Iterator

import pytest

from tests.fakeserver.dovecot_with_plugins import DovecotWithPlugins
from tests.real.dovecot import Dovecot, Message
from tests.real.programs import leave_out
from tests.real.proxy import configured_proxy
from tests.real.raw import RawClient, octets_of


@pytest.fixture(scope="module")
def compressing() -> Iterator[Dovecot]:
    missing = Dovecot.missing()
    if missing is not None:
        leave_out(missing)
    with DovecotWithPlugins() as server:
        yield server


def test_what_is_read_and_written_is_the_same(compressing: Dovecot) -> None:
    account = compressing.account("deflated")
    # Neither what deflate likes nor what it does not.
    text = b"Subject: text\r\n\r\n" + b"All work and no play.\r\n" * 4_000
    dull = b"Subject: dull\r\n\r\n" + b"A" * 70_000 + b"\r\n"
    odd = b"Subject: odd\r\n\r\n" + _unlikely(90_000)
    account.seed("INBOX", [Message(text), Message(odd)])
    log_in = f"LOGIN {account.user} {account.password}".encode()
    with configured_proxy(compressing.upstream_settings + "compress = true") as port:
        with RawClient(port) as client, RawClient(compressing.imap_port) as direct:
            for one in (client, direct):
                one.ok(log_in)
            client.continued(b"t APPEND INBOX {%d}\r\n" % len(dull), dull + b"\r\n")
            for one in (client, direct):
                one.ok(b"EXAMINE INBOX")
            for command in (b"FETCH 1:* (UID BODY.PEEK[])", b"FETCH 1:* ENVELOPE"):
                assert _untagged(client, command) == _untagged(direct, command)
            assert b"COMPRESS" not in octets_of(client.ok(b"CAPABILITY"))
            client.ok(b"LOGOUT")
        # A connection that compresses is parked as any other.
        with RawClient(port) as again:
            again.ok(log_in)
            assert again.command(b"FETCH 1 FLAGS")[-1].octets.startswith(b"t BAD")
            assert len(again.ok(b"SELECT INBOX")) > 3
    direct_says = octets_of(_capabilities(compressing, log_in))
    assert b"COMPRESS=DEFLATE" in direct_says


def _capabilities(server: Dovecot, log_in: bytes) -> list:
    with RawClient(server.imap_port) as client:
        return [*client.ok(log_in), *client.ok(b"CAPABILITY")]


def _untagged(client: RawClient, command: bytes) -> bytes:
    return octets_of(client.ok(command)[:-1])


def _unlikely(size: int) -> bytes:
    """Lines that do not get smaller."""
    digests = (hashlib.sha256(b"%d" % number).hexdigest().encode() for number in range(size // 64))
    octets = b"\r\n".join(digests) + b"\r\n"
    assert len(zlib.compress(octets)) > len(octets) / 2
    return octets
