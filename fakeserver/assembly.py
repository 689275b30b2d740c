"""Fragments put together to whole commands, before anything of them is parsed.

Pure: the protocol feeds octets, asks for the next event, and answers about literals.
"""

import re
from typing import NamedTuple

from fakeserver.compression import Inflater, NotCompressed
from fakeserver.host import Limits
from imapproxy.wire.framing import CommandFramer, Fragment, Line, Malformed, Octets
from imapproxy.wire.strings import MINUS_MAX, LiteralStyle

_TAG = re.compile(rb"[^\x00-\x20\x7f-\xff(){%*\"\\+]++")


class Complete(NamedTuple):
    """A whole command: lines, literals in their place, the last CRLF."""

    octets: bytes


class Announced(NamedTuple):
    """A synchronizing literal was announced: ``accept`` or ``refuse`` it. ``octets`` so far."""

    octets: bytes
    size: int


class Refused(NamedTuple):
    """A command that cannot be taken. ``tag`` is empty where it has none that can be read."""

    tag: bytes
    text: str
    fatal: bool
    code: bytes = b""


Event = Complete | Announced | Refused


class Assembler:
    """Holds one command at a time; memory is bounded by the limits."""

    def __init__(self, limits: Limits, literals: LiteralStyle) -> None:
        self._framer = CommandFramer()
        self._limits = limits
        self._pieces: list[bytes] = []
        self._size = 0
        self._literals = literals
        self._inflater: Inflater | None = None
        self.before_login()

    def before_login(self) -> None:
        """Bounds for a client that has not said who it is."""
        self._framer.max_line = self._limits.line_before_login
        self._framer.max_literal = self._limits.literal_before_login

    def after_login(self) -> None:
        """Bounds for a client that has."""
        self._framer.max_line = self._limits.line
        self._framer.max_literal = self._limits.literal

    def feed(self, data: bytes) -> None:
        """Take octets as they came."""
        if self._inflater is None:
            self._framer.feed(data)
        else:
            self._inflater.feed(data)

    @property
    def buffered(self) -> int:
        """Octets that came and were not looked at yet."""
        compressed = 0 if self._inflater is None else self._inflater.waiting
        return self._framer.buffered + compressed

    def decompress(self) -> None:
        """What was not looked at yet, and all that comes, is compressed."""
        self._inflater = Inflater()
        self._inflater.feed(self._framer.take_buffered())

    def next_line(self) -> bytes | None:
        """The next line without its end, whatever it looks like; one too long is told as ``*``."""
        self._framer.literals = False
        fragment = self._next_fragment()
        self._framer.literals = True
        if isinstance(fragment, Line):
            return fragment.data[:-2]
        if isinstance(fragment, Malformed):
            return b"*"
        return None

    def next_event(self) -> Event | None:
        """What there is to do next; ``None`` when more octets are needed."""
        while (fragment := self._next_fragment()) is not None:
            event = None
            match fragment:
                case Line():
                    event = self._line(fragment)
                case Octets(data, _):
                    self._add(data)
                case Malformed(start, reason, fatal):
                    event = self._refuse(start, reason, fatal=fatal)
            if event is not None:
                return event
        return None

    def accept_literal(self) -> None:
        """The client is told to go on."""
        self._framer.accept_literal()

    def refuse_literal(self) -> None:
        """The client is told NO or BAD instead; what it says next is another command."""
        self._clear()
        self._framer.refuse_literal()

    def _next_fragment(self) -> Fragment | None:
        while (fragment := self._framer.next_fragment()) is None:
            try:
                octets = b"" if self._inflater is None else self._inflater.take()
            except NotCompressed:
                return Malformed(b"", "What follows is not compressed.", fatal=True)
            if not octets:
                break
            self._framer.feed(octets)
        return fragment

    def _line(self, line: Line) -> Event | None:
        self._add(line.data)
        literal = line.literal
        if literal is None:
            return Complete(self._clear())
        if self._size + literal.size > self._limits.command:
            return self._refuse(b"", "command is too large", fatal=not literal.synchronizing)
        if literal.synchronizing:
            return Announced(b"".join(self._pieces), literal.size)
        if self._literals == "sync":
            # To a server without LITERAL+ this is a mistake at the end of the line, and what
            # follows is another command.
            refused = self._refuse(b"", "Invalid literal.", fatal=False)
            self._framer.refuse_literal()
            return refused
        if self._literals == "minus" and literal.size > MINUS_MAX:
            # RFC 7888 section 5: not to be sent; the server cannot but take it or close.
            return self._refuse(b"", "Literal is too large.", fatal=True, code=b"TOOBIG")
        return None

    def _add(self, data: bytes) -> None:
        self._pieces.append(data)
        self._size += len(data)

    def _refuse(self, start: bytes, reason: str, *, fatal: bool, code: bytes = b"") -> Refused:
        whole = self._clear() + start
        found = _TAG.match(whole)
        return Refused(found[0] if found is not None else b"", reason, fatal, code)

    def _clear(self) -> bytes:
        whole = b"".join(self._pieces)
        self._pieces.clear()
        self._size = 0
        return whole
