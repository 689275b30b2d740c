"""The command line: ``imapproxy run``, ``stdio``, ``check``, ``status``, ``cache``, ``demo``."""

import sys
from pathlib import Path
from typing import Literal, NamedTuple

import click
import msgspec

import imapproxy
from imapproxy.cache_commands.group import cache
from imapproxy.cli_options import (
    UPSTREAM_HELP,
    cache_options,
    guarded,
    log_options,
    password_of,
    upstream_options,
)
from imapproxy.config import (
    CacheConfig,
    Config,
    ConfigError,
    ListenerConfig,
    Settings,
    UpstreamConfig,
    check_config,
    read_config,
)
from imapproxy.daemon import run_daemon
from imapproxy.logs import begin_logging
from imapproxy.running import leave_no_core, reactor_of_process, run_to_end
from imapproxy.status import lines_of
from imapproxy.status_socket import ask, ask_all
from imapproxy.upstream.dial import TIMEOUT

# What a key of the configuration is called on the command line.
_OPTION_OF_KEY = {
    "url": "--upstream",
    "connect_timeout": "--timeout",
    "ca_file": "--ca-file",
    "pins": "--pin",
    "listen": "--listen",
    "cert_file": "--tls-cert",
    "tls": "--tls-cert",
    "workers": "--workers",
}


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 96})
@click.version_option(imapproxy.__version__, prog_name="imapproxy")
def cli() -> None:
    """A local IMAP proxy for mail programs that cannot speak to today's servers.

    The program speaks plaintext IMAP to 127.0.0.1; imapproxy speaks verified TLS to the
    real server and passes every command and every answer on, octet for octet.

    \b
    Try it:          imapproxy demo
    See what works:  imapproxy check imaps://imap.example.com --user you@example.com
    Use it:          imapproxy run --upstream imaps://imap.example.com
                     and point the mail program at 127.0.0.1, port 1143, no encryption
    """


@cli.command()
@click.option(
    "--listen",
    "listen",
    multiple=True,
    metavar="ADDRESS:PORT",
    help="Where clients connect in plaintext; default 127.0.0.1:1143, port 0 picks one.",
)
@click.option(
    "--tls-listen",
    multiple=True,
    metavar="ADDRESS:PORT",
    help="Where clients connect with TLS; needs --tls-cert and --tls-key.",
)
@click.option("--tls-cert", metavar="FILE", help="PEM certificate chain for --tls-listen.")
@click.option("--tls-key", metavar="FILE", help="PEM key for --tls-listen.")
@click.option("--upstream", metavar="URL", help=UPSTREAM_HELP)
@upstream_options
@click.option(
    "--allow-remote",
    is_flag=True,
    help="Let other machines connect. Without TLS, mail and passwords cross the network readably.",
)
@click.option(
    "--workers", default=1, show_default=True, help="Processes that serve sessions: one a core."
)
@click.option("--status-socket", metavar="FILE", help="Where `imapproxy status` asks.")
@click.option("--config", "config_file", metavar="FILE", help="Read all this from a TOML file.")
@cache_options
@log_options
def run(
    listen: tuple[str, ...],
    tls_listen: tuple[str, ...],
    tls_cert: str | None,
    tls_key: str | None,
    upstream: str | None,
    ca_file: str | None,
    pins: tuple[str, ...],
    allow_remote: bool,
    workers: int,
    status_socket: str | None,
    config_file: str | None,
    data_dir: str | None,
    no_cache: bool,
    no_offline: bool,
    verbose: bool,
    log_json: bool,
) -> None:
    """Run the proxy until SIGTERM or Ctrl-C.

    For every listener one line `ready: ADDRESS:PORT -> URL` is printed when it listens; the log
    goes to standard error. SIGTERM ends sessions in order (`* BYE`) and exits with 0; SIGHUP
    reads --config again and drops no session.

    \b
    imapproxy run --upstream imaps://imap.example.com
    imapproxy run --listen 127.0.0.1:1143 --upstream imap+starttls://mail.example.org
    imapproxy run --config imapproxy.toml
    """

    def settings() -> Settings:
        if config_file is not None:
            others = (listen, tls_listen, tls_cert, tls_key, upstream, ca_file, pins, allow_remote)
            kept = data_dir or no_cache or no_offline
            if any(others) or kept or workers != 1 or status_socket is not None:
                raise ConfigError("--config holds everything: leave out --listen, --upstream …")
            return read_config(Path(config_file))
        if upstream is None:
            raise ConfigError("say where the mail is: --upstream imaps://imap.example.com")
        listeners = _listeners_of(listen, tls_listen, tls_cert, tls_key, allow_remote)
        process = ProcessOptions(workers, status_socket)
        cache = _cache(data_dir, no_cache, no_offline)
        return _settings_of(upstream, ca_file, pins, listeners, process=process, cache=cache)

    guarded(lambda: run_daemon(settings, verbose=verbose, log_json=log_json))


def _listeners_of(
    listen: tuple[str, ...],
    tls_listen: tuple[str, ...],
    tls_cert: str | None,
    tls_key: str | None,
    allow_remote: bool,
) -> list[ListenerConfig]:
    """The listeners of the command line, those in plaintext first; raises :class:`ConfigError`."""
    if tls_listen and not (tls_cert or tls_key):
        raise ConfigError("--tls-listen needs --tls-cert and --tls-key")
    if bool(tls_cert) != bool(tls_key):
        raise ConfigError("--tls-cert and --tls-key go together")

    def listener(address: str, tls: Literal["none", "implicit", "starttls"]) -> ListenerConfig:
        return ListenerConfig(
            address, allow_remote=allow_remote, tls=tls, cert_file=tls_cert, key_file=tls_key
        )

    plain = listen if listen or tls_listen else ("127.0.0.1:1143",)
    starttls: Literal["none", "starttls"] = "starttls" if tls_cert else "none"
    return [
        *(listener(address, starttls) for address in plain),
        *(listener(address, "implicit") for address in tls_listen),
    ]


class ProcessOptions(NamedTuple):
    """How many processes serve, and where they tell their status."""

    workers: int = 1
    status_socket: str | None = None


def _settings_of(
    upstream: str,
    ca_file: str | None,
    pins: tuple[str, ...],
    listeners: list[ListenerConfig],
    timeout: float = TIMEOUT,
    process: ProcessOptions | None = None,
    cache: tuple[CacheConfig, str | None] = (CacheConfig(enabled=False), None),
) -> Settings:
    server = UpstreamConfig(upstream, ca_file=ca_file, pins=pins, connect_timeout=timeout)
    workers, status_socket = process or ProcessOptions()
    caching, data_dir = cache
    config = Config(
        {"server": server},
        tuple(listeners),
        cache=caching,
        data_dir=data_dir,
        workers=workers,
        status_socket=status_socket,
    )
    try:
        return check_config(config, Path.cwd())
    except ConfigError as error:
        option = _OPTION_OF_KEY.get(error.key.rpartition(".")[2], "")
        raise ConfigError(error.message, option) from None


def _cache(
    data_dir: str | None, no_cache: bool, no_offline: bool
) -> tuple[CacheConfig, str | None]:
    return CacheConfig(enabled=not no_cache, offline=not no_offline), data_dir


@cli.command()
@click.option("--upstream", required=True, metavar="URL", help=UPSTREAM_HELP)
@upstream_options
@cache_options
@log_options
def stdio(
    upstream: str,
    ca_file: str | None,
    pins: tuple[str, ...],
    data_dir: str | None,
    no_cache: bool,
    no_offline: bool,
    verbose: bool,
    log_json: bool,
) -> None:
    """Serve one session on standard input and output, without any port.

    This is what mutt calls `tunnel`, mbsync `Tunnel`, and Python's imaplib `IMAP4_stream`:

    \b
    set tunnel = "imapproxy stdio --upstream imaps://imap.example.com"
    """
    from imapproxy.stdio import serve_stdio  # noqa: PLC0415

    def serve() -> None:
        cache = _cache(data_dir, no_cache, no_offline)
        listeners = [ListenerConfig("127.0.0.1:0")]
        settings = _settings_of(upstream, ca_file, pins, listeners, cache=cache)
        begin_logging(verbose=verbose, as_json=log_json, quiet=not verbose)
        reactor = reactor_of_process()
        run_to_end(reactor, serve_stdio(reactor, settings))

    guarded(serve)


@cli.command()
@click.argument("url")
@upstream_options
@click.option("--user", metavar="NAME", help="Log in as well; the password is asked for.")
@click.option(
    "--password-stdin", is_flag=True, help="Read the password from the first line of stdin."
)
@click.option("--timeout", default=30.0, show_default=True, help="Seconds to wait for the server.")
def check(
    url: str,
    ca_file: str | None,
    pins: tuple[str, ...],
    user: str | None,
    password_stdin: bool,
    timeout: float,
) -> None:
    """Connect to a server and say step by step what works and what does not.

    Name, TCP, TLS (version, certificates, names, expiry), greeting, capabilities and, with
    --user, the log-in. Exit code 0 if all worked, 2 if not. The password may also be in the
    environment variable IMAPPROXY_PASSWORD.
    """
    from imapproxy.check import check_upstream  # noqa: PLC0415

    def do_check() -> None:
        settings = _settings_of(url, ca_file, pins, [ListenerConfig("0")], timeout)
        password = password_of(user, password_stdin)
        reactor = reactor_of_process()
        target = settings.listeners[0].upstream
        sys.exit(run_to_end(reactor, check_upstream(reactor, target, user, password)))

    guarded(do_check)


@cli.command()
@click.option("--socket", "path", metavar="FILE", help="Where the proxy tells its status.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, for machines.")
def status(path: str | None, as_json: bool) -> None:
    """Show what a running proxy is doing: sessions, log-ins, workers.

    Asks every proxy of this user, or the one that tells its status at --socket.
    """

    def show() -> None:
        reports = [ask(Path(path))] if path is not None else ask_all()
        if not reports:
            raise ConfigError("no proxy of this user is running; --socket says where another is")
        for report in reports:
            if as_json:
                click.echo(msgspec.json.encode(report))
            else:
                click.echo("\n".join(lines_of(report)))

    guarded(show)


@cli.command(hidden=True)
def worker() -> None:
    """Serve sessions for `imapproxy run --workers`, which starts this."""
    from imapproxy.workers.worker import run_worker  # noqa: PLC0415

    guarded(run_worker)


@cli.command()
@click.option("--keep", is_flag=True, help="Leave it running afterwards, to try a client on it.")
def demo(keep: bool) -> None:
    """Show the proxy at work, with nothing to set up.

    Starts a mail server in memory that speaks TLS alone, puts a proxy in front of it, reads mail
    through the proxy with Python's plaintext imaplib, and says what was verified.
    """
    from imapproxy.demo import run_demo  # noqa: PLC0415

    guarded(lambda: sys.exit(run_demo(reactor_of_process(), keep=keep)))


cli.add_command(cache)


def main() -> None:
    """The entry point ``imapproxy``."""
    leave_no_core()
    cli(prog_name="imapproxy")
