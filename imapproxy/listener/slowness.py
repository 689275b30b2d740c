"""How long the answer to a failed log-in is held back: who guesses passwords gets no faster."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import NamedTuple

_HALF_LIFE = 60.0  # seconds after which half of the failures are forgotten
_FIRST_DELAY = 0.5  # seconds, doubled by each failure more
_MOST_KEYS = 10_000


class _Score(NamedTuple):
    failures: float
    at: float  # seconds on the caller's clock

    def now(self, now: float) -> float:
        """The failures that are not forgotten yet."""
        age: float = 0.5 ** ((now - self.at) / _HALF_LIFE)
        return self.failures * age


class Slowness:
    """Counts failures for each key (an address, an account) and forgets them with time.

    The first ``free`` of them cost nothing: people mistype. The table is bounded: the keys that
    failed longest ago are dropped first.
    """

    def __init__(self, free: int, most_keys: int = _MOST_KEYS) -> None:
        self._free = free
        self._most_keys = most_keys
        self._scores: OrderedDict[Hashable, _Score] = OrderedDict()

    def failed(self, key: Hashable, now: float) -> float:
        """Count a failure at ``now`` (seconds); the seconds to hold its answer back."""
        before = self._scores.pop(key, _Score(0.0, now))
        failures = before.now(now) + 1
        self._scores[key] = _Score(failures, now)
        if len(self._scores) > self._most_keys:
            self._scores.popitem(last=False)
        return delay(failures - self._free)

    def __len__(self) -> int:
        return len(self._scores)


def delay(failures: float) -> float:
    """Seconds for so many failures beyond the free ones; without a bound of its own."""
    if failures <= 0:
        return 0.0
    # The exponent is bounded, or some day the number would not be.
    doubled: float = 2.0 ** min(failures - 1, 30.0)
    return _FIRST_DELAY * doubled
