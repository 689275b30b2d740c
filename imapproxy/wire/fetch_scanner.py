"""Taking FETCH responses apart as they come, literals in pieces (RFC 9051 section 7.5.2).

:mod:`~imapproxy.wire.decode_fetch_data` reads a response that is here whole. What passes through a
proxy is not: a message of any size is in it, and nothing of it may be gathered. The scanner is
given the fragments of a framer and tells a sink what they mean, in one scan.
"""

import re
from typing import Protocol

from imapproxy.wire.cursor import QUOTED_RULE, SHALLOW_LIST_RULE, WORD_RULE, Cursor
from imapproxy.wire.errors import DecodeError
from imapproxy.wire.framing import Line, Octets, ResponseFramer

#: ``* n FETCH (``, as a response has to begin to be given to a scanner.
FETCH_BEGINS = re.compile(rb"\* ([0-9]{1,10}) FETCH \(", re.IGNORECASE)

_NAME = rb" *([A-Za-z0-9.\-]++(?:\[[^\]{\r\n]*+\](?:<[0-9]++>)?)?)"
_VALUE = rb"(" + WORD_RULE + rb"|" + QUOTED_RULE + rb"|" + SHALLOW_LIST_RULE + rb")"
_ITEM = re.compile(_NAME + rb" " + _VALUE + rb"(?=[ )])")
_ITEM_NAME = re.compile(_NAME + rb" +")
_LITERAL_ITEM = re.compile(_NAME + rb" (~?)\{([0-9]{1,19})\+?\}\r\n\Z")
_END = re.compile(rb" *\) *\r\n")
_LITERAL_WITHIN = re.compile(_NAME + rb" (~?)\{([0-9]{1,19})\+?\}\r\n")
# Literals inside of a list (a subject in an ENVELOPE) are gathered with it.
_MAX_GATHERED = 1024 * 1024


class FetchSink(Protocol):
    """Who is told. Names are spelled as the server spells them."""

    def fetch_begins(self, number: int) -> None:
        """A response for message ``number``."""

    def item(self, name: bytes, value: bytes) -> None:
        """An item whose value is here whole, as on the wire."""

    def literal_begins(self, name: bytes, size: int, binary: bool) -> None:
        """An item whose value is a literal of ``size`` octets; they follow."""

    def literal_octets(self, octets: Octets) -> None:
        """A piece of it."""

    def literal(self, name: bytes, octets: bytes, binary: bool) -> None:
        """An item whose value is a literal that is here whole."""

    def fetch_ends(self) -> None:
        """The response was read whole."""

    def fetch_unreadable(self) -> None:
        """The response cannot be read: what was told of it stands, the rest is not known."""


class FetchScanner:
    """One response after the other, told to ``sink``.

    :meth:`begin` takes the first line, :meth:`line` and :meth:`octets` what follows it. Whether
    more follows the framer's fragments tell.
    """

    __slots__ = ("_at", "_gathered", "_gathering", "_readable", "_sink", "_text")

    def __init__(self, sink: FetchSink) -> None:
        self._sink = sink
        self._text = b""
        self._at = 0
        self._gathering = False  # the octets that follow belong to a list
        self._gathered = 0
        self._readable = False

    def begin(self, line: Line, found: re.Match[bytes]) -> None:
        """Read the first line, in which :data:`FETCH_BEGINS` was ``found``."""
        self._readable = True
        self._gathering = False
        self._gathered = 0
        self._text = line.data
        self._at = found.end()
        self._sink.fetch_begins(int(found[1]))
        self._scan(line)

    def scan(self, octets: bytes, found: re.Match[bytes]) -> int:
        """Read a response that is whole in ``octets``, where :data:`FETCH_BEGINS` was ``found``.

        Returns where it ends, or 0 if it has to be given to :meth:`begin` in fragments instead
        (hot: all that passes is read by this, but for what is cut by the end of a read).
        """
        sink = self._sink
        sink.fetch_begins(int(found[1]))
        at = found.end()
        while True:
            item = _ITEM.match(octets, at)
            if item is not None:
                sink.item(item[1], item[2])
                at = item.end()
                continue
            item = _LITERAL_WITHIN.match(octets, at)
            if item is None:
                break
            start = item.end()
            at = start + int(item[3])
            if at > len(octets):
                return 0
            sink.literal(item[1], octets[start:at], bool(item[2]))
        end = _END.match(octets, at)
        if end is None:
            return 0
        sink.fetch_ends()
        return end.end()

    def read(self, octets: bytes, start: int, end: int) -> None:
        """Read a response that is whole in ``octets`` and ends at ``end``, by whichever way."""
        found = FETCH_BEGINS.match(octets, start)
        if found is None or self.scan(octets, found):
            return
        framer = ResponseFramer()
        framer.feed(octets[start:end])
        first = framer.next_fragment()
        if not isinstance(first, Line) or (found := FETCH_BEGINS.match(first.data)) is None:
            return
        self.begin(first, found)
        while (fragment := framer.next_fragment()) is not None:
            if isinstance(fragment, Line):
                self.line(fragment)
            elif isinstance(fragment, Octets):
                self.octets(fragment)

    def line(self, line: Line) -> None:
        """Read a line behind a literal."""
        if not self._readable:
            return
        if self._gathering:
            self._text += line.data
        else:
            self._text, self._at = line.data, 0
        self._scan(line)

    def octets(self, octets: Octets) -> None:
        """Take a piece of a literal."""
        if not self._readable:
            return
        if not self._gathering:
            self._sink.literal_octets(octets)
            return
        self._gathered += len(octets.data)
        if self._gathered > _MAX_GATHERED:
            self._give_up()
        else:
            self._text += octets.data

    def _scan(self, line: Line) -> None:
        text, at, match, item = self._text, self._at, _ITEM.match, self._sink.item
        while (found := match(text, at)) is not None:
            item(found[1], found[2])
            at = found.end()
        self._at = at
        if line.literal is None:
            self._last_line()
        else:
            self._line_with_literal()

    def _last_line(self) -> None:
        if _END.fullmatch(self._text, self._at) is None:
            self._read_slowly()
        if not self._readable:
            return
        if _END.fullmatch(self._text, self._at) is None:
            self._give_up()
            return
        self._text = b""
        self._sink.fetch_ends()

    def _line_with_literal(self) -> None:
        found = _LITERAL_ITEM.match(self._text, self._at)
        if found is None:
            self._read_slowly()
            found = _LITERAL_ITEM.match(self._text, self._at)
        if found is None:
            self._gathering = True
            return
        self._gathering = False
        self._sink.literal_begins(found[1], int(found[3]), bool(found[2]))

    def _read_slowly(self) -> None:
        """Read items that are nested deeply or hold literals, as far as they are here."""
        cursor = Cursor(self._text, self._at, lenient=True)
        while (found := cursor.take(_ITEM_NAME)) is not None:
            if _LITERAL_ITEM.match(self._text, self._at) is not None:
                return  # a literal of its own, and its octets are still to come
            try:
                value = cursor.raw_value()
            except DecodeError:
                return  # the literal that makes it whole is still to come, or never will
            self._sink.item(found[1], value)
            self._at = cursor.at

    def _give_up(self) -> None:
        self._readable = False
        self._text = b""
        self._sink.fetch_unreadable()
