"""The listener's own certificate, for clients that do speak TLS."""

from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificates
from OpenSSL import SSL
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.internet.ssl import CertificateOptions, TLSVersion
from zope.interface import implementer


class CertificateError(ValueError):
    """The certificate or key cannot be used; ``str()`` says which and why."""


@implementer(IOpenSSLServerConnectionCreator)
class ServerTls:
    """Server side of TLS with the certificate chain and key of two PEM files, read at once."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self._context = _context(certificate, key)

    def serverConnectionForTLS(self, tlsProtocol: Any) -> SSL.Connection:
        """Called by Twisted when a handshake begins."""
        return SSL.Connection(self._context, None)


def _context(certificate: Path, key: Path) -> SSL.Context:
    chain_pem, key_pem = _read(certificate, "certificate"), _read(key, "key")
    if b"-----BEGIN CERTIFICATE-----" not in chain_pem:
        raise CertificateError(f"{certificate} holds no PEM certificate")
    try:
        chain: Any = load_pem_x509_certificates(chain_pem)
        private_key: Any = load_pem_private_key(key_pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise CertificateError(
            f"{certificate} and {key} have to be PEM files, the key without a passphrase"
        ) from None
    options = CertificateOptions(
        privateKey=private_key,
        certificate=chain[0],
        extraCertChain=chain[1:],
        raiseMinimumTo=TLSVersion.TLSv1_2,
    )
    try:
        return options.getContext()
    except SSL.Error:
        raise CertificateError(f"the key in {key} is not that of {certificate}") from None


def _read(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CertificateError(f"cannot read the {what} file {path}: {error.strerror}") from None
