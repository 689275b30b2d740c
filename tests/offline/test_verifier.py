"""Whether a password is the one that was accepted: right ones alone, of the very account."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imapproxy.offline.verifier import COST, Cost, Verifier, make_verifier, matches
from imapproxy.wire.secret import Secret

CHEAP = Cost(2, 1, 1)
names = st.binary(max_size=8)


def made(account: bytes, password: bytes) -> Verifier:
    verifier = Verifier.decode(make_verifier(account, Secret(password), CHEAP).encode())
    assert verifier is not None
    return verifier


@given(names, names, names, names)
@settings(deadline=None)
def test_it_matches_its_own_password_alone(account, password, other_account, other_password):
    right = (account, password) == (other_account, other_password)
    assert matches(made(account, password), other_account, Secret(other_password)) is right


def test_where_the_name_ends_is_a_part_of_it():
    assert not matches(made(b"anna", b"bpw"), b"annab", Secret(b"pw"))


def test_it_costs_what_it_should_and_is_not_the_password():
    verifier = make_verifier(b"anna", Secret(b"opensesame"))
    assert verifier.cost == COST
    assert COST.memory >= 64 * 1024 * 1024
    assert b"opensesame" not in verifier.encode()
    assert "opensesame" not in repr(verifier)
    assert repr(verifier) == "Verifier(…)"
    assert matches(verifier, b"anna", Secret(b"opensesame"))


def test_no_two_are_the_same():
    one, other = made(b"anna", b"pw"), made(b"anna", b"pw")
    assert one.salt != other.salt
    assert one.digest != other.digest


def test_what_was_made_at_another_cost_stays_good():
    assert matches(make_verifier(b"a", Secret(b"pw"), Cost(16, 2, 3)), b"a", Secret(b"pw"))


@pytest.mark.parametrize(
    "cost",
    [
        *(Cost(2**30, 8, 1), Cost(2**16, 2**20, 1), Cost(2, 1, 2**40), Cost(3, 1, 1)),
        *(Cost(0, 1, 1), Cost(1, 1, 1), Cost(-2, 1, 1), Cost(2, 0, 1), Cost(2, 1, -1)),
    ],
)
def test_what_a_disk_says_does_not_take_all_there_is(cost):
    verifier = Verifier(cost, b"salt" * 4, bytes(32))
    assert not matches(verifier, b"a", Secret(b"pw"))


@pytest.mark.parametrize("digest", [b"", bytes(31), bytes(64)])
def test_a_digest_of_another_length(digest):
    assert not matches(Verifier(CHEAP, b"salt" * 4, digest), b"a", Secret(b"pw"))


@given(st.binary(max_size=200))
def test_any_octets(octets):
    verifier = Verifier.decode(octets)
    assert (
        verifier is None
        or not verifier.is_sound
        or matches(verifier, b"a", Secret(b""))
        in (
            False,
            True,
        )
    )


def test_the_cut_of_a_verifier():
    whole = made(b"a", b"pw").encode()
    for end in range(len(whole)):
        assert Verifier.decode(whole[:end]) is None
