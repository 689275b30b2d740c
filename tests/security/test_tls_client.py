"""The way of a client that does speak TLS to the listener."""

import ssl
from pathlib import Path

import pytest
from twisted.internet import reactor  # noqa: TID251
from twisted.internet.threads import deferToThread

from tests.deadline import in_reactor
from tests.house import House, logged_in, port
from tests.socket_client import connect, connect_silently


def shaken_hands(at: int, greatest: ssl.TLSVersion, starttls: bool) -> str:
    """What a client that speaks no newer TLS gets: the version, or an alert."""
    import socket

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = greatest
    with socket.create_connection(("127.0.0.1", at), 10) as connection:
        if starttls:
            connection.recv(4096)
            connection.sendall(b"a STARTTLS\r\n")
            assert connection.recv(4096).startswith(b"a OK")
        try:
            with context.wrap_socket(connection) as secure:
                return secure.version()
        except (ssl.SSLError, ConnectionError) as error:
            return type(error).__name__


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@in_reactor
async def test_old_tls_is_refused(house: House, tls):
    await house.upstream("one")
    service = await house.start(house.listener("one", tls=tls))
    for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
        refused = await deferToThread(shaken_hands, port(service), version, tls == "starttls")
        assert refused in ("SSLError", "ConnectionResetError"), version
    good = ssl.TLSVersion.TLSv1_2
    assert await deferToThread(shaken_hands, port(service), good, tls == "starttls") == "TLSv1.2"


@pytest.mark.parametrize(
    "behind",
    [
        b"b LOGIN mallory pw\r\n",
        b"b LOGIN demo {100+}\r\n",
        b"b NOOP\r\n",
        b"\r\n",
        b"x",
    ],
)
@in_reactor
async def test_commands_injected_behind_starttls(house: House, behind):
    """Somebody on the way would have them taken for the client's, once it has logged in."""
    server = await house.upstream("one")
    service = await house.start(house.listener("one", tls="starttls"))
    before = len(server.sessions)
    client = await connect(reactor, port(service))
    client.transport.write(b"a STARTTLS\r\n" + behind)
    await client.lost
    assert client.heard == b"a OK Begin TLS now.\r\n"
    assert len(server.sessions) == before


@in_reactor
async def test_injected_octets_that_come_later_are_no_tls(house: House):
    server = await house.upstream("one")
    service = await house.start(house.listener("one", tls="starttls"))
    before = len(server.sessions)
    client = await connect(reactor, port(service))
    await client.ask(b"STARTTLS")
    client.say(b"b LOGIN mallory pw")
    await client.lost
    assert b"b " not in client.heard
    assert len(server.sessions) == before


@in_reactor
async def test_where_tls_is_expected_plaintext_gets_nothing(house: House):
    server = await house.upstream("one")
    service = await house.start(house.listener("one", tls="implicit"))
    before = len(server.sessions)
    client = await connect_silently(reactor, port(service))
    client.say(b"a LOGIN demo pw")
    await client.lost
    assert b"OK" not in client.heard
    assert len(server.sessions) == before
    await logged_in(service, tls=True)


@in_reactor
async def test_the_listeners_key_stays_where_it_is(house: House, logged_errors, tmp_path: Path):
    await house.upstream("one")
    service = await house.start(house.listener("one", tls="implicit"))
    await logged_in(service, tls=True)
    key = (tmp_path / "cert.key").read_text().splitlines()[1]
    assert key not in logged_errors.text()
    assert key not in repr(service.listeners[0].settings)
