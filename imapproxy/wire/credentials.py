"""What somebody logs in with."""

from dataclasses import dataclass

from imapproxy.wire.secret import Secret


@dataclass(frozen=True, slots=True)
class Credentials:
    """A name and password, octet for octet.

    ``authorization`` is whose mail is wanted when that is another than ``user`` (SASL
    authorization identity, RFC 4616); empty otherwise.
    """

    user: bytes
    password: Secret
    authorization: bytes = b""
