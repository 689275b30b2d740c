"""The same proxy under Twisted's own runner."""

import signal
import sys

import pytest
from twisted.internet import reactor  # noqa: TID251
from twisted.internet.threads import deferToThread

from tests.deadline import in_reactor
from tests.logged_errors import logged_errors
from tests.real.programs import Program, python_environment
from tests.shell import good_server, shell
from tests.socket_client import connect

__all__ = ["logged_errors", "shell"]


@pytest.mark.parametrize("workers", [1, 2])
@in_reactor
async def test_from_start_to_end(shell, workers):
    url = await shell.serve(good_server())
    file = shell.directory / "imapproxy.toml"
    file.write_text(
        f'workers = {workers}\nstatus_socket = "s"\n[upstream.x]\nurl = "{url}"\n'
        'ca_file = "ca.pem"\n[[listener]]\nlisten = "127.0.0.1:0"\n'
    )
    command = [sys.executable, "-m", "twisted", "imapproxy", "--config", file]
    with Program(command, environment=python_environment()) as program:
        told = await deferToThread(program.wait_for_line, r"ready: 127\.0\.0\.1:(\d+) -> ")
        client = await connect(reactor, int(told[1]))
        assert b"t OK" in await client.ask(b"LOGIN demo pw")
        ended = await shell.run("status", "--socket", "s")
        assert f"{url}: 1 session\n" in ended.out
        program.signal(signal.SIGTERM)
        await client.lost
        assert client.heard.startswith(b"* BYE ")
        await deferToThread(program.wait)
        assert "Traceback" not in program.output() + program.output("stdout"), program.describe()


@in_reactor
async def test_a_configuration_that_is_wrong(shell):
    def run() -> tuple[int, str]:
        command = [sys.executable, "-m", "twisted", "imapproxy", "--config", "none.toml"]
        with Program(command, environment=python_environment()) as program:
            return program.wait(), program.output() + program.output("stdout")

    code, said = await deferToThread(run)
    assert code != 0
    assert "none.toml: cannot be read" in said
