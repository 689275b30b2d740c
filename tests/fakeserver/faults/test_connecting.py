"""Faults of what comes before any command: accepting, certificates, STARTTLS."""

import contextlib
import imaplib
import socket
import ssl
import time

import pytest

from fakeserver.certificates import Kind
from fakeserver.faults import (
    CONNECT,
    GREETING,
    CloseBefore,
    Delay,
    DropAfterStartTls,
    InjectAfterStartTls,
    ShowCertificate,
    Stall,
)
from fakeserver.threaded import ThreadedServer

SECONDS = 0.05


def context(server: ThreadedServer) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=server.ca_file)


@pytest.mark.parametrize("kind", [Kind.EXPIRED, Kind.WRONG_NAME, Kind.SELF_SIGNED])
def test_a_certificate_of_the_server(imap_server: ThreadedServer, kind: Kind) -> None:
    imap_server.use_certificate(kind)
    with pytest.raises(ssl.SSLCertVerificationError):
        imaplib.IMAP4_SSL(imap_server.host, imap_server.tls_port, ssl_context=context(imap_server))
    imap_server.use_certificate("valid")
    with imaplib.IMAP4_SSL(
        imap_server.host, imap_server.tls_port, ssl_context=context(imap_server)
    ):
        pass


def test_a_certificate_of_one_connection(imap_server: ThreadedServer) -> None:
    imap_server.fault(ShowCertificate(Kind.EXPIRED), command=CONNECT)
    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        imaplib.IMAP4_SSL(imap_server.host, imap_server.tls_port, ssl_context=context(imap_server))
    imap_server.fault(ShowCertificate(Kind.EXPIRED), command="STARTTLS")
    client = imaplib.IMAP4(imap_server.host, imap_server.port)
    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        client.starttls(context(imap_server))
    client.file.close()


def test_octets_that_are_lost_behind_starttls(imap_server: ThreadedServer) -> None:
    imap_server.fault(DropAfterStartTls(1), command="STARTTLS")
    client = imaplib.IMAP4(imap_server.host, imap_server.port)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        client.starttls(context(imap_server))
    client.file.close()


def test_octets_that_are_put_in_behind_starttls(imap_server: ThreadedServer) -> None:
    imap_server.fault(InjectAfterStartTls(b"* BYE no\r\n"), command="STARTTLS")
    with (
        socket.create_connection((imap_server.host, imap_server.port)) as client,
        client.makefile("rb") as file,
    ):
        file.readline()
        client.sendall(b"a STARTTLS\r\n")
        assert file.readline().startswith(b"a OK")
        assert file.readline() == b"* BYE no\r\n"


@pytest.mark.parametrize("when", [CONNECT, GREETING])
@pytest.mark.parametrize("tls", [False, True])
def test_slow(imap_server: ThreadedServer, when: str, tls: bool) -> None:
    imap_server.fault(Delay(SECONDS), command=when)
    began = time.monotonic()
    if tls:
        client: imaplib.IMAP4 = imaplib.IMAP4_SSL(
            imap_server.host, imap_server.tls_port, ssl_context=context(imap_server)
        )
    else:
        client = imaplib.IMAP4(imap_server.host, imap_server.port)
    assert time.monotonic() - began >= SECONDS * 0.9
    client.logout()


def test_closed_at_once(imap_server: ThreadedServer) -> None:
    imap_server.fault(CloseBefore(), command=CONNECT)
    with (
        contextlib.suppress(ConnectionResetError),
        socket.create_connection((imap_server.host, imap_server.port)) as client,
    ):
        assert client.recv(1) == b""


def test_never_accepted(imap_server: ThreadedServer) -> None:
    imap_server.fault(Stall(), command=CONNECT)
    with (
        socket.create_connection((imap_server.host, imap_server.port), SECONDS) as client,
        pytest.raises(TimeoutError),
    ):
        client.recv(1)
