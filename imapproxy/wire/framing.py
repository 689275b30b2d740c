"""Cutting a stream of octets into lines and literals, before anything is parsed.

IMAP is framed by two rules only (RFC 3501 section 2.2, RFC 9051 section 2.2):

* a line ends with CRLF;
* where a line ends with ``{n}`` the next *n* octets are a literal, whatever they hold, and the
  command or response goes on with another line behind them.

A framer is fed octets in any chunking and hands out *fragments*: :class:`Line`, :class:`Octets`
and, where a line cannot be passed on, :class:`Malformed`. Octets of literals are handed on as they
come, never assembled and never scanned. Memory is bounded by ``max_line`` plus what was fed and
not yet asked for.
"""

import re
from collections import deque
from typing import NamedTuple

# Long UID sets make long lines; RFC 7162 section 4 asks servers for 8192 octets at least.
CLIENT_MAX_LINE = 1024 * 1024
# A SEARCH answer is one line: a million messages need 7 MB.
UPSTREAM_MAX_LINE = 32 * 1024 * 1024
# RFC 9051 section 9, number64: an unsigned 63-bit integer.
MAX_NUMBER64 = 2**63 - 1

CRLF = b"\r\n"
_LF = 0x0A

# literal = "{" number64 ["+"] "}" CRLF *CHAR8 and literal8 = "~{" … (RFC 9051 section 9).
_LITERAL_AT_END = re.compile(rb"(~?)\{([0-9]{1,20})(\+?)\}\r\n\Z")
# The same with more digits than there are numbers: servers disagree on whether that is one.
_TOO_MANY_DIGITS = re.compile(rb"\{[0-9]{21,}\+?\}\r\n\Z")
# Status responses end in free text (RFC 3501 section 7.1). What looks like a literal there is
# text: servers echo the client's mailbox name, and that may well end in "{5}".
_STATUS_RESPONSE = re.compile(rb"[^ ]+ (?:OK|NO|BAD|BYE|PREAUTH)[ \r]", re.IGNORECASE)
_QUOTED_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
# A response that begins with a number: FETCH, EXISTS, EXPUNGE, RECENT. None has status text.
_NUMBERED = re.compile(rb"\* [0-9]")
# Where a run of lines needs a look: at a bare LF, at what may announce a literal, and where
# something else than a numbered response follows. The pattern begins with a fixed octet, which
# makes it one fast scan however many lines there are.
_TURN = re.compile(rb"\n(?:(?<!\r\n)|(?<=\}\r\n)|(?!\* [0-9]))")
# How much of a line that was refused is kept: enough for its tag.
_MALFORMED_KEEPS = 128


class Literal(NamedTuple):
    """The announcement of a literal at the end of a line.

    ``size`` is in octets. ``synchronizing`` is false for ``{n+}`` (RFC 7888), where the octets
    come without being asked for. ``binary`` is true for ``~{n}`` (RFC 3516), which may hold NUL.
    """

    size: int
    synchronizing: bool
    binary: bool


class Line(NamedTuple):
    """One line. ``data`` ends in CRLF (a bare LF was mended); ``literal`` is what follows it."""

    data: bytes
    literal: Literal | None


class Octets(NamedTuple):
    """A piece of the announced literal. ``left`` octets of it are still to come.

    The last piece has ``left == 0``; an empty literal is one empty piece.
    """

    data: bytes
    left: int


class Malformed(NamedTuple):
    """A line that is not passed on. ``start`` holds its first octets, ``reason`` a sentence.

    When ``fatal`` is false the framer stands at the next line and can go on; when true it cannot
    know where the next line begins, and the connection has to end.
    """

    start: bytes
    reason: str
    fatal: bool


Fragment = Line | Octets | Malformed


class Framer:
    """The part that commands and responses share. Feed it; ask it until it answers ``None``."""

    __slots__ = (
        "_at",
        "_chunk",
        "_chunks",
        "_discarding",
        "_inside",
        "_octets_left",
        "_partial",
        "max_line",
    )

    def __init__(self, max_line: int) -> None:
        self.max_line = max_line
        self._chunks: deque[bytes] = deque()
        self._chunk = b""
        self._at = 0
        self._partial = bytearray()  # of a line whose end has not come
        self._octets_left = -1  # of a literal; -1 outside of one
        self._inside = False  # a literal of the current command or response has gone by
        self._discarding = False  # the rest of a line that was too long

    def feed(self, data: bytes) -> None:
        """Take octets as they came from the peer."""
        if self._at == len(self._chunk) and not self._chunks:
            self._chunk = data
            self._at = 0
        else:
            self._chunks.append(data)

    def whole_line(self, data: bytes) -> Line | None:
        """``data``, which has just come, as a line if it is one, and nothing less or more.

        The short cut for a dialogue, where each side waits for the other's next line. What is
        none, or comes behind something that was not handed out yet, has to be fed.
        """
        if (
            self._octets_left >= 0
            or self._inside
            or self._discarding
            or self._at != len(self._chunk)
            or self._partial
            or self._chunks
            or data.find(b"\n") + 1 != len(data)
            or not data.endswith(CRLF)
            or data.endswith(b"}\r\n")
            or len(data) > self.max_line
        ):
            return None
        return Line(data, None)

    @property
    def waiting(self) -> bool:
        """Whether something was fed that could be the next fragment, or its beginning."""
        return self._at != len(self._chunk) or bool(self._chunks) or not self._octets_left

    @property
    def buffered(self) -> int:
        """Octets that were fed and not yet handed out."""
        waiting = len(self._chunk) - self._at + sum(map(len, self._chunks))
        return waiting + len(self._partial)

    def take_buffered(self) -> bytes:
        """Take out again what was fed and not yet handed out, for it is of another layer.

        Between two commands or responses alone, where COMPRESS begins (RFC 4978).
        """
        octets = b"".join((bytes(self._partial), self._chunk[self._at :], *self._chunks))
        self._partial.clear()
        self._chunks.clear()
        self._chunk = b""
        self._at = 0
        return octets

    @property
    def between_responses(self) -> bool:
        """Whether the next line starts a new command or response."""
        return self._octets_left < 0 and not self._inside and not self._partial

    def next_fragment(self) -> Fragment | None:
        """The next fragment, or ``None`` when more octets are needed."""
        if self._octets_left >= 0:
            return self._next_octets()
        chunk, at = self._chunk, self._at
        if at == len(chunk) and not self._chunks:
            return None
        end = chunk.find(b"\n", at) + 1
        if not end:
            return self._next_across_chunks()
        self._at = end
        return self._line(chunk[at:end])

    def _next_across_chunks(self) -> Fragment | None:
        while True:
            self._stash_rest_of_chunk()
            # What may be the first half of a CRLF does not count yet.
            so_far = len(self._partial) - self._partial.endswith(b"\r")
            if so_far > self.max_line and not self._discarding:
                return self._too_long()
            if not self._chunks:
                return None
            self._chunk = self._chunks.popleft()
            end = self._chunk.find(b"\n") + 1
            if end:
                self._at = end
                return self._line(self._chunk[:end])

    def _stash_rest_of_chunk(self) -> None:
        # A bytearray grows in amortised constant time; adding to a bytes would make a long line
        # that comes octet by octet cost the square of its length.
        if not self._discarding:
            self._partial += self._chunk[self._at :] if self._at else self._chunk
        self._chunk = b""
        self._at = 0

    def _too_long(self) -> Malformed:
        start = bytes(self._partial[:_MALFORMED_KEEPS])
        self._partial.clear()
        self._discarding = True
        self._inside = False
        return Malformed(start, f"line longer than {self.max_line} octets", fatal=False)

    def _line(self, data: bytes) -> Fragment | None:
        if self._partial:
            data = bytes(self._partial) + data
            self._partial.clear()
        if self._discarding:
            self._discarding = False
            return self.next_fragment()
        if len(data) - (2 if data.endswith(CRLF) else 1) > self.max_line:
            self._inside = False
            reason = f"line longer than {self.max_line} octets"
            return Malformed(data[:_MALFORMED_KEEPS], reason, fatal=False)
        if not data.endswith(CRLF):
            data = data[:-1] + CRLF
        if data.endswith(b"}\r\n"):
            return self._line_with_literal(data)
        self._inside = False
        return Line(data, None)

    def _line_with_literal(self, data: bytes) -> Fragment:
        if not self._may_announce(data):
            self._inside = False
            return Line(data, None)
        found = _LITERAL_AT_END.search(data, max(0, len(data) - 64))
        if found is not None:
            literal = Literal(int(found[2]), not found[3], bool(found[1]))
            return self._announced(data, literal)
        self._inside = False
        if _has_too_many_digits(data, 0, len(data)):
            return _out_of_range(data)
        return Line(data, None)

    def _may_announce(self, data: bytes) -> bool:
        raise NotImplementedError

    def _announced(self, data: bytes, literal: Literal) -> Fragment:
        if literal.size > MAX_NUMBER64:
            self._inside = False
            return _out_of_range(data)
        self._octets_left = literal.size
        self._inside = True
        return Line(data, literal)

    def _next_octets(self) -> Octets | None:
        left = self._octets_left
        chunk, at = self._chunk, self._at
        if at == len(chunk) and left:
            if not self._chunks:
                return None
            chunk, at = self._chunks.popleft(), 0
            self._chunk = chunk
        available = len(chunk) - at
        if available > left:
            data = chunk[at : at + left]
            self._at = at + left
        else:
            data = chunk[at:] if at else chunk
            self._chunk = b""
            self._at = 0
        left -= len(data)
        self._octets_left = left or -1
        return Octets(data, left)


def _has_too_many_digits(data: bytes, start: int, end: int) -> bool:
    """Whether the line, which announces no literal, ends in what would if there were such sizes."""
    brace = data.rfind(b"{", start, end) if data.endswith(b"}\r\n", start, end) else -1
    return brace >= 0 and _TOO_MANY_DIGITS.match(data, brace, end) is not None


def _out_of_range(data: bytes) -> Malformed:
    return Malformed(data[:_MALFORMED_KEEPS], "literal size out of range", fatal=True)


class ResponseFramer(Framer):
    """Frames what a server says."""

    __slots__ = ()

    def __init__(self, max_line: int = UPSTREAM_MAX_LINE) -> None:
        super().__init__(max_line)

    def next_run(self) -> bytes | None:
        """As much of what was fed as belongs to numbered responses, for who only passes it on.

        It is the data of the fragments that :meth:`next_fragment` would hand out, at a fraction of
        their cost. It begins and ends anywhere in a response but inside a line;
        :attr:`between_responses` tells where it has ended. ``None`` is an empty run: what comes
        next has to be looked at.
        """
        if self._at == len(self._chunk) and self._chunks:
            self._chunk = self._chunks.popleft()
            self._at = 0
        chunk, start = self._chunk, self._at
        if self._partial or self._discarding or len(chunk) > self.max_line:
            return None
        self._at = self._end_of_run(chunk, start)
        return chunk[start : self._at] or None

    def next_whole_responses(self) -> bytes | None:
        """As much of what was fed as is whole numbered responses, literals included.

        For who reads them without the fragments; ``None`` if there is none whole.
        """
        if self._at == len(self._chunk) and self._chunks:
            self._chunk = self._chunks.popleft()
            self._at = 0
        chunk, start = self._chunk, self._at
        if not self.between_responses or self._discarding or len(chunk) > self.max_line:
            return None
        at = whole = start
        while at < len(chunk):
            if self._octets_left >= 0:
                at += self._octets_left
                if at > len(chunk):
                    break
                self._octets_left = -1
                continue
            passes = chunk[at] != _LF if self._inside else _NUMBERED.match(chunk, at)
            end = self._end_of_lines(chunk, at) if passes else at
            if end == at:
                break
            # The line in front of a literal begins a response, or goes on with one.
            begun = chunk.rfind(b"\n", at, end - 1) + 1 if self._inside else end
            whole = max(whole, begun) if begun > at else whole
            at = end
        self._at = whole
        self._octets_left = -1
        self._inside = False
        return chunk[start:whole] or None

    def _end_of_run(self, chunk: bytes, at: int) -> int:
        while at < len(chunk):
            if self._octets_left >= 0:
                skipped = min(self._octets_left, len(chunk) - at)
                self._octets_left = self._octets_left - skipped or -1
                at += skipped
                continue
            # In front of a line that begins with LF is a literal, and that may end in CR.
            passes = chunk[at] != _LF if self._inside else _NUMBERED.match(chunk, at)
            end = self._end_of_lines(chunk, at) if passes else at
            if end == at:
                break
            at = end
        return at

    def _end_of_lines(self, chunk: bytes, at: int) -> int:
        """The end of the lines from ``at`` that can be passed on; a literal's octets follow, if
        any do, behind the last.
        """
        turn = _TURN.search(chunk, at)
        end = turn.end() if turn is not None else chunk.rfind(b"\n", at) + 1
        if not end:
            return at
        last = chunk.rfind(b"\n", at, end - 1) + 1 or at
        found = _LITERAL_AT_END.search(chunk, max(last, end - 64), end)
        if found is not None and int(found[2]) <= MAX_NUMBER64:
            self._octets_left = int(found[2])
            self._inside = True
            return end
        odd = found is not None or _has_too_many_digits(chunk, last, end)
        if odd or not chunk.endswith(CRLF, last, end):
            end = last  # left to next_fragment: a size out of range, a bare LF that is mended
        if end > at:
            self._inside = False
        return end

    def _may_announce(self, data: bytes) -> bool:
        if self._inside:
            return True
        return data.startswith(b"* ") and _STATUS_RESPONSE.match(data) is None


class CommandFramer(Framer):
    """Frames what a client says.

    Behind a synchronizing literal's announcement nothing is handed out until
    :meth:`accept_literal` or :meth:`refuse_literal` tells whether its octets will come: the client
    waits for the server's continuation request (RFC 3501 section 7.5).

    ``max_literal`` bounds the size of a single literal; ``None`` is no bound but that of the
    protocol. ``literals`` can be switched off for lines that are no commands (RFC 3501 section
    6.2.2: base64 during AUTHENTICATE).
    """

    __slots__ = ("_undecided", "literals", "max_literal")

    def __init__(self, max_line: int = CLIENT_MAX_LINE, max_literal: int | None = None) -> None:
        super().__init__(max_line)
        self.max_literal = max_literal
        self.literals = True
        self._undecided = False

    def next_fragment(self) -> Fragment | None:
        """The next fragment; ``None`` when octets or a word about a literal are needed."""
        if self._undecided:
            return None
        return super().next_fragment()

    @property
    def undecided(self) -> bool:
        """Whether a literal was announced of which nobody has said yet if it will come."""
        return self._undecided

    def accept_literal(self) -> None:
        """The client was told to go on: the octets of the announced literal come next."""
        self._undecided = False

    def refuse_literal(self) -> None:
        """The command was answered instead: the client's next line is a new command."""
        self._undecided = False
        self._octets_left = -1
        self._inside = False

    def _may_announce(self, data: bytes) -> bool:
        return self.literals

    def _announced(self, data: bytes, literal: Literal) -> Fragment:
        # Servers disagree on a line whose last quoted string is open: to some "{5}" is a literal,
        # to others the end of a broken command. Passed on, it would let a client make the two
        # sides of the proxy see different commands.
        if b'"' in _QUOTED_STRING.sub(b"", data):
            self._inside = False
            reason = "quoted string without its closing quote"
            return Malformed(data[:_MALFORMED_KEEPS], reason, fatal=not literal.synchronizing)
        if self.max_literal is not None and literal.size > self.max_literal:
            self._inside = False
            reason = f"literal of {literal.size} octets, {self.max_literal} are allowed here"
            return Malformed(data[:_MALFORMED_KEEPS], reason, fatal=not literal.synchronizing)
        self._undecided = literal.synchronizing
        return super()._announced(data, literal)
