"""Running scripts through the proxy and judging every answer, by a second run or by the rules.

``python -m tests.real.differential --seeds 1-100`` runs more of them than the tests do; ``--all``
runs them in every mode.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from tests.real.comparison import Comparison, Kind, Watched, short
from tests.real.dovecot import Dovecot
from tests.real.mode import MODES, Mode


@dataclass
class Totals:
    """What came of all the scripts."""

    commands: int = 0
    kinds: Counter[Kind] = field(default_factory=Counter)
    faults: int = 0
    checked: int = 0
    ended: int = 0

    def add(self, result: Comparison | Watched, mode: Mode) -> None:
        """Count one script."""
        self.commands += result.commands
        self.faults += len(result.faults)
        self.ended += bool(result.ended)
        if isinstance(result, Watched):
            self.checked += result.run.checked
        else:
            self.kinds += result.kinds
            if mode.cache != "live":
                self.faults += result.kinds[Kind.IN_TWO_PARTS]

    def __iadd__(self, other: "Totals") -> "Totals":
        self.commands += other.commands
        self.kinds += other.kinds
        self.faults += other.faults
        self.checked += other.checked
        self.ended += other.ended
        return self

    @property
    def found(self) -> int:
        """How many answers are wrong."""
        return self.kinds[Kind.REAL] + self.kinds[Kind.ITEM_ORDER] + self.faults

    def __str__(self) -> str:
        parts = [f"{self.commands} commands", *(f"{self.kinds[k]} {k.value}" for k in Kind)]
        parts += [f"{self.faults} unlawful", f"{self.checked} values held against the server"]
        return ", ".join([*parts, f"{self.ended} scripts not followed to their end"])


def seed_list(text: str) -> list[int]:
    """Return the seeds of ``1,5,10-20``."""
    seeds: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        seeds += range(int(first), int(last or first) + 1)
    return seeds


def report(result: Comparison | Watched, show: int) -> str:
    """Return what is said of one script, with the first few that are wrong."""
    lines = [str(result), *(f"  unlawful: {fault}" for fault in result.faults[:show])]
    if isinstance(result, Comparison):
        lines += map(str, result.differences[:show])
        others = [d for d in result.all if d.kind not in (Kind.REAL, Kind.REORDERED)]
        lines += [f"  {d.kind.value}: {short(d.steps[d.number].segments)}" for d in others[:show]]
    return "\n".join(lines)


def run_mode(mode: Mode, options: argparse.Namespace, totals: Totals) -> None:
    """Run all seeds of a mode, or up to the first that is wrong."""
    with mode.dovecot() as dovecot, mode.server(dovecot) as server:
        for seed in seed_list(options.seeds):
            started = time.monotonic()
            result = mode.run(dovecot, server, seed, options.commands)
            took = time.monotonic() - started
            sys.stdout.write(f"{report(result, options.show)}\n  ({took:.1f} s)\n")
            sys.stdout.flush()
            totals.add(result, mode)
            if totals.found and not options.keep_going:
                return


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="1-20", help="1,5,10-20 (default: %(default)s)")
    parser.add_argument("--commands", type=int, default=850, help="commands in each script")
    parser.add_argument("--all", action="store_true", help="run every mode there is")
    parser.add_argument("--direct", action="store_true", help="Dovecot in the proxy's place")
    parser.add_argument("--plain", action="store_true", help="scripts about all of IMAP")
    parser.add_argument("--cache", choices=("off", "exact", "live"), default="off")
    parser.add_argument("--warm", action="store_true", help="A fetches everything beforehand")
    parser.add_argument("--cold", dest="warm", action="store_false", help="A does not (default)")
    parser.add_argument("--restart", action="store_true", help="restart the proxy now and then")
    parser.add_argument("--hide", choices=("CONDSTORE",), help="a capability not to be had")
    parser.add_argument("--lawful", action="store_true", help="judge one run by the rules alone")
    parser.add_argument("--keep-going", action="store_true", help="do not stop at what is wrong")
    parser.add_argument("--show", type=int, default=1, help="how much to show of each seed")
    return parser.parse_args(arguments)


def _modes(options: argparse.Namespace) -> Sequence[Mode]:
    if options.all:
        return [replace(mode, direct=options.direct) for mode in MODES]
    return [
        Mode(
            options.cache, options.plain, options.warm, options.restart,
            options.hide is not None, options.lawful, options.direct,
        )
    ]  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Run as many scripts as asked for; the exit code is 1 if an answer was wrong."""
    options = _arguments(arguments)
    if missing := Dovecot.missing():
        sys.stderr.write(f"{missing}\n")
        return 2
    totals = Totals()
    for mode in _modes(options):
        of_mode = Totals()
        run_mode(mode, options, of_mode)
        sys.stdout.write(f"{mode}: {of_mode}\n\n")
        totals += of_mode
    sys.stdout.write(f"In all: {totals}\n")
    return 1 if totals.found else 0


if __name__ == "__main__":
    sys.exit(main())
