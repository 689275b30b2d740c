"""What can go wrong with the upstream; each error is a sentence and says what to do about it."""

from cryptography.x509 import Certificate


class UpstreamError(Exception):
    """Base of the family. ``str()`` is one line for people and holds no secret."""


class UpstreamUnavailable(UpstreamError):
    """The upstream is not there, or went away: no route, refused, timed out, closed.

    ``advice`` is what the user can do, one line, or empty.
    """

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.advice = advice


class Unreachable(UpstreamUnavailable):
    """It was dialled, and nothing of IMAP was heard: no name, no route, refused, too late, cut."""


class TurnedAway(UpstreamUnavailable):
    """The upstream greets with BYE; ``text`` is what it says behind that, without CRLF."""

    def __init__(self, message: str, text: bytes) -> None:
        super().__init__(message)
        self.text = text


class NoFreeConnection(UpstreamUnavailable):
    """The account has as many connections as it may have, and none came free in time."""


class TlsRefused(UpstreamUnavailable):
    """We refused the upstream's TLS: its certificate, its name, its version, its STARTTLS."""


class CertificateRefused(TlsRefused):
    """We refused the upstream's certificate.

    ``certificate`` is ``None`` where it was not seen: OpenSSL shows none whose chain it refuses.
    """

    def __init__(self, message: str, advice: str, certificate: Certificate | None) -> None:
        super().__init__(message, advice)
        self.certificate = certificate


class UpstreamProtocolError(UpstreamError):
    """The upstream said what the protocol does not allow; the connection was ended."""


class LiteralFailed(UpstreamError):
    """A message could not be sent whole, so that the connection had to be ended."""


class CommandRefused(UpstreamError):
    """The upstream answered a command with NO or BAD.

    ``status`` is ``b"NO"`` or ``b"BAD"``; ``text`` is the rest of the tagged response as it came,
    response code included, without CRLF (RFC 3501 section 7.1).
    """

    def __init__(self, status: bytes, text: bytes) -> None:
        super().__init__(f"{status.decode()} {printable(text)}")
        self.status = status
        self.text = text


class LoginRefused(CommandRefused):
    """The upstream did not take the credentials."""


class NoWayToLogIn(UpstreamError):
    """The upstream offers no mechanism that a name and password serve."""


def printable(told: bytes | str) -> str:
    r"""What a server said, for one line of a log or a terminal: controls are shown as ``\x1b``.

    Otherwise it could move the cursor, or begin a line of its own behind a bare CR.
    """
    text = told.decode("utf-8", "replace") if isinstance(told, bytes) else told
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
