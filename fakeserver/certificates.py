"""Certificates for one run of a server: a CA of its own, and what it vouches for."""

import datetime
import shutil
import tempfile
from enum import Enum
from pathlib import Path
from typing import Any

import trustme
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate
from twisted.internet.ssl import CertificateOptions

_NAMES = ("localhost", "127.0.0.1", "::1")


class Kind(Enum):
    """What certificate the server shows: a good one, or one that a client has to refuse."""

    VALID = "valid"
    EXPIRED = "expired"
    WRONG_NAME = "wrong-name"
    SELF_SIGNED = "self-signed"


class Certificates:
    """A directory, readable to its owner alone, with ``ca.pem``; ``remove`` takes it away."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="fakeserver-"))
        self._ca = trustme.CA(organization_name="fakeserver")
        self.ca_file = self.directory / "ca.pem"
        self._ca.cert_pem.write_to_path(str(self.ca_file))
        self._options: dict[Kind, CertificateOptions] = {}

    def options(self, kind: Kind = Kind.VALID) -> CertificateOptions:
        """What Twisted needs to be a TLS server with such a certificate."""
        if kind not in self._options:
            self._options[kind] = self._make_options(kind)
        return self._options[kind]

    def _make_options(self, kind: Kind) -> CertificateOptions:
        leaf = self._issue(kind)
        chain: list[Any] = [
            load_pem_x509_certificate(blob.bytes()) for blob in leaf.cert_chain_pems
        ]
        key: Any = load_pem_private_key(leaf.private_key_pem.bytes(), None)
        return CertificateOptions(privateKey=key, certificate=chain[0], extraCertChain=chain[1:])

    def remove(self) -> None:
        """Take the directory away."""
        shutil.rmtree(self.directory, ignore_errors=True)

    def _issue(self, kind: Kind) -> trustme.LeafCert:
        if kind is Kind.EXPIRED:
            yesterday = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
            before = yesterday - datetime.timedelta(days=30)
            return self._ca.issue_cert(*_NAMES, not_before=before, not_after=yesterday)
        if kind is Kind.WRONG_NAME:
            return self._ca.issue_cert("wrong.name.invalid")
        if kind is Kind.SELF_SIGNED:
            # A CA that nobody has heard of vouches for it: to a client that is the same.
            return trustme.CA(organization_name="nobody").issue_cert(*_NAMES)
        return self._ca.issue_cert(*_NAMES)
