"""What the kernel tells of a process: memory and open files (Linux)."""

import re
import resource
from pathlib import Path


class Process:
    """Numbers of a running process, read where they are known exactly."""

    def __init__(self, pid: int) -> None:
        self._directory = Path(f"/proc/{pid}")

    @property
    def resident(self) -> int:
        """Octets of memory in use now."""
        return self._status("VmRSS")

    @property
    def peak(self) -> int:
        """The most that :attr:`resident` was since :meth:`forget_peak`, in octets."""
        return self._status("VmHWM")

    @property
    def open_files(self) -> int:
        """Open file descriptors."""
        return len(list((self._directory / "fd").iterdir()))

    def forget_peak(self) -> None:
        """Let the peak be what is in use now (proc(5), clear_refs)."""
        (self._directory / "clear_refs").write_text("5")

    def _status(self, name: str) -> int:
        found = re.search(rf"^{name}:\s+(\d+) kB", (self._directory / "status").read_text(), re.M)
        assert found is not None, f"{self._directory}/status has no {name}"
        return int(found[1]) * 1024


def allow_open_files(count: int) -> None:
    """Raise the limit of open files for this process and those it starts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        if hard != resource.RLIM_INFINITY and hard < count:
            raise SystemExit(f"{count} open files are needed, {hard} are allowed (ulimit -Hn)")
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))
