"""What may not be read any more, though it stands in the database still."""

from collections import Counter

from imapproxy.cache.store import Mailbox

#: An account, or the identity of a mailbox.
Doubtful = bytes | tuple[bytes, bytes, bytes]


class Doubts:
    """Mailboxes that were dropped, and accounts in which one was renamed, until that is written.

    A client that has renamed a mailbox to the name of another may select it at once, and both can
    have the same UIDVALIDITY.
    """

    def __init__(self) -> None:
        self._doubtful: Counter[Doubtful] = Counter()

    def add(self, what: Doubtful) -> None:
        """Do not read it until :meth:`remove` was called as often."""
        self._doubtful[what] += 1

    def remove(self, what: Doubtful) -> None:
        """What was said of it has been written."""
        self._doubtful[what] -= 1
        if not self._doubtful[what]:
            del self._doubtful[what]

    def __bool__(self) -> bool:
        return bool(self._doubtful)

    def __contains__(self, mailbox: Mailbox) -> bool:
        return mailbox.identity in self._doubtful or mailbox.account in self._doubtful
