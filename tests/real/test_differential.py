"""The strongest test: a client cannot tell the proxy from the server by any answer.

What two clients say to one account is decided by a seed. It is run with both of them straight at
Dovecot, and again with one of them behind the proxy; every answer has to be the same.
"""

import pytest

from tests.real.differential import compare
from tests.real.dovecot import Dovecot
from tests.real.proxy import Proxy

COMMANDS = 1000

SEEDS = (1, 2, 3, 4, 5, 6, 7, 8)


@pytest.mark.parametrize("seed", SEEDS)
def test_two_runs_of_a_script_get_the_same_answers(
    dovecot: Dovecot, proxy: Proxy, seed: int
) -> None:
    comparison = compare(dovecot, proxy.port, seed, COMMANDS)
    assert not comparison.ended, comparison
    assert not comparison.differences, f"{comparison}\n{comparison.differences[0]}"
    assert comparison.commands >= COMMANDS
    # Of about 30 pipelines. It happens in one script of fifty; it must not become the rule.
    assert comparison.reordered <= 2


def test_dovecot_gives_itself_the_same_answers(dovecot: Dovecot) -> None:
    # Otherwise the comparison would say nothing, or be about chance.
    comparison = compare(dovecot, dovecot.imap_port, 1000, COMMANDS)
    assert not comparison.differences, f"{comparison}\n{comparison.differences[0]}"
