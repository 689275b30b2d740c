"""Runs of numbered responses: the same octets and the same state, in fewer pieces."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imapproxy.wire.framing import Malformed, Octets, ResponseFramer

FETCHES = b"* 1 FETCH (UID 1)\r\n* 2 FETCH (UID 2 BODY[] {3}\r\na\nb)\r\n"

# Pieces that streams are put together from: whole ones, broken ones, and what only looks like them.
PIECES = st.sampled_from(
    [
        b"* 1 EXISTS\r\n",
        b"* 2 FETCH (UID 2)\r\n",
        b"* 3 FETCH (BODY[] {5}\r\n",
        b"* 4 FETCH (BODY[] {0}\r\n",
        b"* 5 FETCH (BINARY[] ~{2}\r\n",
        b"* 6 FETCH {99999999999999999999}\r\n",
        b"* 7 FETCH {x}\r\n",
        b"* 8 FETCH {" + b"0" * 30 + b"1}\r\n",
        b"* OK {5}\r\n",
        b"* SEARCH 1 2\r\n",
        b"P1 OK done\r\n",
        b"+ go on\r\n",
        b"ab\r",
        b"\n",
        b"\r\n",
        b")\r\n",
        b"* ",
        b"}",
        b"0" * 40,
    ]
)
STREAMS = st.lists(PIECES | st.binary(max_size=8), max_size=12).map(b"".join)


def framed(chunks: list[bytes], runs: bool, max_line: int) -> tuple[bytes, list[object]]:
    """All octets handed out, and behind each chunk the state and what was malformed so far."""
    framer = ResponseFramer(max_line)
    octets, seen = b"", []
    malformed: list[Malformed] = []
    for chunk in chunks:
        framer.feed(chunk)
        while True:
            run = framer.next_run() if runs else None
            octets += run or b""
            fragment = framer.next_fragment()
            if fragment is None:
                break
            if isinstance(fragment, Malformed):
                malformed.append(fragment)
                if fragment.fatal:
                    return octets, [*seen, *malformed]
            else:
                octets += fragment.data
        seen.append((len(octets), framer.between_responses, framer.buffered, len(malformed)))
    return octets, [*seen, *malformed]


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    borders = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[a:b] for a, b in pairwise(borders) if a < b]


@given(STREAMS, st.lists(st.integers(0, 1000), max_size=6), st.sampled_from([30, 1000]))
def test_the_same_octets_as_the_fragments(stream: bytes, places: list[int], limit: int) -> None:
    chunks = cut(stream, places)
    assert framed(chunks, True, limit) == framed(chunks, False, limit)


def test_one_run_for_all_that_is_there() -> None:
    framer = ResponseFramer()
    framer.feed(FETCHES * 3)
    assert framer.next_run() == FETCHES * 3
    assert framer.between_responses
    assert framer.next_fragment() is None


def test_a_run_ends_in_front_of_anything_else() -> None:
    framer = ResponseFramer()
    framer.feed(FETCHES + b"P1 OK done\r\n" + FETCHES)
    assert framer.next_run() == FETCHES
    assert framer.next_run() is None
    assert framer.next_fragment() == (b"P1 OK done\r\n", None)
    assert framer.next_run() == FETCHES


def test_a_run_goes_on_in_the_next_chunk() -> None:
    framer = ResponseFramer()
    framer.feed(b"* 1 FETCH (BODY[] {4}\r\nab")
    framer.feed(b"cd)\r\n")
    assert framer.next_run() == b"* 1 FETCH (BODY[] {4}\r\nab"
    assert not framer.between_responses
    assert framer.next_run() == b"cd)\r\n"
    assert framer.between_responses


@pytest.mark.parametrize("line", [b"* OK [ALERT] 1\r\n", b"* SEARCH 1\r\n", b"+ 1\r\n", b"* 1 X\n"])
def test_what_has_to_be_looked_at_is_no_run(line: bytes) -> None:
    framer = ResponseFramer()
    framer.feed(line)
    assert framer.next_run() is None


def test_an_empty_literal_at_the_end_of_what_has_come() -> None:
    framer = ResponseFramer()
    framer.feed(b"* 1 FETCH (BODY[] {0}\r\n")
    assert framer.next_run() == b"* 1 FETCH (BODY[] {0}\r\n"
    assert framer.next_fragment() == Octets(b"", 0)


def whole_responses(chunks: list[bytes], max_line: int) -> tuple[bytes, bool]:
    """All octets handed out when whole responses are taken first, and where that has ended."""
    framer = ResponseFramer(max_line)
    octets = b""
    for chunk in chunks:
        framer.feed(chunk)
        while True:
            run = framer.next_whole_responses()
            if run is not None:
                assert framer.between_responses
                assert run.startswith(b"* ") and run.endswith(b"\r\n")
                octets += run
                continue
            fragment = framer.next_fragment()
            if fragment is None:
                break
            octets += fragment.start if isinstance(fragment, Malformed) else fragment.data
            if isinstance(fragment, Malformed) and fragment.fatal:
                return octets, False
    return octets, framer.between_responses


def fragments_alone(chunks: list[bytes], max_line: int) -> tuple[bytes, bool]:
    """The same without."""
    framer = ResponseFramer(max_line)
    octets = b""
    for chunk in chunks:
        framer.feed(chunk)
        while (fragment := framer.next_fragment()) is not None:
            octets += fragment.start if isinstance(fragment, Malformed) else fragment.data
            if isinstance(fragment, Malformed) and fragment.fatal:
                return octets, False
    return octets, framer.between_responses


@given(STREAMS, st.lists(st.integers(0, 400), max_size=6), st.sampled_from([30, 10_000]))
def test_whole_responses_are_the_octets_of_the_fragments(stream, places, max_line):
    chunks = cut(stream, places)

    assert whole_responses(chunks, max_line) == fragments_alone(chunks, max_line)
