"""Whom we believe to be the upstream: certificate chain, host name, TLS version, pinned keys."""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from OpenSSL import SSL, crypto
from service_identity import VerificationError
from service_identity.hazmat import DNS_ID, IPAddress_ID, verify_service_identity
from service_identity.pyopenssl import extract_patterns
from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.ssl import (
    Certificate,
    TLSVersion,
    optionsForClientTLS,
    platformTrust,
    trustRootFromCertificates,
)
from zope.interface import implementer

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


def load_ca_file(path: Path) -> list[Certificate]:
    """The certificates of a PEM file. Raises :class:`TrustError`."""
    try:
        text = path.read_bytes()
    except OSError as error:
        raise TrustError(f"cannot read the CA file {path}: {error.strerror}") from None
    blocks = _PEM.findall(text)
    if not blocks:
        raise TrustError(f"the CA file {path} holds no PEM certificate")
    try:
        return [Certificate.loadPEM(block) for block in blocks]
    except (crypto.Error, ValueError):
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


def pin_of(certificate: crypto.X509) -> bytes:
    """The SHA-256 of a certificate's SubjectPublicKeyInfo, 32 octets."""
    key = certificate.to_cryptography().public_key()
    info = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(info).digest()


def format_pin(digest: bytes) -> str:
    """The text form that :func:`parse_pin` reads."""
    return "sha256/" + base64.b64encode(digest).decode()


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
        authorities: Iterable[Certificate] | None = None,
        pins: Iterable[bytes] = (),
    ) -> None:
        self.host = host
        self.pins = frozenset(pins)
        trust = trustRootFromCertificates(list(authorities)) if authorities else platformTrust()
        # One OpenSSL context for all: it is most of what an idle TLS connection costs.
        self._options = optionsForClientTLS(
            host,
            trustRoot=trust,
            extraCertificateOptions={
                "raiseMinimumTo": TLSVersion.TLSv1_2,
                "enableSessionTickets": True,
            },
        )
        self._kept: _Kept | None = None
        if isIPAddress(host) or isIPv6Address(host):
            self._identity: DNS_ID | IPAddress_ID = IPAddress_ID(host)
        else:
            self._identity = DNS_ID(host)

    def new_handshake(self, now: float) -> "Handshake":
        """A creator for one connection, which remembers why it refused a certificate.

        ``now`` is in seconds, of the same clock each time.
        """
        kept, self._kept = self._kept, None
        if kept is not None and now - kept.verified_at >= _LONGEST_SESSION:
            kept = None
        return Handshake(self, now, kept)

    def keep(self, session: SSL.Session, verified_at: float) -> None:
        """Keep a session that was accepted; ``verified_at`` is when a certificate was shown."""
        self._kept = _Kept(session, verified_at)

    def new_connection(self, tls_protocol: Any) -> SSL.Connection:
        """An OpenSSL connection with SNI and the trusted authorities set."""
        return self._options.clientConnectionForTLS(tls_protocol)

    def fault_of_leaf(self, certificate: crypto.X509) -> tuple[str, str] | None:
        """What is wrong with the server's own certificate although its chain is good."""
        try:
            verify_service_identity(extract_patterns(certificate), [self._identity], [])
        except VerificationError:
            return (
                f"the certificate is not for {self.host}",
                "use the name that the server's operator gives for IMAP",
            )
        if self.pins and pin_of(certificate) not in self.pins:
            return (
                f"the key of the certificate is {format_pin(pin_of(certificate))}, which is "
                "none of the pinned ones",
                "if the server's key was changed on purpose, change the pin",
            )
        return None

    def fault_of_known_leaf(self, certificate: crypto.X509) -> tuple[str, str] | None:
        """What is wrong by now with a certificate whose chain was good some time ago."""
        if certificate.has_expired():
            return _CHAIN_FAULTS[_EXPIRED]
        return self.fault_of_leaf(certificate)


class _Kept(NamedTuple):
    session: SSL.Session
    verified_at: float


@implementer(IOpenSSLClientConnectionCreator)
class Handshake:
    """One handshake. ``fault`` is ``(what is wrong, what to do)`` once a certificate was refused.

    ``offers_session`` tells that the server may go on with a session that was kept, and
    ``resumed``, once all is over, that it did. ``verified_at`` is when its certificate was shown.

    Twisted's own verification does the same but tells only "certificate verify failed", and that
    is not enough for the person who has to mend it.
    """

    def __init__(self, policy: UpstreamTls, now: float, kept: _Kept | None) -> None:
        self._policy = policy
        self._kept = kept
        self.verified_at = now
        self.fault: tuple[str, str] | None = None
        self.chain: dict[int, crypto.X509] = {}
        self.resumed = False

    @property
    def offers_session(self) -> bool:
        """See above."""
        return self._kept is not None

    def clientConnectionForTLS(self, tlsProtocol: Any) -> SSL.Connection:
        """Called by Twisted when the handshake begins."""
        connection = self._policy.new_connection(tlsProtocol)
        connection.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, self._verify)
        if self._kept is not None:
            connection.set_session(self._kept.session)
        return connection

    def completed(self, connection: SSL.Connection) -> None:
        """The handshake has ended well; ``fault`` may still say that the server is not accepted.

        OpenSSL has asked about no certificate where it went on with the session that it was given.
        It remembers the one that was shown when that began, which must still be good.
        """
        self.resumed = self._kept is not None and not self.chain
        if not self.resumed:
            return
        assert self._kept is not None
        self.verified_at = self._kept.verified_at
        certificate = connection.get_peer_certificate()
        if certificate is None:
            self.fault = ("the TLS session is not the one that was kept", "try it again")
            return
        self.chain[0] = certificate
        self.fault = self._policy.fault_of_known_leaf(certificate)

    def keep(self, connection: SSL.Connection) -> None:
        """Keep the session of an accepted connection for the next one.

        In TLS 1.3 that makes sense only once the server has sent something: the ticket comes
        behind the handshake (RFC 8446 section 4.6.1).
        """
        session = connection.get_session()
        if session is not None and self.fault is None:
            self._policy.keep(session, self.verified_at)

    def _verify(
        self, _: SSL.Connection, certificate: crypto.X509, code: int, depth: int, ok: int
    ) -> bool:
        # An exception in here makes pyOpenSSL refuse the certificate: it fails closed.
        self.chain[depth] = certificate
        if not ok:
            self.fault = _CHAIN_FAULTS.get(
                code,
                (f"the certificate chain was refused (OpenSSL verification error {code})", ""),
            )
            return False
        if depth == 0:
            self.fault = self._policy.fault_of_leaf(certificate)
        return self.fault is None
