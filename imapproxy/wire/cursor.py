"""Reading the octets of one complete command or response from left to right.

The octets are as they were on the wire, literals in their place:
``a1 LOGIN {3}\\r\\njoe {6}\\r\\nsecret\\r\\n``. Every rule is one compiled pattern, under its ABNF,
possessive where it repeats, so that no input makes it try twice: time is linear in the octets.
Nothing but ``DecodeError`` and ``LimitExceeded`` leaves a cursor, whatever it is fed.
"""

import re
from collections.abc import Callable
from typing import TypeVar

from imapproxy.wire.errors import DecodeError, LimitExceeded
from imapproxy.wire.sequence_set import MAX_NUMBER, SEQUENCE_SET, SequenceSet
from imapproxy.wire.strings import ASTRING_CHAR, ATOM_CHAR

# How deep lists, NOTs and MIME parts may lie in each other. Mail nests a dozen deep at most; each
# level costs some three frames of Python's thousand.
MAX_NESTING = 64
# number64: an unsigned 63-bit integer (RFC 9051 section 9).
MAX_NUMBER64 = 2**63 - 1
# Python refuses to convert numbers of thousands of digits. Twenty tell that a number is too large.
_MAX_DIGITS = 20

# atom = 1*ATOM-CHAR
ATOM = re.compile(ATOM_CHAR + rb"++")
# astring = 1*ASTRING-CHAR / string
_ASTRING_ATOM = re.compile(ASTRING_CHAR + rb"++")
# quoted = DQUOTE *QUOTED-CHAR DQUOTE; 8-bit is UTF-8 (RFC 9051 section 4.3), or what old servers
# put there. This rule finds the end of it even where escapes or controls are wrong inside …
QUOTED_RULE = rb'"[^"\\\n]*+(?:\\[^\n][^"\\\n]*+)*+"'
_QUOTED = re.compile(QUOTED_RULE)
# … and this one is the grammar.
_STRICT_QUOTED = re.compile(rb'"[^"\\\r\n\x00]*+(?:\\["\\][^"\\\r\n\x00]*+)*+"')
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
# literal = "{" number64 ["+"] "}" CRLF *CHAR8; literal8 = "~{" … (RFC 9051 section 9)
_LITERAL = re.compile(rb"(~?)\{([0-9]++)\+?\}\r\n")
# number = 1*DIGIT
_NUMBER = re.compile(rb"[0-9]++")
_SPACES = re.compile(rb" ++")
_NIL = re.compile(rb"NIL(?![^ ()\r\n])", re.IGNORECASE)
# tagged-ext-label (RFC 9051 section 9): the name of an option or modifier …
_LABEL = re.compile(rb"(?!-[0-9])[A-Za-z_.\-][A-Za-z0-9_.\-:]*+")
# … and a space before what cannot be the next one's name: tagged-ext-val, or PARTIAL's "-1:-100".
_LABEL_VALUE = re.compile(rb" (?=[0-9(*\"{$]|-[0-9])")
_LENIENT_LABEL_VALUE = re.compile(rb" ++(?=[0-9(*\"{$]|-[0-9])")

# A value of any kind, taken whole: what stands outside of strings and parentheses …
_PLAIN_RULE = rb'[^()"{\r\n]'
# … a list up to a depth that envelopes and most structures have, in one stroke …
_LIST_RULE = rb"\((?:" + _PLAIN_RULE + rb"++|" + QUOTED_RULE + rb")*+\)"
for _ in range(5):
    _LIST_RULE = rb"\((?:" + _PLAIN_RULE + rb"++|" + QUOTED_RULE + rb"|" + _LIST_RULE + rb")*+\)"
SHALLOW_LIST_RULE = _LIST_RULE
_SHALLOW_LIST = re.compile(SHALLOW_LIST_RULE)
# … or, for lists that are deeper or hold literals, run by run.
_RUN = re.compile(rb"(?:" + _PLAIN_RULE + rb"++|" + QUOTED_RULE + rb")++")
# A word in a response: looser than an atom, for servers that have "]" or "%" in their flags.
WORD_RULE = rb'[^ ()"{\r\n]++'
_WORD = re.compile(WORD_RULE)

_Value = TypeVar("_Value")


class Cursor:
    """A place in ``octets``; each method reads one rule there and moves on, or raises.

    ``at`` is the offset of the next octet. With ``lenient`` several spaces count as one.
    """

    __slots__ = ("_depth", "at", "lenient", "octets")

    def __init__(self, octets: bytes, at: int = 0, *, lenient: bool = False) -> None:
        self.octets = octets
        self.at = at
        self.lenient = lenient
        self._depth = 0

    # --- places ---

    def error(self, message: str) -> DecodeError:
        """The error to raise for what stands here."""
        return DecodeError(message, self.at)

    def starts_with(self, octets: bytes) -> bool:
        """Whether ``octets`` stand here."""
        return self.octets.startswith(octets, self.at)

    def take(self, pattern: re.Pattern[bytes]) -> re.Match[bytes] | None:
        """Read what ``pattern`` matches here, if it does."""
        found = pattern.match(self.octets, self.at)
        if found is not None:
            self.at = found.end()
        return found

    def expect(self, pattern: re.Pattern[bytes], what: str) -> re.Match[bytes]:
        """Read what ``pattern`` matches here; ``what`` names it in the error."""
        found = pattern.match(self.octets, self.at)
        if found is None:
            raise self.error(f"expected {what}")
        self.at = found.end()
        return found

    def skip(self, octets: bytes) -> bool:
        """Read ``octets`` if they stand here, and tell."""
        if self.octets.startswith(octets, self.at):
            self.at += len(octets)
            return True
        return False

    def require(self, octets: bytes) -> None:
        """Read ``octets``, which have to stand here."""
        if not self.skip(octets):
            raise self.error(f"expected {octets.decode('ascii', 'replace')!r}")

    def space(self) -> None:
        """SP: exactly one, unless lenient."""
        if self.lenient:
            self.expect(_SPACES, "a space")
        elif not self.skip(b" "):
            raise self.error("expected a space")

    def skip_space(self) -> bool:
        """SP, if there is one, and tell."""
        if self.lenient:
            return self.take(_SPACES) is not None
        return self.skip(b" ")

    def skip_spaces(self) -> None:
        """Any number of spaces, where servers are known to put some."""
        self.take(_SPACES)

    def end(self) -> None:
        """The CRLF behind which nothing follows."""
        if self.lenient:
            self.skip_spaces()
        if not self.at_end():
            raise self.error("expected the end of the line")

    def at_end(self) -> bool:
        """Whether only the last CRLF is left."""
        return self.at == len(self.octets) - 2 and self.octets.endswith(b"\r\n")

    def descend(self) -> None:
        """One level deeper; raises ``LimitExceeded`` where that is too deep."""
        self._depth += 1
        if self._depth > MAX_NESTING:
            raise LimitExceeded(f"nested more than {MAX_NESTING} deep", self.at)

    def ascend(self) -> None:
        """One level up again."""
        self._depth -= 1

    # --- words ---

    def atom(self) -> bytes:
        """An atom."""
        return self.expect(ATOM, "an atom")[0]

    def keyword(self) -> str:
        """An atom that the grammar defines, in upper case."""
        return self.atom().decode("ascii").upper()

    def label(self) -> tuple[str, bytes | None]:
        """The name of an option in upper case, and its value as on the wire if one follows."""
        name = self.expect(_LABEL, "the name of an option")[0].decode("ascii").upper()
        follows = self.take(_LENIENT_LABEL_VALUE if self.lenient else _LABEL_VALUE)
        return name, None if follows is None else self.raw_value()

    def astring(self) -> bytes:
        """An atom, quoted string or literal."""
        found = self.take(_ASTRING_ATOM)
        return found[0] if found is not None else self.string()

    def string(self) -> bytes:
        """A quoted string or literal, as the octets that it stands for."""
        found = self.take(_QUOTED if self.lenient else _STRICT_QUOTED)
        if found is not None:
            inner = found[0][1:-1]
            return _ESCAPED.sub(rb"\1", inner) if b"\\" in inner else inner
        return self.literal()

    def literal(self) -> bytes:
        """A literal, synchronizing or not, ``~{n}`` included."""
        return self.any_literal()[0]

    def any_literal(self) -> tuple[bytes, bool]:
        """A literal and whether it was a binary one, ``~{n}`` (RFC 3516)."""
        found = _LITERAL.match(self.octets, self.at)
        if found is None:
            raise self.error("expected a string")
        start = found.end()
        end = start + (self._bounded(found[2], MAX_NUMBER64))
        if end > len(self.octets):
            raise self.error("literal is cut short")
        self.at = end
        return self.octets[start:end], bool(found[1])

    def nil(self) -> bool:
        """Read NIL if it stands here, and tell."""
        return self.take(_NIL) is not None

    def nstring(self) -> bytes | None:
        """A string, or ``None`` for NIL."""
        return None if self.nil() else self.string()

    # --- numbers ---

    def number(self, maximum: int = MAX_NUMBER) -> int:
        """A number of at most 32 bits, or up to ``maximum``."""
        return self._bounded(self.expect(_NUMBER, "a number")[0], maximum)

    def nz_number(self, maximum: int = MAX_NUMBER) -> int:
        """A number that is not zero and has no leading zeros: nz-number."""
        if self.starts_with(b"0"):
            raise self.error("expected a number from 1")
        return self.number(maximum)

    def number64(self) -> int:
        """A number of at most 63 bits."""
        return self.number(MAX_NUMBER64)

    def sequence_set(self) -> SequenceSet:
        """A sequence set, or ``$``."""
        start = self.at
        written = self.expect(SEQUENCE_SET, "a sequence set")[0]
        try:
            return SequenceSet.decode(written)
        except LimitExceeded as error:
            raise LimitExceeded(str(error), start) from None

    def _bounded(self, digits: bytes, maximum: int) -> int:
        if len(digits) <= _MAX_DIGITS:
            value = int(digits)
            if value <= maximum:
                return value
        raise LimitExceeded(f"number over {maximum}", self.at)

    # --- lists ---

    def list_of(
        self, read: Callable[[], _Value], *, may_be_empty: bool = False
    ) -> tuple[_Value, ...]:
        """``(a b c)``, each of them read by ``read``."""
        self.require(b"(")
        self.descend()
        values = self._listed(read, may_be_empty)
        self.ascend()
        return values

    def _listed(self, read: Callable[[], _Value], may_be_empty: bool) -> tuple[_Value, ...]:
        if self.lenient:
            self.skip_spaces()
        if may_be_empty and self.skip(b")"):
            return ()
        values = [read()]
        while not self.skip(b")"):
            self.space()
            if self.lenient and self.skip(b")"):
                break
            values.append(read())
        return tuple(values)

    def separated(self, read: Callable[[], _Value]) -> tuple[_Value, ...]:
        """``a b c`` up to where no space follows."""
        values = [read()]
        while not self._only_spaces_left() and self.skip_space():
            values.append(read())
        return tuple(values)

    def _only_spaces_left(self) -> bool:
        if not self.lenient:
            return False
        found = _SPACES.match(self.octets, self.at)
        return found is not None and found.end() == len(self.octets) - 2

    # --- values that are not looked into ---

    def word(self) -> bytes:
        """What stands here up to a space, parenthesis or quote; at least one octet."""
        return self.expect(_WORD, "a word")[0]

    def raw_value(self) -> bytes:
        """A word, string, literal or list, exactly as it stands on the wire."""
        start = self.at
        if self.starts_with(b"("):
            if self.take(_SHALLOW_LIST) is None:
                self._skip_deep_list()
        elif self.take(_QUOTED) is None and _LITERAL.match(self.octets, start) is not None:
            self.any_literal()
        elif self.at == start:
            self.word()
        return self.octets[start : self.at]

    def _skip_deep_list(self) -> None:
        depth = 0
        while True:
            self.take(_RUN)
            if self.skip(b"("):
                depth += 1
            elif self.skip(b")"):
                depth -= 1
                if not depth:
                    return
            elif self.starts_with(b"{"):
                self.any_literal()
            else:
                raise self.error("list without its closing parenthesis")
