"""Running out of file descriptors: who comes is told or turned away, who is there goes on."""

import resource

import pytest
from twisted.internet import reactor  # noqa: TID251
from twisted.internet.threads import deferToThread

from imapproxy.descriptors import fitted, fitted_pool, sessions_of
from imapproxy.listener.limits import Limits
from imapproxy.upstream.pool.rules import PoolRules
from tests.deadline import in_reactor
from tests.logged_errors import logged_errors
from tests.real.programs import Program
from tests.shell import Shell, good_server, shell
from tests.socket_client import Client, connect, connect_silently

__all__ = ["logged_errors", "shell"]


@pytest.mark.parametrize(
    ("files", "sessions"), [(1024, 480), (256, 96), (64, 19), (40, 10), (4, 1), (0, 1)]
)
def test_a_session_needs_two(files, sessions):
    assert sessions_of(files) == sessions


def test_what_is_configured_and_cannot_be(logged_errors):
    assert fitted(Limits(), 1024).max_sessions == 480
    told = "only 1024 files may be open, so there can be 480 sessions and not 2000"
    assert told in logged_errors.text()


@pytest.mark.parametrize("files", [65536, 4064, resource.RLIM_INFINITY])
def test_what_can_be_is_left_alone(files, logged_errors):
    assert fitted(Limits(), files) == Limits()
    assert not logged_errors.events


@pytest.mark.parametrize(
    ("files", "parked"),
    [(resource.RLIM_INFINITY, 100), (65536, 100), (4164, 100), (4163, 32), (1024, 32), (8, 1)],
)
def test_connections_that_wait_take_no_descriptor_from_a_session(files, parked):
    assert fitted_pool(PoolRules(in_all=100), Limits(), files).in_all == parked


async def started(shell: Shell, *options: object, files: int | None = None) -> tuple[Program, int]:
    """The proxy, perhaps with so many files that may be open; and its port."""
    url = await shell.serve(good_server())
    under = ["sh", "-c", f'ulimit -n {files} && exec "$@"', "sh"] if files is not None else []
    arguments = ("--listen", "127.0.0.1:0", "--upstream", url, "--ca-file", shell.ca_file)
    program = shell.start("run", *arguments, *options, under=under)
    ready = await deferToThread(program.wait_for_line, r"^ready: 127\.0\.0\.1:(\d+)")
    return program, int(ready[1])


async def answers(client: Client) -> None:
    assert b"t OK" in await client.ask(b"LOGIN demo pw")
    assert b"t OK" in await client.ask(b"NOOP")


@in_reactor
async def test_the_limit_that_it_was_started_with(shell):
    program, port = await started(shell, files=48)
    crowd = [await connect(reactor, port) for _ in range(sessions_of(48))]
    late = await connect_silently(reactor, port)
    assert (await late.until(b"*")).startswith(b"* BYE [LIMIT] ")
    for client in crowd:
        await answers(client)
    assert f"there can be {sessions_of(48)} sessions and not 2000" in program.output()


@in_reactor
async def test_no_descriptor_is_left(shell):
    program, port = await started(shell)
    first = await connect(reactor, port)
    # From now on it may have no more than a few; nobody has told it.
    resource.prlimit(program.pid, resource.RLIMIT_NOFILE, (24, 24))
    crowd = []
    while True:
        client = await connect_silently(reactor, port)
        crowd.append(client)
        await client.heard_or_lost
        if not client.heard:
            break
    crowd += [await connect_silently(reactor, port) for _ in range(20)]
    for client in crowd[-20:]:
        await client.lost
    told = await first.ask(b"LOGIN demo pw")
    assert told.startswith(b"t NO [UNAVAILABLE] "), "there is none for a partner either"
    for client in crowd:
        client.transport.abortConnection()
        if not client.lost.called:
            await client.lost
    await first.ask(b"LOGOUT")
    await answers(await connect(reactor, port))
    assert await deferToThread(program.stop) == 0
    log = program.output()
    assert "Traceback" not in log, log
    assert log.count("no file descriptor is left") == 1
    assert "EMFILE" not in log
