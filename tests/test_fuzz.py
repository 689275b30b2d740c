"""Every target of the fuzzing for a moment: it can be run, and finds nothing at once."""

import random

import pytest

from fuzz.mutation import Mutator, shrunk
from fuzz.octets import Source, chunks
from fuzz.targets import load, names

# A store is a file that is opened, and takes longer than all others together.
_INPUTS = {"store_recovery": 3}


@pytest.mark.parametrize("name", names())
def test_a_moment(name):
    target = load(name)
    for seed in target.seeds:
        target.check(seed)
    mutator = Mutator(random.Random(name), target.seeds, target.words)
    for _ in range(_INPUTS.get(name, 200)):
        octets = mutator.next()
        try:
            target.check(octets)
        except Exception as error:
            raise AssertionError(f"{name}: {octets!r}") from error


def test_an_input_that_breaks_something_is_made_small():
    octets = b"x" * 500 + b"boom" + b"y" * 700
    assert shrunk(octets, lambda less: b"boom" in less) == b"boom"
    assert shrunk(b"", lambda less: True) == b""


def test_the_same_chance_makes_the_same_inputs():
    def made(seed: int) -> list[bytes]:
        mutator = Mutator(random.Random(seed), (b"a NOOP\r\n", b"b"), (b"{3}\r\n",))
        return [mutator.next() for _ in range(50)]

    assert made(1) == made(1) != made(2)


def test_octets_as_something_else():
    source = Source(b"\1\2\3rest")
    assert (source.number(255), source.number(2**16 - 1), source.rest()) == (1, 0x0203, b"rest")
    assert (source.number(7), source.rest()) == (0, b"")
    assert list(chunks(b"abcdefg", [1, 3])) == [b"a", b"bcd", b"e", b"fg"]
