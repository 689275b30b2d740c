"""How long to wait before a worker is started again."""

from imapproxy.workers.restarts import Restarts


def test_it_waits_longer_each_time_but_not_for_ever():
    restarts = Restarts()
    assert [restarts.died(1.0) for _ in range(9)] == [0.25, 0.5, 1, 2, 4, 8, 16, 30, 30]
    assert [restarts.died(0.0) for _ in range(2000)][-1] == 30
    assert restarts.total == 2009


def test_who_lived_long_is_back_at_once():
    restarts = Restarts()
    for _ in range(5):
        restarts.died(59.9)
    assert restarts.died(60.0) == 0.25
    assert restarts.died(1.0) == 0.5
