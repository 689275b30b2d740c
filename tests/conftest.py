"""What every test may rely on."""

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# A proxy of somebody's own must not be what the tests are about.
for _name in [name for name in os.environ if name.startswith(("IMAPPROXY_", "FAKESERVER_"))]:
    if _name != "IMAPPROXY_REQUIRE_REAL":
        del os.environ[_name]

# Who is started in the background by a script ignores it, and so would all programs of the tests.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes is decided by what else the machine does. And a run is to say the same
# of the same code: other examples are tried by `make chance` and by `make fuzz`.
settings.register_profile(
    "chance", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.register_profile("same", settings.get_profile("chance"), derandomize=True, database=None)
settings.load_profile("same")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Under ``--dist loadfile`` a few files are not kept in one piece."""
    if config.getvalue("dist") != "loadfile":
        return None
    from tests.distribution import Distribution

    return Distribution(config, log)


@pytest.fixture(scope="session", autouse=True)
def runtime_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Programs of the tests leave nothing in the user's own directories."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
        yield
