"""``python -m tests.real.soak``: real programs over a line that breaks, for half an hour.

Wrong answers, and memory or descriptors that grow, end it with 1 (``make soak``).
"""

import random
import sys
import threading
from collections import Counter
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import click

from tests.real.caching_proxy import CachingProxy
from tests.real.chaos.line import BreakingLine
from tests.real.dovecot import Dovecot
from tests.real.soak.programs import (
    Disturbed,
    ImapClient,
    Imaplib,
    Mutt,
    SoakProgram,
    Synchroniser,
)
from tests.real.soak.watch import Taken, Watch, growth

_MOST_GROWTH = 1.05


class _Worker(threading.Thread):
    """Lets one program work until ``end`` is set."""

    def __init__(self, program: SoakProgram, end: threading.Event) -> None:
        super().__init__(name=program.name)
        self.program = program
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._end = end

    def run(self) -> None:
        while not self._end.is_set():
            try:
                self.program.work()
                self.counts["done"] += 1
            except Disturbed:
                self.counts["disturbed"] += 1
            except AssertionError as error:
                self.wrong.append(f"{self.program.name}: {error}")

    def finish(self) -> None:
        try:
            self.program.finish()
        except (AssertionError, Disturbed, OSError) as error:
            self.wrong.append(f"{self.program.name}, in the end: {error}")


@click.command()
@click.option("--minutes", default=30.0, show_default=True)
@click.option("--seed", type=int, help="[default: drawn, and told]")
def main(minutes: float, seed: int | None) -> None:
    """Let mail programs work for long, and look at their mail and at the proxy's process."""
    missing = Dovecot.missing()
    if missing is not None:
        raise SystemExit(missing)
    seed = random.randrange(1_000_000) if seed is None else seed
    click.echo(f"seed {seed}, {minutes:g} minutes")
    with Dovecot() as dovecot, TemporaryDirectory(prefix="imapproxy-soak-") as name:
        directory = Path(name)
        chance = Random(seed)
        with (
            BreakingLine(dovecot.imaps_port, Random(seed + 1), 400_000) as line,
            CachingProxy(
                f"imaps://localhost:{line.port}", dovecot.ca_file, directory, "live", offline=True
            ) as proxy,
        ):
            places = {kind: directory / kind for kind in ("mbsync", "mutt")}
            for place in places.values():
                place.mkdir()
            programs: list[SoakProgram] = [
                *(Imaplib(dovecot, lambda: proxy.port, Random(seed + n)) for n in range(2)),
                ImapClient(dovecot, lambda: proxy.port, chance),
                Synchroniser(dovecot, lambda: proxy.port, chance, places["mbsync"]),
                Mutt(dovecot, lambda: proxy.port, chance, places["mutt"]),
            ]
            watch = Watch(lambda: proxy.program.pid)
            workers = _work(programs, watch, minutes)
            line.quiet = True
            for worker in workers:
                worker.finish()
    _report(workers, line, watch.taken)


def _work(programs: list[SoakProgram], watch: Watch, minutes: float) -> list[_Worker]:
    end = threading.Event()
    workers = [_Worker(program, end) for program in programs]
    watch.start()
    for worker in workers:
        worker.start()
    for minute in range(int(minutes)):
        end.wait(60)
        done = sum(worker.counts["done"] for worker in workers)
        last = watch.taken[-1]
        click.echo(f"{minute + 1} min: {done} rounds, {last.memory / 1e6:.1f} MB", err=True)
    end.wait(60 * (minutes % 1))
    end.set()
    for worker in workers:
        worker.join()
    watch.stop()
    return workers


def _report(workers: list[_Worker], line: BreakingLine, taken: list[Taken]) -> None:
    for worker in workers:
        counts = worker.counts
        click.echo(
            f"{worker.program.name}: {counts['done']} rounds, {counts['disturbed']} disturbed, "
            f"{len(worker.wrong)} wrong"
        )
        for text in worker.wrong[:5]:
            click.echo(f"  {text[:400]}")
    click.echo(f"{line.broken.total()} breaks: {dict(line.broken)}")
    memory = growth([one.memory for one in taken])
    descriptors = growth([one.descriptors for one in taken])
    click.echo(
        f"last third against the middle one: memory {memory:.3f} "
        f"(now {taken[-1].memory / 1e6:.1f} MB), descriptors {descriptors:.3f}"
    )
    wrong = any(worker.wrong for worker in workers)
    sys.exit(wrong or memory > _MOST_GROWTH or descriptors > _MOST_GROWTH)


if __name__ == "__main__":
    main()
