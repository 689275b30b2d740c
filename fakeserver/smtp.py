"""SMTP: what is sent here arrives in an INBOX.

Twisted's own server does it (``twisted.mail.smtp``): it takes lines with CRLF alone for lines, so a
message comes through octet for octet, and it needs no thread. What it does not do is 8BITMIME's
announcement, BDAT, and lines of more than 16 KiB, sixteen times what RFC 5321 allows; and what
begins without a header gets an empty line in front.
"""

from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory
from twisted.mail import smtp
from zope.interface import implementer

from fakeserver.server import FakeServer


class SmtpFactory(Factory):
    """Takes mail for the accounts of a server, from anybody."""

    noisy = False

    def __init__(self, server: FakeServer, clock: Any) -> None:
        self._server = server
        self._clock = clock

    def buildProtocol(self, addr: IAddress | None) -> smtp.ESMTP:
        """The protocol of one connection."""
        protocol: Any = smtp.ESMTP()
        protocol.delivery = _Delivery(self._server)
        # Its timeouts would ask for the global reactor.
        protocol.callLater = self._clock.callLater
        protocol.timeout = 600
        protocol.host = b"localhost"
        return protocol  # type: ignore[no-any-return]


def recipient(server: FakeServer, address: str) -> str | None:
    """The user whose address this is: ``demo`` has ``demo@anything`` and ``demo+tag@anything``."""
    local = address.rpartition("@")[0] or address
    plain = local.partition("+")[0]
    users = [user.decode("utf-8", "replace") for user in server.host.accounts]
    for user in users:
        if address.lower() == user.lower():
            return user
    for user in users:
        if user.partition("@")[0].lower() in (local.lower(), plain.lower()):
            return user
    return None


@implementer(smtp.IMessageDelivery)
class _Delivery:
    """One connection's mail."""

    def __init__(self, server: FakeServer) -> None:
        self._server = server

    def receivedHeader(self, helo: object, origin: object, recipients: object) -> bytes:
        """None: a test gets the message that was sent."""
        return b""

    def validateFrom(self, helo: object, origin: object) -> object:
        """Anybody may send."""
        return origin

    def validateTo(self, user: Any) -> Any:
        """Somebody who has an account here."""
        found = recipient(self._server, str(user.dest))
        if found is None:
            raise smtp.SMTPBadRcpt(user)
        return lambda: _Incoming(self._server, found)


@implementer(smtp.IMessage)
class _Incoming:
    """One message on its way to one account."""

    def __init__(self, server: FakeServer, user: str) -> None:
        self._server = server
        self._user = user
        self._lines: list[bytes] = []

    def lineReceived(self, line: bytes) -> None:
        """A line of it."""
        self._lines.append(line + b"\r\n")

    def eomReceived(self) -> "Deferred[None]":
        """All of it is there."""
        self._server.deliver(b"".join(self._lines), user=self._user)
        return succeed(None)

    def connectionLost(self) -> None:
        """There is no more to come, and nothing to deliver."""
