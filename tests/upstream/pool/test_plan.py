"""What the pool decides, told in a line: connections, who waits, and what becomes of them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imapproxy.upstream.pool.plan import Plan, Slot, Stage, Wish, plan
from imapproxy.upstream.pool.rules import PoolRules

RULES = PoolRules(per_account=2, idle_timeout=300.0, max_age=1000.0, probe_after=30.0)
NOW = 5000.0

_STAGES = {
    "opening": Stage.OPENING,
    "used": Stage.IN_USE,
    "tidying": Stage.TIDYING,
    "parked": Stage.PARKED,
    "closing": Stage.CLOSING,
}


def slots_of(text: str) -> list[Slot]:
    """``parked A 10s`` is a connection of credential A that has been parked for ten seconds."""
    slots = []
    for told in filter(None, map(str.strip, text.split(","))):
        found = re.fullmatch(r"(\w+) (\w)(?: (\d+)s)?(?: old (\d+)s)?", told)
        assert found is not None, told
        stage, credential, waited, age = found.groups()
        slot = Slot(credential.encode(), _STAGES[stage])
        slot.parked_at = NOW - float(waited or 0)
        slot.logged_in_at = NOW - float(age or waited or 0)
        slots.append(slot)
    return slots


def decided(
    connections: str, wishes: str, limit: int | None = None, rules: PoolRules = RULES
) -> str:
    """What becomes of everybody; wishes and connections are numbered as they were told."""
    slots = slots_of(connections)
    waiting = [Wish(name.encode()) for name in wishes.split()]
    result = plan(slots, waiting, rules, now=NOW, limit=limit)
    return told(result, slots, waiting)


def told(result: Plan[Wish, Slot], slots: list[Slot], wishes: list[Wish]) -> str:
    words = [f"{wishes.index(wish)}<-{slots.index(slot)}" for wish, slot in result.hand_out]
    words += [f"{wishes.index(wish)}<-new" for wish in result.open]
    words += [f"close {slots.index(slot)}" for slot in result.close]
    return ", ".join(words)


@pytest.mark.parametrize(
    ("connections", "wishes", "what"),
    [
        ("", "", ""),
        ("", "A", "0<-new"),
        ("parked A", "A", "0<-0"),
        ("used A", "A", "0<-new"),
        ("opening A", "A", "0<-new"),
        ("closing A", "A", "0<-new"),
        # The right name with another password is somebody else.
        ("parked A", "B", "0<-new"),
        ("parked A, parked B", "B", "0<-1"),
        # One connection is one session's.
        ("parked A", "A A", "0<-0, 1<-new"),
        ("parked A, parked A", "A A", "0<-1, 1<-0"),
        # The one that was used last: the others may expire.
        ("parked A 20s, parked A 10s", "A", "0<-1"),
        ("parked A 10s, parked A 20s", "A", "0<-0"),
    ],
)
def test_a_wish_gets_a_parked_connection_or_a_new_one(connections, wishes, what):
    assert decided(connections, wishes) == what


@pytest.mark.parametrize(
    ("connections", "wishes", "what"),
    [
        # It is quicker to wait for the one that leaves its mailbox than to open another.
        ("tidying A", "A", ""),
        ("tidying A", "B", "0<-new"),
        ("tidying A", "A A", "1<-new"),
        ("tidying A, parked A", "A", "0<-1"),
    ],
)
def test_a_connection_that_is_being_tidied(connections, wishes, what):
    assert decided(connections, wishes) == what


@pytest.mark.parametrize(
    ("connections", "wishes", "what"),
    [
        ("parked A 299s", "", ""),
        ("parked A 300s", "", "close 0"),
        ("parked A 300s", "A", "0<-new, close 0"),
        ("parked A 10s old 999s", "A", "0<-0"),
        ("parked A 10s old 1000s", "A", "0<-new, close 0"),
        ("used A old 5000s", "", ""),
        ("parked A 30s, parked B 20s, parked A 10s", "", "close 0"),
        ("parked A 30s, parked B 20s, parked A 10s", "B", "0<-1"),
        ("parked A 40s, parked A 30s, parked A 20s, parked A 10s", "", "close 0, close 1"),
    ],
)
def test_what_is_too_old_or_too_many_is_closed(connections, wishes, what):
    assert decided(connections, wishes) == what


@pytest.mark.parametrize(
    ("limit", "connections", "wishes", "what"),
    [
        (2, "used A", "A", "0<-new"),
        (2, "used A, used A", "A", ""),
        (2, "used A, opening A", "A", ""),
        (2, "used A, closing A", "A", ""),
        (2, "used A", "A A", "0<-new"),
        (1, "used A, used A", "A", ""),
        # A parked one of another password makes room, and the wish waits until it is gone.
        (2, "used A, parked A", "B", "close 1"),
        (2, "parked A 9s, parked A 5s", "B", "close 0"),
        (2, "parked A 9s, parked A 5s", "B B", "close 0, close 1"),
        (2, "closing A, parked A", "B", ""),
        (2, "closing A, parked A", "B B", "close 1"),
        (2, "parked A 300s, parked A", "B", "close 0"),
        # Who fits is not taken away for who came first and does not.
        (2, "used A, parked A", "B A", "1<-1"),
        (2, "tidying A, used A", "B A", ""),
        (2, "tidying A, parked A", "A B", "0<-1"),
    ],
)
def test_an_account_has_no_more_than_it_may(limit, connections, wishes, what):
    assert decided(connections, wishes, limit) == what


def test_nothing_is_parked_where_nothing_is_to_be():
    assert decided("parked A, parked A", "", rules=PoolRules(per_account=0)) == "close 0, close 1"


def test_how_long_a_connection_is_trusted_without_a_probe():
    (slot,) = slots_of("parked A 30s")
    assert not slot.needs_probe(NOW, RULES)
    assert slot.needs_probe(NOW + 0.1, RULES)


@given(
    connections=st.lists(
        st.builds(
            Slot,
            st.sampled_from([b"A", b"B"]),
            st.sampled_from(Stage),
            st.floats(NOW - 1200, NOW),
            st.floats(NOW - 400, NOW),
        ),
        max_size=6,
    ),
    wishes=st.lists(st.builds(Wish, st.sampled_from([b"A", b"B"])), max_size=4),
    limit=st.none() | st.integers(1, 6),
)
def test_whatever_there_is(connections, wishes, limit):
    result = plan(connections, wishes, RULES, now=NOW, limit=limit)
    handed = [slot for _, slot in result.hand_out]
    served = [wish for wish, _ in result.hand_out] + list(result.open)
    # Everybody is served once at most, and no connection is in two places.
    assert len(set(served)) == len(served)
    assert len({*handed, *result.close}) == len(handed) + len(result.close)
    assert all(slot.is_idle for slot in (*handed, *result.close))
    # What is A's is given to A alone, and nothing that has expired is given to anybody.
    for wish, slot in result.hand_out:
        assert slot.is_available(wish.credential, NOW, RULES)
    if limit is not None and result.open:
        assert len(connections) + len(result.open) <= limit
    left = [slot for slot in connections if slot.is_idle and slot not in {*handed, *result.close}]
    assert len(left) <= RULES.per_account
    assert not any(slot.has_expired(NOW, RULES) for slot in left)
    # Nobody waits who could be served.
    for wish in set(wishes) - set(served):
        assert not any(slot.is_available(wish.credential, NOW, RULES) for slot in left)
        tidied = any(
            slot.stage is Stage.TIDYING and slot.credential == wish.credential
            for slot in connections
        )
        full = limit is not None and len(connections) + len(result.open) >= limit
        assert tidied or full
