"""``imapproxy check``: go the whole way to the upstream and tell each step."""

import base64
import socket
import ssl
from dataclasses import replace
from datetime import UTC, datetime
from os import fsencode
from typing import Any

import click
from cryptography import x509
from cryptography.x509.oid import NameOID
from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.threads import deferToThreadPool

from imapproxy.relay.hop_by_hop import without_hop_by_hop
from imapproxy.upstream.client import ImapClient
from imapproxy.upstream.dial import DialObserver, Upstream, dial
from imapproxy.upstream.errors import (
    CertificateRefused,
    LoginRefused,
    UpstreamError,
    printable,
)
from imapproxy.upstream.log_in import log_in
from imapproxy.upstream.tls import Handshake, OnlyALook, format_pin, peer_certificate, pin_of
from imapproxy.wire.credentials import Credentials
from imapproxy.wire.secret import Secret

_SOON = 14  # days before the expiry of a certificate that are worth a word


class Report(DialObserver):
    """Prints each step as it is done."""

    def step(self, name: str, text: str) -> None:
        """A step that worked."""
        click.echo(f"{click.style('ok', fg='green')}      {name:<13} {printable(text)}")

    def detail(self, text: str) -> None:
        """More about the last step."""
        click.echo(f"        {'':<13} {printable(text)}")

    def failed(self, name: str, text: str, advice: str) -> None:
        """The step that did not work."""
        click.echo(f"{click.style('FAILED', fg='red')}  {name:<13} {printable(text)}")
        if advice:
            self.detail(f"what to do: {advice}")

    def connected(self, peer: str) -> None:
        """See :class:`DialObserver`."""
        self.step("TCP", f"connected to {peer}")

    def secured(self, session: ssl.SSLObject, handshake: Handshake) -> None:
        """See :class:`DialObserver`."""
        cipher = session.cipher()
        self.step("TLS", f"{session.version()}, {cipher[0] if cipher is not None else 'no cipher'}")
        self.certificate(peer_certificate(session))
        self.step("trust", "chain, host name and dates were verified")

    def certificate(self, leaf: x509.Certificate) -> None:
        """The server's own certificate."""
        self.detail(f"certificate {_name(leaf.subject)}")
        self.detail(f"names       {', '.join(_names(leaf)) or 'none'}")
        self.detail(f"valid       {leaf.not_valid_before_utc:%Y-%m-%d} to {_expiry(leaf)}")
        self.detail(f"pin         {format_pin(pin_of(leaf))}")
        self.detail(f"issued by   {_name(leaf.issuer)}")

    def greeted(self, greeting: bytes) -> None:
        """See :class:`DialObserver`."""
        self.step("greeting", greeting.rstrip(b"\r\n").decode("utf-8", "replace"))


async def check_upstream(
    reactor: Any, upstream: Upstream, user: str | None, password: str | None
) -> int:
    """Check everything; 0 when all of it worked, 2 when not."""
    report = Report()
    address = upstream.address
    try:
        addresses = await _resolve(reactor, address.host)
    except (OSError, UnicodeError) as error:
        advice = "check its spelling, and the network"
        reason = getattr(error, "strerror", None) or error
        report.failed("name", f"{address.host} is not known ({reason})", advice)
        return 2
    report.step("name", f"{address.host} is {', '.join(addresses)}")
    try:
        client = await dial(reactor, upstream, report)
    except UpstreamError as error:
        if isinstance(error, CertificateRefused):
            certificate = error.certificate or await _look(reactor, upstream)
            if certificate is not None:
                report.certificate(certificate)
        report.failed("connection", str(error), getattr(error, "advice", ""))
        return 2
    talk = Deferred.fromCoroutine(_talk(report, client, user, password))
    try:
        return await talk.addTimeout(upstream.timeout, reactor)
    except TimeoutError:
        report.failed("IMAP", f"no answer within {upstream.timeout:g} seconds", "try it again")
        return 2
    finally:
        client.close()


async def _look(reactor: Any, upstream: Upstream) -> x509.Certificate | None:
    """The certificate that was refused: what is in it tells more than that it was."""
    try:
        await dial(reactor, replace(upstream, tls=OnlyALook(upstream.address.host)))
    except CertificateRefused as error:
        return error.certificate
    except UpstreamError:
        pass  # it has changed its mind, and what was said before is all there is to say
    return None


async def _talk(report: Report, client: ImapClient, user: str | None, password: str | None) -> int:
    try:
        capabilities = client.capabilities or await client.capability()
        report.step("capabilities", " ".join(capabilities))
        if user is None or password is None:
            report.detail("(log-in not tried: give --user to try it)")
            return 0
        await log_in(client, Credentials(fsencode(user), Secret(fsencode(password))))
        offered = client.capabilities or capabilities
        report.step("log-in", f"{user} is logged in")
        report.detail(f"clients see {without_hop_by_hop(offered.encode()).decode()}")
        mailboxes = await client.list()
        report.step("mailboxes", f"{len(mailboxes)} are listed")
        inbox = await client.status("INBOX", "MESSAGES", "UNSEEN")
        counts = f"{inbox.number('MESSAGES')} messages, {inbox.number('UNSEEN')} unread"
        report.step("INBOX", counts)
        await client.logout()
    except LoginRefused as error:
        advice = "check name and password; some providers want an app password for IMAP"
        report.failed("log-in", _without_password(str(error), user, password), advice)
        return 2
    except UpstreamError as error:
        report.failed("IMAP", str(error), getattr(error, "advice", ""))
        return 2
    return 0


def _without_password(told: str, user: str | None, password: str | None) -> str:
    """What a server has told, less the password, where it quotes the command that it refuses."""
    if user is None or not password:
        return told
    plain = b"\0".join((b"", fsencode(user), fsencode(password)))
    for quoted in (password, base64.b64encode(plain).decode()):
        told = told.replace(quoted, "(password)")
    return told


async def _resolve(reactor: Any, host: str) -> list[str]:
    looked_up: Deferred[Any] = deferToThreadPool(
        reactor, reactor.getThreadPool(), socket.getaddrinfo, host, None, 0, socket.SOCK_STREAM
    )
    found = await looked_up
    return list(dict.fromkeys(entry[4][0] for entry in found))


def _name(name: x509.Name) -> str:
    for oid in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME):
        for attribute in name.get_attributes_for_oid(oid):
            return str(attribute.value)
    return name.rfc4514_string() or "(no name)"


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return [str(name.value) for name in extension.value]


def _expiry(certificate: x509.Certificate) -> str:
    end = certificate.not_valid_after_utc
    days = (end - datetime.now(UTC)).days
    if days < 0:
        return f"{end:%Y-%m-%d} (expired {-days} days ago)"
    warning = ": renew it soon" if days < _SOON else ""
    return f"{end:%Y-%m-%d} ({days} days left{warning})"
