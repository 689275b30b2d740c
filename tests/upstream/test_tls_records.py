"""Counting the records of TLS, however they are cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imapproxy.upstream.tls_records import TlsRecords

contents = st.lists(st.binary(max_size=300), max_size=8)


def record(content: bytes) -> bytes:
    return b"\x17\x03\x03" + len(content).to_bytes(2, "big") + content


def counted(*pieces: bytes) -> list[int]:
    records = TlsRecords()
    return [records.ended_in(piece) for piece in pieces]


@pytest.mark.parametrize(
    ("pieces", "ended"),
    [
        ([record(b"abc")], [1]),
        ([record(b"")], [1]),
        ([record(b"a") + record(b"b") * 2], [3]),
        ([record(b"a") + record(b"bc")[:-1], b"c"], [1, 1]),
        ([record(b"abc")[:2], record(b"abc")[2:]], [0, 1]),
        ([record(b"abc")[:5], b"ab", b"c" + record(b"d")], [0, 0, 2]),
        ([record(b"")[:4], record(b"")[4:]], [0, 1]),
        ([b"", record(b"x" * 0x4000)], [0, 1]),
    ],
)
def test_it_counts_those_that_end(pieces: list[bytes], ended: list[int]) -> None:
    assert counted(*pieces) == ended


@given(contents, st.lists(st.integers(0, 2000)))
def test_cuts_change_nothing(contents: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(map(record, contents))
    ends = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    pieces = [stream[start:end] for start, end in pairwise(ends)]
    assert sum(counted(*pieces)) == len(contents)


@given(contents)
def test_it_knows_when_a_record_has_begun(contents: list[bytes]) -> None:
    stream = b"".join(map(record, contents))
    bounds = {sum(len(record(c)) for c in contents[:n]) for n in range(len(contents) + 1)}
    records = TlsRecords()
    for at, octet in enumerate(stream, 1):
        records.ended_in(bytes([octet]))
        assert records.between == (at in bounds)
