"""How long to wait before a worker that has died is started again."""

_FIRST = 0.25  # seconds, doubled each time
_LONGEST = 30.0
_LONG_LIFE = 60.0  # seconds; who lived as long died of something else than its start


class Restarts:
    """Counts the deaths of one worker. ``total`` is how many there were."""

    def __init__(self) -> None:
        self.total = 0
        self._in_a_row = 0

    def died(self, lived: float) -> float:
        """A worker has died, ``lived`` seconds behind its start; the seconds to wait now."""
        self.total += 1
        self._in_a_row = 1 if lived >= _LONG_LIFE else self._in_a_row + 1
        pause: float = _FIRST * 2.0 ** min(self._in_a_row - 1, 20)
        return min(pause, _LONGEST)
