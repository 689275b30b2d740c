"""The servers and proxies that the tests of this directory share.

Starting one takes half a second, so they live as long as the test run; accounts are made for each
test, and after each test the proxies must not have complained in their logs.
"""

from collections.abc import Iterator

import pytest

from tests.real.dovecot import Dovecot
from tests.real.fake import FakeServer
from tests.real.peer import Peer
from tests.real.programs import leave_out
from tests.real.proxy import ListenerCertificate, Proxy


@pytest.fixture(scope="session")
def dovecot() -> Iterator[Dovecot]:
    """A private Dovecot with TLS."""
    missing = Dovecot.missing()
    if missing is not None:
        leave_out(missing)
    with Dovecot() as server:
        yield server


@pytest.fixture(scope="session")
def listener_certificate(tmp_path_factory: pytest.TempPathFactory) -> ListenerCertificate:
    """The certificate of the proxies' TLS listeners."""
    return ListenerCertificate(tmp_path_factory.mktemp("listener"))


@pytest.fixture(scope="session")
def dovecot_proxy(dovecot: Dovecot, listener_certificate: ListenerCertificate) -> Iterator[Proxy]:
    """The one proxy in front of Dovecot; tests take ``proxy``."""
    with Proxy(dovecot.upstream, dovecot.ca_file, certificate=listener_certificate) as proxy:
        yield proxy


@pytest.fixture
def proxy(dovecot_proxy: Proxy) -> Iterator[Proxy]:
    """A proxy in front of Dovecot, with both kinds of listener."""
    before = dovecot_proxy.complaints()
    yield dovecot_proxy
    assert dovecot_proxy.complaints() == before, dovecot_proxy.program.describe()
    assert dovecot_proxy.program.running, dovecot_proxy.program.describe()


@pytest.fixture(scope="session")
def fake_server() -> Iterator[FakeServer]:
    """The in-memory server."""
    with FakeServer() as server:
        yield server


@pytest.fixture(params=["proxy", "fake server"])
def peer(request: pytest.FixtureRequest) -> Peer:
    """What a mail program is let loose at: the proxy in front of Dovecot, or the fake server."""
    if request.param == "fake server":
        fake: FakeServer = request.getfixturevalue("fake_server")
        return Peer(fake, fake.imap_port, fake.imaps_port, fake.ca_file)
    proxy: Proxy = request.getfixturevalue("proxy")
    assert proxy.certificate is not None
    dovecot = request.getfixturevalue("dovecot")
    ca_file = proxy.certificate.ca_file
    return Peer(dovecot, proxy.port, proxy.tls_port, ca_file, proxy.stdio_command())
