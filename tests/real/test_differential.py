"""The strongest test: a client cannot tell the proxy from the server by any answer.

What two clients say to one account is decided by a seed. It is run with both of them straight at
Dovecot, and again with one of them behind the proxy; every answer has to be the same. With a cache
whose news comes at its own times one run is judged, by what a client may be told.
"""

import pytest

from tests.real.comparison import Comparison, Kind
from tests.real.dovecot import Dovecot
from tests.real.mode import MODES, Mode
from tests.real.programs import leave_out

COMMANDS = 500
# Without a cache there are more: it is the floor that everything else stands on.
PLAIN = Mode(plain=True)
SEEDS_OF_PLAIN = (1, 2, 3, 4)


@pytest.fixture(scope="module", autouse=True)
def needs_dovecot() -> None:
    """Each mode starts a Dovecot of its own, where there is one."""
    missing = Dovecot.missing()
    if missing is not None:
        leave_out(missing)


@pytest.mark.parametrize(
    ("mode", "seed"),
    [(mode, seed) for mode in MODES for seed in (SEEDS_OF_PLAIN if mode == PLAIN else (1,))],
    ids=str,
)
def test_a_script_is_answered_as_the_server_answers_it(mode: Mode, seed: int) -> None:
    with mode.dovecot() as dovecot, mode.server(dovecot) as server:
        result = mode.run(dovecot, server, seed, COMMANDS)
    assert not result.faults, f"{result}\n{result.faults[0]}"
    if mode == PLAIN:
        assert not result.ended, result
    # Dovecot 2.3 breaks off some of the others: see ``why_it_ends``.
    assert result.commands > COMMANDS / 4, result
    if isinstance(result, Comparison):
        # Of about 30 pipelines; more are expected where the script tries them.
        assert result.reordered <= (2 if mode.plain else 8), result
        assert not result.differences, f"{result}\n{result.differences[0]}"
        assert not result.kinds[Kind.ITEM_ORDER], result
        assert mode.cache == "live" or not result.kinds[Kind.IN_TWO_PARTS], result


@pytest.mark.parametrize("mode", [Mode(plain=True, direct=True), Mode(direct=True)], ids=str)
def test_dovecot_gives_itself_the_same_answers(mode: Mode) -> None:
    # Otherwise the comparison would say nothing, or be about chance.
    with mode.dovecot() as dovecot, mode.server(dovecot) as server:
        result = mode.run(dovecot, server, 1000, COMMANDS)
    assert isinstance(result, Comparison)
    assert not result.differences, f"{result}\n{result.differences[0]}"
