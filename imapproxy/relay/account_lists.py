"""What LIST, LSUB and NAMESPACE were answered, for all sessions of an account in this process.

Nothing of it is written down, and any command that may change the list of mailboxes drops it. What
other programs change, or sessions in other processes, is not noticed: that is why the user says how
long an answer may be given again (``[cache] list_ttl``), and why it is off by default.
"""

from collections import OrderedDict
from typing import NamedTuple
from weakref import WeakValueDictionary

# Programs ask for the same few lists each time; ten thousand mailboxes are some 600 KB.
_MAX_ANSWERS = 16
_MAX_OCTETS = 1024 * 1024
# Accounts whose lists are kept while no session of theirs is open.
_MAX_RESTING = 32


class _Kept(NamedTuple):
    """An answer without its tag: untagged responses, and the text of the tagged one.

    ``since`` is when it was asked for, in seconds of the sessions' clock.
    """

    since: float
    untagged: bytes
    text: bytes


class AccountLists:
    """The lists of one account. ``epoch`` counts how often they were dropped."""

    def __init__(self) -> None:
        self.epoch = 0
        self._changing = 0  # commands under way that may change them
        self._kept: OrderedDict[bytes, _Kept] = OrderedDict()
        self._octets = 0

    def answer(self, words: bytes, tag: bytes, not_before: float) -> bytes | None:
        """The whole answer to a command, ``words`` being all of it behind the tag.

        ``None`` where there is none that was asked for at ``not_before`` or later.
        """
        kept = self._kept.get(words)
        if kept is None or kept.since < not_before:
            return None
        return b"%b%b %b" % (kept.untagged, tag, kept.text)

    def keep(self, words: bytes, kept: tuple[float, bytes, bytes], epoch: int) -> None:
        """Keep what was answered (see :class:`_Kept`) to what was asked in ``epoch``."""
        if epoch != self.epoch or self._changing:
            return
        self._forget(words)
        self._kept[words] = _Kept(*kept)
        self._octets += _octets_of(words, self._kept[words])
        while len(self._kept) > _MAX_ANSWERS or self._octets > _MAX_OCTETS:
            self._forget(next(iter(self._kept)))

    def _forget(self, words: bytes) -> None:
        kept = self._kept.pop(words, None)
        if kept is not None:
            self._octets -= _octets_of(words, kept)

    def drop(self) -> None:
        """Something has changed, or may have."""
        self.epoch += 1
        self._kept.clear()
        self._octets = 0

    def change_begins(self) -> None:
        """A command that may change them is on its way: when it does nobody can tell."""
        self._changing += 1
        self.drop()

    def change_ends(self) -> None:
        """It has its answer, or will have none."""
        self._changing -= 1
        self.drop()


class Lists:
    """The lists of all accounts of this process."""

    def __init__(self) -> None:
        # All sessions of an account have to share them, however long they stay …
        self._known: WeakValueDictionary[bytes, AccountLists] = WeakValueDictionary()
        # … and the next session shall have what the last one has learned.
        self._resting: OrderedDict[bytes, AccountLists] = OrderedDict()

    def of(self, account: bytes) -> AccountLists:
        """The lists of the account of this name."""
        lists = self._known.get(account)
        if lists is None:
            lists = self._known[account] = AccountLists()
        self._resting[account] = lists
        self._resting.move_to_end(account)
        if len(self._resting) > _MAX_RESTING:
            self._resting.popitem(last=False)
        return lists


def _octets_of(words: bytes, kept: _Kept) -> int:
    return len(words) + len(kept.untagged) + len(kept.text)
