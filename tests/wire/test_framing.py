"""Framing: the same fragments in any chunking, bounds, and what is no literal."""

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from imapproxy.wire.framing import (
    CommandFramer,
    Framer,
    Line,
    Literal,
    Malformed,
    Octets,
    ResponseFramer,
)


def drain(framer: Framer, *, accept: bool = True) -> list[Line | Octets | Malformed]:
    fragments = []
    while (fragment := framer.next_fragment()) is not None:
        fragments.append(fragment)
        announced = isinstance(fragment, Line) and fragment.literal
        if announced and announced.synchronizing and isinstance(framer, CommandFramer) and accept:
            framer.accept_literal()
    return fragments


def joined(fragments: list) -> list:
    """Pieces of one literal put together; what they were cut into depends on the chunks."""
    whole = []
    for fragment in fragments:
        if whole and isinstance(whole[-1], Octets) and whole[-1].left:
            whole[-1] = Octets(whole[-1].data + fragment.data, fragment.left)
        else:
            whole.append(fragment)
    return whole


def framed(framer: Framer, chunks: list[bytes]) -> list:
    fragments = []
    for chunk in chunks:
        framer.feed(chunk)
        fragments += drain(framer)
    return joined(fragments)


def sync(size: int) -> Literal:
    return Literal(size, synchronizing=True, binary=False)


RESPONSES = (
    b"* OK hello\r\n"
    b"* 1 FETCH (BODY[] {5}\r\na\r\n{9} UID 2 X {0}\r\n Y ~{3}\r\n\0\0\n)\r\n"
    b"* NO [ALERT] box {5}\r\n"
    b"a1 OK done {5}\r\n"
    b'* LIST () "/" {3}\r\na\nb\r\n'
    b"* 2 EXISTS\n"
    b"+ go on {3}\r\n"
)
RESPONSE_FRAGMENTS = [
    Line(b"* OK hello\r\n", None),
    Line(b"* 1 FETCH (BODY[] {5}\r\n", sync(5)),
    Octets(b"a\r\n{9", 0),
    Line(b"} UID 2 X {0}\r\n", sync(0)),
    Octets(b"", 0),
    Line(b" Y ~{3}\r\n", Literal(3, synchronizing=True, binary=True)),
    Octets(b"\0\0\n", 0),
    Line(b")\r\n", None),
    # What looks like a literal at the end of text is text.
    Line(b"* NO [ALERT] box {5}\r\n", None),
    Line(b"a1 OK done {5}\r\n", None),
    Line(b'* LIST () "/" {3}\r\n', sync(3)),
    Octets(b"a\nb", 0),
    Line(b"\r\n", None),
    Line(b"* 2 EXISTS\r\n", None),
    Line(b"+ go on {3}\r\n", None),
]
COMMANDS = (
    b"a NOOP\r\n"
    b"b LOGIN {3}\r\njoe {4+}\r\n\r\n\0{\r\n"
    b"c append x {2}\r\n{} {0+}\r\n\r\n"
    b"d NOOP\n"
    b'e LIST "" "{5}"\r\n'
)
COMMAND_FRAGMENTS = [
    Line(b"a NOOP\r\n", None),
    Line(b"b LOGIN {3}\r\n", sync(3)),
    Octets(b"joe", 0),
    Line(b" {4+}\r\n", Literal(4, synchronizing=False, binary=False)),
    Octets(b"\r\n\0{", 0),
    Line(b"\r\n", None),
    Line(b"c append x {2}\r\n", sync(2)),
    Octets(b"{}", 0),
    Line(b" {0+}\r\n", Literal(0, synchronizing=False, binary=False)),
    Octets(b"", 0),
    Line(b"\r\n", None),
    Line(b"d NOOP\r\n", None),
    Line(b'e LIST "" "{5}"\r\n', None),
]
CONVERSATIONS = [
    pytest.param(ResponseFramer, RESPONSES, RESPONSE_FRAGMENTS, id="responses"),
    pytest.param(CommandFramer, COMMANDS, COMMAND_FRAGMENTS, id="commands"),
]


@pytest.mark.parametrize(("kind", "octets", "expected"), CONVERSATIONS)
def test_whole(kind, octets, expected):
    assert framed(kind(), [octets]) == expected


@pytest.mark.parametrize(("kind", "octets", "expected"), CONVERSATIONS)
def test_octet_by_octet(kind, octets, expected):
    assert framed(kind(), [bytes([octet]) for octet in octets]) == expected


@pytest.mark.parametrize(("kind", "octets", "expected"), CONVERSATIONS)
def test_all_fed_before_anything_is_asked(kind, octets, expected):
    framer = kind()
    for octet in octets:
        framer.feed(bytes([octet]))
    assert joined(drain(framer)) == expected


def cut(octets: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(min(place, len(octets)) for place in places), len(octets)]
    return [octets[start:end] for start, end in pairwise(edges)]


@given(st.lists(st.integers(0, 250)))
def test_in_any_chunks(places):
    assert framed(ResponseFramer(), cut(RESPONSES, places)) == RESPONSE_FRAGMENTS
    assert framed(CommandFramer(), cut(COMMANDS, places)) == COMMAND_FRAGMENTS


anything = st.lists(
    st.binary(max_size=10)
    | st.sampled_from(
        [b"\r\n", b"\n", b"{3}\r\n", b"{2+}\r\n", b"* 1 ", b'"', b"a LOGIN ", b"{99}"]
    )
).map(b"".join)


@example(b"." * 21 + b"\n", [21], ResponseFramer)
@example(b"." * 20 + b"\r\n", [21], CommandFramer)
@given(anything, st.lists(st.integers(0, 80)), st.sampled_from([ResponseFramer, CommandFramer]))
def test_any_octets_in_any_chunks(octets, places, kind):
    whole = framed(kind(max_line=20), [octets])
    pieces = framed(kind(max_line=20), cut(octets, places))
    # How much of a line that is too long is shown depends on when that was known.
    assert list(map(comparable, pieces)) == list(map(comparable, whole))


def framed_by_the_short_cut(framer: Framer, chunks: list[bytes]) -> list:
    fragments = []
    for chunk in chunks:
        line = framer.whole_line(chunk)
        if line is not None:
            assert not framer.waiting
            fragments.append(line)
            continue
        framer.feed(chunk)
        fragments += drain(framer)
        if not framer.waiting:
            assert framer.next_fragment() is None
    return joined(fragments)


chunks = st.lists(
    st.sampled_from(
        [b"a NOOP\r\n", b"* OK\r\n", b"x\n", b"\n", b"\r\n", b"a\r\nb\r\n", b"." * 30 + b"\r\n"]
    )
    | st.sampled_from(
        [b"a {5}\r\n", b"* 1 {9+}\r\n", b"* X {0}\r\n", b" more\r\n", b"a", b"\r", b"."]
    )
    | st.binary(min_size=1, max_size=10)
)


@given(chunks, st.sampled_from([ResponseFramer, CommandFramer]))
def test_the_short_cut_changes_nothing(chunks, kind):
    assert framed_by_the_short_cut(kind(max_line=20), chunks) == framed(kind(max_line=20), chunks)


def test_a_line_that_comes_alone_takes_the_short_cut():
    assert ResponseFramer().whole_line(b"* OK hi {5\r\n") == Line(b"* OK hi {5\r\n", None)
    assert CommandFramer().whole_line(b"a NOOP\r\n") == Line(b"a NOOP\r\n", None)


def comparable(fragment):
    if isinstance(fragment, Malformed):
        return fragment.reason, fragment.fatal
    return fragment


@given(anything, st.lists(st.integers(0, 80)))
def test_nothing_is_lost_and_nothing_is_held(octets, places):
    framer = ResponseFramer(max_line=1000)
    out = framed(framer, cut(octets, places))
    mended = sum(len(one.data) for one in out if isinstance(one, Line | Octets))
    assert mended + framer.buffered >= len(octets)
    assert not any(isinstance(one, Malformed) and not one.fatal for one in out)


def test_an_open_literal_is_handed_on_as_it_comes():
    framer = ResponseFramer()
    framer.feed(b"* 1 FETCH (BODY[] {10}\r\nabc")
    assert drain(framer)[1:] == [Octets(b"abc", 7)]
    assert framer.buffered == 0
    framer.feed(b"defghij)\r\n")
    assert drain(framer) == [Octets(b"defghij", 0), Line(b")\r\n", None)]
    assert framer.between_responses


def test_between_responses():
    framer = ResponseFramer()
    assert framer.between_responses
    for octets, between in [
        (b"* ", False),
        (b"1 X {1}\r\n", False),
        (b"x", False),
        (b"\r\n", True),
    ]:
        framer.feed(octets)
        drain(framer)
        assert framer.between_responses is between


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_line_that_is_too_long(size):
    framer = CommandFramer(max_line=100)
    octets = b"a1 " + b"x" * 1000 + b"\r\nb NOOP\r\n"
    out = framed(framer, [octets[at : at + size] for at in range(0, len(octets), size)])
    assert [type(one) for one in out] == [Malformed, Line]
    assert out[0].start.startswith(b"a1 xxx")
    assert not out[0].fatal
    assert len(out[0].start) <= 128
    assert out[1].data == b"b NOOP\r\n"


def test_a_line_of_just_the_limit():
    framer = CommandFramer(max_line=10)
    assert framed(framer, [b"a" * 10 + b"\r\n"]) == [Line(b"a" * 10 + b"\r\n", None)]
    assert isinstance(framed(framer, [b"a" * 11 + b"\r\n"])[0], Malformed)


def test_memory_of_a_line_without_an_end_is_bounded():
    framer = CommandFramer(max_line=1000)
    for _ in range(100):
        framer.feed(b"x" * 500)
        drain(framer)
        assert framer.buffered <= 1500


def test_a_literal_over_63_bits():
    for framer in (ResponseFramer(), CommandFramer()):
        framer.feed(b"* X {9223372036854775808}\r\n")
        assert drain(framer)[0].fatal


@pytest.mark.parametrize("digits", [b"9" * 5000, b"9" * 60, b"0" * 20 + b"5", b"0" * 58 + b"5"])
@pytest.mark.parametrize("plus", [b"", b"+"])
def test_a_literal_of_more_digits_than_there_are_numbers(digits, plus):
    """One that a server takes for a literal, and another one for text: it goes to neither."""
    for framer in (ResponseFramer(), CommandFramer()):
        (fragment,) = framed(framer, [b"* X {" + digits + plus + b"}\r\n"])
        assert isinstance(fragment, Malformed)
        assert fragment.fatal


@pytest.mark.parametrize(
    "line",
    [b"* X " + b"9" * 5000 + b"}", b"* X {" + b"9" * 50 + b"x}", b"* OK {" + b"9" * 50 + b"}"],
)
def test_what_only_looks_like_that(line):
    framer = ResponseFramer()
    assert framed(framer, [line + b"\r\n"]) == [Line(line + b"\r\n", None)]


def test_nothing_comes_before_a_literal_is_accepted():
    framer = CommandFramer()
    framer.feed(b"a LOGIN {3}\r\njoe x\r\n")
    assert drain(framer, accept=False) == [Line(b"a LOGIN {3}\r\n", sync(3))]
    assert drain(framer) == []
    framer.accept_literal()
    assert drain(framer) == [Octets(b"joe", 0), Line(b" x\r\n", None)]


def test_behind_a_refused_literal_comes_a_new_command():
    framer = CommandFramer()
    framer.feed(b"a APPEND x {3}\r\nb NOOP\r\n")
    drain(framer, accept=False)
    framer.refuse_literal()
    assert drain(framer) == [Line(b"b NOOP\r\n", None)]
    assert framer.between_responses


@pytest.mark.parametrize(("plus", "fatal"), [(b"", False), (b"+", True)])
def test_a_literal_over_the_limit(plus, fatal):
    framer = CommandFramer(max_literal=10)
    assert framed(framer, [b"a X {10" + plus + b"}\r\n0123456789\r\n"])[0].literal.size == 10
    refused = framed(framer, [b"a X {11" + plus + b"}\r\n"])[0]
    assert isinstance(refused, Malformed)
    assert refused.fatal is fatal


@pytest.mark.parametrize(("plus", "fatal"), [(b"", False), (b"+", True)])
def test_an_open_quote_before_a_literal(plus, fatal):
    framer = CommandFramer()
    refused = framed(framer, [b'a LOGIN "joe {3' + plus + b"}\r\n"])[0]
    assert isinstance(refused, Malformed)
    assert refused.fatal is fatal
    assert refused.start.startswith(b"a LOGIN")


def test_a_closed_quote_before_a_literal():
    framer = CommandFramer()
    assert framed(framer, [b'a LOGIN "j\\"{oe" {3}\r\n'])[0].literal == sync(3)


def test_base64_is_no_command():
    framer = CommandFramer()
    framer.literals = False
    assert framed(framer, [b"x{5}\r\n"]) == [Line(b"x{5}\r\n", None)]
