"""The command line: what it prints, how it ends, what it says when something is wrong."""

import json
import signal
import subprocess

import pytest
from click.testing import CliRunner
from twisted.internet import reactor  # noqa: TID251
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

import imapproxy
from imapproxy.cli import cli
from tests.deadline import in_reactor
from tests.logged_errors import logged_errors
from tests.real.programs import python_environment, python_module
from tests.shell import SECONDS, good_server, good_tls, shell
from tests.socket_client import connect
from tests.upstream import certificates
from tests.upstream.server import Answer, Server, Session

__all__ = ["logged_errors", "shell"]


def told(*arguments: str) -> str:
    """The one line that is said of a wrong command line; its exit code is 2."""
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1, lines
    return lines[0]


_UP = ("--upstream", "imaps://imap.example.com")


class TestWrongCommandLines:
    @pytest.mark.parametrize(
        ("arguments", "line"),
        [
            (["run"], "imapproxy: say where the mail is: --upstream imaps://"),
            (["run", "--upstream", "imap://x"], "imapproxy: --upstream: 'imap://x': plaintext"),
            (["run", *_UP, "--listen", "x"], "imapproxy: --listen: 'x' is not an address"),
            (["run", *_UP, "--listen", "0.0.0.0:1"], "(--allow-remote)"),
            (
                ["run", *_UP, "--ca-file", "none.pem"],
                "imapproxy: --ca-file: cannot read the CA file",
            ),
            (["run", *_UP, "--pin", "x"], "imapproxy: --pin: 'x' is not a pin"),
            (["run", *_UP, "--tls-cert", "c"], "--tls-cert and --tls-key go together"),
            (["run", *_UP, "--tls-listen", "1"], "--tls-listen needs --tls-cert and --tls-key"),
            (
                ["run", *_UP, "--tls-cert", "none.pem", "--tls-key", "none.key"],
                "imapproxy: --tls-cert: cannot read the certificate file",
            ),
            (["run", "--config", "none.toml"], "none.toml: cannot be read: No such file"),
            (["run", "--config", "x", *_UP], "--config holds everything"),
            (["run", "--config", "x", "--allow-remote"], "--config holds everything"),
            (["run", "--config", "x", "--tls-key", "y"], "--config holds everything"),
            (["stdio", "--upstream", "x"], "imapproxy: --upstream: 'x' has no scheme"),
            (["check", "imaps://me:opensesame@x"], "imapproxy: --upstream: no name or password"),
            (
                ["check", "imaps://x", "--timeout", "0"],
                "imapproxy: --timeout: has to be more than 0",
            ),
            (["check", "imaps://x", "--timeout", "nan"], "imapproxy: --timeout: has to be more"),
            (["check", "imaps://x", "--timeout", "inf"], "imapproxy: --timeout: has to be more"),
        ],
    )
    def test_one_line_says_what_and_where(self, arguments, line):
        said = told(*arguments)
        assert line in said
        assert "opensesame" not in said

    @pytest.mark.parametrize("arguments", [["walk"], ["run", "--lisen", "1"], ["check"], ["stdio"]])
    def test_unknown_words(self, arguments):
        result = CliRunner().invoke(cli, arguments)
        assert result.exit_code == 2
        assert "Usage:" in result.stderr


class TestHelp:
    @pytest.mark.parametrize("command", [[], ["run"], ["stdio"], ["check"], ["demo"]])
    @pytest.mark.parametrize("option", ["--help", "-h"])
    def test_every_command_has_one(self, command, option):
        result = CliRunner().invoke(cli, [*command, option])
        assert result.exit_code == 0
        assert "Usage: " in result.stdout
        assert max(map(len, result.stdout.splitlines())) <= 100

    def test_the_first_one_tells_how_to_begin(self):
        said = CliRunner().invoke(cli, ["--help"]).stdout
        for words in ("imapproxy demo", "imapproxy check imaps://", "127.0.0.1, port 1143"):
            assert words in said

    def test_version(self):
        assert imapproxy.__version__ in CliRunner().invoke(cli, ["--version"]).stdout


class TestRun:
    @in_reactor
    async def test_from_ready_to_sigterm(self, shell):
        url = await shell.serve(good_server())
        program = shell.start(
            "run", "--listen", "127.0.0.1:0", "--upstream", url, "--ca-file", shell.ca_file
        )
        ready = await deferToThread(program.wait_for_line, r"^ready: 127\.0\.0\.1:(\d+) -> (\S+)$")
        assert ready[2] == url
        client = await connect(reactor, int(ready[1]))
        assert b"t OK" in await client.ask(b"LOGIN demo opensesame")
        program.signal(signal.SIGTERM)
        await client.lost
        assert client.heard.startswith(b"* BYE ")
        assert await deferToThread(program.wait, SECONDS) == 0
        assert "Traceback" not in program.output()
        assert "opensesame" not in program.output() + program.output("stdout")

    @in_reactor
    async def test_sighup_reads_the_configuration_again(self, shell):
        url = await shell.serve(good_server())
        file = shell.directory / "imapproxy.toml"
        upstream = f'[upstream.x]\nurl = "{url}"\nca_file = "ca.pem"\n'
        listener = '[[listener]]\nlisten = "127.0.0.1:0"\n'
        file.write_text(upstream + listener)
        program = shell.start("run", "--config", file, "--log-json", "--verbose")
        await deferToThread(program.wait_for_line, r"^ready: ")
        file.write_text(upstream + listener + "lisen = 1\n")
        program.signal(signal.SIGHUP)
        await deferToThread(program.wait_for_line, r"not reloaded: .* line 6: .*lisen", "stderr")
        file.write_text(upstream + listener + listener)
        program.signal(signal.SIGHUP)
        await deferToThread(program.wait_for_line, r"^ready: ", skip=1)
        program.signal(signal.SIGINT)
        assert await deferToThread(program.wait, SECONDS) == 0
        for line in program.output().splitlines():
            event = json.loads(line)
            assert set(event) == {"time", "level", "logger", "text"}, line

    @in_reactor
    async def test_who_is_impatient_sends_a_second_signal(self, shell):
        slow: Deferred[None] = Deferred()
        url = await shell.serve(good_server(_never(slow)))
        program = shell.start(
            "run", "--listen", "127.0.0.1:0", "--upstream", url, "--ca-file", shell.ca_file
        )
        ready = await deferToThread(program.wait_for_line, r"^ready: 127\.0\.0\.1:(\d+)")
        client = await connect(reactor, int(ready[1]))
        await client.ask(b"LOGIN demo pw")
        client.say(b"a1 SLOW")
        await slow
        other = await connect(reactor, int(ready[1]))
        program.signal(signal.SIGTERM)
        await other.lost  # the first was taken
        program.signal(signal.SIGTERM)
        await client.lost
        assert await deferToThread(program.wait, SECONDS) == 0
        assert "Traceback" not in program.output(), program.describe()
        assert "BYE" not in client.heard.decode()  # it was not even waited for

    @in_reactor
    async def test_a_port_that_is_taken(self, shell):
        server = good_server()
        url = await shell.serve(server)
        ended = await shell.run(
            "run", "--listen", f"127.0.0.1:{server.port}", "--upstream", url, "--ca-file", "ca.pem"
        )
        assert (ended.code, ended.out) == (2, "")
        assert ended.err.startswith(f"imapproxy: cannot listen on 127.0.0.1:{server.port}: ")
        assert ended.err.count("\n") == 1


def _never(slow: "Deferred[None]") -> Answer:
    """A server that does not answer SLOW; ``slow`` fires when it is asked."""

    def answer(session: Session, tag: bytes, command: bytes) -> None:
        if command == b"SLOW":
            slow.callback(None)
        else:
            session.say(b"* CAPABILITY IMAP4rev1", tag + b" OK")

    return answer


class TestStdio:
    @in_reactor
    async def test_one_session(self, shell):
        url = await shell.serve(good_server())
        said = b"a1 CAPABILITY\r\na2 LOGIN demo pw\r\na3 NOOP\r\na4 LOGOUT\r\n"
        ended = await shell.run("stdio", "--upstream", url, "--ca-file", "ca.pem", stdin=said)
        assert (ended.code, ended.err) == (0, "")
        assert "a2 OK" in ended.out
        assert ended.out.endswith("a3 OK done\r\n* BYE\r\na4 OK done\r\n")

    @pytest.mark.parametrize(
        "said", [b"", b"a1 LOGIN demo pw\r\na2 NOOP\r\n", b"a1 LOGIN demo {5}"]
    )
    @in_reactor
    async def test_input_that_ends_early(self, shell, said):
        server = good_server()
        url = await shell.serve(server)
        ended = await shell.run("stdio", "--upstream", url, "--ca-file", "ca.pem", stdin=said)
        assert (ended.code, ended.err) == (0, "")
        assert ended.out.startswith("* OK ")
        assert ended.out.endswith("\r\n")
        await server.no_client_left()

    @in_reactor
    async def test_an_upstream_that_is_away(self, shell):
        server = good_server()
        url = await shell.serve(server)
        await server.stop()
        said = b"a1 LOGIN demo pw\r\na2 LOGOUT\r\n"
        ended = await shell.run("stdio", "--upstream", url, "--ca-file", "ca.pem", stdin=said)
        assert ended.code == 0
        assert "a1 NO [UNAVAILABLE] localhost refuses connections" in ended.out
        assert "a2 OK" in ended.out

    @in_reactor
    async def test_a_reader_that_is_gone(self, shell):
        url = await shell.serve(good_server())

        def run() -> int:
            arguments = python_module(
                "imapproxy", "stdio", "--upstream", url, "--ca-file", "ca.pem"
            )
            with subprocess.Popen(
                arguments,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=python_environment(),
                cwd=shell.directory,
            ) as program:
                try:
                    assert program.stdout.readline().startswith(b"* OK ")
                    program.stdout.close()  # and standard input stays open
                    return program.wait(SECONDS)
                finally:
                    program.kill()

        assert await deferToThread(run) == 0


class TestCheck:
    @in_reactor
    async def test_all_is_well(self, shell):
        url = await shell.serve(Server(answer=_mail, tls=good_tls()))
        arguments = ("check", url, "--ca-file", "ca.pem", "--user", "demo")
        ended = await shell.run(*arguments, "--password-stdin", stdin=b"opensesame\n")
        assert (ended.code, ended.err) == (0, "")
        for words in (
            "name",
            "TCP",
            "TLSv1.",
            "names       localhost",
            "days left",
            "pin         sha256/",
        ):
            assert words in ended.out
        for words in ("greeting", "capabilities", "demo is logged in", "3 messages, 1 unread"):
            assert words in ended.out
        assert "opensesame" not in ended.out
        by_environment = await shell.run(*arguments, IMAPPROXY_PASSWORD="opensesame")
        assert by_environment.code == 0

    @in_reactor
    async def test_something_is_wrong(self, shell):
        url = await shell.serve(Server(tls=certificates.expired().server_tls()))
        ended = await shell.run("check", url, "--ca-file", "ca.pem")
        assert (ended.code, ended.err) == (2, "")
        *_, line, advice = ended.out.splitlines()
        assert line.startswith("FAILED  connection")
        assert "the certificate has expired" in line
        assert "what to do: " in advice


def _mail(session: Session, tag: bytes, command: bytes) -> None:
    if command == b"CAPABILITY":
        session.say(b"* CAPABILITY IMAP4rev1")
    elif command.startswith(b"LIST"):
        session.say(b'* LIST () "." INBOX')
    elif command.startswith(b"STATUS"):
        session.say(b"* STATUS INBOX (MESSAGES 3 UNSEEN 1)")
    session.say(tag + b" OK done")
