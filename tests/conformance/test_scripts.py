"""Every script at every target."""

import pytest

from tests.conformance.player import Failed, Player
from tests.conformance.script import Case, all_cases
from tests.conformance.targets import Target

# What the fake server is to have, and has not yet; all else that there are scripts for it has.
PLANNED: set[str] = set()
TARGETS = ("fake", "dovecot", "dovecot_proxied", "fake_proxied")


@pytest.fixture(scope="session", params=TARGETS)
def target(request: pytest.FixtureRequest) -> Target:
    """One target after the other."""
    target: Target = request.getfixturevalue(request.param)
    return target


@pytest.mark.parametrize("case", all_cases(), ids=lambda case: case.name)
def test_script(case: Case, target: Target) -> None:
    missing = [need for need in case.needs if need.upper() not in target.capabilities]
    if missing and target.server == "fake" and PLANNED.isdisjoint(missing):
        pytest.fail(f"{target.name} does not offer {' '.join(missing)}.")
    if missing:
        pytest.skip(f"{target.name} does not offer {' '.join(missing)}.")
    play(case, target)


def play(case: Case, target: Target) -> None:
    """Play a script; where a server rightly is unlike it, see that it still is."""
    reason = case.unlike.get(target.server)
    if reason is None:
        Player(case, target).play()
        return
    # Where a server rightly is unlike the script the reason is written there: it is to stay true.
    with pytest.raises(Failed):
        Player(case, target).play()
