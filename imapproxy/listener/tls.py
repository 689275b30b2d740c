"""The listener's own certificate, for clients that do speak TLS."""

import ssl
from pathlib import Path


class CertificateError(ValueError):
    """The certificate or key cannot be used; ``str()`` says which and why."""


class ServerTls:
    """Server side of TLS with the certificate chain and key of two PEM files, read at once."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self._context = _context(certificate, key)

    def begin(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO) -> ssl.SSLObject:
        """See :class:`imapproxy.upstream.prompt_tls.TlsParty`."""
        return self._context.wrap_bio(incoming, outgoing, server_side=True)

    def accept(self, session: ssl.SSLObject) -> None:
        """Accept everybody: a client says who it is by its log-in."""


def _context(certificate: Path, key: Path) -> ssl.SSLContext:
    chain, _ = _read(certificate, "certificate"), _read(key, "key")
    if b"-----BEGIN CERTIFICATE-----" not in chain:
        raise CertificateError(f"{certificate} holds no PEM certificate")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # Without a passphrase OpenSSL would ask for one on the terminal.
        context.load_cert_chain(certificate, key, password="")
    except ssl.SSLError as error:
        if error.reason in ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH"):
            raise CertificateError(f"the key in {key} is not that of {certificate}") from None
        raise CertificateError(
            f"{certificate} and {key} have to be PEM files, the key without a passphrase"
        ) from None
    return context


def _read(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CertificateError(f"cannot read the {what} file {path}: {error.strerror}") from None
