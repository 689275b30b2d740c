"""The server's part of AUTHENTICATE PLAIN and LOGIN, as far as a proxy needs it.

The proxy checks no password; it only has to learn name and password to log in upstream with.
"""

import base64
import binascii
from abc import ABC, abstractmethod

from imapproxy.wire.credentials import Credentials
from imapproxy.wire.secret import Secret


class SaslError(Exception):
    """The client's response is not of the mechanism; ``str()`` says why and holds no secret."""


class Mechanism(ABC):
    """A dialogue that ends in credentials."""

    #: The challenge to send next, not yet base64.
    challenge = b""

    @abstractmethod
    def response(self, octets: bytes) -> Credentials | None:
        """Take the client's response; ``None`` when :attr:`challenge` has to be sent again."""


class Plain(Mechanism):
    """RFC 4616: ``[authzid] NUL authcid NUL passwd``, all in one response."""

    def response(self, octets: bytes) -> Credentials | None:
        """See :class:`Mechanism`."""
        fields = octets.split(b"\0")
        if len(fields) != 3 or not fields[1]:
            raise SaslError("a PLAIN response is [authzid] NUL name NUL password")
        authorization, user, password = fields
        if authorization == user:
            authorization = b""
        return Credentials(user, Secret(password), authorization)


class LoginMechanism(Mechanism):
    """LOGIN (draft-murchison-sasl-login-00): name and password, each on its own challenge."""

    challenge = b"Username:"

    def __init__(self) -> None:
        self._user: bytes | None = None

    def response(self, octets: bytes) -> Credentials | None:
        """See :class:`Mechanism`."""
        if b"\0" in octets:
            raise SaslError("a name or password holds no NUL")
        if self._user is None:
            self._user = octets
            self.challenge = b"Password:"
            return None
        return Credentials(self._user, Secret(octets))


MECHANISMS: dict[str, type[Mechanism]] = {"PLAIN": Plain, "LOGIN": LoginMechanism}


def decode_base64(line: bytes) -> bytes:
    """A response as it stands on the wire. Raises :class:`SaslError`."""
    try:
        return base64.b64decode(line.strip(b" "), validate=True)
    except (binascii.Error, ValueError):
        raise SaslError("the response is not base64") from None
