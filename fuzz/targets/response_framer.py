"""The framer of responses: its short cut gives the same octets, and the same state behind them."""

from fuzz.octets import Source, chunks
from imapproxy.wire.framing import Malformed, ResponseFramer

SEEDS = (
    b"\1\1\1* 1 EXISTS\r\n* 2 FETCH (UID 3 BODY[] {5}\r\nhello)\r\na OK\r\n",
    b"\7\7\7* OK {5}\r\na NO x {5}\r\n+ {5}\r\n* 1 FETCH (X {0}\r\n)\r\n",
    b'\3\2\1* LIST () "/" {3}\r\nabc\r\n* SEARCH 1 2 3\r\n',
    b"\0\0\0* 1 FETCH (BODY[] {99999999999999999999}\r\n",
)
WORDS = (
    *(b"* ", b"* 1 FETCH (", b"* 2 EXISTS\r\n", b"* OK ", b"a OK\r\n", b"+ x\r\n", b"* BYE "),
    *(b"\r\n", b"\n", b"\r", b"{", b"}", b"~{", b"{0}\r\n", b"{3}\r\n", b"{30}\r\n", b")\r\n"),
    *(b"0" * 25, b"x" * 110),
)
_MAX_LINE = 100


def check(octets: bytes) -> None:
    """See above."""
    source = Source(octets)
    pieces = list(chunks_of := [source.number(60) for _ in range(3)])
    said = list(chunks(source.rest(), pieces))
    assert _framed(said, runs=True) == _framed(said, runs=False), chunks_of


def _framed(pieces: list[bytes], *, runs: bool) -> tuple[bytes, list[object]]:
    """All octets that were handed out, and the state behind each piece."""
    framer = ResponseFramer(_MAX_LINE)
    octets, seen = b"", []
    malformed: list[Malformed] = []
    for piece in pieces:
        framer.feed(piece)
        while True:
            octets += (framer.next_run() if runs else None) or b""
            fragment = framer.next_fragment()
            if fragment is None:
                break
            if not isinstance(fragment, Malformed):
                octets += fragment.data
                continue
            malformed.append(fragment)
            if fragment.fatal:
                return octets, [*seen, *malformed]
        assert framer.buffered <= _MAX_LINE + len(piece) + 2
        seen.append((len(octets), framer.between_responses, framer.buffered, len(malformed)))
    return octets, [*seen, *malformed]
