"""Which log-ins the upstream is asked to check: no program may get its owner locked out.

Providers lock an account after so many wrong passwords, and mail programs try a wrong password
for ever. So a credential that was refused is refused here for a while, and an account whose
passwords were refused too often is left alone, all but for the credential that is known to be good.
"""

import hashlib
import hmac
import secrets
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import NamedTuple

from imapproxy.wire.credentials import Credentials

#: Seconds within which the refusals of one account are counted.
WINDOW = 15 * 60.0
_FIRST_PAUSE = 60.0  # seconds before the same credential is tried again, doubled each time
_LONGEST_PAUSE = 60 * 60.0
_MOST_ACCOUNTS = 4096


class Account(NamedTuple):
    """Whose mail: on which upstream, by which name, and whose if not one's own.

    Servers differ on whether the case of a name matters; here it never does, for it is safer to
    count two accounts as one than one as two.
    """

    upstream: str
    user: bytes
    authorization: bytes


def account_of(upstream: object, credentials: Credentials) -> Account:
    """The account that credentials are for; ``upstream`` is told by its ``str``."""
    return Account(
        str(upstream), credentials.user.strip().lower(), credentials.authorization.strip().lower()
    )


class Verdict(Enum):
    """What to do with a log-in."""

    ASK = auto()  # the upstream
    WAIT = auto()  # the upstream is being asked this very question
    REFUSED_BEFORE = auto()  # it has refused this credential
    TOO_MANY_REFUSED = auto()  # it has refused too many of this account


class Decision(NamedTuple):
    """``seconds`` is when it may be otherwise, for the two that withhold the log-in."""

    verdict: Verdict
    seconds: float = 0.0


class _Refused(NamedTuple):
    digest: bytes
    times: int
    until: float


@dataclass(slots=True)
class _Record:
    """One account: digests of its credentials, and when it was refused."""

    accepted: bytes = b""
    refusals: deque[float] = field(default_factory=deque)
    refused: list[_Refused] = field(default_factory=list)
    asking: set[bytes] = field(default_factory=set)

    def refusal_of(self, digest: bytes) -> _Refused | None:
        for refused in self.refused:
            if hmac.compare_digest(refused.digest, digest):
                return refused
        return None


class Attempts:
    """Remembers the outcome of log-ins; every method is told the time, in seconds.

    No password is kept, but a digest of it under a key that this process made for itself.
    ``max_refusals`` is how many an account may have within :data:`WINDOW`.
    """

    def __init__(self, most_accounts: int = _MOST_ACCOUNTS) -> None:
        self._key = secrets.token_bytes(32)
        self._most_accounts = most_accounts
        self._records: OrderedDict[Account, _Record] = OrderedDict()

    def __len__(self) -> int:
        return len(self._records)

    def digest(self, account: Account, credentials: Credentials) -> bytes:
        """What is remembered of credentials: 32 octets that tell nothing without our key."""
        digest = hashlib.blake2b(key=self._key, digest_size=32)
        for octets in (
            account.upstream.encode(),
            credentials.user,
            credentials.authorization,
            credentials.password.reveal(),
        ):
            digest.update(len(octets).to_bytes(8, "big") + octets)
        return digest.digest()

    def decide(self, account: Account, digest: bytes, max_refusals: int, now: float) -> Decision:
        """Whether the upstream may be asked. After ASK, tell :meth:`asking` and the outcome."""
        record = self._records.get(account)
        if record is None or hmac.compare_digest(record.accepted, digest):
            return Decision(Verdict.ASK)
        if digest in record.asking:
            return Decision(Verdict.WAIT)
        refused = record.refusal_of(digest)
        if refused is not None and now < refused.until:
            return Decision(Verdict.REFUSED_BEFORE, refused.until - now)
        recent = [at for at in record.refusals if at > now - WINDOW]
        # What is being asked counts as refused until it is known.
        excess = len(recent) + len(record.asking) - max_refusals
        if excess >= 0:
            first = recent[excess] if excess < len(recent) else now
            return Decision(Verdict.TOO_MANY_REFUSED, first + WINDOW - now)
        return Decision(Verdict.ASK)

    def asking(self, account: Account, digest: bytes) -> None:
        """The upstream is being asked."""
        record = self._records.setdefault(account, _Record())
        self._records.move_to_end(account)
        record.asking.add(digest)
        self._forget_oldest()

    def accepted(self, account: Account, digest: bytes) -> None:
        """The upstream has let it in."""
        record = self._answered(account, digest)
        record.accepted = digest
        record.refused = [entry for entry in record.refused if entry.digest != digest]

    def refused(self, account: Account, digest: bytes, max_refusals: int, now: float) -> None:
        """The upstream has refused it."""
        record = self._answered(account, digest)
        if hmac.compare_digest(record.accepted, digest):
            record.accepted = b""
        before = record.refusal_of(digest)
        times = before.times + 1 if before is not None else 1
        pause = min(_FIRST_PAUSE * 2.0 ** min(times - 1, 30), _LONGEST_PAUSE)
        others = [entry for entry in record.refused if entry is not before]
        record.refused = [*others, _Refused(digest, times, now + pause)][-max_refusals:]
        _count(record, max_refusals, now)

    def abandoned(self, account: Account, digest: bytes, max_refusals: int, now: float) -> None:
        """Its answer was not waited for: a refusal, for all that is known."""
        _count(self._answered(account, digest), max_refusals, now)

    def unanswered(self, account: Account, digest: bytes) -> None:
        """The upstream could not be asked, or did not look at the credential."""
        self._answered(account, digest)

    def _answered(self, account: Account, digest: bytes) -> _Record:
        record = self._records.setdefault(account, _Record())
        record.asking.discard(digest)
        return record

    def _forget_oldest(self) -> None:
        if len(self._records) > self._most_accounts:
            self._records.popitem(last=False)


def _count(record: _Record, max_refusals: int, now: float) -> None:
    record.refusals.append(now)
    while len(record.refusals) > max_refusals:
        record.refusals.popleft()
