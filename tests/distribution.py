"""Which tests of a run with several workers stay together: as a rule those of a file."""

from xdist.scheduler import LoadFileScheduling

# Files of which each test brings its own servers and takes seconds: as one piece they would keep
# one worker busy when the others have nothing left to do.
_APART = (
    "tests/real/test_differential.py",
    "tests/relay/test_cut_everywhere.py",
    "tests/workers/test_processes.py",
)
# Here the servers belong to a target, which comes first in the brackets: `[dovecot-6.1.1 …]`.
_BY_TARGET = "tests/conformance/test_scripts.py"


def scope_of(nodeid: str) -> str:
    """What a test stays together with; tests of one scope run in one worker."""
    file, _, rest = nodeid.partition("::")
    if file in _APART:
        return nodeid
    return f"{file}::{rest.partition('-')[0]}" if file == _BY_TARGET else file


class Distribution(LoadFileScheduling):
    """``--dist loadfile`` with the exceptions above; those with many tests come first."""

    def _split_scope(self, nodeid: str) -> str:
        return scope_of(nodeid)
