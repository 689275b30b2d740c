"""What a client may believe of the mailbox it has selected, by what it was told."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.real.truth import Spool

UNKNOWN = 0


@dataclass
class ClientView:
    """The selected mailbox; ``uids`` is by message number less one, ``UNKNOWN`` where not told.

    Each method returns what was wrong with what it was told, an empty string if nothing was.
    """

    mailbox: bytes
    uid_validity: int = 0
    uids: list[int] = field(default_factory=list)
    flags: dict[int, frozenset[bytes]] = field(default_factory=dict)

    def exists(self, count: int, spool: Spool | None) -> str:
        """``* count EXISTS``; where it can only be those, the new ones are those on the disk."""
        if count < len(self.uids):
            return f"EXISTS {count}, but nothing was said of {len(self.uids) - count} going"
        news: Sequence[int] = ()
        if spool is not None and spool.uid_validity == self.uid_validity and self._has_a_last:
            last = max(self.uids, default=0)
            news = [uid for uid in spool.uids if uid > last]
        growth = count - len(self.uids)
        self.uids += news if len(news) == growth else [UNKNOWN] * growth
        return ""

    @property
    def _has_a_last(self) -> bool:
        return not self.uids or self.uids[-1] != UNKNOWN

    def expunge(self, number: int) -> str:
        """``* number EXPUNGE``."""
        if not 1 <= number <= len(self.uids):
            return f"EXPUNGE {number} of {len(self.uids)} messages"
        self.flags.pop(self.uids.pop(number - 1), None)
        return ""

    def vanished(self, uids: set[int]) -> str:
        """``* VANISHED uids``: RFC 7162 section 3.2.10 lets it name some never there."""
        self.uids = [uid for uid in self.uids if uid not in uids]
        self.flags = {uid: flags for uid, flags in self.flags.items() if uid not in uids}
        return ""

    def names(self, number: int, uid: int) -> str:
        """Message ``number`` was said to have this UID."""
        known = self.uids[number - 1]
        if known not in (UNKNOWN, uid):
            return f"message {number} is UID {known}, and now it is said to be {uid}"
        before = max(self.uids[: number - 1], default=0)
        behind = min(filter(None, self.uids[number:]), default=uid + 1)
        if not before < uid < behind:
            return f"message {number} is said to be UID {uid}, between {before} and {behind}"
        self.uids[number - 1] = uid
        return ""

    def uid(self, number: int) -> int:
        """The UID of a message, ``UNKNOWN`` where it is not known."""
        return self.uids[number - 1] if 1 <= number <= len(self.uids) else UNKNOWN

    def gone(self, spool: Spool | None) -> frozenset[int]:
        """Numbers of the messages that are there no longer, which nobody has told the client."""
        if self.is_uprooted(spool) or spool is None:
            return frozenset()
        there = {UNKNOWN, *spool.uids}
        return frozenset(n for n, uid in enumerate(self.uids, 1) if uid not in there)

    def is_uprooted(self, spool: Spool | None) -> bool:
        """Whether what has the mailbox's name on the disk is not, or no longer, this one."""
        return spool is None or spool.uid_validity != self.uid_validity
