"""``python -m benchmarks``: the table of speed, and what the proxy needs of memory."""

import json
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TextIO

import click

from benchmarks.corpus import default_directory
from benchmarks.measure import Measured, measure
from benchmarks.memory import IDLE_SESSIONS, Cost, all_costs
from benchmarks.report import as_json, holds, table
from benchmarks.rows import Row, rows
from benchmarks.targets import DIRECT, all_targets, bench_server


@click.command()
@click.option("--messages", default=10_000, show_default=True, help="Messages in the mailbox.")
@click.option("--rounds", default=7, show_default=True, help="Rounds behind the warm-up.")
@click.option("--row", "wanted", multiple=True, help="Only this row (noop, single, ...).")
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=default_directory,
    help="Where the generated mailbox is kept for the next run.",
)
@click.option("--memory/--no-memory", default=True, help="Measure memory, too (half a minute).")
@click.option("--json", "json_file", type=click.File("w"), help="Write the numbers to a file, too.")
@click.option("--check", is_flag=True, help="Exit with 1 where a limit is missed.")
def main(
    messages: int,
    rounds: int,
    wanted: Sequence[str],
    data: Path,
    memory: bool,
    json_file: TextIO | None,
    check: bool,
) -> None:
    """Compare the proxy, and stunnel where installed, with the same Dovecot direct over TLS."""
    chosen = [row for row in rows(messages) if not wanted or row.key in wanted]
    measured, names = _measure_all(data, messages, chosen, rounds)
    print(table(measured, DIRECT, names), flush=True)
    costs = _all_costs() if memory else []
    if json_file is not None:
        json.dump(as_json(measured, DIRECT, costs), json_file, indent=2)
    all_hold = all(holds(result, DIRECT) for result in measured)
    if check and not (all_hold and all(cost.holds for cost in costs)):
        sys.exit(1)


def _all_costs() -> list[Cost]:
    print()
    costs = []
    for cost in all_costs(IDLE_SESSIONS):
        print(cost, flush=True)
        costs.append(cost)
    return costs


def _measure_all(
    data: Path, messages: int, chosen: Sequence[Row], rounds: int
) -> tuple[list[Measured], list[str]]:
    with ExitStack() as stack:
        dovecot, account = stack.enter_context(bench_server(data, messages))
        targets = stack.enter_context(all_targets(dovecot))
        clients = {target.name: stack.enter_context(target.open(account)) for target in targets}
        return measure(clients, chosen, rounds), list(clients)


if __name__ == "__main__":
    main()
