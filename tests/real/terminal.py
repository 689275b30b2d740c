"""Programs that want a terminal: they get one, and what they draw is kept for the report."""

import os
import pty
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.real.programs import DEADLINE


def run_in_terminal(
    arguments: Sequence[str | Path], environment: Mapping[str, str], directory: Path
) -> None:
    """Run a program to its end in a terminal of its own; any exit code but 0 is a failure."""
    ours, theirs = pty.openpty()
    drawn = bytearray()
    process = subprocess.Popen(
        [str(argument) for argument in arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**environment, "TERM": "vt100", "LINES": "24", "COLUMNS": "80"},
        cwd=directory,
        start_new_session=True,
    )
    os.close(theirs)

    def drain() -> None:
        # Reading from a terminal whose other end has closed is an error on Linux.
        try:
            while octets := os.read(ours, 65536):
                drawn.extend(octets)
        except OSError:
            pass

    reader = threading.Thread(target=drain, daemon=True)
    reader.start()
    try:
        code = process.wait(DEADLINE)
    except subprocess.TimeoutExpired:
        process.kill()
        code = process.wait()
    reader.join(DEADLINE)
    os.close(ours)
    assert code == 0, f"{arguments}\nexit code: {code}\n{drawn.decode('utf-8', 'replace')}"
