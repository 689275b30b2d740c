"""What is fuzzed: one module for each reader of octets.

A target has ``check``, which takes octets and raises whatever it likes where something does not
hold; ``SEEDS``, inputs to begin with; and ``WORDS``, what inputs are made of. It is all there is to
it: a module that is put here is run by ``make fuzz`` and, for a moment, by the tests.
"""

import importlib
import pkgutil
from typing import NamedTuple, Protocol


class Check(Protocol):
    """Raises where something does not hold for these octets."""

    def __call__(self, octets: bytes) -> None:
        """Look at them."""


class Target(NamedTuple):
    """A module of this package."""

    name: str
    check: Check
    seeds: tuple[bytes, ...]
    words: tuple[bytes, ...]


def names() -> list[str]:
    """All there are."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def load(name: str) -> Target:
    """One of them."""
    module = importlib.import_module(f"{__name__}.{name}")
    return Target(name, module.check, module.SEEDS, module.WORDS)
