"""The scripts on what Dovecot does not offer, at a Cyrus."""

import pytest

from tests.conformance.script import Case, all_cases
from tests.conformance.targets import Target
from tests.conformance.test_scripts import play

# Dovecot 2.3 has none of these, so that nothing else real keeps their scripts honest.
BEYOND_DOVECOT = {"ACL", "QUOTA", "OBJECTID", "CREATE-SPECIAL-USE"}
CASES = [case for case in all_cases() if not BEYOND_DOVECOT.isdisjoint(case.needs)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_script(case: Case, cyrus: Target) -> None:
    assert set(case.needs) <= cyrus.capabilities
    play(case, cyrus)
