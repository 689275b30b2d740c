"""What the proxy's process takes while it runs: memory and descriptors, looked at each second."""

import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

_PAGE = os.sysconf("SC_PAGE_SIZE")


class Taken(NamedTuple):
    """Octets that are resident, and open descriptors."""

    memory: int
    descriptors: int


class Watch(threading.Thread):
    """Looks at a process once in ``interval`` seconds until it is told to stop."""

    def __init__(self, pid: Callable[[], int], interval: float = 1.0) -> None:
        super().__init__(name="watch")
        self.taken: list[Taken] = []
        self._pid = pid
        self._interval = interval
        self._end = threading.Event()

    def run(self) -> None:
        """See :class:`threading.Thread`."""
        while not self._end.wait(self._interval):
            self.taken.append(look(self._pid()))

    def stop(self) -> None:
        """Look no more."""
        self._end.set()
        self.join()


def look(pid: int) -> Taken:
    """What a process takes now."""
    process = Path("/proc") / str(pid)
    resident = int((process / "statm").read_text("ascii").split()[1])
    return Taken(resident * _PAGE, len(list((process / "fd").iterdir())))


def growth(values: Sequence[int]) -> float:
    """The median of the last third, as a multiple of that of the middle one."""
    third = len(values) // 3
    return median(values[-third:]) / median(values[third : 2 * third])
