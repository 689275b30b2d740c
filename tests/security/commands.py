"""Reading what a client has said, strictly by RFC 3501 and 7888, and with nothing else of ours.

It is written anew on purpose: whether the proxy frames commands as others do must not be told by
its own framing.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

# tag = 1*<any ASTRING-CHAR except "+">
_TAG = re.compile(rb"[^\x00-\x20\x7f-\xff(){%*\"\\+]+(?: |$)")
_LITERAL = re.compile(rb"~?\{(\d+)(\+?)\}$")
_QUOTED = re.compile(rb'"(?:\\.|[^"\\])*"', re.DOTALL)


class Command(NamedTuple):
    """A command as it was said: ``octets`` behind the tag, with literals, less the last line end.

    Of one that was refused at a literal it is what came before its octets. A line of a dialogue
    has no tag.
    """

    tag: bytes
    octets: bytes
    refused: bool = False


class Reader:
    """Commands out of octets.

    ``takes`` tells of all that was said of a command whether its next literal is wanted, and
    ``goes_on`` of a whole one whether the next line belongs to it. ``plus`` is what ``{n+}`` is:
    ``"literal"``, ``"asked"`` where it may be refused as others may, or ``"nothing"``.
    """

    def __init__(
        self,
        takes: Callable[[bytes], bool],
        goes_on: Callable[[bytes], bool],
        plus: str = "literal",
    ) -> None:
        self._takes = takes
        self._goes_on = goes_on
        self._plus = plus
        self._octets = b""
        self._said = b""
        self._literal_left = 0
        self._inside = False  # a command has begun
        self._dead = False  # and is no command, or was refused: it is read and thrown away
        self._dialogue = False
        self.commands: list[Command] = []
        self.continuations = 0  # requests for more that are due
        self.odd = 0  # lines that begin no command
        self.broken = False  # nobody knows what comes next

    @property
    def at_rest(self) -> bool:
        """Whether all that was said is whole commands."""
        return not (self._octets or self._inside or self._dialogue)

    def feed(self, octets: bytes) -> None:
        """Read more."""
        self._octets += octets
        while not self.broken and (
            self._read_literal() if self._literal_left else self._read_line()
        ):
            pass

    def _read_literal(self) -> bool:
        taken = self._octets[: self._literal_left]
        self._octets = self._octets[len(taken) :]
        self._literal_left -= len(taken)
        self._said += taken
        return bool(taken)

    def _read_line(self) -> bool:
        line, end, rest = self._octets.partition(b"\n")
        if not end:
            return False
        self._octets = rest
        line = line.removesuffix(b"\r")
        if self._dialogue:
            self._dialogue = False
            self.commands.append(Command(b"", line))
            return True
        first = not self._inside
        if first:
            self._inside = True
            self._dead = _TAG.match(line) is None
            self.odd += self._dead
        self._said += line
        literal = _LITERAL.search(line)
        if literal is None or (literal[2] and self._plus == "nothing"):
            self._end()
        elif b'"' in _QUOTED.sub(b"", line):
            # To some it is a literal, to others text in a string that never ends.
            self.broken = bool(literal[2]) or not first
            self._forget()
        else:
            self._literal(int(literal[1]), plus=bool(literal[2]))
        return True

    def _literal(self, size: int, *, plus: bool) -> None:
        asked = not plus or self._plus == "asked"
        if asked and not self._dead and not self._takes(self._said):
            self._record(refused=True)
            self._dead = True
        if self._dead and not plus:
            self._forget()  # its octets do not come
            return
        self.continuations += asked and not self._dead
        self._said += b"\r\n"
        self._literal_left = size

    def _end(self) -> None:
        if not self._dead:
            self._record(refused=False)
            if self._goes_on(self._said):
                self.continuations += 1
                self._dialogue = True
        self._forget()

    def _record(self, *, refused: bool) -> None:
        tag, _, octets = self._said.partition(b" ")
        self.commands.append(Command(tag, octets, refused))

    def _forget(self) -> None:
        self._said = b""
        self._inside = self._dead = False
