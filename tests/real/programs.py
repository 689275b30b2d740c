"""Running the programs the tests talk to: waiting for what they say, not for time to pass."""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Loaded continuous integration machines start programs slowly; nothing waits this long when well.
DEADLINE = 60.0


def required() -> bool:
    """Tell whether a missing peer is a failure (``IMAPPROXY_REQUIRE_REAL=1``, as CI sets it)."""
    return os.environ.get("IMAPPROXY_REQUIRE_REAL") == "1"


def leave_out(reason: str) -> None:
    """Skip the test with a plain sentence, or fail it where every peer is required."""
    if required():
        pytest.fail(f"{reason} IMAPPROXY_REQUIRE_REAL=1 says that it must not be left out.")
    pytest.skip(reason)


def find_program(name: str) -> str | None:
    """Return the path of a program; daemons live in /usr/sbin, which is not on everyone's PATH."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin:/sbin")


def require_program(name: str, debian_package: str | None = None) -> str:
    """Return the path of ``name``, or leave the test out where it is not installed."""
    path = find_program(name)
    if path is None:
        leave_out(f"{name} is not installed (Debian: apt-get install {debian_package or name}).")
    assert path is not None
    return path


def python_environment() -> dict[str, str]:
    """Return an environment in which ``python -m imapproxy`` is the checkout under test."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


class Program:
    """A running program, its standard output and error collected by two threads.

    So waiting for a line is waiting for an event, the program never blocks on a full pipe, and
    all it said is there when a test fails.
    """

    def __init__(
        self,
        arguments: Sequence[str | Path],
        *,
        environment: Mapping[str, str] | None = None,
        directory: Path | None = None,
        new_group: bool = False,
    ) -> None:
        self.arguments = [str(argument) for argument in arguments]
        self._new_group = new_group
        self._output: dict[str, list[str]] = {"stdout": [], "stderr": []}
        self._ended: set[str] = set()
        self._news = threading.Condition()
        self._process = subprocess.Popen(
            self.arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            cwd=directory,
            start_new_session=new_group,
        )
        self._readers = [
            threading.Thread(target=self._collect, args=(name,), daemon=True)
            for name in self._output
        ]
        for reader in self._readers:
            reader.start()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the program has not ended yet."""
        return self._process.poll() is None

    def output(self, stream: str = "stderr") -> str:
        """Return all that was said so far on ``stdout`` or ``stderr``."""
        with self._news:
            return "".join(self._output[stream])

    def wait_for_line(
        self, pattern: str, stream: str = "stdout", *, skip: int = 0, seconds: float = DEADLINE
    ) -> re.Match[str]:
        """Wait for a line that ``pattern`` is found in, leaving out the first ``skip`` of them."""
        expression = re.compile(pattern)

        def found() -> re.Match[str] | None:
            matches = filter(None, map(expression.search, self._output[stream]))
            return next((match for number, match in enumerate(matches) if number == skip), None)

        with self._news:
            self._news.wait_for(lambda: found() or stream in self._ended, seconds)
            match = found()
        if match is None:
            raise AssertionError(f"no line like {pattern!r} on {stream}\n{self.describe()}")
        return match

    def wait(self, seconds: float = DEADLINE) -> int:
        """Wait for the end of the program; return its exit code."""
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"still running after {seconds} s\n{self.describe()}") from None
        for reader in self._readers:
            reader.join(seconds)
        return code

    def stop(self, number: signal.Signals = signal.SIGTERM, seconds: float = DEADLINE) -> int:
        """Send a signal and wait for the end; return the exit code."""
        self._process.send_signal(number)
        return self.wait(seconds)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it the hard way, and with a group of its own all that it has started."""
        if self._new_group and self._process.poll() is None:
            os.killpg(self.pid, signal.SIGKILL)
        self._process.kill()
        self._process.wait()
        for reader in self._readers:
            reader.join(DEADLINE)

    def describe(self) -> str:
        """Return what ran, how it ended and what it said."""
        return (
            f"program: {' '.join(self.arguments)}\nexit code: {self._process.poll()}\n"
            f"stdout:\n{self.output('stdout')}\nstderr:\n{self.output('stderr')}"
        )

    def _collect(self, name: str) -> None:
        with getattr(self._process, name) as stream:
            for line in stream:
                with self._news:
                    self._output[name].append(line.decode("utf-8", "replace"))
                    self._news.notify_all()
        with self._news:
            self._ended.add(name)
            self._news.notify_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.running:
            self.kill()


def run(
    *arguments: str | Path,
    stdin: bytes = b"",
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
    seconds: float = DEADLINE,
) -> bytes:
    """Run a program to its end and return its standard output; any exit code but 0 is a failure."""
    done = subprocess.run(
        [str(argument) for argument in arguments],
        input=stdin,
        capture_output=True,
        env=environment,
        cwd=directory,
        timeout=seconds,
    )
    if done.returncode:
        raise AssertionError(
            f"{' '.join(map(str, arguments))}\nexit code: {done.returncode}\n"
            f"stdout:\n{done.stdout.decode('utf-8', 'replace')}\n"
            f"stderr:\n{done.stderr.decode('utf-8', 'replace')}"
        )
    return done.stdout


def python_module(module: str, *arguments: str | Path) -> list[str]:
    """Return the command line of ``python -m module …`` with the Python of the tests."""
    return [sys.executable, "-m", module, *map(str, arguments)]
