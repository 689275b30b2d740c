"""The targets; each server and each proxy is started once for the whole run."""

from collections.abc import Iterator

import pytest

from tests.conformance.targets import Fake, Target, accounts_of, running_fake
from tests.real.caching_proxy import CachingProxy
from tests.real.cyrus import Cyrus
from tests.real.dovecot import Dovecot
from tests.real.programs import leave_out


@pytest.fixture(scope="session")
def real_server() -> Iterator[Dovecot]:
    """A Dovecot of our own."""
    missing = Dovecot.missing()
    if missing is not None:
        leave_out(missing)
    with Dovecot() as server:
        yield server


@pytest.fixture(scope="session")
def fake_server() -> Iterator[Fake]:
    """The fake server as a program."""
    with running_fake() as fake:
        yield fake


@pytest.fixture(scope="session")
def fake(fake_server: Fake) -> Target:
    """The fake server, direct."""
    return Target("fake server", "fake", fake_server.imap_port, fake_server.accounts)


@pytest.fixture(scope="session")
def dovecot(real_server: Dovecot) -> Target:
    """Dovecot, direct."""
    return Target("Dovecot", "dovecot", real_server.imap_port, accounts_of(real_server))


@pytest.fixture(scope="session")
def dovecot_proxied(
    real_server: Dovecot, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Target]:
    """The proxy in front of Dovecot, with a cache that tells news when the server would."""
    directory = tmp_path_factory.mktemp("proxy")
    with CachingProxy(real_server.upstream, real_server.ca_file, directory, "exact") as proxy:
        yield Target("proxy and Dovecot", "dovecot", proxy.port, accounts_of(real_server))


@pytest.fixture(scope="session")
def fake_proxied(fake_server: Fake, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """The same in front of the fake server."""
    directory = tmp_path_factory.mktemp("proxy")
    with CachingProxy(fake_server.upstream, fake_server.ca_file, directory, "exact") as proxy:
        yield Target("proxy and fake server", "fake", proxy.port, fake_server.accounts)


@pytest.fixture(scope="session")
def cyrus() -> Iterator[Target]:
    """Cyrus, direct; nobody has to have it."""
    missing = Cyrus.missing()
    if missing is not None:
        pytest.skip(missing)
    with Cyrus() as server:
        yield Target("Cyrus", "cyrus", server.imap_port, server.accounts)
