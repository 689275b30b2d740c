"""TLS: certificates that a client has to refuse, and what STARTTLS must not let through."""

import socket
import ssl
from collections.abc import Iterator

import pytest

from fakeserver.certificates import Kind
from fakeserver.faults import InjectAfterStartTls
from fakeserver.threaded import ThreadedServer

SECONDS = 60.0


@pytest.fixture
def server() -> Iterator[ThreadedServer]:
    with ThreadedServer() as running:
        yield running


def trusting(server: ThreadedServer) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=server.ca_file)


class Plain:
    """A plaintext connection that reads line by line, and no more than that."""

    def __init__(self, server: ThreadedServer) -> None:
        self.socket = socket.create_connection(("127.0.0.1", server.port), SECONDS)
        self.line()

    def line(self) -> bytes:
        octets = b""
        while not octets.endswith(b"\n"):
            octet = self.socket.recv(1)
            if not octet:
                break
            octets += octet
        return octets

    def ask(self, command: bytes) -> bytes:
        self.socket.sendall(command + b"\r\n")
        while True:
            line = self.line()
            if not line.startswith(b"* "):
                return line


@pytest.fixture
def plain(server: ThreadedServer) -> Iterator[Plain]:
    connection = Plain(server)
    yield connection
    connection.socket.close()


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_the_certificate_is_good(server: ThreadedServer, name: str) -> None:
    with (
        socket.create_connection(("127.0.0.1", server.tls_port), SECONDS) as raw,
        trusting(server).wrap_socket(raw, server_hostname=name) as wrapped,
    ):
        assert wrapped.recv(4).startswith(b"* OK")
        assert wrapped.version() in ("TLSv1.2", "TLSv1.3")


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (Kind.EXPIRED, "expired"),
        (Kind.WRONG_NAME, "Hostname mismatch"),
        (Kind.SELF_SIGNED, "unable to get local issuer|self.signed"),
    ],
)
def test_certificates_to_refuse(server: ThreadedServer, kind: Kind, reason: str) -> None:
    server.use_certificate(kind)
    with (
        socket.create_connection(("127.0.0.1", server.tls_port), SECONDS) as raw,
        pytest.raises(ssl.SSLCertVerificationError, match=reason),
    ):
        trusting(server).wrap_socket(raw, server_hostname="localhost")


def test_what_was_said_before_tls_is_forgotten(server: ThreadedServer, plain: Plain) -> None:
    assert plain.ask(b'a ID ("name" "someone")').startswith(b"a OK ")
    assert plain.ask(b"b STARTTLS").startswith(b"b OK ")
    with trusting(server).wrap_socket(plain.socket, server_hostname="localhost") as wrapped:
        wrapped.sendall(b"c CAPABILITY\r\n")
        told = wrapped.recv(4096)
        assert b"STARTTLS" not in told
        assert b"AUTH=PLAIN" in told
        wrapped.sendall(b"d STARTTLS\r\n")
        assert wrapped.recv(4096).startswith(b"d BAD ")


def test_octets_behind_starttls_are_fatal(server: ThreadedServer, plain: Plain) -> None:
    plain.socket.sendall(b"a STARTTLS\r\nb LOGIN demo pw\r\n")
    assert plain.line() == b"a BAD Nothing may follow STARTTLS.\r\n"
    assert plain.line() == b""
    assert server.commands("LOGIN") == []


def test_starttls_is_for_those_who_have_not_logged_in(plain: Plain) -> None:
    assert plain.ask(b"a LOGIN demo pw").startswith(b"a OK ")
    assert plain.ask(b"b STARTTLS").startswith(b"b BAD ")


def test_octets_can_be_injected_behind_the_ok_of_starttls(
    server: ThreadedServer, plain: Plain
) -> None:
    server.fault(InjectAfterStartTls(b"* OK [ALERT] injected\r\n"), command="STARTTLS")
    assert plain.ask(b"a STARTTLS").startswith(b"a OK ")
    assert plain.line() == b"* OK [ALERT] injected\r\n"
    with trusting(server).wrap_socket(plain.socket, server_hostname="localhost") as wrapped:
        wrapped.sendall(b"b NOOP\r\n")
        assert wrapped.recv(100) == b"b OK NOOP completed.\r\n"


def test_large_answers_over_tls_to_a_slow_reader(server: ThreadedServer) -> None:
    body = b"Subject: large\r\n\r\n" + b"x" * 3_000_000
    for _ in range(5):
        server.deliver(body)
    with (
        socket.create_connection(("127.0.0.1", server.tls_port), SECONDS) as raw,
        trusting(server).wrap_socket(raw, server_hostname="localhost") as wrapped,
    ):
        wrapped.sendall(b"a LOGIN demo pw\r\nb SELECT INBOX\r\nc FETCH 1:* BODY.PEEK[]\r\n")
        octets = bytearray()
        while b"c OK" not in octets[-100:]:
            piece = wrapped.recv(65536)
            assert piece, "closed too early"
            octets += piece
        assert octets.count(body) == 5
