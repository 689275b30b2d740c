"""Whom we believe to be the upstream: certificate chain, host name, TLS version, pinned keys."""

import base64
import binascii
import hashlib
import re
import ssl
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, Protocol

import idna
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from service_identity import CertificateError, VerificationError
from service_identity.cryptography import extract_patterns
from service_identity.hazmat import DNS_ID, IPAddress_ID, verify_service_identity
from twisted.internet.abstract import isIPAddress, isIPv6Address

from imapproxy.upstream.prompt_tls import PeerRefused, TlsParty

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)

# OpenSSL's X509_V_ERR_* numbers (x509_vfy.h), told as what the user sees and can do.
_CHAIN_FAULTS = {
    9: ("the certificate is not valid yet", "check the clocks of both machines"),
    10: ("the certificate has expired", "tell the server's operator; check this machine's clock"),
    18: (
        "the certificate is self-signed",
        "if that server is yours, give its certificate with --ca-file",
    ),
    19: (
        "the certificate chain ends in a root that is not trusted here",
        "if that authority is yours, give its certificate with --ca-file",
    ),
    20: (
        "the certificate was issued by an authority that is not trusted here",
        "if that authority is yours, give its certificate with --ca-file",
    ),
    21: (
        "the certificate was issued by an authority that is not trusted here",
        "if that authority is yours, give its certificate with --ca-file",
    ),
    23: ("the certificate was revoked", "tell the server's operator"),
}


_EXPIRED = 10  # X509_V_ERR_CERT_HAS_EXPIRED
_LONGEST_SESSION = 3600.0  # seconds from the moment when a certificate was shown


class TrustError(ValueError):
    """A CA file or a pin that cannot be used; ``str()`` says which and why."""


def load_ca_file(path: Path) -> list[x509.Certificate]:
    """The certificates of a PEM file. Raises :class:`TrustError`."""
    try:
        text = path.read_bytes()
    except OSError as error:
        raise TrustError(f"cannot read the CA file {path}: {error.strerror}") from None
    blocks = _PEM.findall(text)
    if not blocks:
        raise TrustError(f"the CA file {path} holds no PEM certificate")
    try:
        return [x509.load_pem_x509_certificate(block) for block in blocks]
    except ValueError:
        raise TrustError(f"the CA file {path} holds a certificate that cannot be read") from None


def parse_pin(text: str) -> bytes:
    """A pin as ``sha256/BASE64`` of the SubjectPublicKeyInfo (RFC 7469 section 2.4): 32 octets."""
    algorithm, _, value = text.partition("/")
    try:
        digest = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if algorithm != "sha256" or len(digest) != hashlib.sha256().digest_size:
        raise TrustError(
            f"{text!r} is not a pin; write sha256/ and the base64 of the key's SHA-256, "
            "as `imapproxy check` prints it"
        )
    return digest


def pin_of(certificate: x509.Certificate) -> bytes:
    """The SHA-256 of a certificate's SubjectPublicKeyInfo, 32 octets."""
    key = certificate.public_key()
    info = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(info).digest()


def format_pin(digest: bytes) -> str:
    """The text form that :func:`parse_pin` reads."""
    return "sha256/" + base64.b64encode(digest).decode()


class BadCertificate(PeerRefused):
    """A certificate that is not good enough: ``fault`` is what is wrong, ``advice`` the mend."""

    def __init__(
        self, fault: str, advice: str, certificate: x509.Certificate | None = None
    ) -> None:
        super().__init__(fault)
        self.fault = fault
        self.advice = advice
        self.certificate = certificate


def fault_of_chain(error: ssl.SSLCertVerificationError) -> tuple[str, str]:
    """What is wrong with a certificate chain that OpenSSL refused, and the mend."""
    code = error.verify_code
    unknown = f"the certificate chain was refused (OpenSSL verification error {code})"
    return _CHAIN_FAULTS.get(code, (unknown, ""))


class Handshake(TlsParty, Protocol):
    """The client's end of one handshake with an upstream."""

    def keep(self, session: ssl.SSLObject) -> None:
        """The server has said something: from now on its session may be kept."""


class Trust(Protocol):
    """Which server is believed to be the upstream."""

    def new_handshake(self, now: float) -> Handshake:
        """One connection's; ``now`` is in seconds, of the same clock each time."""


class _Kept(NamedTuple):
    session: ssl.SSLSession
    verified_at: float


class UpstreamTls:
    """What one upstream's certificate has to satisfy; shared by all connections to it.

    ``authorities`` replace the system's when given. ``pins`` are SHA-256 digests of keys: one of
    them has to be the server's, besides everything else.

    A TLS session of the last connection is kept for the next one, which then needs less of a
    handshake (RFC 8446 section 2.2). In such a handshake the server shows no certificate: that it
    can go on with the session proves that it is who was verified when that began. So a session
    belongs to this object and no other: one host, one set of authorities and pins. It is kept only
    from a connection that was accepted, for an hour at most from then on (by then authorities may
    have revoked what they signed), and given away once (RFC 8446 appendix C.4).
    """

    def __init__(
        self,
        host: str,
        authorities: Iterable[x509.Certificate] | None = None,
        pins: Iterable[bytes] = (),
    ) -> None:
        self.host = host
        self.pins = frozenset(pins)
        # One OpenSSL context for all: it is most of what an idle TLS connection costs.
        self.context = _context(list(authorities or ()))
        self._kept: _Kept | None = None
        if isIPAddress(host) or isIPv6Address(host):
            self._identity: DNS_ID | IPAddress_ID = IPAddress_ID(host)
        else:
            self._identity = DNS_ID(host)

    def new_handshake(self, now: float) -> "VerifiedHandshake":
        """See :class:`Trust`."""
        kept, self._kept = self._kept, None
        if kept is not None and now - kept.verified_at >= _LONGEST_SESSION:
            kept = None
        return VerifiedHandshake(self, now, kept)

    def keep(self, session: ssl.SSLSession, verified_at: float) -> None:
        """Keep a session that was accepted; ``verified_at`` is when a certificate was shown."""
        self._kept = _Kept(session, verified_at)

    def verify_leaf(self, certificate: x509.Certificate) -> None:
        """Verify the server's own certificate, whose chain is good. Raises BadCertificate."""
        try:
            verify_service_identity(extract_patterns(certificate), [self._identity], [])
        except (VerificationError, CertificateError, ValueError):
            raise BadCertificate(
                f"the certificate is not for {self.host}",
                "use the name that the server's operator gives for IMAP",
                certificate,
            ) from None
        if self.pins and pin_of(certificate) not in self.pins:
            raise BadCertificate(
                f"the key of the certificate is {format_pin(pin_of(certificate))}, which is "
                "none of the pinned ones",
                "if the server's key was changed on purpose, change the pin",
                certificate,
            )

    def verify_known_leaf(self, certificate: x509.Certificate) -> None:
        """The same by now for one whose chain was good some time ago. Raises BadCertificate."""
        if certificate.not_valid_after_utc < datetime.now(UTC):
            raise BadCertificate(*_CHAIN_FAULTS[_EXPIRED], certificate)
        self.verify_leaf(certificate)


class VerifiedHandshake:
    """One handshake, at whose end the server is who it should be.

    ``offers_session`` tells that the server may go on with a session that was kept, and
    ``resumed``, once all is over, that it did. ``verified_at`` is when its certificate was shown.
    """

    def __init__(self, trust: UpstreamTls, now: float, kept: _Kept | None) -> None:
        self._trust = trust
        self._kept = kept
        self.verified_at = now
        self.resumed = False

    @property
    def offers_session(self) -> bool:
        """See above."""
        return self._kept is not None

    def begin(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO) -> ssl.SSLObject:
        """See :class:`TlsParty`. OpenSSL verifies the chain."""
        return self._trust.context.wrap_bio(
            incoming,
            outgoing,
            server_hostname=_on_the_wire(self._trust.host),
            session=self._kept.session if self._kept is not None else None,
        )

    def accept(self, session: ssl.SSLObject) -> None:
        """See :class:`TlsParty`. Raises BadCertificate.

        Where it went on with the session that it was given OpenSSL has looked at no chain, and
        remembers the certificate that was shown when that began, which must still be good.
        """
        certificate = peer_certificate(session)
        if self._kept is None or not session.session_reused:
            self._trust.verify_leaf(certificate)
            return
        self.resumed = True
        self.verified_at = self._kept.verified_at
        self._trust.verify_known_leaf(certificate)

    def keep(self, session: ssl.SSLObject) -> None:
        """Keep the session of an accepted connection for the next one.

        In TLS 1.3 that makes sense only once the server has sent something: the ticket comes
        behind the handshake (RFC 8446 section 4.6.1).
        """
        if session.session is not None:
            self._trust.keep(session.session, self.verified_at)


class OnlyALook:
    """Shows the certificate of a server, which OpenSSL does not where it refuses the chain.

    It takes any certificate in the handshake, and refuses each behind it: to who has shown it,
    nothing is ever said.
    """

    def __init__(self, host: str) -> None:
        self._host = host
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._context.check_hostname = False
        self._context.verify_mode = ssl.CERT_NONE

    def new_handshake(self, now: float) -> "OnlyALook":
        """See :class:`Trust`."""
        return self

    def begin(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO) -> ssl.SSLObject:
        """See :class:`TlsParty`."""
        return self._context.wrap_bio(incoming, outgoing, server_hostname=_on_the_wire(self._host))

    def accept(self, session: ssl.SSLObject) -> None:
        """Raise BadCertificate with the certificate, whatever it is."""
        raise BadCertificate("it was only a look", "", peer_certificate(session))

    def keep(self, session: ssl.SSLObject) -> None:
        """See :class:`Handshake`; it never comes to that."""


def peer_certificate(session: ssl.SSLObject) -> x509.Certificate:
    """The server's own certificate. Raises BadCertificate where it cannot be read."""
    try:
        return x509.load_der_x509_certificate(session.getpeercert(binary_form=True) or b"")
    except ValueError:
        raise BadCertificate(
            "the certificate cannot be read", "tell the server's operator"
        ) from None


def _context(authorities: list[x509.Certificate]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # verifies the chain
    context.check_hostname = False  # service-identity does, and so tells an unknown name apart
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if authorities:
        octets = b"".join(each.public_bytes(Encoding.DER) for each in authorities)
        context.load_verify_locations(cadata=octets)
    else:
        context.load_default_certs()
    return context


def _on_the_wire(host: str) -> str:
    return host if host.isascii() else idna.encode(host).decode()
