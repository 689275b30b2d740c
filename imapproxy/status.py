"""What the running proxy tells of itself: numbers, from whatever part of it has some."""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import msgspec

import imapproxy
from imapproxy.octets import tell_octets

#: Numbers of one part by their name, such as ``{"let_in": 3}``: whole, and such that those of
#: several processes can be added, unless they are of the part :data:`SHARED`. Nothing else is told:
#: no names, no addresses of clients.
Figures = Mapping[str, int]

#: The part of which all processes have the same numbers, more or less: there is one store.
SHARED = "store"


class ListenerStatus(msgspec.Struct, frozen=True):
    """One listener: where it listens, where it leads, and how many sessions it has."""

    address: str
    upstream: str
    sessions: int


class ProcessStatus(msgspec.Struct, frozen=True):
    """One process that serves sessions; ``worker`` counts from 1, and is 0 where there is but one.

    ``seconds`` is how long it has been running.
    """

    worker: int
    pid: int
    seconds: float
    listeners: tuple[ListenerStatus, ...]
    figures: dict[str, dict[str, int]]


class Report(msgspec.Struct, frozen=True):
    """The whole proxy: what its processes have together, and each of them.

    ``pid`` and ``seconds`` are of the process that was started, ``workers`` is how many there
    should be, ``restarts`` how many of them were started again.
    """

    version: str
    pid: int
    seconds: float
    workers: int
    restarts: int
    listeners: tuple[ListenerStatus, ...]
    figures: dict[str, dict[str, int]]
    processes: tuple[ProcessStatus, ...]


class StatusRegistry:
    """Where parts of a process leave word of how to ask them for their numbers."""

    def __init__(self) -> None:
        self._parts: dict[str, Callable[[], Figures]] = {}

    def add(self, part: str, figures: Callable[[], Figures]) -> None:
        """``figures`` is called each time somebody asks. A second one of the name replaces it."""
        self._parts[part] = figures

    def remove(self, part: str) -> None:
        """The part is gone."""
        self._parts.pop(part, None)

    def figures(self) -> dict[str, dict[str, int]]:
        """The numbers of every part, now."""
        return {part: dict(figures()) for part, figures in self._parts.items()}


class Origin(NamedTuple):
    """Of the process that was started, for :func:`make_report`."""

    pid: int
    seconds: float
    workers: int = 1
    restarts: int = 0


def make_report(origin: Origin, processes: Iterable[ProcessStatus]) -> Report:
    """Add the processes up."""
    listed = tuple(processes)
    return Report(
        imapproxy.__version__,
        *origin,
        _added_listeners(listed),
        _added_figures(listed),
        listed,
    )


def _added_listeners(processes: Iterable[ProcessStatus]) -> tuple[ListenerStatus, ...]:
    sessions: dict[tuple[str, str], int] = {}
    for process in processes:
        for listener in process.listeners:
            place = (listener.address, listener.upstream)
            sessions[place] = sessions.get(place, 0) + listener.sessions
    return tuple(ListenerStatus(*place, count) for place, count in sessions.items())


def _added_figures(processes: Iterable[ProcessStatus]) -> dict[str, dict[str, int]]:
    added: dict[str, dict[str, int]] = {}
    for process in processes:
        for part, figures in process.figures.items():
            total = added.setdefault(part, {})
            for name, number in figures.items():
                before = total.get(name, 0)
                total[name] = max(before, number) if part == SHARED else before + number
    return added


def lines_of(report: Report) -> list[str]:
    """The report for people."""
    lines = [f"imapproxy {report.version}, process {report.pid}, up {_duration(report.seconds)}"]
    for listener in report.listeners:
        sessions = _sessions(listener.sessions)
        lines.append(f"  {listener.address} -> {listener.upstream}: {sessions}")
    lines += [f"  {part}: {_listed(figures)}" for part, figures in report.figures.items()]
    if report.workers > 1:
        there = len(report.processes)
        lines.append(f"  {there} of {report.workers} workers, {report.restarts} restarts")
        lines += [
            f"    worker {process.worker}: process {process.pid}, up {_duration(process.seconds)}, "
            + _sessions(sum(listener.sessions for listener in process.listeners))
            for process in report.processes
        ]
    return lines


def _sessions(number: int) -> str:
    return f"{number} session{'' if number == 1 else 's'}"


def _listed(figures: Figures) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {_told(name, n)}" for name, n in figures.items())


def _told(name: str, number: int) -> str:
    return tell_octets(number) if name.startswith("octets_") else str(number)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min" if minutes else f"{rest} s"
