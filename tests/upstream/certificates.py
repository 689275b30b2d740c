"""Certificates for servers, good ones and each kind of bad one."""

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from OpenSSL import crypto
from twisted.internet.ssl import (
    Certificate,
    CertificateOptions,
    TLSVersion,
    optionsForClientTLS,
    trustRootFromCertificates,
)

from imapproxy.upstream.tls import pin_of

# Making keys takes time, and no test changes them.
AUTHORITY = trustme.CA(organization_name="Test authority")
OTHER_AUTHORITY = trustme.CA(organization_name="Another authority")

_DAY = timedelta(days=1)


class Identity(NamedTuple):
    """A certificate with its key, both PEM, and the chain above it."""

    certificate: bytes
    key: bytes
    chain: tuple[bytes, ...] = ()

    def server_tls(self, **options: object) -> CertificateOptions:
        """What a Twisted server needs."""
        return CertificateOptions(
            privateKey=serialization.load_pem_private_key(self.key, None),
            certificate=x509.load_pem_x509_certificate(self.certificate),
            extraCertChain=[x509.load_pem_x509_certificate(each) for each in self.chain],
            **options,
        )

    @property
    def pin(self) -> bytes:
        """The SHA-256 of its key."""
        return pin_of(self.x509)

    def old_tls(self) -> CertificateOptions:
        """A server that speaks TLS 1.1 at most."""
        options = self.server_tls(
            insecurelyLowerMinimumTo=TLSVersion.TLSv1_0, lowerMaximumSecurityTo=TLSVersion.TLSv1_1
        )
        # OpenSSL 3 would not do it otherwise.
        options.getContext().set_cipher_list(b"ALL:@SECLEVEL=0")
        return options

    @property
    def x509(self) -> x509.Certificate:
        """The certificate itself."""
        return x509.load_pem_x509_certificate(self.certificate)


def authority(of: trustme.CA = AUTHORITY) -> x509.Certificate:
    """What a client trusts: the authority of all certificates that are good, or another one."""
    return x509.load_pem_x509_certificate(of.cert_pem.bytes())


def client_tls(host: str) -> Any:
    """What a Twisted client needs."""
    trusted = Certificate.loadPEM(AUTHORITY.cert_pem.bytes())
    return optionsForClientTLS(host, trustRoot=trustRootFromCertificates([trusted]))


@cache
def issued(
    *names: str,
    by: trustme.CA = AUTHORITY,
    not_before: datetime | None = None,
    not_after: datetime | None = None,
) -> Identity:
    """A certificate for names and addresses."""
    leaf = by.issue_cert(*names, not_before=not_before, not_after=not_after)
    first, *others = (pem.bytes() for pem in leaf.cert_chain_pems)
    return Identity(first, leaf.private_key_pem.bytes(), tuple(others))


def expired() -> Identity:
    """One that was good until yesterday."""
    now = datetime.now(UTC)
    return issued("localhost", not_before=now - 30 * _DAY, not_after=now - _DAY)


def not_yet_valid() -> Identity:
    """One that will be good tomorrow."""
    now = datetime.now(UTC)
    return issued("localhost", not_before=now + _DAY, not_after=now + 30 * _DAY)


@cache
def self_signed(name: str = "localhost") -> Identity:
    """One that vouches for itself, as `openssl req -x509` makes it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DAY)
        .not_valid_after(now + _DAY)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Identity(
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )


def pem_of_peer(transport: Any) -> bytes:
    """The certificate that the other side of a connection has shown."""
    return crypto.dump_certificate(crypto.FILETYPE_PEM, transport.getPeerCertificate())
