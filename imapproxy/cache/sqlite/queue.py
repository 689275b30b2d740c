"""What waits to be written, between the reactor's thread and the one that writes.

No lock is taken for a change: appending to a deque and taking from its other end are atomic, and
each of the counters has one thread that writes it.
"""

import threading
import time
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from twisted.internet.defer import Deferred

from imapproxy.cache.sqlite.changes import Change
from imapproxy.cache.sqlite.files import FileNumber
from imapproxy.cache.store import Mailbox

# So much is written in one transaction: 15 to 50 ms, for which another process has to wait.
_BATCH_OCTETS = 4 * 1024 * 1024
_BATCH_CHANGES = 2000

# Writing begins when nothing has come for the first, at the latest after the second (in seconds),
# and when so many octets wait.
_WINDOW = 0.05
_LONGEST = 1.0
_MUCH = 4 * _BATCH_OCTETS

# Seconds that uses and counts may wait for something that they can be written along with.
_SMALL_NEWS = 30.0

# What a change costs beside its octets, in memory.
_OVERHEAD = 500


class Flush(NamedTuple):
    """Tell when everything before this was written."""

    done: "Deferred[None]"


class Rebuild(NamedTuple):
    """The database in the file with this number is damaged."""

    damaged: FileNumber


class Settle(NamedTuple):
    """Tidy up at once, then tell."""

    done: "Deferred[None]"


class Close(NamedTuple):
    """Write what is there, and end."""


Order = Change | Flush | Rebuild | Settle | Close


class ChangeQueue:
    """At most ``max_octets`` wait; what is more is not taken."""

    def __init__(self, max_octets: int) -> None:
        self._max_octets = max_octets
        self._waiting: deque[tuple[int, Order]] = deque()
        self._contents: deque[Iterable[int]] = deque()
        self._counts: deque[tuple[Mailbox, int, int]] = deque()
        self._put = self._taken = 0  # octets so far
        self._anything = threading.Event()
        self._much = threading.Event()
        self.ended = False

    # -- the reactor's side ----------------------------------------------------------------

    def offer(self, change: Change, octets: int) -> bool:
        """Put a change in, if there is room for it."""
        waiting = self._put - self._taken
        if self.ended or waiting + octets + _OVERHEAD > self._max_octets:
            return False
        self._put += octets + _OVERHEAD
        self._waiting.append((octets + _OVERHEAD, change))
        if not self._anything.is_set():
            self._anything.set()
        if waiting > _MUCH and not self._much.is_set():
            self._much.set()
        return True

    def put(self, order: Order, octets: int = 0) -> None:
        """Put something in that must not be lost; it is as much work as ``octets`` would be."""
        self._put += octets
        self._waiting.append((octets, order))
        self._anything.set()

    def hurry(self, order: Order) -> None:
        """Put something in that somebody waits for."""
        self._waiting.append((0, order))
        self._much.set()
        self._anything.set()
        if self.ended:
            self.end()

    def end(self) -> None:
        """Nobody takes anything any more, so that nobody need wait."""
        self.ended = True
        while self._waiting:
            _, order = self._waiting.popleft()
            if isinstance(order, Flush | Settle):
                order.done.callback(None)

    def use(self, contents: Iterable[int]) -> None:
        """Contents were read. That is written along with something else, or after a while."""
        is_known = self.has_small_news
        self._contents.append(tuple(contents))
        if not is_known:  # else the writer has a time for it; waking it costs as much as an answer
            self._anything.set()

    def count(self, mailbox: Mailbox, served: int, missed: int) -> None:
        """Messages were counted. That is written along with something else, or after a while."""
        is_known = self.has_small_news
        self._counts.append((mailbox, served, missed))
        if not is_known:
            self._anything.set()

    # -- the other side --------------------------------------------------------------------

    def take(self, patience: float | None) -> list[Order]:
        """The next transaction's changes, when there are some.

        Nothing after ``patience`` seconds without any, and when it is time to write what can wait.
        """
        while not self._waiting:
            small_news = _SMALL_NEWS if self.has_small_news else None
            if not self._anything.wait(small_news if patience is None else patience):
                return []
            # Cleared before looking: what comes while we look is found now or wakes us again.
            self._anything.clear()
        self._wait_for_quiet()
        self._much.clear()
        taken: list[Order] = []
        octets = 0
        while self._waiting and octets < _BATCH_OCTETS and len(taken) < _BATCH_CHANGES:
            some, order = self._waiting.popleft()
            octets += some
            taken.append(order)
        self._taken += octets
        if self._waiting:
            self._much.set()
        return taken

    def _wait_for_quiet(self) -> None:
        """Mail that streams comes first: writing would take the processor from it."""
        begun = time.monotonic()
        seen = -1
        while seen != self._put and time.monotonic() - begun < _LONGEST:
            seen = self._put
            if self._much.wait(_WINDOW):
                return

    def uses(self) -> set[int]:
        """The contents that were read since the last time."""
        found: set[int] = set()
        while self._contents:
            found.update(self._contents.popleft())
        return found

    def counts(self) -> dict[Mailbox, tuple[int, int]]:
        """What was counted since the last time."""
        found: dict[Mailbox, tuple[int, int]] = {}
        while self._counts:
            mailbox, served, missed = self._counts.popleft()
            before = found.get(mailbox, (0, 0))
            found[mailbox] = (before[0] + served, before[1] + missed)
        return found

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        return not self._waiting

    @property
    def has_small_news(self) -> bool:
        """Whether anything waits that is written along with something else."""
        return bool(self._contents or self._counts)
