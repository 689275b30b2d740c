"""COMPRESS=DEFLATE (RFC 4978)."""

import os
import socket
import ssl
import zlib
from typing import Protocol

import pytest

from fakeserver.extensions import Extensions
from fakeserver.faults import Fragment
from fakeserver.threaded import ThreadedServer
from tests.fakeserver.peers import MemoryPeer
from tests.fakeserver.talk import ask, home_without, logged_in, new_home
from tests.real.dovecot import Dovecot


class Line(Protocol):
    """What a compressed conversation runs over."""

    def send(self, octets: bytes) -> None: ...
    def receive(self) -> bytes: ...


class MemoryLine:
    def __init__(self, peer: MemoryPeer) -> None:
        self._peer = peer

    def send(self, octets: bytes) -> None:
        self._peer.send(octets)

    def receive(self) -> bytes:
        return self._peer.read_all()


class SocketLine:
    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        connection.settimeout(60)

    def send(self, octets: bytes) -> None:
        self._connection.sendall(octets)

    def receive(self) -> bytes:
        return self._connection.recv(65536)


class Compressed:
    """The client's end behind the OK of COMPRESS."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._out = zlib.compressobj(wbits=-15)
        self._in = zlib.decompressobj(wbits=-15)

    def deflate(self, octets: bytes) -> bytes:
        return self._out.compress(octets) + self._out.flush(zlib.Z_SYNC_FLUSH)

    def ask(self, command: bytes) -> bytes:
        """Give a command with the tag ``c``; all that is answered."""
        self._line.send(self.deflate(b"c " + command + b"\r\n"))
        return self.answer()

    def answer(self) -> bytes:
        answer = b""
        while b"c OK" not in answer and b"c NO" not in answer and b"c BAD" not in answer:
            octets = self._line.receive()
            assert octets, answer
            answer += self._in.decompress(octets)
        return answer


def compressed(peer: MemoryPeer) -> Compressed:
    assert ask(peer, b"COMPRESS DEFLATE")[-1].startswith(b"t OK")
    return Compressed(MemoryLine(peer))


def converse(client: Compressed) -> None:
    """What has to work with any server: both directions, more than a window, literals."""
    body = b"Subject: x\r\n\r\n" + os.urandom(50_000).hex().encode() + b"\r\n"
    assert b"APPENDUID" in client.ask(b"APPEND INBOX {%d+}\r\n%b" % (len(body), body))
    assert b"* 1 EXISTS" in client.ask(b"SELECT INBOX")
    assert body in client.ask(b"FETCH 1 BODY.PEEK[]")
    assert b"c NO [COMPRESSIONACTIVE]" in client.ask(b"COMPRESS DEFLATE")
    assert b"c OK" in client.ask(b"NOOP")


def test_both_directions() -> None:
    converse(compressed(logged_in(new_home())))


@pytest.mark.parametrize("tls", [False, True])
def test_over_real_connections(imap_server: ThreadedServer, tls: bool) -> None:
    port = imap_server.tls_port if tls else imap_server.port
    with socket.create_connection((imap_server.host, port), 20) as plain:
        connection: socket.socket = plain
        if tls:
            context = ssl.create_default_context(cafile=str(imap_server.ca_file))
            connection = context.wrap_socket(plain, server_hostname="localhost")
        _log_in_and_converse(connection, imap_server.user, imap_server.password)
        connection.close()


def test_dovecot(dovecot_with_plugins: Dovecot) -> None:
    account = dovecot_with_plugins.account()
    with socket.create_connection(("127.0.0.1", dovecot_with_plugins.imap_port), 20) as connection:
        _log_in_and_converse(connection, account.user, account.password)


def _log_in_and_converse(connection: socket.socket, user: str, password: str) -> None:
    with connection.makefile("rb") as lines:
        lines.readline()
        for tag, command in ((b"a", f"LOGIN {user} {password}"), (b"b", "COMPRESS DEFLATE")):
            connection.sendall(tag + b" " + command.encode() + b"\r\n")
            while not (line := lines.readline()).startswith(tag + b" "):
                assert line
            assert line.startswith(tag + b" OK"), line
        converse(Compressed(SocketLine(connection)))


def test_what_comes_behind_the_command_is_compressed() -> None:
    peer = logged_in(new_home())
    client = Compressed(MemoryLine(peer))
    peer.send(b"t COMPRESS DEFLATE\r\n" + client.deflate(b"c NOOP\r\n"))
    line = peer.read()
    assert line.startswith(b"t OK")
    assert client.answer().startswith(b"c OK")


def test_octet_by_octet() -> None:
    peer = logged_in(new_home())
    client = compressed(peer)
    for octet in client.deflate(b"c APPEND INBOX {3+}\r\nabc\r\n"):
        peer.send(bytes((octet,)))
    assert b"c OK [APPENDUID" in client.answer()


def test_idle_tells_news_compressed() -> None:
    home = new_home()
    client = compressed(logged_in(home))
    client.ask(b"SELECT INBOX")
    line = client._line
    line.send(client.deflate(b"c IDLE\r\n"))
    assert client._in.decompress(line.receive()).startswith(b"+ ")
    home.server.deliver(b"Subject: x\r\n\r\n")
    assert b"* 1 EXISTS" in client._in.decompress(line.receive())
    line.send(client.deflate(b"DONE\r\n"))
    assert b"c OK" in client.answer()


def test_a_reply_in_fragments() -> None:
    home = new_home()
    home.server.fault(Fragment(3), command="COMPRESS")
    home.server.fault(Fragment(3), command="CAPABILITY")
    client = compressed(logged_in(home))
    assert b"c OK" in client.ask(b"CAPABILITY")


def test_what_is_not_compressed_ends_the_connection() -> None:
    peer = logged_in(new_home())
    client = compressed(peer)
    peer.send(b"c NOOP\r\n")
    assert b"* BYE" in client._in.decompress(peer.read_all())
    assert peer.closed


def test_an_ended_stream_ends_the_connection() -> None:
    peer = logged_in(new_home())
    client = compressed(peer)
    peer.send(client._out.compress(b"c NOOP\r\n") + client._out.flush(zlib.Z_FINISH))
    assert b"* BYE" in client._in.decompress(peer.read_all())
    assert peer.closed


def test_a_bomb_is_a_line_that_is_too_long() -> None:
    peer = logged_in(new_home())
    client = compressed(peer)
    for _ in range(3):
        peer.send(client.deflate(b"x" * 20_000_000))
    assert b"c OK" in client.ask(b"\r\nc NOOP")


def test_refusals() -> None:
    peer = logged_in(new_home())
    assert ask(peer, b"COMPRESS LZW")[-1].startswith(b"t NO ")
    assert ask(peer, b"COMPRESS")[-1].startswith(b"t BAD ")
    assert ask(peer, b"NOOP")[-1].startswith(b"t OK ")
    peer = logged_in(home_without("COMPRESS=DEFLATE"))
    assert ask(peer, b"COMPRESS DEFLATE")[-1].startswith(b"t BAD ")
    assert "COMPRESS=DEFLATE" in Extensions().names
