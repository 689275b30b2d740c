"""``python -m tests.real.chaos``: the chaos test, as long as wanted (``make chaos``)."""

import random
import sys
import time

import click

from tests.real.chaos.mail_program import WrongAnswer
from tests.real.chaos.run import run
from tests.real.dovecot import Dovecot

_STEP = 100


@click.command()
@click.option("--faults", default=2_000, show_default=True, help="So many, in all.")
@click.option("--seed", type=int, help="The same again.  [default: drawn, and told]")
@click.option(
    "--freshness", type=click.Choice(["live", "exact"]), multiple=True, default=["live", "exact"]
)
def main(faults: int, seed: int | None, freshness: tuple[str, ...]) -> None:
    """Break what is between a mail program and its mail, and see that no mail suffers."""
    missing = Dovecot.missing()
    if missing is not None:
        raise SystemExit(missing)
    seed = random.randrange(1_000_000) if seed is None else seed
    told = 0

    def progress(so_far: int) -> None:
        nonlocal told
        if so_far // _STEP != told:
            told = so_far // _STEP
            click.echo(f"{so_far} faults", err=True)

    wrong = False
    with Dovecot() as dovecot:
        for number, kind in enumerate(freshness):
            click.echo(f"{kind}: seed {seed + number}")
            began = time.monotonic()
            try:
                outcome = run(dovecot, seed + number, faults // len(freshness), kind, progress)
            except WrongAnswer as error:
                raise SystemExit(f"seed {seed + number}, {kind}: {error}") from error
            click.echo(f"{outcome} ({time.monotonic() - began:.0f} s)")
            for line in outcome.wrong:
                click.echo(f"  {line}")
            wrong = wrong or bool(outcome.wrong)
    sys.exit(wrong)


if __name__ == "__main__":
    main()
