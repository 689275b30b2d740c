"""The command line ``fakeserver``."""

import json
import sys
from typing import Any

import click
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError

from fakeserver.extensions import Extensions, UnknownExtension
from fakeserver.server import FakeServer

Where = tuple[str, int]


def _address(value: str) -> Where:
    """Split ``host:port``; an IPv6 address stands in brackets."""
    host, _, port = value.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise click.BadParameter(
            f"{value!r} is not HOST:PORT, such as 127.0.0.1:1143 (port 0: a free one)"
        )
    return host, int(port)


def _user(value: str) -> tuple[str, str]:
    """Split ``name:password``."""
    name, colon, password = value.partition(":")
    if not colon or not name:
        raise click.BadParameter("a user is NAME:PASSWORD, such as demo:pw")
    return name, password


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--listen", type=_address, metavar="HOST:PORT", default="127.0.0.1:0",
              show_default=True, help="Where to listen for plaintext and STARTTLS.")  # fmt: skip
@click.option("--tls-listen", type=_address, metavar="HOST:PORT", default="127.0.0.1:0",
              show_default=True, help="Where to listen for implicit TLS.")  # fmt: skip
@click.option("--user", "users", type=_user, metavar="NAME:PASSWORD", multiple=True,
              default=["demo:pw"],
              show_default=True, help="An account; may be given several times.")  # fmt: skip
@click.option("--empty", is_flag=True, help="Accounts with an empty INBOX and nothing else.")
@click.option("--without", multiple=True, metavar="CAPABILITY",
              help="Switch an extension off, such as UIDPLUS; may be repeated.")  # fmt: skip
@click.option("--with", "added", multiple=True, metavar="CAPABILITY",
              help="Switch one on that is off: LITERAL- or LOGINDISABLED.")  # fmt: skip
def serve(
    listen: Where,
    tls_listen: Where,
    users: tuple[tuple[str, str], ...],
    empty: bool,
    without: tuple[str, ...],
    added: tuple[str, ...],
) -> None:
    """Run an IMAP server that keeps its mail in memory, for tests.

    When it listens it prints one line of JSON: {"imap": PORT, "imaps": PORT, "ca_file": PATH}. The
    file holds the certificate authority to trust, which each run makes anew. SIGTERM or SIGINT
    ends the server.
    """
    try:
        extensions = Extensions.with_changes(without=without, added=added)
    except UnknownExtension as error:
        raise click.UsageError(str(error)) from None
    # Importing the reactor installs it: not before the arguments are known to be good.
    from twisted.internet import reactor  # noqa: PLC0415, TID251

    server = FakeServer(reactor, extensions=extensions)
    for name, password in users:
        server.add_account(name, password, empty=empty)
    sys.exit(_run(reactor, server, listen, tls_listen))


def main() -> None:
    """The entry point ``fakeserver``: what is wrong with the arguments is one line."""
    try:
        serve.main(prog_name="fakeserver", standalone_mode=False)
    except click.ClickException as error:
        click.echo(f"fakeserver: {error.format_message()}", err=True)
        sys.exit(2)


def _run(reactor: Any, server: FakeServer, listen: Where, tls_listen: Where) -> int:
    """Run until a signal comes; the exit code."""
    codes: list[int] = []

    async def serve() -> None:
        try:
            await server.start(listen, tls_listen)
        except CannotListenError as error:
            place = f"{error.interface}:{error.port}"
            click.echo(f"fakeserver: cannot listen on {place}: {error.socketError}", err=True)
            codes.append(2)
            reactor.stop()
            return
        ready = {"imap": server.port, "imaps": server.tls_port, "ca_file": str(server.ca_file)}
        click.echo(json.dumps(ready))
        sys.stdout.flush()

    def start() -> None:
        # What else goes wrong is a mistake in the server, and is logged as such.
        Deferred.fromCoroutine(serve())

    reactor.callWhenRunning(start)
    reactor.addSystemEventTrigger(
        "before", "shutdown", lambda: Deferred.fromCoroutine(server.stop())
    )
    reactor.run()
    return codes[0] if codes else 0
