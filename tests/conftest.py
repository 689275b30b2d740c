"""What every test may rely on."""

import os
from collections.abc import Iterator

import pytest

# A proxy of somebody's own must not be what the tests are about.
for _name in [name for name in os.environ if name.startswith(("IMAPPROXY_", "FAKESERVER_"))]:
    if _name != "IMAPPROXY_REQUIRE_REAL":
        del os.environ[_name]


@pytest.fixture(scope="session", autouse=True)
def runtime_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Programs of the tests leave nothing in the user's own directories."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
        yield
