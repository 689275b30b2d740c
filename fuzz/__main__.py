"""``python -m fuzz``: every target in turn, for so many seconds in all."""

import hashlib
import importlib.util
import random
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import click

from fuzz.mutation import Mutator, shrunk
from fuzz.targets import Target, load, names

_FINDS = Path(__file__).parent / "finds"
_LONGEST_INPUT = 4096
_HANGS = 10  # seconds for one input


@click.command()
@click.option("--seconds", default=600, show_default=True, help="For all targets together.")
@click.option("--target", "wanted", multiple=True, help="Only this one. Repeatable.")
@click.option("--seed", default=None, type=int, help="Of the random inputs; else one is told.")
@click.option("--random", "by_chance", is_flag=True, help="Even if atheris is installed.")
@click.option("--input", "file", type=click.Path(exists=True), help="Run this input alone.")
def main(
    seconds: int, wanted: Sequence[str], seed: int | None, by_chance: bool, file: str | None
) -> None:
    """Fuzz whatever reads octets of somebody else; exit code 1 if something broke.

    With atheris, inputs are led by what they run through; without, they are made by chance.
    """
    targets = [load(name) for name in wanted or names()]
    if file is not None:
        for target in targets:
            target.check(Path(file).read_bytes())
        return
    led = not by_chance and importlib.util.find_spec("atheris") is not None
    seed = random.randrange(2**32) if seed is None else seed
    print(f"{'atheris' if led else 'random inputs'}, seed {seed}", flush=True)
    share = seconds / len(targets)
    good = [(_led if led else _by_chance)(target, share, seed) for target in targets]
    sys.exit(0 if all(good) else 1)


def _by_chance(target: Target, seconds: float, seed: int) -> bool:
    mutator = Mutator(random.Random(f"{seed} {target.name}"), target.seeds, target.words)
    end = time.monotonic() + seconds
    runs = 0
    while time.monotonic() < end:
        octets = mutator.next()
        runs += 1
        try:
            target.check(octets)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what we are here for
            traceback.print_exc()
            _keep(target, shrunk(octets, partial(_breaks, target, type(error))))
            return False
    print(f"{target.name:<20} {runs:>10,} inputs, nothing found", flush=True)
    return True


def _breaks(target: Target, kind: type[Exception], octets: bytes) -> bool:
    try:
        target.check(octets)
    except kind:
        return True
    except Exception:  # noqa: BLE001 - another fault, which has its turn later
        return False
    return False


def _led(target: Target, seconds: float, seed: int) -> bool:
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        _write_all(place / "seeds", target.seeds)
        (place / "found").mkdir()
        words = place / "words"
        words.write_text("".join(f'"{_escaped(word)}"\n' for word in target.words if word))
        command = [
            *(sys.executable, "-m", "fuzz.with_atheris", target.name),
            *(str(place / "seeds"), f"-dict={words}", f"-artifact_prefix={place}/found/"),
            *(f"-max_total_time={max(1, round(seconds))}", f"-timeout={_HANGS}"),
            *(f"-max_len={_LONGEST_INPUT}", f"-seed={seed or 1}", "-verbosity=0"),
        ]
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", cwd=_FINDS.parent.parent
        )
        if done.returncode == 0:
            print(f"{target.name:<20} nothing found in {seconds:.0f} s", flush=True)
            return True
        print(done.stdout, done.stderr, sep="\n")
        for find in (place / "found").iterdir():
            octets = find.read_bytes()
            _keep(target, shrunk(octets, partial(_breaks, target, Exception)))
        return False


def _write_all(directory: Path, seeds: Sequence[bytes]) -> None:
    directory.mkdir()
    for number, octets in enumerate(seeds):
        (directory / str(number)).write_bytes(octets)


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{octet:02x}" for octet in word)


def _keep(target: Target, octets: bytes) -> None:
    """Write an input down, and say how to see it again."""
    _FINDS.mkdir(exist_ok=True)
    path = _FINDS / f"{target.name}-{hashlib.sha256(octets).hexdigest()[:12]}"
    path.write_bytes(octets)
    print(f"{target.name}: {octets!r}\nagain: python -m fuzz --target {target.name} --input {path}")


if __name__ == "__main__":
    main()
