"""The program as people run it, and servers for it to talk to."""

import subprocess
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest_twisted
from twisted.internet import reactor  # noqa: TID251
from twisted.internet.threads import deferToThread

from tests.deadline import soon
from tests.real.programs import Program, python_environment, python_module
from tests.upstream import certificates
from tests.upstream.server import Server

SECONDS = 60.0  # on a machine that does much else besides


class Ended(NamedTuple):
    code: int
    out: str
    err: str


class Shell:
    """Runs the program, and servers for it to talk to."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.ca_file = directory / "ca.pem"
        self.ca_file.write_bytes(certificates.AUTHORITY.cert_pem.bytes())
        self._servers: list[Server] = []
        self._programs: list[Program] = []

    async def serve(self, server: Server) -> str:
        await server.listen(reactor)
        self._servers.append(server)
        return f"imaps://localhost:{server.port}"

    async def run(self, *arguments: object, stdin: bytes = b"", **environment: str) -> Ended:
        def run() -> subprocess.CompletedProcess[bytes]:
            return subprocess.run(
                python_module("imapproxy", *arguments),
                input=stdin,
                capture_output=True,
                env={**python_environment(), **environment},
                cwd=self.directory,
                timeout=SECONDS,
            )

        done = await deferToThread(run)
        ended = Ended(done.returncode, done.stdout.decode(), done.stderr.decode())
        assert "Traceback" not in ended.out + ended.err, ended
        return ended

    def start(self, *arguments: object, under: Sequence[str] = ()) -> Program:
        program = Program(
            [*under, *python_module("imapproxy", *arguments)],
            environment=python_environment(),
            directory=self.directory,
        )
        self._programs.append(program)
        return program

    async def close(self) -> None:
        for program in self._programs:
            if program.running:
                program.kill()
        for server in self._servers:
            await server.stop()


@pytest_twisted.async_yield_fixture
async def shell(tmp_path: Path) -> AsyncIterator[Shell]:
    shell = Shell(tmp_path)
    yield shell
    await soon(shell.close())


def good_tls():
    return certificates.issued("localhost").server_tls()


def good_server(answer=None) -> Server:
    return Server(answer=answer, tls=good_tls())
