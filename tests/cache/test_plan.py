"""Which messages are served, which are asked for, and which are passed on."""

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imapproxy.cache.plan import Kind, Targets, plan
from imapproxy.cache.request import read_fetch_request


def asked(attributes, *, by_uid=False):
    request = read_fetch_request(b" %bFETCH 1 %b\r\n" % (b"UID " * by_uid, attributes))
    assert request is not None
    return request.asked


def targets(*numbers):
    return Targets(array("I", numbers), array("I", (10 * number for number in numbers)))


ENVELOPE = asked(b"(ENVELOPE)")
FLAGS = asked(b"(FLAGS ENVELOPE)")
BODY = asked(b"(BODY[])")
BY_UID = asked(b"(ENVELOPE)", by_uid=True)


def made(what, numbers, held, *, shape_known=True, ask=False, at_once=False):
    """Kinds and numbers of the parts."""
    parts = plan(
        what,
        targets(*numbers),
        array("I", (10 * number for number in held)),
        shape_known=shape_known,
        ask=ask,
        at_once=at_once,
    )
    return None if parts is None else [(p.kind.value, p.targets.numbers.tolist()) for p in parts]


@pytest.mark.parametrize(
    ("what", "numbers", "held", "options", "expected"),
    [
        (ENVELOPE, [1, 2], [1, 2], {}, [("serve", [1, 2])]),
        (ENVELOPE, [1, 2], [], {}, None),
        (ENVELOPE, [1, 2], [1, 2, 3], {}, [("serve", [1, 2])]),
        (ENVELOPE, [1, 2], [1, 2], {"ask": True}, [("ask", [1, 2])]),
        (FLAGS, [1, 2], [1, 2], {}, [("ask", [1, 2])]),
        (BODY, [1], [1], {}, [("ask", [1])]),
        (ENVELOPE, [1, 2, 3], [1, 2], {}, [("serve", [1, 2]), ("relay", [3])]),
        (ENVELOPE, [1, 2, 3], [1, 2], {"at_once": True}, None),
        (BY_UID, [1, 2, 3], [2, 3], {}, [("relay", [1]), ("ask", [2, 3])]),
        (BY_UID, [1, 2], [1, 2], {}, [("serve", [1, 2])]),
        # The first shows how it is answered.
        (ENVELOPE, [1, 2], [1, 2], {"shape_known": False}, [("relay", [1]), ("serve", [2])]),
        (ENVELOPE, [1], [1], {"shape_known": False}, None),
        # What lies between what is missing is not worth a command of its own.
        (ENVELOPE, [1, 2, 3], [2], {}, None),
        (
            ENVELOPE,
            [1, 2, 3, 4, 5, 6],
            [2, 3, 4, 5],
            {},
            [("relay", [1]), ("serve", [2, 3, 4, 5]), ("relay", [6])],
        ),
    ],
)
def test_plans(what, numbers, held, options, expected):
    assert made(what, numbers, held, **options) == expected


_NUMBERS = st.sets(st.integers(1, 80), min_size=1).map(sorted)


@given(
    what=st.sampled_from([ENVELOPE, FLAGS, BODY, BY_UID]),
    numbers=_NUMBERS,
    held=_NUMBERS,
    shape_known=st.booleans(),
    ask=st.booleans(),
    at_once=st.booleans(),
)
def test_each_message_is_in_one_part_and_none_is_served_that_is_not_held(
    what, numbers, held, shape_known, ask, at_once
):
    parts = made(what, numbers, held, shape_known=shape_known, ask=ask, at_once=at_once)
    if parts is None:
        return
    kinds = {kind for kind, _ in parts}

    assert [number for _, some in parts for number in some] == numbers
    assert all(set(some) <= set(held) for kind, some in parts if kind != "relay")
    assert len(parts) <= 10
    assert not (ask or what in (FLAGS, BODY)) or "serve" not in kinds
    assert not at_once or len(parts) == 1
    assert shape_known or parts[0][0] == "relay" or numbers[0] not in held


@given(numbers=_NUMBERS)
def test_a_part_is_asked_for_by_the_messages_that_are_known_and_no_others(numbers):
    some = targets(*numbers)

    assert _expanded(some.ranges(by_uid=False)) == numbers
    in_a_row = {(a, b) for a, b in some.ranges(by_uid=True).ranges}
    assert all(low <= high and low % 10 == 0 and high % 10 == 0 for low, high in in_a_row)
    known = [uid for low, high in sorted(in_a_row) for uid in some.uids if low <= uid <= high]
    assert known == some.uids.tolist()


def _expanded(sequence_set):
    return [number for low, high in sequence_set.ranges for number in range(low, high + 1)]


def test_what_is_held_is_what_is_not_passed_on():
    assert [kind for kind in Kind if kind.is_held] == [Kind.SERVE, Kind.ASK]
