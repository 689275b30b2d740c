"""No password is anywhere but on its way: log, processes, files, status, what a crash leaves."""

import base64
import json
import re
import signal
from pathlib import Path

import pytest
from twisted.internet import reactor  # noqa: TID251
from twisted.internet.threads import deferToThread
from twisted.logger import globalLogPublisher

from imapproxy.config import Config, ListenerConfig, UpstreamConfig, check_config
from imapproxy.logs import _file_observer
from imapproxy.relay.partner import PartnerSource
from tests.deadline import in_reactor
from tests.house import port
from tests.shell import Shell, good_tls
from tests.socket_client import Client, connect
from tests.upstream.server import Server, Session

_SECRET = b"opensesame-7391"
_WRONG = b"wrong-8264"
_BASE64 = [base64.b64encode(secret).rstrip(b"=") for secret in (_SECRET, _WRONG)]


def holds_a_secret(octets: bytes) -> bool:
    return any(secret in octets for secret in (_SECRET, _WRONG, *_BASE64))


def quoting(session: Session, tag: bytes, command: bytes) -> None:
    """A server that quotes every command in its answer, as some do with those that they refuse."""
    verb = command.split(b" ")[0]
    if verb == b"CAPABILITY":
        session.say(b"* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR")
    if _WRONG in command or b"AHdyb25n" in command:
        session.say(tag + b" NO [AUTHENTICATIONFAILED] bad command: " + command)
    else:
        session.say(b"* OK I was told: " + command, tag + b" OK " + command)


async def everything(at: int) -> list[Client]:
    """Every way to give a password, good and bad; the clients that are logged in."""
    clients = []
    for said in (
        b"LOGIN demo " + _SECRET,
        b'LOGIN demo "' + _SECRET + b'"',
        b"LOGIN demo {%d+}\r\n%b" % (len(_SECRET), _SECRET),
        b"AUTHENTICATE PLAIN " + base64.b64encode(b"\0demo\0" + _SECRET),
    ):
        client = await connect(reactor, at)
        assert b"t OK" in await client.ask(said)
        clients.append(client)
    client = await connect(reactor, at)
    for said in (
        b"LOGIN demo " + _WRONG,
        b"LOGIN demo " + _WRONG,  # this time nobody asks the server
        b"LOGIN " + _WRONG,
        b"LOGIN demo " + _WRONG + b" more",
        b'LOGIN demo "' + _WRONG,
        b"LOGIN demo {99+}" + _WRONG,
        b"LOGIN demo (" + _WRONG,
        b"AUTHENTICATE PLAIN " + _WRONG + b"!",
        b"AUTHENTICATE X " + _WRONG,
        _WRONG,
    ):
        client.say(b"t " + said)
    client.transport.loseWriteConnection()
    await client.lost
    return clients


@pytest.mark.parametrize("options", [(), ("--log-json",), ("--workers", 2)])
@in_reactor
async def test_all_that_a_running_proxy_leaves_behind(shell: Shell, options):
    url = await shell.serve(Server(answer=quoting, tls=good_tls()))
    data, place = shell.directory / "data", shell.directory / "s"
    program = shell.start(
        *("run", "--listen", "127.0.0.1:0", "--upstream", url, "--ca-file", shell.ca_file),
        *("--verbose", "--data-dir", data, "--status-socket", place, *options),
    )
    ready = await deferToThread(program.wait_for_line, r"^ready: 127\.0\.0\.1:(\d+)")
    clients = await everything(int(ready[1]))
    told = (await shell.run("status", "--json", "--socket", place)).out
    status = json.loads(told)
    assert not holds_a_secret(told.encode())
    assert "demo" not in told
    pids = {program.pid, *(process["pid"] for process in status["processes"])}
    for pid in pids:
        for what in ("cmdline", "environ", "comm"):
            assert not holds_a_secret(Path(f"/proc/{pid}/{what}").read_bytes())
        limits = Path(f"/proc/{pid}/limits").read_text()
        assert re.search(r"Max core file size +0 ", limits), "a core has all passwords in it"
    for client in clients:
        await client.ask(b"LOGOUT")
    assert await deferToThread(program.stop) == 0
    assert not holds_a_secret(program.output().encode() + program.output("stdout").encode())
    assert "failed: NO [AUTHENTICATIONFAILED" in program.output()
    files = [path for path in shell.directory.rglob("*") if path.is_file()]
    assert not any(holds_a_secret(path.read_bytes()) for path in files)


@in_reactor
async def test_a_process_that_is_killed_leaves_none(shell: Shell):
    url = await shell.serve(Server(answer=quoting, tls=good_tls()))
    program = shell.start(
        *("run", "--listen", "127.0.0.1:0", "--upstream", url, "--ca-file", shell.ca_file),
        *("--data-dir", shell.directory / "data"),
    )
    ready = await deferToThread(program.wait_for_line, r"^ready: 127\.0\.0\.1:(\d+)")
    await everything(int(ready[1]))
    program.signal(signal.SIGABRT)
    assert await deferToThread(program.wait) == -signal.SIGABRT
    assert not holds_a_secret(program.output().encode())
    files = [path for path in shell.directory.rglob("*") if path.is_file()]
    assert not any(holds_a_secret(path.read_bytes()) for path in files)


@pytest.mark.parametrize("as_json", [True, False])
@in_reactor
async def test_a_fault_of_our_own_is_logged_without_them(
    house, logged_errors, monkeypatch, as_json, tmp_path
):
    """The traceback has the place, and not what the variables held there."""

    async def broken(self, credentials):
        password = credentials.password.reveal()
        raise ZeroDivisionError(f"{len(password)} {credentials}")

    await house.upstream("one")
    service = await house.start(house.listener("one"))
    monkeypatch.setattr(PartnerSource, "open", broken)
    with (tmp_path / "log").open("w") as file:
        observer = _file_observer(file, as_json)
        globalLogPublisher.addObserver(observer)
        client = await connect(reactor, port(service))
        told = await client.ask(b"LOGIN demo " + _SECRET)
        globalLogPublisher.removeObserver(observer)
    assert told.startswith(b"t NO [SERVERBUG] ")
    log = (tmp_path / "log").read_bytes()
    assert b"ZeroDivisionError" in log
    assert not holds_a_secret(log + told)
    assert len(logged_errors.flush()) == 1


@in_reactor
async def test_the_password_of_check(shell: Shell):
    url = await shell.serve(Server(answer=quoting, tls=good_tls()))
    arguments = ("check", url, "--ca-file", "ca.pem", "--user", "demo")
    for secret in (_SECRET, _WRONG):
        ended = await shell.run(*arguments, "--password-stdin", stdin=secret + b"\n")
        assert not holds_a_secret(ended.err.encode())
        # What the server says is shown, less what it quotes.
        assert ("bad command: " in ended.out) == (secret is _WRONG)
        assert not holds_a_secret(ended.out.encode())


def test_settings_show_none(tmp_path):
    """Whoever prints the configuration prints no key: only where it is."""
    config = Config(
        {"x": UpstreamConfig("imaps://imap.example.com")}, (ListenerConfig("127.0.0.1:0"),)
    )
    shown = repr(check_config(config, tmp_path)) + repr(config)
    assert "PRIVATE KEY" not in shown
    assert "password" not in shown.lower()
