"""How long the answer to a failed log-in is held back."""

import pytest

from imapproxy.listener.slowness import Slowness


def test_it_grows_with_each_failure():
    slowness = Slowness(free=3)
    assert [slowness.failed("demo", 0.0) for _ in range(8)] == [0, 0, 0, 0.5, 1, 2, 4, 8]


def test_others_do_not_wait():
    slowness = Slowness(free=1)
    for _ in range(5):
        slowness.failed("demo", 0.0)
    assert slowness.failed("other", 0.0) == 0


@pytest.mark.parametrize(
    ("pause", "delay"),
    [
        (0, 4.0),
        (60, 0.5 * 2**0.5),  # half of the five are forgotten: one and a half too many
        (120, 0.5 * 2**-0.75),
        (600, 0.0),
    ],
)
def test_it_is_forgotten_with_time(pause, delay):
    slowness = Slowness(free=2)
    for _ in range(5):
        slowness.failed("demo", 10.0)
    assert slowness.failed("demo", 10.0 + pause) == pytest.approx(delay)


def test_it_never_becomes_infinite():
    slowness = Slowness(free=0)
    assert max(slowness.failed("demo", 0.0) for _ in range(5000)) == 0.5 * 2**30


def test_the_table_is_bounded():
    slowness = Slowness(free=0, most_keys=10)
    for number in range(100):
        slowness.failed(number, 0.0)
        slowness.failed("demo", 0.0)
    assert len(slowness) == 10
    assert slowness.failed("demo", 0.0) > 100, "who fails again and again is not forgotten"
    assert slowness.failed(0, 0.0) == 0.5, "but who failed longest ago is"
