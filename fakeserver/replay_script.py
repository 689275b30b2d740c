"""A conversation as a script: what is expected of a client, and what it is answered.

Pure: it is fed octets and gives out octets. Tags are the client's own: where the recorded client
said ``a1`` and this one says ``X7``, the server's ``a1 OK`` is told as ``X7 OK``. ``(hidden)``,
which stands for credentials, matches any arguments, and ``<...>`` in a client's line any octets.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from fakeserver.conversation import Entry
from fakeserver.transcript import HIDDEN

_ANNOUNCEMENT = re.compile(rb"\{(\d+)(\+?)\}\r?\n\Z")
_TAGGED = re.compile(rb"(\S+)( (?:OK|NO|BAD)\b.*)", re.DOTALL)
_ANYTHING = b"<...>"


class Mismatch(AssertionError):
    """The client said something else than the script has; ``str()`` shows both."""


@dataclass
class Said:
    """What the script says next: ``octets``; then TLS begins where ``starts_tls``."""

    octets: bytes
    starts_tls: bool = False


@dataclass
class _Expected:
    """A line, or a piece of a literal, of the recorded client."""

    octets: bytes
    begins_command: bool

    @property
    def tag(self) -> bytes:
        return self.octets.partition(b" ")[0]

    @property
    def hidden(self) -> bool:
        return self.octets.removesuffix(b"\r\n").endswith(HIDDEN)


@dataclass
class ReplayScript:
    """One conversation being played."""

    entries: Iterable[Entry]
    _steps: list[_Expected | bytes] = field(init=False)
    _at: int = 0
    _buffer: bytes = b""
    _tags: dict[bytes, bytes] = field(default_factory=dict)
    _command: str = ""
    _literal: int = 0  # octets still to come of a literal of credentials

    def __post_init__(self) -> None:
        self._steps = list(_steps(self.entries))

    @property
    def is_over(self) -> bool:
        """Whether all was said."""
        return self._at >= len(self._steps)

    def feed(self, octets: bytes) -> Iterator[Said]:
        """What is said now that the client has said this. Raises :class:`Mismatch`."""
        self._buffer += octets
        while not self.is_over:
            step = self._steps[self._at]
            if isinstance(step, bytes):
                self._at += 1
                yield self._said(step)
                continue
            taken = self._take(step)
            if taken is None:
                return
            if taken:
                yield Said(taken)

    def _said(self, octets: bytes) -> Said:
        found = _TAGGED.fullmatch(octets)
        if found is None or found[1] not in self._tags:
            return Said(octets)
        starts = self._command == "STARTTLS" and found[2].startswith(b" OK")
        return Said(self._tags[found[1]] + found[2], starts)

    def _take(self, step: _Expected) -> bytes | None:
        """Take what the step expects; the answer at once, or ``None`` where more has to come."""
        if step.hidden:
            return self._take_hidden(step)
        size = self._size_of(step)
        if size is None:
            return None
        heard, self._buffer = self._buffer[:size], self._buffer[size:]
        self._at += 1
        self._compare(step, heard)
        return b""

    def _take_hidden(self, step: _Expected) -> bytes | None:
        """Credentials: a command whatever its literals, or a line of SASL."""
        if self._literal:
            piece, self._buffer = self._buffer[: self._literal], self._buffer[self._literal :]
            self._literal -= len(piece)
        end = self._buffer.find(b"\n") + 1
        if self._literal or not end:
            return None
        line, self._buffer = self._buffer[:end], self._buffer[end:]
        if step.begins_command and step.tag not in self._tags:
            self._begin(step, line)
        announced = _ANNOUNCEMENT.search(line)
        if announced is None:
            self._at += 1
            return b""
        self._literal = int(announced[1])
        return b"" if announced[2] else b"+ OK\r\n"

    def _size_of(self, step: _Expected) -> int | None:
        if step.octets.endswith(b"\r\n"):
            return self._buffer.find(b"\n") + 1 or None
        return len(step.octets) if len(self._buffer) >= len(step.octets) else None

    def _compare(self, step: _Expected, heard: bytes) -> None:
        expected, told = step.octets, heard
        if step.begins_command:
            self._begin(step, heard)
            expected, told = expected.partition(b" ")[2], heard.partition(b" ")[2]
        pattern = rb".*".join(map(re.escape, expected.split(_ANYTHING)))
        if re.fullmatch(pattern, told, re.DOTALL) is None:
            raise Mismatch(f"the client was to say {expected!r} and said {told!r}")

    def _begin(self, step: _Expected, heard: bytes) -> None:
        tag, _, rest = heard.partition(b" ")
        wanted = step.octets.split()[1:2]
        self._command = (rest.split() or [b""])[0].decode("ascii", "replace").upper()
        if [self._command] != [name.decode("ascii", "replace").upper() for name in wanted]:
            raise Mismatch(f"the client was to say {step.octets!r} and said {heard!r}")
        self._tags[step.tag] = tag


def _steps(entries: Iterable[Entry]) -> Iterator[_Expected | bytes]:
    """The entries, the client's with whether they begin a command."""
    inside = 0  # octets of a literal still to come
    continues = False  # the next line of the client goes on with the command
    for who, octets in entries:
        if who == "S":
            continues = continues or octets.startswith(b"+")
            yield octets
            continue
        yield _Expected(octets, begins_command=not inside and not continues)
        if inside and inside >= len(octets):
            # Behind a literal the command goes on, if only with its line end.
            inside -= len(octets)
            continues = True
        else:
            announced = _ANNOUNCEMENT.search(octets[inside:])
            inside = int(announced[1]) if announced is not None else 0
            continues = announced is not None
