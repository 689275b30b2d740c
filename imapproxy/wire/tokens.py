"""Octets that no module here knows the meaning of, cut into atoms, strings and lists."""

from collections.abc import Iterator
from typing import NamedTuple

from imapproxy.wire.cursor import Cursor
from imapproxy.wire.strings import Part, encode_string


class Atom(NamedTuple):
    """A word that was not quoted; ``NIL`` and numbers are such too."""

    octets: bytes


class Text(NamedTuple):
    """A quoted string or literal."""

    octets: bytes


# Lists are plain tuples; ask for Atom and Text first, which are tuples as well.
Token = Atom | Text | tuple["Token", ...]


def decode_tokens(octets: bytes) -> tuple[Token, ...]:
    """Cut the arguments of a command or response, with or without the CRLF at their end.

    Raises ``DecodeError``. Spaces count for nothing but to separate.
    """
    cursor = Cursor(octets if octets.endswith(b"\r\n") else octets + b"\r\n")
    tokens = tuple(_tokens(cursor))
    cursor.end()
    return tokens


def read_token(cursor: Cursor) -> Token:
    """Read an atom, string or list."""
    if cursor.skip(b"("):
        cursor.descend()
        tokens = tuple(_tokens(cursor))
        cursor.require(b")")
        cursor.ascend()
        return tokens
    if cursor.starts_with(b'"') or cursor.starts_with(b"{") or cursor.starts_with(b"~{"):
        return Text(cursor.string())
    return Atom(cursor.word())


def encode_token(token: Token) -> list[Part]:
    """The parts of a token as on the wire."""
    if isinstance(token, Atom):
        return [token.octets]
    if isinstance(token, Text):
        return [encode_string(token.octets)]
    parts: list[Part] = [b"("]
    for at, inner in enumerate(token):
        parts += [b" ", *encode_token(inner)] if at else encode_token(inner)
    return [*parts, b")"]


def _tokens(cursor: Cursor) -> Iterator[Token]:
    cursor.skip_spaces()
    while not cursor.at_end() and not cursor.starts_with(b")"):
        yield read_token(cursor)
        cursor.skip_spaces()
