"""The listener's own certificate, for clients that do speak TLS."""

import re
from pathlib import Path
from typing import Any

from OpenSSL import SSL, crypto
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.internet.ssl import CertificateOptions, TLSVersion
from zope.interface import implementer

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


class CertificateError(ValueError):
    """The certificate or key cannot be used; ``str()`` says which and why."""


@implementer(IOpenSSLServerConnectionCreator)
class ServerTls:
    """Server side of TLS with the certificate chain and key of two PEM files.

    :meth:`load` reads them again; connections that are there keep what they have.
    """

    def __init__(self, certificate: Path, key: Path) -> None:
        self._context = _context(certificate, key)

    def load(self, certificate: Path, key: Path) -> None:
        """Use these files for connections from now on. Raises :class:`CertificateError`."""
        self._context = _context(certificate, key)

    def serverConnectionForTLS(self, tlsProtocol: Any) -> SSL.Connection:
        """Called by Twisted when a handshake begins."""
        return SSL.Connection(self._context, None)


def _context(certificate: Path, key: Path) -> SSL.Context:
    blocks = _CERTIFICATE.findall(_read(certificate, "certificate"))
    if not blocks:
        raise CertificateError(f"{certificate} holds no PEM certificate")
    try:
        chain = [crypto.load_certificate(crypto.FILETYPE_PEM, block) for block in blocks]
        private_key = crypto.load_privatekey(crypto.FILETYPE_PEM, _read(key, "key"), b"")
    except (crypto.Error, ValueError, TypeError):
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
