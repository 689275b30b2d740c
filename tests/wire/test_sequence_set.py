"""Sequence sets against a naive model, and at their edges."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imapproxy.wire.errors import DecodeError, LimitExceeded
from imapproxy.wire.sequence_set import (
    SAVED_RESULT,
    STAR,
    SequenceSet,
    intersect,
    numbers_of,
    seq_num,
    size_of,
)
from tests.wire import strategies

small = st.one_of(st.integers(1, 30), st.just(STAR))
small_sets = st.lists(st.tuples(small, small), min_size=1, max_size=6).map(
    lambda ranges: SequenceSet(tuple(ranges))
)


def expanded(numbers: SequenceSet, largest: int) -> set[int]:
    found = set()
    for first, last in numbers.ranges:
        if not largest and STAR in (first, last):
            continue
        low, high = sorted((first or largest, last or largest))
        found.update(range(low, high + 1))
    return found


@given(small_sets, st.integers(0, 40))
def test_resolve_and_contains_as_the_naive_model(numbers, largest):
    expected = expanded(numbers, largest)
    resolved = numbers.resolve(largest)
    assert list(numbers_of(resolved)) == sorted(expected)
    assert size_of(resolved) == len(expected)
    assert all(numbers.contains(one, largest) == (one in expected) for one in range(1, 45))


@given(small_sets, st.integers(1, 40))
def test_resolved_ranges_neither_overlap_nor_touch(numbers, largest):
    resolved = numbers.resolve(largest)
    assert all(before[1] + 1 < after[0] for before, after in pairwise(resolved))


@given(st.sets(st.integers(1, 60), min_size=1))
def test_of_is_exact_and_short(numbers):
    made = SequenceSet.of(numbers)
    assert expanded(made, 0) == numbers
    assert made.resolve(0) == made.ranges


@given(strategies.sets_or_saved)
def test_encode_and_decode(numbers):
    assert SequenceSet.decode(numbers.encode()) == numbers


@given(small_sets, st.integers(1, 40), st.integers(1, 40))
def test_intersect(numbers, low, high):
    cut = intersect(numbers.resolve(40), low, high)
    assert set(numbers_of(cut)) == expanded(numbers, 40) & set(range(low, high + 1))


def test_a_huge_set_is_never_expanded():
    everything = SequenceSet.decode(b"1:*,*:1,1:4294967295")
    assert everything.resolve(2**32 - 1) == ((1, 2**32 - 1),)
    assert everything.contains(3_000_000_000, 2**32 - 1)


def test_a_star_beyond_the_end():
    # UID FETCH 559:* always has the last message (RFC 9051 section 6.4.9).
    assert SequenceSet.decode(b"559:*").resolve(3) == ((3, 559),)
    assert SequenceSet.decode(b"*").resolve(0) == ()
    assert SequenceSet.decode(b"5,*:3").resolve(0) == ((5, 5),)


def test_the_saved_result():
    assert SequenceSet.decode(b"$") is SAVED_RESULT
    assert SAVED_RESULT.is_saved_result
    assert SAVED_RESULT.resolve(10) == ()
    assert not SequenceSet.decode(b"1").is_saved_result


@pytest.mark.parametrize("octets", [b"", b"0", b"01", b"1,", b",1", b"1:", b":1", b"1:2:3", b"**",
                                    b"1 2", b"$,1", b"1,$", b"-1", b"a", b"1\r\n"])  # fmt: skip
def test_what_is_no_set(octets):
    with pytest.raises(DecodeError):
        SequenceSet.decode(octets)


def test_numbers_over_32_bits():
    assert SequenceSet.decode(b"4294967295")
    with pytest.raises(LimitExceeded):
        SequenceSet.decode(b"1:4294967296")


@pytest.mark.parametrize("numbers", [[], [0], [-1, 5]])
def test_of_needs_numbers(numbers):
    with pytest.raises(ValueError, match="numbers from 1"):
        SequenceSet.of(numbers)


def test_the_digits_of_a_sequence_number():
    assert seq_num(b"7") == 7
    for digits in (b"0", b"4294967296"):
        with pytest.raises(LimitExceeded):
            seq_num(digits)
