"""FETCH responses as they come: told to the sink in order, and what is told is what is there."""

import re

from imapproxy.wire.decode_response import decode_response
from imapproxy.wire.errors import DecodeError
from imapproxy.wire.fetch_scanner import FETCH_BEGINS, FetchScanner
from imapproxy.wire.framing import Line, Malformed, Octets, ResponseFramer
from imapproxy.wire.responses import FetchData

SEEDS = (
    b"* 1 FETCH (UID 7 FLAGS (\\Seen))\r\n",
    b"* 1 FETCH (BODY[] {5}\r\nhello UID 7)\r\n",
    b'* 2 FETCH (ENVELOPE (NIL {3}\r\nabc "x") BODY[1]<0> "y")\r\n* 3 FETCH ()\r\n',
    b"* 1 FETCH (BINARY[1] ~{2}\r\n\0\0 X NIL)\r\n",
)
WORDS = (
    *(b"* 1 FETCH (", b"UID 7", b"FLAGS ()", b"BODY[]", b"BODY[HEADER.FIELDS (X)]", b" ", b")\r\n"),
    *(b"{0}\r\n", b"{3}\r\nabc", b"~{1}\r\n", b'"', b"\\", b"(", b")", b"NIL", b"\r\n", b"<0>"),
)


class _Sink:
    """Notes what it is told, and that it is told in order."""

    def __init__(self) -> None:
        self.inside = False
        self.items: dict[bytes, bytes] = {}
        self.read: list[dict[bytes, bytes] | None] = []
        self._name = b""
        self._left = -1

    def fetch_begins(self, number: int) -> None:
        self.inside = True
        self.items = {}

    def item(self, name: bytes, value: bytes) -> None:
        self._whole(name, value)

    def literal_begins(self, name: bytes, size: int, binary: bool) -> None:
        assert self.inside
        assert self._left < 0
        self._name, self._left = name, size
        self.items[name.upper()] = _announced(size, binary=binary)

    def literal_octets(self, octets: Octets) -> None:
        assert self._left >= len(octets.data)
        self.items[self._name.upper()] += octets.data
        self._left -= len(octets.data)
        assert self._left == octets.left
        self._left = self._left or -1

    def literal(self, name: bytes, octets: bytes, binary: bool) -> None:
        self._whole(name, _announced(len(octets), binary=binary) + octets)

    def fetch_ends(self) -> None:
        assert self.inside
        self.inside = False
        self.read.append(self.items)

    def fetch_unreadable(self) -> None:
        self.inside = False
        self.read.append(None)

    def _whole(self, name: bytes, value: bytes) -> None:
        assert self.inside
        assert self._left < 0
        self.items[name.upper()] = value


def check(octets: bytes) -> None:
    """See above."""
    framer = ResponseFramer(1000)
    framer.feed(octets)
    sink = _Sink()
    scanner = FetchScanner(sink)
    whole = b""
    scanning = False
    while (fragment := framer.next_fragment()) is not None:
        if isinstance(fragment, Malformed):
            return
        begins = not whole
        whole += fragment.data
        if begins and isinstance(fragment, Line):
            found = FETCH_BEGINS.match(fragment.data)
            scanning = found is not None
            if found is not None:
                scanner.begin(fragment, found)
        elif scanning and isinstance(fragment, Line):
            scanner.line(fragment)
        elif scanning and isinstance(fragment, Octets):
            scanner.octets(fragment)
        if isinstance(fragment, Line) and fragment.literal is None:
            if scanning:
                _compare(whole, sink)
            whole, scanning = b"", False


def _compare(whole: bytes, sink: _Sink) -> None:
    """What the scanner has told is what the decoder reads, where both can read it."""
    told = sink.read.pop()
    assert not sink.read
    assert not sink.inside
    try:
        response = decode_response(whole)
    except DecodeError:
        return
    if told is None or not isinstance(response, FetchData):
        return
    names = [name.encode("latin-1") for name, _ in response.items]
    if len(set(names)) < len(names):
        return  # twice the same: each takes the one it likes
    assert sorted(names) == sorted(told)
    for name, value in response.items:
        assert _bare(value) == _bare(told[name.encode("latin-1")])


def _announced(size: int, *, binary: bool) -> bytes:
    """As on the wire: a literal may hold what looks like the announcement of another."""
    return b"%b{%d}\r\n" % (b"~" if binary else b"", size)


def _bare(value: bytes) -> bytes:
    return re.sub(rb"\A~?\{\d+\}\r\n", b"", value)
