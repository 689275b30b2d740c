"""FETCH responses taken apart as they come: the same however they are cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imapproxy.wire.decode_response import decode_response
from imapproxy.wire.errors import DecodeError
from imapproxy.wire.fetch_scanner import FETCH_BEGINS, FetchScanner
from imapproxy.wire.framing import Line, Octets, ResponseFramer
from imapproxy.wire.responses import FetchData


class Told:
    """A sink that writes down what it is told, literals joined."""

    def __init__(self):
        self.responses = []

    def fetch_begins(self, number):
        self.responses.append([number, [], None])

    def item(self, name, value):
        self.responses[-1][1].append((name, value))

    def literal_begins(self, name, size, binary):
        self.responses[-1][1].append((name, (size, binary, b"")))

    def literal_octets(self, octets):
        name, (size, binary, so_far) = self.responses[-1][1][-1]
        self.responses[-1][1][-1] = name, (size, binary, so_far + octets.data)

    def literal(self, name, octets, binary):
        self.responses[-1][1].append((name, (len(octets), binary, octets)))

    def fetch_ends(self):
        assert self.responses[-1][2] is None
        self.responses[-1][2] = True

    def fetch_unreadable(self):
        assert self.responses[-1][2] is None
        self.responses[-1][2] = False


ITEMS = st.sampled_from(
    [
        b"UID 12",
        b"FLAGS ()",
        b"FLAGS (\\Seen $x)",
        b"RFC822.SIZE 5",
        b'INTERNALDATE "01-Jan-2026 00:00:00 +0000"',
        b'ENVELOPE (NIL "a \\"b\\" (" NIL ((NIL NIL "x" "y")) NIL NIL NIL NIL NIL "<i>")',
        b"ENVELOPE (NIL {4}\r\n)\r\n( NIL NIL NIL NIL NIL NIL NIL {2}\r\nid)",
        b'BODYSTRUCTURE (("TEXT" "PLAIN" NIL NIL NIL "7BIT" 1 1) "MIXED")',
        b"BODY[] {3}\r\na\nb",
        b"BODY[] {0}\r\n",
        b"BODY[TEXT]<0> NIL",
        b'BODY[HEADER.FIELDS ("To" From)] {2}\r\n\r\n',
        b"BINARY[1] ~{3}\r\n\x00\r\n",
        b'BODY[1] "quoted"',
        b"MODSEQ (5)",
        b"X-NEW ((a) {1}\r\n) (b))",
    ]
)
RESPONSES = st.lists(ITEMS, min_size=1, max_size=5).map(
    lambda items: b"* 3 FETCH (" + b" ".join(items) + b")\r\n"
)
# What no server should say; it must be told apart from what can be read, in the same way always.
DAMAGED = st.builds(
    lambda octets, at, new: octets[: at % len(octets)] + new + octets[at % len(octets) + 1 :],
    RESPONSES,
    st.integers(12, 400),
    st.sampled_from([b"", b"(", b")", b'"', b" ", b"{1}\r\n", b"\r\n", b"]"]),
)


def in_fragments(chunks):
    """What is told of a stream that is cut in this way."""
    framer, told = ResponseFramer(), Told()
    scanner = FetchScanner(told)
    begun = False
    for chunk in chunks:
        framer.feed(chunk)
        while (fragment := framer.next_fragment()) is not None:
            if isinstance(fragment, Octets):
                scanner.octets(fragment)
            elif isinstance(fragment, Line) and begun:
                scanner.line(fragment)
            elif isinstance(fragment, Line):
                found = FETCH_BEGINS.match(fragment.data)
                if found is None:
                    continue
                scanner.begin(fragment, found)
            else:
                return told.responses
            begun = not framer.between_responses
    return told.responses


def in_one_scan(octets):
    """What is told of a response that is whole; ``None`` if it has to come in fragments."""
    found, told = FETCH_BEGINS.match(octets), Told()
    assert found is not None
    end = FetchScanner(told).scan(octets, found)
    assert end in (0, len(octets))
    return told.responses if end else None


def cut(octets, places):
    """The octets in pieces."""
    ends = sorted({place % (len(octets) + 1) for place in places} | {len(octets)})
    return [octets[a:b] for a, b in zip([0, *ends], ends, strict=False)]


@given(RESPONSES, st.lists(st.integers(0, 10**6), max_size=8))
def test_however_it_is_cut_the_same_is_told(octets, places):
    whole = in_fragments([octets])

    assert [ended for _, _, ended in whole] == [True]
    assert in_fragments(cut(octets, places)) == whole
    assert in_one_scan(octets) in (whole, None)


@given(RESPONSES)
def test_the_decoder_reads_the_same_items(octets):
    [(number, items, _)] = in_fragments([octets])
    decoded = decode_response(octets)

    assert isinstance(decoded, FetchData) and decoded.number == number
    # The decoder tells names of header fields as if they were not quoted.
    assert [(item.name, item.value) for item in decoded.items] == [
        (name.decode().upper().replace('"', ""), on_the_wire(value)) for name, value in items
    ]


def on_the_wire(value):
    """A value as it stood in the response."""
    if isinstance(value, bytes):
        return value
    size, binary, octets = value
    return b"%b{%d}\r\n%b" % (b"~" * binary, size, octets)


@given(DAMAGED, st.lists(st.integers(0, 10**6), max_size=8))
def test_damage_is_told_in_the_same_way_however_it_is_cut(octets, places):
    whole = in_fragments([octets])

    assert in_fragments(cut(octets, places)) == whole
    assert in_fragments([bytes([octet]) for octet in octets]) == whole


@pytest.mark.parametrize(
    "octets",
    [
        b"* 1 FETCH (UID 1\r\n",
        b"* 1 FETCH (UID)\r\n",
        b"* 1 FETCH (UID 1))\r\n",
        b"* 1 FETCH (ENVELOPE (a)\r\n",
        b'* 1 FETCH (ENVELOPE "a)\r\n',
        b"* 1 FETCH (BODY[] {1}\r\nx UID)\r\n",
    ],
)
def test_what_cannot_be_read_says_so(octets):
    assert [ended for _, _, ended in in_fragments([octets])] == [False]
    assert in_one_scan(octets) is None
    with pytest.raises(DecodeError):
        decode_response(octets)
