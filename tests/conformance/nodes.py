"""Responses read into nodes: what the server said, and what a script expects of it.

Both go through the same reader. In a script there are, besides what IMAP has:

* ``${name}``: any one value; the first time it is kept under that name, from then on it has to be
  the same. ``${name>other}`` has to be a number above the one kept as ``other``. ``${_}`` is never
  kept.
* ``...``: whatever else there is in this list.
* ``{=name}``: the octets of a message that the script knows by that name.
* ``\\r``, ``\\n``, ``\\t``, ``\\xHH`` in a quoted string: the octets.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Union


@dataclass(frozen=True)
class Atom:
    """What stands there bare: an atom, a number, a flag, NIL, ``BODY[1.MIME]<0>``."""

    text: bytes


@dataclass(frozen=True)
class String:
    """A quoted string or a literal: which of them is the server's choice."""

    octets: bytes


@dataclass(frozen=True)
class Hole:
    """A value that only the run knows."""

    name: str
    above: str = ""


@dataclass(frozen=True)
class Rest:
    """``...``"""


Node = Union[Atom, String, Hole, Rest, tuple["Node", ...]]  # noqa: UP007 - it names itself


class Unreadable(Exception):
    """It is no IMAP; ``str()`` says what and where."""


_ATOM = re.compile(rb"[^\x00-\x20\x7f()\"{\[\]]+")
_LITERAL = re.compile(rb"~?\{(\d+)\}\r\n")
_QUOTED = re.compile(rb'"((?:[^"\\\r\n\x00\x80-\xff]|\\["\\])*)"')
_SCRIPT_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*)"')
_BRACKET = re.compile(rb"\[(?:[^\]\"]|\"[^\"]*\")*\](?:<\d+>)?")
_HOLE = re.compile(rb"\$\{(\w+)(?:>(\w+))?\}")
_MESSAGE = re.compile(rb"\{=([\w.-]+)\}")
_ESCAPE = re.compile(rb'\\(x[0-9A-Fa-f]{2}|[rnt"\\])')
_ESCAPED = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b'"': b'"', b"\\": b"\\"}


def unescape(text: bytes) -> bytes:
    r"""Octets for what a script writes as ``\r``, ``\n``, ``\t``, ``\xHH``, ``\"``, ``\\``."""

    def octet(found: re.Match[bytes]) -> bytes:
        name = found[1]
        return bytes([int(name[1:], 16)]) if name[:1] == b"x" else _ESCAPED[name]

    return _ESCAPE.sub(octet, text)


class Reader:
    """A place in a response. ``messages`` is given for what a script says."""

    def __init__(self, octets: bytes, messages: Mapping[str, bytes] | None = None) -> None:
        self.octets = octets
        self.messages = messages
        self.at = 0

    def nodes(self, end: bytes = b"") -> tuple[Node, ...]:
        """The nodes up to ``end``, which is taken as well, or up to the end of all."""
        nodes: list[Node] = []
        while not self._ends(end):
            if nodes and not self._skip(b" ") and not self._adjacent():
                raise self._unreadable("a space")
            nodes.append(self._node())
        return tuple(nodes)

    def rest(self) -> bytes:
        """What was not read."""
        return self.octets[self.at :]

    def _adjacent(self) -> bool:
        """Lists of addresses and of parts have no space between them."""
        return self.octets[self.at : self.at + 1] == b"(" and self.octets[self.at - 1 :][:1] == b")"

    def _ends(self, end: bytes) -> bool:
        if end:
            return self._skip(end)
        return self.at == len(self.octets)

    def _skip(self, octets: bytes) -> bool:
        if self.octets.startswith(octets, self.at):
            self.at += len(octets)
            return True
        return False

    def _take(self, pattern: re.Pattern[bytes]) -> re.Match[bytes] | None:
        found = pattern.match(self.octets, self.at)
        if found is not None:
            self.at = found.end()
        return found

    def _node(self) -> Node:
        if self._skip(b"("):
            return self.nodes(b")")
        if self.messages is not None and (special := self._of_script(self.messages)) is not None:
            return special
        if found := self._take(_QUOTED if self.messages is None else _SCRIPT_QUOTED):
            if self.messages is None:
                return String(re.sub(rb"\\(.)", rb"\1", found[1]))
            return String(unescape(found[1]))
        if found := self._take(_LITERAL):
            start, self.at = self.at, self.at + int(found[1])
            return String(self.octets[start : self.at])
        return self._atom()

    def _of_script(self, messages: Mapping[str, bytes]) -> Node | None:
        if found := self._take(_HOLE):
            return Hole(found[1].decode(), (found[2] or b"").decode())
        if found := self._take(_MESSAGE):
            return String(messages[found[1].decode()])
        if self._skip(b"..."):
            return Rest()
        return None

    def _atom(self) -> Node:
        start = self.at
        found = self._take(_ATOM)
        if found is None and self.octets[start : start + 1] not in (b"[", b"]"):
            raise self._unreadable("a value")
        text = self.octets[start : self.at]
        if text.upper() in (b"BODY", b"BINARY", b"BINARY.SIZE", b"BODY.PEEK") and (
            bracket := self._take(_BRACKET)
        ):
            return Atom(text + bracket[0].upper().replace(b'"', b""))
        while self.octets[self.at : self.at + 1] in (b"[", b"]"):
            # resp-specials belong to astrings, but "]" ends a response code.
            if self.octets[self.at : self.at + 1] == b"]" and self._in_code:
                break
            self.at += 1
            self._take(_ATOM)
            text = self.octets[start : self.at]
        return Atom(text)

    _in_code = False

    def code(self) -> tuple[Node, ...] | None:
        """The response code that stands here."""
        if not self._skip(b"["):
            return None
        self._in_code = True
        nodes = self.nodes(b"]")
        self._in_code = False
        if self.octets[self.at :] and not self._skip(b" "):
            raise self._unreadable("a space behind the response code")
        return nodes

    def _unreadable(self, expected: str) -> Unreadable:
        return Unreadable(f"{expected} expected at {self.at} in {self.octets!r}")
