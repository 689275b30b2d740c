"""Measuring: rounds in which each target has its turn, and ratios within a round.

A machine that is busy with something else for a second is so for all targets of a round, and the
median over the rounds then passes over it. Absolute times say little; ratios of one round do.
"""

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.client import Client
from benchmarks.rows import Row


class DifferentAnswers(Exception):
    """Two targets did not send the same number of octets, so that times cannot be compared."""


@dataclass
class Measured:
    """Seconds of one row: for each target, one number a round. ``octets`` is what each sent."""

    row: Row
    octets: int
    seconds: dict[str, list[float]] = field(default_factory=dict)

    def median(self, target: str) -> float:
        """The median time of a target, in seconds."""
        return statistics.median(self.seconds[target])

    def ratios(self, target: str, base: str) -> list[float]:
        """For each round, how many times as long as ``base`` the target took."""
        pairs = zip(self.seconds[target], self.seconds[base], strict=True)
        return [mine / theirs for mine, theirs in pairs]


def measure(clients: Mapping[str, Client], rows: Sequence[Row], rounds: int) -> list[Measured]:
    """Run ``rows`` by each client, ``rounds`` times after a warm-up. Raises DifferentAnswers."""
    measured = [_warm_up(clients, row) for row in rows]
    names = list(clients)
    for number in range(rounds):
        # Nobody always comes first, or always behind the same neighbour.
        turn = number % len(names)
        order = [*names[turn:], *names[:turn]]
        for result in measured:
            for name in order:
                seconds, octets = _run(clients[name], result.row)
                _compare(result, name, octets)
                result.seconds[name].append(seconds)
    return measured


def _warm_up(clients: Mapping[str, Client], row: Row) -> Measured:
    """Fill the server's caches, and see that every target sends the same."""
    result: Measured | None = None
    for name, client in clients.items():
        _, octets = _run(client, row)
        result = result or Measured(row, octets, {name: [] for name in clients})
        _compare(result, name, octets)
    assert result is not None, "there is nothing to measure"
    return result


def _run(client: Client, row: Row) -> tuple[float, int]:
    began = time.perf_counter()
    octets = sum(map(client.run, row.commands))
    return time.perf_counter() - began, octets


def _compare(result: Measured, name: str, octets: int) -> None:
    if octets != result.octets:
        raise DifferentAnswers(
            f"{result.row.title}: {name} sent {octets:,} octets, others {result.octets:,}"
        )
