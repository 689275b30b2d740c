"""A little of the chaos test; ``make chaos`` is the whole of it."""

import pytest

from tests.real.chaos.run import run
from tests.real.dovecot import Dovecot


@pytest.mark.parametrize(("freshness", "seed"), [("live", 1), ("exact", 2)])
def test_no_mail_suffers(dovecot: Dovecot, freshness: str, seed: int) -> None:
    outcome = run(dovecot, seed, 20, freshness)
    assert not outcome.wrong, outcome
    assert outcome.faults.total() >= 20, outcome
