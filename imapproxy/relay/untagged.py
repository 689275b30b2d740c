"""What the partner says untagged: followed, kept, and passed on unless it was for the proxy."""

import re
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Protocol

from imapproxy.relay.learning import Learning
from imapproxy.relay.mailbox_changes import MailboxChanges
from imapproxy.relay.selected import Selected
from imapproxy.relay.tee import Tee
from imapproxy.wire.fetch_scanner import FETCH_BEGINS, FetchScanner
from imapproxy.wire.framing import Line, Octets, ResponseFramer

_NUMBERED = re.compile(rb"\* ([0-9]{1,10}) (EXISTS|EXPUNGE|FETCH)\b", re.IGNORECASE)
# Numbered responses that are no FETCH, or are not spelled so: the first of a run, and one behind
# others. Both begin with a fixed octet, which makes them one fast scan (hot: FETCH 1:* (FLAGS)).
_NEWS_FIRST = re.compile(rb"\* [0-9]++ (?!FETCH )")
_NEWS_BEHIND = re.compile(rb"\n\* [0-9]++ (?!FETCH )")
_VANISHED = re.compile(rb"\* VANISHED\b", re.IGNORECASE)
_STATUS = re.compile(rb"\* OK \[", re.IGNORECASE)
_FLAGS = re.compile(rb"\* FLAGS ", re.IGNORECASE)
# An answer to one of our own questions has no literal longer than this (PREVIEW: 256 characters),
# and not many.
_SHORT = 4096
_MAX_GATHERED = 16

Items = tuple[tuple[bytes, bytes], ...]


class Claimant(Protocol):
    """A question of the proxy's own."""

    def claims(self, number: int, uid: int, items: Items) -> bool:
        """Whether the FETCH response is an answer to it; if so, it is used, and not passed on."""

    def claims_run(self, run: bytes) -> bool:
        """The same for a stretch of whole responses, of which all are taken or none."""


class _Rest(Enum):
    """What is done with the rest of a response that has begun."""

    NONE = "there is none"
    RELAY = "passed on"
    TEE = "passed on and kept"
    GATHER = "gathered: it may be for us"
    DROP = "nobody hears it"


class _Items:
    """A sink that collects the items of one response."""

    def __init__(self) -> None:
        self.number = 0
        self.items: list[tuple[bytes, bytes]] = []
        self.whole = False

    def fetch_begins(self, number: int) -> None:
        self.number = number

    def item(self, name: bytes, value: bytes) -> None:
        self.items.append((name, value))

    def literal_begins(self, name: bytes, size: int, binary: bool) -> None:
        self.items.append((name, b"%b{%d}\r\n" % (b"~" if binary else b"", size)))

    def literal(self, name: bytes, octets: bytes, binary: bool) -> None:
        self.literal_begins(name, len(octets), binary)
        self.literal_octets(Octets(octets, 0))

    def literal_octets(self, octets: Octets) -> None:
        name, value = self.items[-1]
        self.items[-1] = name, value + octets.data

    def fetch_ends(self) -> None:
        self.whole = True

    def fetch_unreadable(self) -> None:
        self.whole = False

    @property
    def uid(self) -> int:
        for name, value in self.items:
            if name.upper() == b"UID" and value.isdigit():
                return int(value)
        return 0


class Untagged:
    """The untagged responses of one partner, in order.

    ``claimants`` gives the questions that are open, those first that have the first claim.
    """

    def __init__(
        self,
        selected: Selected,
        tee: Tee,
        changes: MailboxChanges,
        claimants: Callable[[], Iterable[Claimant]],
        keep_early: Callable[[int], Callable[[bytes], None] | None],
        before_expunge: Callable[[], None],
    ) -> None:
        self._selected = selected
        self._tee = tee
        self._changes = changes
        self._scanner = FetchScanner(tee)
        self._claimants = claimants
        self._keep_early = keep_early
        self._before_expunge = before_expunge
        self._dropping: Learning | None = None
        self._keeping: Callable[[bytes], None] | None = None  # what comes waits for its turn
        self.has_claimants = False
        self._rest = _Rest.NONE
        self._fragments: list[Line | Octets] = []

    def drop_until(self, learning: Learning) -> None:
        """Pass on nothing about messages until the question is answered: nobody asked for it."""
        self._dropping = learning

    @property
    def _drops(self) -> bool:
        if self._dropping is not None and self._dropping.ended:
            self._dropping = None
        return self._dropping is not None

    def run(self, run: bytes) -> bytes:
        """Take a stretch of whole responses that begin with numbers; what goes to the client."""
        if self._dropping is not None:
            return self._in_fragments(run)
        if self.has_claimants:
            first = next(iter(self._claimants()), None)
            if first is not None and first.claims_run(run):
                return b""
            return self._in_fragments(run)
        view = self._selected.view
        if (view is None or (self._tee.idle and view.complete)) and not _has_news(run):
            return run
        return self._read(run)

    def _read(self, run: bytes) -> bytes:
        at = 0
        scan = self._scanner.scan
        while at < len(run):
            if self._selected.view is not None:
                at = self._tee.take_whole(run, at)
                if at == len(run):
                    break
            found = FETCH_BEGINS.match(run, at)
            end = scan(run, found) if found is not None and self._selected.view is not None else 0
            if not end:
                end = run.find(b"\n", at) + 1
                if found is not None or run.endswith(b"}\r\n", at, end):
                    # What cannot be read in one scan, which is little, is read with care.
                    return run[:at] + self._in_fragments(run[at:])
                self._first_line(Line(run[at:end], None))
            at = end
        return run

    def _in_fragments(self, run: bytes) -> bytes:
        framer = ResponseFramer()
        framer.feed(run)
        out = []
        while (fragment := framer.next_fragment()) is not None:
            if isinstance(fragment, Line):
                out.append(self.line(fragment))
            elif isinstance(fragment, Octets):
                out.append(self.octets(fragment))
        return b"".join(out)

    def line(self, line: Line) -> bytes:
        """Take a line; what of it goes to the client now."""
        out = self._line(line)
        if self._keeping is None:
            return out
        self._keeping(out)
        if line.literal is None:
            self._keeping = None
        return b""

    def _line(self, line: Line) -> bytes:
        rest = self._rest
        if rest is _Rest.NONE:
            return self._first_line(line)
        if line.literal is None:
            self._rest = _Rest.NONE
        if rest is _Rest.GATHER:
            return self._gather(line)
        if rest is _Rest.DROP:
            return b""
        if rest is _Rest.TEE:
            self._scanner.line(line)
        return line.data

    def octets(self, octets: Octets) -> bytes:
        """Take a piece of a literal; what of it goes to the client now."""
        out = self._octets(octets)
        if self._keeping is None:
            return out
        self._keeping(out)
        return b""

    def _octets(self, octets: Octets) -> bytes:
        if self._rest is _Rest.GATHER:
            self._fragments.append(octets)
            return b""
        if self._rest is _Rest.DROP:
            return b""
        if self._rest is _Rest.TEE:
            self._scanner.octets(octets)
        return octets.data

    def lost(self) -> None:
        """Nothing more comes of what has begun."""
        self._rest = _Rest.NONE
        self._fragments = []
        self._keeping = self._dropping = None
        self._tee.abandon()

    def _first_line(self, line: Line) -> bytes:
        data = line.data
        self._rest = _Rest.NONE if line.literal is None else _Rest.RELAY
        found = _NUMBERED.match(data)
        if found is not None and self._drops:
            self._rest = _Rest.NONE if line.literal is None else _Rest.DROP
            return b""
        if found is not None:
            kind = found[2].upper()
            if kind == b"FETCH":
                return self._fetch(line)
            if kind == b"EXISTS":
                self._selected.exists(int(found[1]))
            else:
                self._before_expunge()
                self._selected.expunge(int(found[1]))
        elif _VANISHED.match(data) is not None:
            self._before_expunge()
            self._selected.vanished(data)
        elif _STATUS.match(data) is not None:
            self._changes.status(data)
            self._selected.status(data)
        elif _FLAGS.match(data) is not None:
            self._selected.flags(data)
        return data

    def _fetch(self, line: Line) -> bytes:
        if self.has_claimants and (line.literal is None or line.literal.size <= _SHORT):
            self._fragments = []
            self._rest = _Rest.NONE if line.literal is None else _Rest.GATHER
            return self._gather(line)
        return self._keep(line)

    def _keep(self, line: Line) -> bytes:
        found = FETCH_BEGINS.match(line.data)
        if found is not None and self.has_claimants:
            self._keeping = self._keep_early(int(found[1]))
        if found is not None and self._selected.view is not None:
            self._scanner.begin(line, found)
            self._rest = _Rest.NONE if line.literal is None else _Rest.TEE
        return line.data

    def _gather(self, line: Line) -> bytes:
        self._fragments.append(line)
        if line.literal is None:
            return self._claim()
        if line.literal.size <= _SHORT and len(self._fragments) < _MAX_GATHERED:
            return b""
        return self._pass_gathered()

    def _claim(self) -> bytes:
        found = _Items()
        self._tell(FetchScanner(found))
        if found.whole:
            items, uid = tuple(found.items), found.uid
            for claimant in self._claimants():
                if claimant.claims(found.number, uid, items):
                    return b""
        return self._pass_gathered()

    def _pass_gathered(self) -> bytes:
        """It was for the client after all."""
        first, *others = self._fragments
        assert isinstance(first, Line)
        self._rest = _Rest.NONE if first.literal is None else _Rest.RELAY
        out = [self._keep(first)]
        for fragment in others:
            if isinstance(fragment, Line):
                out.append(self._line(fragment))
            else:
                out.append(self._octets(fragment))
        return b"".join(out)

    def _tell(self, scanner: FetchScanner) -> None:
        first, *others = self._fragments
        assert isinstance(first, Line)
        found = FETCH_BEGINS.match(first.data)
        if found is None:
            return
        scanner.begin(first, found)
        for fragment in others:
            if isinstance(fragment, Line):
                scanner.line(fragment)
            else:
                scanner.octets(fragment)


def _has_news(run: bytes) -> bool:
    """Whether anything but FETCH responses may be in a run of whole ones."""
    return _NEWS_FIRST.match(run) is not None or _NEWS_BEHIND.search(run) is not None
