"""The proxy as people start it: a program of its own, told what to do on its command line."""

import re
import shlex
import signal
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from types import TracebackType
from typing import Self

import trustme

from tests.real.programs import ROOT, Program, python_environment, python_module

# What a log must never hold, whatever the upstream and the clients do.
_COMPLAINTS = re.compile(r"Traceback|Unhandled|\bBug\b|exceptions\.")


class ListenerCertificate:
    """A certificate for the TLS listener, and the authority that clients verify it with."""

    def __init__(self, directory: Path) -> None:
        self.ca_file = directory / "listener-ca.pem"
        self.certificate_file = directory / "listener.pem"
        self.key_file = directory / "listener.key"
        authority = trustme.CA()
        certificate = authority.issue_cert("localhost", "127.0.0.1", "::1")
        authority.cert_pem.write_to_path(str(self.ca_file))
        certificate.cert_chain_pems[0].write_to_path(str(self.certificate_file))
        certificate.private_key_pem.write_to_path(str(self.key_file))

    def client_context(self) -> ssl.SSLContext:
        """Return a context that trusts this authority alone."""
        return ssl.create_default_context(cafile=str(self.ca_file))


class Proxy:
    """``imapproxy run`` with a plaintext listener and, given a certificate, one with TLS."""

    def __init__(
        self,
        upstream: str,
        ca_file: Path,
        *,
        certificate: ListenerCertificate | None = None,
        options: Sequence[str | Path] = (),
    ) -> None:
        self.upstream = upstream
        self.ca_file = ca_file
        self.certificate = certificate
        self.port = 0
        self.tls_port = 0
        self._options = list(options)
        self._program: Program | None = None

    @property
    def program(self) -> Program:
        """The running process."""
        assert self._program is not None, "not started"
        return self._program

    def start(self) -> None:
        """Start it and wait for its ready lines."""
        self._program = Program(
            python_module("imapproxy", "run", *self._arguments(), *self._options),
            environment=python_environment(),
        )
        self.port = self._ready(0)
        if self.certificate is not None:
            self.tls_port = self._ready(1)

    def stop(self) -> None:
        """Drain it as a service would be, and see that it ended well and had nothing to say."""
        code = self.program.stop(signal.SIGTERM)
        assert code == 0, f"after SIGTERM the exit code is {code}\n{self.program.describe()}"
        self.assert_no_complaint()

    def restart(self, *, kill: bool) -> None:
        """End it, well or the hard way, and start it again: on another port, with the same data."""
        if kill:
            self.program.kill()
            self.assert_no_complaint()
        else:
            self.stop()
        self.start()

    def complaints(self) -> int:
        """Count the complaints in its log: a traceback is a bug, whatever brought it about."""
        return len(_COMPLAINTS.findall(self.program.output("stderr")))

    def assert_no_complaint(self) -> None:
        """Fail if there is a traceback in its log."""
        assert not self.complaints(), self.program.describe()

    def stdio_command(self) -> str:
        """Return the shell command for one session on standard input and output."""
        return stdio_command(self.upstream, self.ca_file)

    def _arguments(self) -> list[str | Path]:
        arguments: list[str | Path] = ["--listen", "127.0.0.1:0"]
        if self.certificate is not None:
            arguments += ["--tls-listen", "127.0.0.1:0"]
            arguments += ["--tls-cert", self.certificate.certificate_file]
            arguments += ["--tls-key", self.certificate.key_file]
        # Each test has an account of its own, and of each a verifier takes a third of a second.
        arguments.append("--no-offline")
        return [*arguments, "--upstream", self.upstream, "--ca-file", self.ca_file]

    def _ready(self, number: int) -> int:
        line = self.program.wait_for_line(r"^ready: 127\.0\.0\.1:(\d+) -> (\S+)", skip=number)
        # The line names the upstream; the default port may or may not be spelled out.
        assert line[2].startswith(self.upstream.split(":")[0]), line[0]
        return int(line[1])

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            if self._program is not None:
                self._program.kill()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            self.stop()
        else:
            self.program.kill()


@contextmanager
def configured_proxy(upstream: str, rest: str = "") -> Iterator[int]:
    """``imapproxy run --config``; the port of its listener.

    ``upstream`` and ``rest`` are TOML: what is said of the upstream, and further tables.
    """
    with NamedTemporaryFile("w", suffix=".toml") as file:
        file.write(f'[upstream.server]\n{upstream}\n[[listener]]\nlisten = "127.0.0.1:0"\n{rest}\n')
        file.flush()
        command = python_module("imapproxy", "run", "--config", file.name)
        with Program(command, environment=python_environment()) as program:
            yield int(program.wait_for_line(r"^ready: 127\.0\.0\.1:(\d+)")[1])
            assert program.stop() == 0, program.describe()
            assert not _COMPLAINTS.search(program.output("stderr")), program.describe()


def stdio_command(upstream: str, ca_file: Path) -> str:
    """Return the shell command by which a mail program runs one session without a port."""
    command = python_module("imapproxy", "stdio", "--upstream", upstream, "--ca-file", ca_file)
    # Mail programs run it in a directory and an environment of theirs.
    return shlex.join(["env", f"PYTHONPATH={ROOT}", *command])
