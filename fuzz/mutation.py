"""Making inputs out of others, by chance alone: where there is no atheris to be had."""

import random
from collections.abc import Callable, Sequence

_LONGEST = 4096


class Mutator:
    """Makes inputs of ``seeds`` and ``words``; the same ones for the same ``chance``."""

    def __init__(
        self, chance: random.Random, seeds: Sequence[bytes], words: Sequence[bytes]
    ) -> None:
        self._chance = chance
        self._seeds = list(seeds) or [b""]
        self._words = list(words) or [b"\0"]
        self._ways: Sequence[Callable[[bytes], bytes]] = (
            self._flip,
            self._insert_word,
            self._insert_word,
            self._insert_octet,
            self._remove,
            self._repeat,
            self._splice,
            self._number,
        )

    def next(self) -> bytes:
        """Another input."""
        octets = self._chance.choice(self._seeds)
        for _ in range(self._chance.choice((1, 1, 2, 3, 5, 8, 13))):
            octets = self._chance.choice(self._ways)(octets)
        return octets[:_LONGEST]

    def _place(self, octets: bytes) -> int:
        return self._chance.randint(0, len(octets))

    def _flip(self, octets: bytes) -> bytes:
        if not octets:
            return octets
        at = self._chance.randrange(len(octets))
        return octets[:at] + bytes((self._chance.randrange(256),)) + octets[at + 1 :]

    def _insert_word(self, octets: bytes) -> bytes:
        at = self._place(octets)
        return octets[:at] + self._chance.choice(self._words) + octets[at:]

    def _insert_octet(self, octets: bytes) -> bytes:
        at = self._place(octets)
        return octets[:at] + bytes((self._chance.randrange(256),)) + octets[at:]

    def _remove(self, octets: bytes) -> bytes:
        start, end = sorted((self._place(octets), self._place(octets)))
        return octets[:start] + octets[end:]

    def _repeat(self, octets: bytes) -> bytes:
        start, end = sorted((self._place(octets), self._place(octets)))
        return octets[:end] + octets[start:end] * self._chance.randint(1, 20) + octets[end:]

    def _splice(self, octets: bytes) -> bytes:
        other = self._chance.choice(self._seeds)
        return octets[: self._place(octets)] + other[self._place(other) :]

    def _number(self, octets: bytes) -> bytes:
        at = self._place(octets)
        number = self._chance.choice((0, 1, 2**31, 2**32 - 1, 2**32, 2**63 - 1, 2**63, 10**30))
        return octets[:at] + b"%d" % number + octets[at:]


def shrunk(octets: bytes, breaks: Callable[[bytes], bool], most_tries: int = 3000) -> bytes:
    """As little of an input as still ``breaks``: for the person who reads it."""
    tries = 0
    size = len(octets) // 2
    while size and tries < most_tries:
        at = 0
        while at < len(octets) and tries < most_tries:
            less = octets[:at] + octets[at + size :]
            tries += 1
            if breaks(less):
                octets = less
            else:
                at += size
        size //= 2
    return octets
