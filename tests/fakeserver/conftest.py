"""What the tests of the fake server share."""

from collections.abc import Iterator

import pytest

from tests.fakeserver.dovecot_with_plugins import DovecotWithPlugins
from tests.real.dovecot import Dovecot
from tests.real.programs import leave_out


@pytest.fixture(scope="session")
def dovecot() -> Iterator[Dovecot]:
    """A Dovecot to hold the same conversations with; left out where there is none."""
    reason = Dovecot.missing()
    if reason is not None:
        leave_out(reason)
    with Dovecot() as server:
        yield server


@pytest.fixture(scope="session")
def dovecot_with_plugins() -> Iterator[DovecotWithPlugins]:
    """A Dovecot that has ACL, QUOTA and COMPRESS as well; left out where there is none."""
    reason = Dovecot.missing()
    if reason is not None:
        leave_out(reason)
    with DovecotWithPlugins() as server:
        yield server
