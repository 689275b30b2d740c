"""The framer of commands: in whatever pieces the octets come, the fragments are the same."""

from fuzz.octets import Source, chunks
from imapproxy.wire.framing import CommandFramer, Fragment, Line, Malformed, Octets

SEEDS = (
    b"\0\1\1a NOOP\r\n",
    b"\2\3\7a LOGIN {5}\r\nhello {3+}\r\nabc\r\nb NOOP\r\n",
    b'\1\1\1a APPEND "x" (\\Seen) ~{10+}\r\n0123456789\r\n',
    b'\4\4\4a X "{5}\r\nhello\r\n',
    b"\0\0\0a X {99999999999999999999}\r\n",
    b"\0\2\5a X {0000000000000000000000005+}\r\nhello\r\n",
)
WORDS = (
    *(b"\r\n", b"\n", b"\r", b"{", b"}", b"+}", b"~{", b"{0}\r\n", b"{3}\r\n", b"{3+}\r\n"),
    *(b'"', b'\\"', b"\\\\", b"a ", b"{9223372036854775807}\r\n", b"0" * 25, b"x" * 210),
)
_MAX_LINE = 200


def check(octets: bytes) -> None:
    """See above."""
    source = Source(octets)
    decisions = source.number(255)
    sizes = [source.number(40) for _ in range(2)]
    said = source.rest()
    whole = _framed([said], decisions)
    assert _framed(list(chunks(said, sizes)), decisions) == whole
    assert sum(len(octets) for octets, _ in whole) <= len(said) + len(whole)


def _framed(pieces: list[bytes], decisions: int) -> list[tuple[bytes, object]]:
    """Fragments, those of a literal joined; ``decisions`` has a bit for each that is announced."""
    framer = CommandFramer(_MAX_LINE, 10**6)
    found: list[tuple[bytes, object]] = []
    for piece in pieces:
        framer.feed(piece)
        while (fragment := _next(framer)) is not None:
            if isinstance(fragment, Malformed):
                found.append((b"", fragment.reason))
                if fragment.fatal:
                    return found
            elif isinstance(fragment, Octets) and found and found[-1][1] == "literal":
                found[-1] = (found[-1][0] + fragment.data, "literal")
            elif isinstance(fragment, Octets):
                found.append((fragment.data, "literal"))
            else:
                found.append((fragment.data, fragment.literal))
                if framer.undecided:
                    taken = decisions >> len(found) % 8 & 1
                    framer.accept_literal() if taken else framer.refuse_literal()
        assert framer.buffered <= _MAX_LINE + len(piece) + 2
    return found


def _next(framer: CommandFramer) -> Fragment | None:
    fragment = framer.next_fragment()
    if isinstance(fragment, Line):
        assert fragment.data.endswith(b"\r\n")
        assert b"\n" not in fragment.data[:-2]
    return fragment
