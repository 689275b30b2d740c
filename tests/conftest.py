"""What every test may rely on."""

import os

# A proxy of somebody's own must not be what the tests are about.
for _name in [name for name in os.environ if name.startswith(("IMAPPROXY_", "FAKESERVER_"))]:
    if _name != "IMAPPROXY_REQUIRE_REAL":
        del os.environ[_name]
