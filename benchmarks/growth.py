"""``python -m benchmarks.growth``: what was read once, in mailboxes of ten times the size.

Each mailbox has its own Dovecot and its own proxy, whose cache has been filled and opened again.
What a row costs a message is compared between one size and the next: a factor of 1 is linear.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple, TextIO

import click

from benchmarks.cache import rows_of, timed
from benchmarks.client import Client, Endpoint
from benchmarks.corpus import default_directory
from benchmarks.rows import Row
from benchmarks.targets import Target, bench_server
from tests.real.caching_proxy import CachingProxy

_SIZES = (1_000, 10_000, 100_000)
_KEYS = ("envelopes", "headers", "flags", "single", "select")
_WHOLE_MAILBOX = frozenset({"envelopes", "headers", "flags"})


class Grown(NamedTuple):
    """Seconds of one row, by the number of messages in the mailbox."""

    row: Row
    seconds: dict[int, float]

    def factors(self) -> list[float]:
        """From each size to the next: how much more a message costs, or the whole row.

        The whole row where it is about as many messages in each mailbox.
        """
        sizes = sorted(self.seconds)
        units = {n: n if self.row.key in _WHOLE_MAILBOX else 1 for n in sizes}
        each = [self.seconds[n] / units[n] for n in sizes]
        return [later / earlier for earlier, later in pairwise(each)]


def _measured(data: Path, messages: int, rounds: int) -> dict[str, tuple[Row, float]]:
    rows = list(rows_of(messages, dict.fromkeys(_KEYS)))
    with (
        bench_server(data, messages) as (dovecot, account),
        TemporaryDirectory(prefix="imapproxy-bench-") as directory,
        CachingProxy(dovecot.upstream, dovecot.ca_file, Path(directory), "live") as proxy,
    ):
        with closing(Target("proxy", Endpoint(proxy.port)).open(account)) as client:
            _fill(client, rows)
        proxy.restart(kill=False)
        with closing(Target("proxy", Endpoint(proxy.port)).open(account)) as client:
            return {row.key: (row, _median(client, row, rounds)) for row in rows}


def _fill(client: Client, rows: Sequence[Row]) -> None:
    for row in rows:
        for command in row.commands:
            client.run(command)


def _median(client: Client, row: Row, rounds: int) -> float:
    timed(client, row)
    return median(timed(client, row)[0] for _ in range(rounds))


def _lines(grown: Sequence[Grown]) -> Iterator[str]:
    sizes = sorted(grown[0].seconds)
    yield f"{'':<56}" + "".join(f"{n:>12,}" for n in sizes) + "   factors"
    for one in grown:
        title = one.row.title[:54]
        times = "".join(f"{one.seconds[n] * 1000:>9,.1f} ms" for n in sizes)
        yield f"{title:<56}{times}   " + "  ".join(f"{factor:.2f}" for factor in one.factors())
    yield ""
    yield "Factors: what a message costs (FETCH n, SELECT: all of it), against the size before."


@click.command()
@click.option("--size", "sizes", type=int, multiple=True, default=_SIZES, show_default=True)
@click.option("--rounds", default=5, show_default=True, help="Rounds behind the warm-up.")
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=default_directory,
    help="Where the generated mailboxes are kept for the next run.",
)
@click.option("--json", "json_file", type=click.File("w"), help="Write the numbers to a file, too.")
def main(sizes: Sequence[int], rounds: int, data: Path, json_file: TextIO | None) -> None:
    """See how the cache's answers grow with the mailbox."""
    found = {messages: _measured(data, messages, rounds) for messages in sorted(sizes)}
    last = found[max(sizes)]
    grown = [
        Grown(row, {messages: rows[key][1] for messages, rows in found.items()})
        for key, (row, _) in last.items()
    ]
    print("\n".join(_lines(grown)))
    if json_file is not None:
        told = [{"key": one.row.key, "seconds": one.seconds} for one in grown]
        json.dump({"sizes": sorted(sizes), "rows": told}, json_file, indent=2)


if __name__ == "__main__":
    main()
