"""Telling whether two log-ins gave the same name and password, without keeping either."""

import hashlib
import hmac
import secrets

from imapproxy.wire.credentials import Credentials


class Fingerprints:
    """Makes keyed hashes of credentials. The key is random, and nobody but this object has it."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def of(self, credentials: Credentials) -> bytes:
        """32 octets, the same for the same credentials."""
        fields = (credentials.authorization, credentials.user, credentials.password.reveal())
        # Each with its length: where one ends must not be a matter of what is in it.
        told = b"".join(b"%d:%b" % (len(field), field) for field in fields)
        return hmac.new(self._key, told, hashlib.sha256).digest()


def same(one: bytes, other: bytes) -> bool:
    """Compare two fingerprints in a time that does not tell how much of them is equal."""
    return hmac.compare_digest(one, other)
