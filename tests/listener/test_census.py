"""Who is here, and who is one too many."""

import pytest

from imapproxy.listener.census import Census, host_of, is_this_machine, network_of
from imapproxy.listener.limits import Limits


@pytest.mark.parametrize(
    ("host", "network", "here"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.2", "127.0.0.2", True),
        ("::1", "::1", True),
        ("::ffff:127.0.0.1", "127.0.0.1", True),
        ("192.0.2.7", "192.0.2.7", False),
        ("::ffff:192.0.2.7", "192.0.2.7", False),
        ("2001:db8::1", "2001:db8::/64", False),
        ("2001:db8::ffff:1:2:3", "2001:db8::/64", False),
        ("2001:db8:0:1::1", "2001:db8:0:1::/64", False),
        ("fe80::1%eth0", "fe80::/64", False),
        ("", "", True),  # a pipe
    ],
)
def test_what_is_one_address(host, network, here):
    assert network_of(host) == network
    assert is_this_machine(host) is here


def test_a_peer_without_an_address():
    assert host_of(object()) == ""


def arrivals(limits: Limits, *hosts: str) -> tuple[Census, list[bool]]:
    census = Census()
    taken = [census.arrive(number, host, limits) is None for number, host in enumerate(hosts)]
    return census, taken


@pytest.mark.parametrize(
    ("limits", "hosts", "taken"),
    [
        (Limits(max_sessions=2), ["::1", "192.0.2.1", "192.0.2.2"], [True, True, False]),
        (Limits(max_unauthenticated=1), ["::1", "192.0.2.1"], [True, False]),
        (
            Limits(max_sessions_per_address=1),
            ["127.0.0.1", "127.0.0.1", "127.0.0.2", "2001:db8::1", "2001:db8::2"],
            [True, False, True, True, False],
        ),
        (Limits(), ["127.0.0.1"] * 150, [True] * 150),
        (Limits(), ["192.0.2.1"] * 101, [True] * 100 + [False]),
        (Limits(), ["192.0.2.1"] * 101 + ["192.0.2.2"], [True] * 100 + [False, True]),
    ],
)
def test_who_is_taken(limits, hosts, taken):
    assert arrivals(limits, *hosts)[1] == taken


def test_who_has_left_makes_room():
    limits = Limits(max_sessions=2, max_sessions_per_address=1, max_unauthenticated=1)
    census, _ = arrivals(limits, "192.0.2.1")
    assert census.arrive("second", "192.0.2.2", limits) is not None
    census.log_in(0)
    census.leave("second")
    assert census.arrive("third", "192.0.2.1", limits) is not None, "still the same address"
    census.leave("third")
    census.leave(0)
    assert census.arrive("fourth", "192.0.2.1", limits) is None
    census.leave("fourth")
    census.leave("fourth")
    assert (census.connections, census.unauthenticated, census.accounts) == (0, 0, 0)
    assert not census._of_address


def test_sessions_of_an_account():
    limits = Limits(max_sessions_per_account=2)
    census, _ = arrivals(limits, "::1", "::1", "::1", "::1")
    assert census.claim(0, "demo", limits)
    assert census.claim(1, "demo", limits)
    assert not census.claim(2, "demo", limits), "log-ins under way count"
    assert census.claim(2, "other", limits)
    census.give_up_claim(1)
    assert census.claim(1, "demo", limits)
    census.leave(0)
    assert census.claim(3, "demo", limits)
    assert census.accounts == 2
