"""Workers as processes: spread, killed, reloaded, stopped in every way there is."""

import json
import os
import re
import signal
from pathlib import Path

import pytest
from twisted.internet import reactor  # noqa: TID251
from twisted.internet.defer import DeferredQueue
from twisted.internet.threads import deferToThread

from tests.deadline import in_reactor
from tests.house import accepting
from tests.logged_errors import logged_errors
from tests.real.programs import Program
from tests.shell import Shell, good_tls, shell
from tests.socket_client import Client, connect, connect_silently
from tests.upstream import certificates
from tests.upstream.server import Server

__all__ = ["logged_errors", "shell"]

_PASSWORD = b"opensesame-7391"


class Crew:
    """The proxy with workers, and what can be seen of it from outside."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self.status_socket = shell.directory / "s"
        self.program: Program

    async def serve(self, name: str = "one") -> str:
        return await self._shell.serve(
            Server(answer=accepting(name.encode(), None), tls=good_tls())
        )

    async def start(self, *options: object, new_group: bool = False) -> int:
        """Start it with two workers; the port of its only listener."""
        url = await self.serve()
        return (
            await self.run(
                *("--listen", "127.0.0.1:0", "--upstream", url, "--ca-file", self._shell.ca_file),
                *("--workers", 2, "--status-socket", self.status_socket),
                *options,
                new_group=new_group,
            )
        )[0]

    async def run(self, *options: object, new_group: bool = False, listeners: int = 1) -> list[int]:
        under = ("setsid",) if new_group else ()
        self.program = self._shell.start("run", *options, under=under)
        return [await self.ready(number) for number in range(listeners)]

    async def ready(self, number: int = 0) -> int:
        pattern = r"^ready: (?:127\.0\.0\.1|\[::1\]):(\d+) -> "
        line = await deferToThread(self.program.wait_for_line, pattern, skip=number)
        return int(line[1])

    async def told(self, pattern: str, skip: int = 0) -> re.Match[str]:
        """The log says it."""
        return await deferToThread(self.program.wait_for_line, pattern, "stderr", skip=skip)

    async def status(self) -> dict:
        ended = await self._shell.run("status", "--json", "--socket", self.status_socket)
        return json.loads(ended.out)

    async def workers(self) -> list[int]:
        """Their process ids."""
        return [process["pid"] for process in (await self.status())["processes"]]

    async def sessions(self) -> list[int]:
        processes = (await self.status())["processes"]
        return [sum(each["sessions"] for each in process["listeners"]) for process in processes]

    async def ended(self) -> None:
        """It has ended well, with all its workers."""
        code = await deferToThread(self.program.wait)
        assert code == 0, self.program.describe()
        assert "Traceback" not in self.program.output(), self.program.describe()


@pytest.fixture
def crew(shell: Shell) -> Crew:
    return Crew(shell)


async def logged_in(port: int, host: str = "127.0.0.1", *, tls: bool = False) -> Client:
    client = await connect_silently(reactor, port, host)
    if tls:
        client.start_tls()
    await client.until(b"* OK")
    assert b"t OK" in await client.ask(b"LOGIN demo " + _PASSWORD)
    return client


def alive(pid: int) -> bool:
    """Whether the process is there; a zombie is not."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


@in_reactor
async def test_from_ready_to_sigterm(crew):
    port = await crew.start("--verbose")
    clients = [await logged_in(port) for _ in range(6)]
    assert await crew.sessions() == [3, 3]
    status = await crew.status()
    assert (status["workers"], status["restarts"], status["pid"]) == (2, 0, crew.program.pid)
    assert status["figures"]["sessions"]["now"] == 6
    await clients[0].ask(b"LOGOUT")
    await clients[0].lost
    assert sorted(await crew.sessions()) == [2, 3]
    clients[0] = await logged_in(port)
    assert await crew.sessions() == [3, 3], "the one with the fewest got it"
    workers = await crew.workers()
    crew.program.signal(signal.SIGTERM)
    for client in clients:
        await client.lost
        assert client.heard == b"* BYE imapproxy is shutting down\r\n"
    await crew.ended()
    assert not any(alive(pid) for pid in workers)
    assert crew.program.output("stdout").count("ready: ") == 1
    assert re.search(r" info \[[12]\] ", crew.program.output()), "who of them it was"
    assert not crew.status_socket.exists()


@in_reactor
async def test_a_worker_that_is_killed(crew):
    port = await crew.start()
    clients = [await logged_in(port) for _ in range(2)]
    first, second = await crew.workers()
    os.kill(first, signal.SIGKILL)
    await crew.told(r"worker 1 has ended \(signal 9\); it is started again in 0.25 seconds")
    # The first connection went to the first worker.
    lost, other = clients
    await lost.lost
    assert await other.ask(b"NOOP") == b"t OK one\r\n"
    # Nobody waits for the one that is on its way.
    await logged_in(port)
    os.kill(second, signal.SIGKILL)
    await other.lost
    # Who comes before that is noticed may be handed to the dead, and is lost with it.
    await crew.told(r"worker 2 has ended \(signal 9\)")
    # Now perhaps nobody is there; who comes waits in the queue of the kernel.
    await logged_in(port)
    assert (await crew.status())["restarts"] == 2
    crew.program.signal(signal.SIGTERM)
    await crew.ended()


@in_reactor
async def test_the_parent_is_killed(crew):
    port = await crew.start()
    client = await logged_in(port)
    crew.program.signal(signal.SIGKILL)
    await client.lost
    assert client.heard == b"* BYE imapproxy is shutting down\r\n"
    # The workers hold standard error open until they are gone.
    await deferToThread(crew.program.wait)
    with pytest.raises(Exception, match="refused"):
        await connect(reactor, port)


@pytest.mark.parametrize("to_all", [True, False])
@in_reactor
async def test_one_worker_or_all_processes_are_told_to_end(crew, to_all):
    """systemd sends SIGTERM to every process of a service; a person may send it to any."""
    port = await crew.start()
    clients = [await logged_in(port) for _ in range(2)]
    workers = await crew.workers()
    if to_all:
        for pid in (*workers, crew.program.pid):
            os.kill(pid, signal.SIGTERM)
        for client in clients:
            await client.lost
            assert client.heard == b"* BYE imapproxy is shutting down\r\n"
    else:
        os.kill(workers[1], signal.SIGTERM)
        await crew.told(r"worker 2 has ended \(exit code 0\)")
        await clients[1].lost
        assert not clients[0].lost.called
        crew.program.signal(signal.SIGTERM)
    await crew.ended()
    assert "killed" not in crew.program.output()


@in_reactor
async def test_control_c(crew):
    port = await crew.start(new_group=True)
    client = await logged_in(port)
    os.killpg(crew.program.pid, signal.SIGINT)  # as a terminal does
    await client.lost
    assert client.heard == b"* BYE imapproxy is shutting down\r\n"
    await crew.ended()


@in_reactor
async def test_who_is_impatient_sends_a_second_signal(crew, tmp_path):
    asked = DeferredQueue()

    def never(session, tag, command):
        if command.split(b" ")[0] in (b"CAPABILITY", b"LOGIN", b"LOGOUT"):
            session.say(b"* CAPABILITY IMAP4rev1", tag + b" OK")
        elif command == b"NOOP":
            asked.put(command)

    url = await crew._shell.serve(Server(answer=never, tls=good_tls()))
    file = tmp_path / "imapproxy.toml"
    file.write_text(
        f'workers = 2\n[upstream.x]\nurl = "{url}"\nca_file = "{crew._shell.ca_file}"\n'
        '[[listener]]\nlisten = "127.0.0.1:0"\n[limits]\ndrain_grace = 600\n'
    )
    (port,) = await crew.run("--config", file)
    clients = [await logged_in(port) for _ in range(2)]
    idle = [await connect(reactor, port) for _ in range(2)]
    for client in clients:
        client.say(b"a1 NOOP")
        await asked.get()  # before that the session is idle, and would be sent home at once
    crew.program.signal(signal.SIGTERM)
    for client in idle:
        await client.lost  # the first was taken, by both
    crew.program.signal(signal.SIGTERM)
    for client in clients:
        await client.lost
        assert client.heard == b""
    await crew.ended()


@in_reactor
async def test_each_listener_leads_where_it_should_and_a_reload_drops_nobody(crew, tmp_path):
    identity = certificates.issued("localhost")
    (tmp_path / "cert.pem").write_bytes(identity.certificate + b"".join(identity.chain))
    (tmp_path / "cert.key").write_bytes(identity.key)
    head = f'workers = 2\nstatus_socket = "{crew.status_socket}"\n'
    for name in ("one", "two"):
        url = await crew.serve(name)
        head += f'[upstream.{name}]\nurl = "{url}"\nca_file = "{crew._shell.ca_file}"\n'
    one = '[[listener]]\nlisten = "127.0.0.1:0"\nupstream = "one"\n'
    two = '[[listener]]\nlisten = "[::1]:0"\nupstream = "two"\n'
    tls = 'tls = "implicit"\ncert_file = "cert.pem"\nkey_file = "cert.key"\n'
    file = tmp_path / "imapproxy.toml"
    file.write_text(head + one + two)
    ports = await crew.run("--config", file, listeners=2)
    first = [await logged_in(ports[0]) for _ in range(2)]
    second = [await logged_in(ports[1], "::1") for _ in range(2)]
    assert [await client.ask(b"NOOP") for client in (*first, *second)] == [
        *([b"t OK one\r\n"] * 2),
        *([b"t OK two\r\n"] * 2),
    ]
    # The first stays, the second goes, one with TLS comes.
    file.write_text(head + one + one.replace("one", "two") + tls)
    crew.program.signal(signal.SIGHUP)
    new = await crew.ready(2)
    for client in (*first, *second):
        assert (await client.ask(b"NOOP")).startswith(b"t OK ")
    assert await (await logged_in(ports[0])).ask(b"NOOP") == b"t OK one\r\n"
    secure = [await logged_in(new, tls=True) for _ in range(2)]
    assert [await client.ask(b"NOOP") for client in secure] == [b"t OK two\r\n"] * 2
    with pytest.raises(Exception, match="refused"):
        await connect_silently(reactor, ports[1], "::1")
    listed = {each["address"]: each["sessions"] for each in (await crew.status())["listeners"]}
    assert listed == {
        f"127.0.0.1:{ports[0]}": 3,
        f"[::1]:{ports[1]}": 2,
        f"127.0.0.1:{new}": 2,
    }
    # One that is wrong changes nothing, and a worker that is started later has the last good one.
    file.write_text(head + one + "lisen = 1\n")
    crew.program.signal(signal.SIGHUP)
    await crew.told("not reloaded: .*lisen")
    file.write_text(head.replace("workers = 2", "workers = 3") + one + one.replace("one", "two"))
    crew.program.signal(signal.SIGHUP)
    await crew.told("how many workers there are changes with a restart only")
    await crew.told(r"(?<!not) reloaded$", skip=1)
    for pid in await crew.workers():
        os.kill(pid, signal.SIGKILL)
    await crew.told("worker 1 has ended")
    await crew.told("worker 2 has ended")
    assert await (await logged_in(new)).ask(b"NOOP") == b"t OK two\r\n", "no TLS any more"
    crew.program.signal(signal.SIGTERM)
    await crew.ended()


@in_reactor
async def test_limits_are_shared(crew, tmp_path):
    url = await crew.serve()
    file = tmp_path / "imapproxy.toml"
    file.write_text(
        f'workers = 2\n[upstream.x]\nurl = "{url}"\nca_file = "{crew._shell.ca_file}"\n'
        '[[listener]]\nlisten = "127.0.0.1:0"\n[limits]\nmax_sessions = 4\n'
    )
    (port,) = await crew.run("--config", file)
    clients = [await logged_in(port) for _ in range(4)]
    late = await connect_silently(reactor, port)
    assert (await late.until(b"*")).startswith(b"* BYE [LIMIT] ")
    await clients[0].ask(b"LOGOUT")
    await clients[0].lost
    await logged_in(port)
    crew.program.signal(signal.SIGTERM)
    await crew.ended()


@in_reactor
async def test_a_port_that_is_taken(crew):
    server = Server(tls=good_tls())
    url = await crew._shell.serve(server)
    ended = await crew._shell.run(
        *("run", "--listen", f"127.0.0.1:{server.port}", "--upstream", url),
        *("--ca-file", crew._shell.ca_file, "--workers", 2),
    )
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"imapproxy: cannot listen on 127.0.0.1:{server.port}: ")
    assert ended.err.count("\n") == 1


@in_reactor
async def test_what_others_can_see_of_it_holds_no_secret(crew):
    port = await crew.start()
    await logged_in(port)
    for pid in (crew.program.pid, *await crew.workers()):
        for what in ("cmdline", "environ"):
            assert _PASSWORD not in Path(f"/proc/{pid}/{what}").read_bytes()
    for pid in await crew.workers():
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        assert command[1:] == [b"-m", b"imapproxy", b"worker", b""]
    crew.program.signal(signal.SIGTERM)
    await crew.ended()
    assert _PASSWORD.decode() not in crew.program.output()


@in_reactor
async def test_a_worker_is_nothing_that_people_start(crew):
    ended = await crew._shell.run("worker")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == "imapproxy: a worker is started by imapproxy run --workers alone\n"


def test_how_many_there_can_be(capsys):
    from tests.test_cli import told

    for wrong in ("0", "65", "-1"):
        said = told("run", "--upstream", "imaps://imap.example.com", "--workers", wrong)
        assert said == "imapproxy: --workers: has to be from 1 to 64"
