"""Octets that no module here knows the meaning of, cut into atoms, strings and lists."""

from typing import NamedTuple


class Atom(NamedTuple):
    """A word that was not quoted; ``NIL`` and numbers are such too."""

    octets: bytes


class Text(NamedTuple):
    """A quoted string or literal."""

    octets: bytes


# Lists are plain tuples; ask for Atom and Text first, which are tuples as well.
Token = Atom | Text | tuple["Token", ...]


def decode_tokens(octets: bytes) -> tuple[Token, ...]:
    """Cut what follows a command's or response's name; raises ``DecodeError``."""
    raise NotImplementedError
