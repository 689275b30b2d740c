"""The command line ``fakeserver``."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from fakeserver.cli_options import Where, address, existing, loopback_address, user
from fakeserver.control import Control
from fakeserver.control_http import control_site
from fakeserver.extensions import OPTIONAL, Extensions
from fakeserver.fault_table import read_fault_file
from fakeserver.foreground import run_until_signal
from fakeserver.personas import PERSONAS, find_persona
from fakeserver.quirks import QUIRKS
from fakeserver.record import Recorder, Upstream, UpstreamMistake
from fakeserver.replay import ReplayServer
from fakeserver.server import FakeServer
from fakeserver.store.errors import StoreError


@dataclass(frozen=True)
class _Listen:
    """Where to listen; ``None`` for not at all."""

    imap: Where
    imaps: Where
    smtp: Where | None
    control: Where | None


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--listen", type=address, metavar="HOST:PORT", default="127.0.0.1:0",
              show_default=True, help="Where to listen for plaintext and STARTTLS.")  # fmt: skip
@click.option("--tls-listen", type=address, metavar="HOST:PORT", default="127.0.0.1:0",
              show_default=True, help="Where to listen for implicit TLS.")  # fmt: skip
@click.option("--smtp-listen", type=address, metavar="HOST:PORT",
              help="Where to take mail for INBOX: demo has demo@anything.")  # fmt: skip
@click.option("--control-listen", type=loopback_address, metavar="HOST:PORT",
              help="Where to be controlled by HTTP and JSON; loopback alone.")  # fmt: skip
@click.option("--user", "users", type=user, metavar="NAME:PASSWORD", multiple=True,
              default=["demo:pw"],
              show_default=True, help="An account; may be given several times.")  # fmt: skip
@click.option("--empty", is_flag=True, help="Accounts with an empty INBOX and nothing else.")
@click.option("--load", "loads", type=existing, metavar="PATH", multiple=True,
              help="Give the first account this mail alone: .eml, mbox, Maildir, or a directory"
              " whose entries are mailboxes; may be repeated.")  # fmt: skip
@click.option("--faults", type=existing, metavar="FILE", help="What is to go wrong, as TOML.")
@click.option("--persona", metavar="NAME",
              help=f"Behave like one of these: {', '.join(PERSONAS)}.")  # fmt: skip
@click.option("--quirk", "quirks", multiple=True, metavar="NAME",
              help="A habit of some server; --quirk help lists them; may be repeated.")  # fmt: skip
@click.option("--without", multiple=True, metavar="CAPABILITY",
              help="Switch an extension off, such as UIDPLUS; may be repeated.")  # fmt: skip
@click.option("--with", "added", multiple=True, metavar="CAPABILITY",
              help=f"Switch one on that is off, of these: {', '.join(OPTIONAL)}.")  # fmt: skip
@click.option("--replay", type=existing, metavar="FILE",
              help="Play a recorded conversation instead, with each connection.")  # fmt: skip
@click.pass_context
def serve(
    context: click.Context,
    *,
    listen: Where,
    tls_listen: Where,
    smtp_listen: Where | None,
    control_listen: Where | None,
    users: tuple[tuple[str, str], ...],
    empty: bool,
    loads: tuple[Path, ...],
    faults: Path | None,
    persona: str | None,
    quirks: tuple[str, ...],
    without: tuple[str, ...],
    added: tuple[str, ...],
    replay: Path | None,
) -> None:
    """Run an IMAP server that keeps its mail in memory, for tests.

    When it listens it prints one line of JSON: {"imap": PORT, "imaps": PORT, "ca_file": PATH}. The
    file holds the certificate authority to trust, which each run makes anew. SIGTERM or SIGINT
    ends the server.
    """
    if context.invoked_subcommand is not None:
        return
    where = _Listen(listen, tls_listen, smtp_listen, control_listen)
    reactor = _LaterReactor()
    try:
        if replay is not None:
            sys.exit(_replay(reactor, replay, where))
        if "help" in quirks:
            click.echo("".join(f"{one.name}: {one.what}; {one.seen}\n" for one in QUIRKS.values()))
            return
        extensions = Extensions.with_changes(without=without, added=added)
        if persona is not None:
            extensions = find_persona(persona).extensions.changed(without=without, added=added)
        server = FakeServer(reactor, extensions=extensions, persona=persona, quirks=quirks)
        for name, password in users:
            server.add_account(name, password, empty=empty or bool(loads))
        for path in loads:
            server.load(path)
        for fault in read_fault_file(faults) if faults is not None else ():
            server.faults.add(fault)
    except (ValueError, StoreError, OSError) as error:
        raise click.UsageError(_sentence(error)) from None
    sys.exit(_serve(reactor, server, where))


@serve.command()
@click.option("--upstream", required=True, metavar="URL", help="imaps://HOST[:PORT]")
@click.option("--ca-file", type=existing, metavar="FILE",
              help="The authority to trust; without it those that the system trusts.")  # fmt: skip
@click.option("--listen", type=loopback_address, metavar="HOST:PORT", default="127.0.0.1:0",
              show_default=True, help="Where clients connect to, in plaintext.")  # fmt: skip
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def record(upstream: str, ca_file: Path | None, listen: Where, file: Path) -> None:
    """Pass sessions on to a server and write what was said to FILE, for --replay.

    Credentials are left out; e-mail addresses and names of hosts become others. What messages have
    in base64 stays: look the file through before you show it to anybody. It is written anew with
    each connection that ends.
    """
    try:
        source = Upstream.from_url(upstream, ca_file)
        file.touch(mode=0o600)
    except (UpstreamMistake, OSError) as error:
        raise click.UsageError(_sentence(error)) from None
    reactor = _LaterReactor()
    recorder = Recorder(reactor, source)
    recorder.on_end = lambda: _write(file, recorder)

    async def start() -> dict[str, Any]:
        await recorder.start(listen)
        return {"imap": recorder.port, "file": str(file)}

    async def stop() -> None:
        await recorder.stop()
        _write(file, recorder)

    sys.exit(run_until_signal(reactor, start, stop))


def main() -> None:
    """The entry point ``fakeserver``: what is wrong with the arguments is one line."""
    try:
        serve.main(prog_name="fakeserver", standalone_mode=False)
    except click.ClickException as error:
        click.echo(f"fakeserver: {error.format_message()}", err=True)
        sys.exit(2)


class _LaterReactor:
    """The global reactor, which is imported, and so installed, when it is first used.

    Not before the arguments are known to be good, and never by who imports this module.
    """

    def __getattr__(self, name: str) -> Any:
        from twisted.internet import reactor  # noqa: PLC0415, TID251

        return getattr(reactor, name)


def _serve(reactor: Any, server: FakeServer, where: _Listen) -> int:
    async def start() -> dict[str, Any]:
        await server.start(where.imap, where.imaps)
        ready: dict[str, Any] = {"imap": server.port, "imaps": server.tls_port}
        ready["ca_file"] = str(server.ca_file)
        if where.smtp is not None:
            # Its import asks for the name of this machine, which can take a while.
            from fakeserver.smtp import SmtpFactory  # noqa: PLC0415

            await server.listen("smtp", where.smtp, SmtpFactory(server, reactor))
            ready["smtp"] = server.port_of("smtp")
        if where.control is not None:
            site = control_site(Control(server, server.snapshot()), reactor)
            await server.listen("control", where.control, site)
            ready["control"] = server.port_of("control")
        return ready

    return run_until_signal(reactor, start, server.stop)


def _replay(reactor: Any, path: Path, where: _Listen) -> int:
    server = ReplayServer.from_file(reactor, path)

    async def start() -> dict[str, Any]:
        await server.start(where.imap, where.imaps)
        return {"imap": server.port, "imaps": server.tls_port, "ca_file": str(server.ca_file)}

    async def stop() -> None:
        await server.stop()
        for mismatch in server.mismatches:
            click.echo(f"fakeserver: {mismatch}", err=True)

    code = run_until_signal(reactor, start, stop)
    return 1 if server.mismatches else code


def _write(file: Path, recorder: Recorder) -> None:
    file.write_text(recorder.text(), "utf-8")


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}"
    return str(error)
