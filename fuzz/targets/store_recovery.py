"""A store that was damaged on the disk: it opens, gives nothing but the truth, and takes more.

An input is a series of changes to the file: a place, and the octets that are there then.
"""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from fuzz.octets import Source
from tests.cache import small
from tests.cache.waiting import Opened

SEEDS = (
    b"",
    b"\0\0\0\x10\x04abcd",
    b"\0\1\0\0\x08" + b"\0" * 8 + b"\0\x20\0\0\x01\xff",
    b"\xff\xff\xff\xff\0",
)
WORDS = (
    b"\0\0\0\0",
    b"\xff",
    b"SQLite format 3",
    b"\0\1",
    b"\0\0\0\x12\x02\x01\x01",
    b"\0\0\x10\0",
)


def check(octets: bytes) -> None:
    """See above."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(shutil.copytree(_whole(), Path(name) / "cache"))
        _damage(directory / "cache.sqlite", octets)
        with Opened(directory) as opened:
            small.true_share(opened.store)
            small.fill(opened.store, 1, 3)
            opened.flush()
            small.true_share(opened.store)


def _damage(file: Path, octets: bytes) -> None:
    source = Source(octets)
    held = bytearray(file.read_bytes())
    for _ in range(8):
        at, count = source.number(2**24 - 1) % len(held), source.number(15)
        if count == 15:
            del held[max(at, 100) :]  # cut off
        else:
            held[at : at + count] = bytes(source.number(255) for _ in range(count))
    file.write_bytes(held)


@cache
def _whole() -> Path:
    """A store with everything in it, closed."""
    parent = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, parent, ignore_errors=True)
    small.make(parent / "cache")
    return parent / "cache"
