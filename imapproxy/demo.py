"""``imapproxy demo``: the main job, with nothing to set up.

A mail server in memory that listens with TLS alone, the proxy in front of it, and Python's
plaintext ``imaplib`` as the legacy client. This is the one place where the proxy knows the fake
server.
"""

import imaplib
import ssl
from pathlib import Path
from typing import Any

import click
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool

from fakeserver.server import FakeServer
from imapproxy.config import (
    CacheConfig,
    Config,
    ListenerConfig,
    Settings,
    UpstreamConfig,
    check_config,
)
from imapproxy.running import run_to_end
from imapproxy.service import ProxyService
from imapproxy.upstream.client import ImapClient
from imapproxy.upstream.dial import DialObserver, Upstream, dial
from imapproxy.upstream.errors import TlsRefused
from imapproxy.upstream.tls import Handshake, UpstreamTls

USER, PASSWORD = "demo", "pw"
_MESSAGE = b"Subject: Through the proxy\r\n\r\nThis line was sent in plaintext, to 127.0.0.1.\r\n"


class TalkingClient(imaplib.IMAP4):
    """imaplib, telling what it says and hears; the password is left out."""

    def send(self, data: bytes) -> None:  # type: ignore[override]
        """See :class:`imaplib.IMAP4`."""
        _tell("C", data.replace(f'"{PASSWORD}"'.encode(), b"********"))
        super().send(data)

    def readline(self) -> bytes:
        """See :class:`imaplib.IMAP4`."""
        line = super().readline()
        _tell("S", line)
        return line

    def read(self, size: int) -> bytes:
        """See :class:`imaplib.IMAP4`."""
        octets = super().read(size)
        _tell("S", b"... %d octets ..." % len(octets))
        return octets


class _TlsWitness(DialObserver):
    """Remembers what was agreed on the way to the server."""

    def __init__(self) -> None:
        self.version = ""

    def secured(self, session: ssl.SSLObject, handshake: Handshake) -> None:
        """See :class:`DialObserver`."""
        self.version = session.version() or ""


def run_demo(reactor: Any, *, keep: bool) -> int:
    """Run the demonstration; the exit code is 0 when everything was as it should be."""
    return run_to_end(reactor, _demo(reactor, keep))


async def _demo(reactor: Any, keep: bool) -> int:
    ended: Deferred[None] = Deferred()
    server = FakeServer(reactor)
    server.add_account(USER, PASSWORD)
    await server.start(listen=None)  # TLS alone, as servers are today
    settings = _settings(server)
    service = ProxyService(reactor, settings)
    await service.start()
    try:
        port = service.listeners[0].address.port
        _headline(f"A mail server that speaks TLS alone listens on port {server.tls_port}.")
        _headline(f"The proxy: {service.listeners[0].ready_line}")
        _headline("A mail program that knows plaintext alone (Python's imaplib) reads its mail:")
        fetched = await _in_thread(reactor, _read_mail, port)
        ok = await _verify(reactor, server, settings.listeners[0].upstream, fetched)
        if keep:
            await _keep(reactor, server, port, ended)
    finally:
        await service.drain()
        await server.stop()
        ended.callback(None)
    return 0 if ok else 1


def _settings(server: FakeServer) -> Settings:
    upstream = UpstreamConfig(f"imaps://localhost:{server.tls_port}", ca_file=str(server.ca_file))
    listener = ListenerConfig("127.0.0.1:0")
    nothing_kept = CacheConfig(enabled=False)
    return check_config(Config({"demo": upstream}, (listener,), cache=nothing_kept), Path.cwd())


def _read_mail(port: int) -> bytes:
    """What a legacy mail program does, blocking, in a thread; the octets of the new message."""
    with TalkingClient("127.0.0.1", port) as client:
        client.login(USER, PASSWORD)
        client.list()
        client.append("INBOX", "", "", _MESSAGE)
        _, (count,) = client.select("INBOX")
        _, (response, *_) = client.fetch((count or b"1").decode(), "(RFC822)")
    assert isinstance(response, tuple)
    return response[1]


async def _verify(reactor: Any, server: FakeServer, upstream: Upstream, fetched: bytes) -> bool:
    _headline("What was verified:")
    witness = _TlsWitness()
    client = await dial(reactor, upstream, witness)
    client.close()
    names = [command.name for command in server.commands()]
    checks = [
        ("the way to the server was TLS, verified for localhost", witness.version >= "TLSv1.2"),
        ("the server knows of no plaintext port", _has_no_plaintext(server)),
        ("the message came back octet for octet", fetched == _MESSAGE),
        ("every command of the client reached the server", {"APPEND", "FETCH"} <= set(names)),
        (
            "a server with a certificate nobody vouches for is refused",
            await _is_refused(reactor, upstream),
        ),
    ]
    for text, held in checks:
        mark = click.style("yes", fg="green") if held else click.style("NO ", fg="red")
        click.echo(f"  {mark}  {text}")
    return all(held for _, held in checks)


def _has_no_plaintext(server: FakeServer) -> bool:
    return all(record.port == "imaps" for record in server.transcript.connections)


async def _is_refused(reactor: Any, upstream: Upstream) -> bool:
    """Whether the server is refused when its authority is not trusted."""
    stranger = Upstream(upstream.address, UpstreamTls(upstream.address.host))
    try:
        client: ImapClient = await dial(reactor, stranger)
    except TlsRefused:
        return True
    client.close()
    return False


async def _keep(reactor: Any, server: FakeServer, port: int, ended: Deferred[None]) -> None:
    _headline("It goes on running until Ctrl-C. Point a mail program at it:")
    click.echo(f"  server 127.0.0.1, port {port}, no encryption, name {USER}, password {PASSWORD}")
    click.echo(f"  curl -u {USER}:{PASSWORD} 'imap://127.0.0.1:{port}/INBOX;MAILINDEX=1'")
    click.echo("  the server itself, with TLS:")
    click.echo(
        f"  curl --cacert {server.ca_file} -u {USER}:{PASSWORD} "
        f"'imaps://localhost:{server.tls_port}/INBOX;MAILINDEX=1'"
    )
    stopped: Deferred[None] = Deferred()

    def shut_down() -> Deferred[None]:
        stopped.callback(None)
        return ended  # the reactor goes on until everybody has heard BYE

    reactor.addSystemEventTrigger("before", "shutdown", shut_down)
    await stopped


def _in_thread(reactor: Any, function: Any, *arguments: Any) -> Deferred[Any]:
    return deferToThreadPool(reactor, reactor.getThreadPool(), function, *arguments)


def _headline(text: str) -> None:
    click.echo(f"\n{text}")


def _tell(who: str, data: bytes) -> None:
    for line in data.rstrip(b"\r\n").decode("utf-8", "replace").split("\r\n"):
        click.echo(f"  {who}: {line}")
