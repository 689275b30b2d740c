"""Whether a password is the one that the upstream has last accepted, without keeping it.

What is kept is scrypt (RFC 7914) of it, with a salt of its own and the parameters beside it, so
that those may grow and what was kept before stays good. It is made of the account's name, too:
under another account it matches nothing.
"""

import hashlib
import hmac
import secrets
from typing import NamedTuple

from imapproxy.cache.notes import Note
from imapproxy.wire.secret import Secret


class Cost(NamedTuple):
    """scrypt's N, r and p; the time that it takes grows with the product of the three."""

    n: int
    r: int
    p: int

    @property
    def memory(self) -> int:
        """Octets."""
        return 128 * self.r * (self.n + self.p + 2)


#: 64 MiB and some 0.3 s: what OWASP's "Password Storage Cheat Sheet" asks for at least.
COST = Cost(2**16, 8, 2)
# What is read from a disk may say anything, and must not take all memory and time there is.
_MOST_MEMORY = 512 * 1024 * 1024
_MOST_WORK = 2**24
_SALT = 16
_DIGEST = 32


class Verifier(Note, frozen=True, array_like=True):
    """What is kept. Its ``repr`` tells nothing of it."""

    cost: Cost
    salt: bytes
    digest: bytes

    def __repr__(self) -> str:
        return "Verifier(…)"

    @property
    def is_sound(self) -> bool:
        """Whether it can be computed within reason."""
        n, r, p = self.cost
        return (
            n > 1
            and n & (n - 1) == 0
            and r > 0
            and p > 0
            and self.cost.memory <= _MOST_MEMORY
            and n * r * p <= _MOST_WORK
            and len(self.digest) == _DIGEST
        )


def make_verifier(account: bytes, password: Secret, cost: Cost = COST) -> Verifier:
    """Of a password that the upstream has accepted. Slow: for a thread."""
    salt = secrets.token_bytes(_SALT)
    return Verifier(cost, salt, _scrypt(account, password, salt, cost))


def matches(verifier: Verifier, account: bytes, password: Secret) -> bool:
    """Whether it was made of this password, compared in constant time. Slow: for a thread."""
    if not verifier.is_sound:
        return False
    digest = _scrypt(account, password, verifier.salt, verifier.cost)
    return hmac.compare_digest(digest, verifier.digest)


def _scrypt(account: bytes, password: Secret, salt: bytes, cost: Cost) -> bytes:
    said = len(account).to_bytes(4, "big") + account + password.reveal()
    n, r, p = cost
    # OpenSSL takes no more than 32 MiB if it is not told that so much is meant.
    return hashlib.scrypt(said, salt=salt, n=n, r=r, p=p, maxmem=cost.memory + 2**20, dklen=_DIGEST)
