"""The status: numbers of every part, added up; and the socket at which they are told."""

import json
import signal
import socket
import stat

import pytest
from twisted.internet import reactor  # noqa: TID251
from twisted.internet.threads import deferToThread

from imapproxy.config import ConfigError
from imapproxy.status import (
    ListenerStatus,
    Origin,
    ProcessStatus,
    StatusRegistry,
    lines_of,
    make_report,
)
from imapproxy.status_socket import StatusSocket, ask, ask_all, status_directory
from tests.deadline import in_reactor
from tests.house import house, logged_in
from tests.logged_errors import logged_errors
from tests.shell import good_server, shell
from tests.socket_client import connect

__all__ = ["house", "logged_errors", "shell"]

_HERE = ("127.0.0.1:1143", "imaps://imap.example.com")
_THERE = ("127.0.0.1:1144", "imaps://imap.example.org")


def process(worker: int, here: int, there: int, **figures: int) -> ProcessStatus:
    listeners = (ListenerStatus(*_HERE, here), ListenerStatus(*_THERE, there))
    return ProcessStatus(worker, 100 + worker, 60.0 * worker, listeners, {"sessions": figures})


class TestReport:
    def test_processes_are_added_up(self):
        report = make_report(Origin(99, 3661.0, 2, 1), [process(1, 3, 0, now=3), process(2, 1, 2)])
        assert report.listeners == (ListenerStatus(*_HERE, 4), ListenerStatus(*_THERE, 2))
        assert report.figures == {"sessions": {"now": 3}}
        assert [each.worker for each in report.processes] == [1, 2]

    def test_for_people(self):
        two = [process(1, 3, 0, now=3, not_logged_in=1), process(2, 1, 2, now=3, not_logged_in=0)]
        first, *others = lines_of(make_report(Origin(99, 3661.0, 3, 1), two))
        assert first.endswith(", process 99, up 1 h 1 min")
        assert others == [
            "  127.0.0.1:1143 -> imaps://imap.example.com: 4 sessions",
            "  127.0.0.1:1144 -> imaps://imap.example.org: 2 sessions",
            "  sessions: now 6, not logged in 1",
            "  2 of 3 workers, 1 restarts",
            "    worker 1: process 101, up 1 min, 3 sessions",
            "    worker 2: process 102, up 2 min, 3 sessions",
        ]

    def test_what_all_processes_share_is_not_added_up(self):
        figures = {"cache": {"octets_served": 2048}, "store": {"octets_held": 5 * 1024 * 1024}}
        listed = [ProcessStatus(number, number, 1.0, (), figures) for number in (1, 2)]
        report = make_report(Origin(99, 1.0), listed)
        assert report.figures["cache"] == {"octets_served": 4096}
        assert report.figures["store"] == figures["store"]
        assert lines_of(report)[1:] == [
            "  cache: octets served 4.0 KiB",
            "  store: octets held 5.0 MiB",
        ]

    @pytest.mark.parametrize(
        ("seconds", "told"),
        [(0, "0 s"), (59.9, "59 s"), (61, "1 min"), (7200, "2 h 0 min"), (90000, "1 d 1 h")],
    )
    def test_durations(self, seconds, told):
        assert lines_of(make_report(Origin(1, seconds), []))[0].endswith(f"up {told}")

    def test_parts_are_asked_each_time(self):
        registry = StatusRegistry()
        numbers = {"n": 0}
        registry.add("part", lambda: numbers)
        registry.add("other", dict)
        assert registry.figures() == {"part": {"n": 0}, "other": {}}
        numbers["n"] = 7
        registry.remove("other")
        registry.remove("never there")
        assert registry.figures() == {"part": {"n": 7}}


@in_reactor
async def test_a_service_tells_of_sessions_and_log_ins(house):
    server = await house.upstream("one")
    await house.upstream("two")
    service = await house.start(house.listener("one"), house.listener("two", "[::1]:0"))
    client = await logged_in(service)
    await connect(reactor, service.listeners[0].address.port)
    report = await service.report()
    assert [each.sessions for each in report.listeners] == [2, 0]
    assert report.listeners[0].address == str(service.listeners[0].address)
    assert report.figures["sessions"] == {
        "now": 2,
        "not_logged_in": 1,
        "accounts": 1,
        "since_the_start": 2,
        "turned_away": 0,
    }
    assert report.figures["pool"] == {"parked": 0}
    assert report.figures[f"log-ins at imaps://localhost:{server.port}"] == {
        "let_in": 1,
        "refused": 0,
        "not_asked": 0,
        "unavailable": 0,
    }
    # A listener that is gone is told of while it has sessions.
    await service.reload(house.settings(house.listener("two", "[::1]:0")))
    assert [each.sessions for each in (await service.report()).listeners] == [0, 2]
    await client.ask(b"LOGOUT")


async def a_report():
    return make_report(Origin(1, 2.0), [process(0, 1, 1)])


class TestSocket:
    @in_reactor
    async def test_it_is_ours_alone_and_goes_when_it_is_over(self, tmp_path):
        path = tmp_path / "x.sock"
        status = StatusSocket(reactor, a_report, path)
        status.start()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert await deferToThread(ask, path) == await a_report()
        await status.stop()
        assert not path.exists()
        await status.stop()

    @in_reactor
    async def test_where_nobody_says_where(self, tmp_path, monkeypatch):
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
        monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
        status = StatusSocket(reactor, a_report)
        assert ask_all() == []
        status.start()
        directory = tmp_path / "imapproxy"
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        assert await deferToThread(ask_all) == [await a_report()]
        await status.stop()
        assert list(directory.iterdir()) == []

    def test_under_systemd_and_without_anything(self, tmp_path, monkeypatch):
        monkeypatch.setenv("RUNTIME_DIRECTORY", "/run/imapproxy:/run/other")
        assert str(status_directory()) == "/run/imapproxy"
        monkeypatch.delenv("RUNTIME_DIRECTORY")
        monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
        monkeypatch.setenv("HOME", str(tmp_path))
        assert tmp_path in status_directory().parents

    @in_reactor
    async def test_what_a_proxy_that_was_killed_has_left(self, tmp_path):
        path = tmp_path / "x.sock"
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(path))
        with pytest.raises(ConfigError, match="no proxy tells its status at"):
            ask(path)
        status = StatusSocket(reactor, a_report, path)
        status.start()
        assert (await deferToThread(ask, path)).pid == 1
        await status.stop()

    @in_reactor
    async def test_what_keeps_it_from_telling_keeps_it_not_from_running(
        self, tmp_path, logged_errors, monkeypatch
    ):
        busy = StatusSocket(reactor, a_report, tmp_path / "x.sock")
        busy.start()
        (tmp_path / "open").mkdir(mode=0o777)
        (tmp_path / "open").chmod(0o777)
        monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "open"))
        for path, reason in [
            (tmp_path / "x.sock", "another proxy tells its status there"),
            (tmp_path / "none" / "x.sock", "No such file"),
            (tmp_path / ("x" * 200), "too long"),
            (None, "can be written by others"),
        ]:
            status = StatusSocket(reactor, a_report, path)
            await deferToThread(lambda: None)
            status.start()
            assert reason in logged_errors.text(), path
            await status.stop()
        assert (await deferToThread(ask, tmp_path / "x.sock")).pid == 1
        await busy.stop()

    @in_reactor
    async def test_a_fault_is_logged_and_the_connection_ended(self, tmp_path, logged_errors):
        async def broken():
            raise ZeroDivisionError

        status = StatusSocket(reactor, broken, tmp_path / "x.sock")
        status.start()
        with pytest.raises(ConfigError, match="no status at"):
            await deferToThread(ask, tmp_path / "x.sock")
        await status.stop()
        assert "ZeroDivisionError" in logged_errors.flush()[0]


class TestCommand:
    @in_reactor
    async def test_from_start_to_end(self, shell):
        url = await shell.serve(good_server())
        place = shell.directory / "s"
        program = shell.start(
            *("run", "--listen", "127.0.0.1:0", "--upstream", url, "--ca-file", shell.ca_file),
            *("--status-socket", place),
        )
        ready = await deferToThread(program.wait_for_line, r"^ready: (127\.0\.0\.1:(\d+))")
        client = await connect(reactor, int(ready[2]))
        assert b"t OK" in await client.ask(b"LOGIN demo opensesame")
        ended = await shell.run("status", "--socket", place)
        assert (ended.code, ended.err) == (0, "")
        assert f"process {program.pid}, up " in ended.out
        assert f"  {ready[1]} -> {url}: 1 session\n" in ended.out
        as_json = json.loads((await shell.run("status", "--socket", place, "--json")).out)
        assert as_json["pid"] == program.pid
        assert as_json["listeners"] == [{"address": ready[1], "upstream": url, "sessions": 1}]
        assert "opensesame" not in json.dumps(as_json)
        assert "demo" not in json.dumps(as_json)
        assert await deferToThread(program.stop, signal.SIGTERM) == 0
        assert not place.exists()
        ended = await shell.run("status", "--socket", place)
        assert (ended.code, ended.out) == (2, "")
        assert ended.err == f"imapproxy: no proxy tells its status at {place}\n"

    @in_reactor
    async def test_nobody_is_there(self, shell):
        ended = await shell.run("status", XDG_RUNTIME_DIR=str(shell.directory))
        assert (ended.code, ended.out) == (2, "")
        assert ended.err.startswith("imapproxy: no proxy of this user is running; --socket")
        assert [path.name for path in shell.directory.iterdir()] == ["ca.pem"]
