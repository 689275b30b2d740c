"""``python -m benchmarks.far``: a server that is far away, and what the pool and COMPRESS save.

The line between is :mod:`benchmarks.delay`. Each round opens a new connection for the log-ins, as a
program that looks for mail does, and has the mailbox read once over a connection that stands.
"""

import ssl
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import click

from benchmarks.client import Client, Endpoint
from benchmarks.corpus import default_directory, put_in_place
from benchmarks.delay import RATE, RTT, delayed
from tests.real.dovecot import Account, Dovecot
from tests.real.proxy import configured_proxy

# With a round trip of 40 ms: the pool's is the budget, the others' are for information.
_POOLED_LIMIT = 2.5  # round trips, one half of them for all that is not the line


class CompressingDovecot(Dovecot):
    """A Dovecot that offers COMPRESS=DEFLATE."""

    def _write_configuration(self) -> Path:
        path = super()._write_configuration()
        with path.open("a") as configuration:
            configuration.write("protocol imap {\n  mail_plugins = zlib imap_zlib\n}\n")
        return path


class Way(NamedTuple):
    """A way to the server, by the name it has in the table."""

    name: str
    endpoint: Endpoint


@contextmanager
def _ways(dovecot: Dovecot, port: int) -> Iterator[list[Way]]:
    """Direct, and through proxies with and without what is measured; ``port`` leads to Dovecot."""
    context = ssl.create_default_context(cafile=str(dovecot.ca_file))
    upstream = f'url = "imaps://localhost:{port}"\nca_file = "{dovecot.ca_file}"'
    configured = {
        "new each time": ("", "[pool]\nenabled = false"),
        "pool": ("", ""),
        "pool, compressed": ("compress = true", ""),
    }
    with ExitStack() as stack:
        ways = [Way("direct", Endpoint(port, context))]
        for name, (more, rest) in configured.items():
            # Nothing is kept: it is the way to the server that is measured.
            nothing_kept = "[cache]\nenabled = false"
            proxy = configured_proxy(f"{upstream}\n{more}", f"{rest}\n{nothing_kept}")
            ways.append(Way(name, Endpoint(stack.enter_context(proxy))))
        yield ways


def _seconds(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def _log_in(way: Way, account: Account) -> float:
    """Connect, log in, select; and log out, which does not count."""
    clients: list[Client] = []

    def begin() -> None:
        client = Client(way.endpoint, buffer=65536)
        clients.append(client)
        client.log_in(account.user, account.password, "INBOX")

    seconds = _seconds(begin)
    clients[0].close()
    return seconds


def _read(way: Way, account: Account, command: bytes, rounds: int) -> list[float]:
    with Client(way.endpoint) as client:
        client.log_in(account.user, account.password, "INBOX")
        client.run(command)
        return [_seconds(lambda: client.run(command)) for _ in range(rounds)]


def _upload(way: Way, account: Account, message: bytes, rounds: int) -> list[float]:
    def append(client: Client) -> None:
        tag = client.send(b"APPEND Sent {%d}" % len(message))
        client.receive()
        client.send_octets(message + b"\r\n")
        client.read_answer(tag)

    with Client(way.endpoint) as client:
        client.log_in(account.user, account.password)
        return [_seconds(lambda: append(client)) for _ in range(rounds)]


def _report(title: str, ways: Sequence[Way], measured: Sequence[Sequence[float]]) -> list[float]:
    medians = [statistics.median(seconds) * 1000 for seconds in measured]
    print(f"{title:<44}" + "".join(f"{median:>16,.1f} ms" for median in medians), flush=True)
    return medians


def _measure(dovecot: Dovecot, account: Account, rtt: float, messages: int, rounds: int) -> bool:
    """The rows for one line; whether the pool keeps to its budget."""
    with ExitStack() as stack:
        port = dovecot.imaps_port
        if rtt:
            port = stack.enter_context(delayed(port, rtt, RATE))
        ways = stack.enter_context(_ways(dovecot, port))
        line = f"{rtt:g} ms, {RATE:g} Mbit/s" if rtt else "loopback"
        print(f"\n{line:<44}" + "".join(f"{way.name:>19}" for way in ways))
        for way in ways:
            _log_in(way, account)
        times: list[list[float]] = [[] for _ in ways]
        for _ in range(rounds * 3):
            for way, seconds in zip(ways, times, strict=True):
                seconds.append(_log_in(way, account))
        logged_in = _report("connect, LOGIN, SELECT", ways, times)
        many = min(messages, 3_000)
        for command in (
            b"FETCH 1:%d (UID BODY.PEEK[])" % many,
            b"FETCH 1:* (UID FLAGS RFC822.SIZE INTERNALDATE ENVELOPE)",
            b"FETCH 1:* (UID FLAGS)",
        ):
            rows = [_read(way, account, command, rounds) for way in ways]
            _report(command.decode()[:43], ways, rows)
        message = (
            b"Subject: large\r\n\r\n" + b"All work and no play, he said at last.\r\n" * 250_000
        )
        rows = [_upload(way, account, message, rounds) for way in ways]
        _report(f"APPEND of {len(message) // 1_000_000} MB of text", ways, rows)
    return not rtt or logged_in[2] <= _POOLED_LIMIT * rtt


@click.command()
@click.option("--messages", default=10_000, show_default=True, help="Messages in the mailbox.")
@click.option("--rounds", default=5, show_default=True, help="Rounds behind the warm-up.")
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=default_directory,
    help="Where the generated mailbox is kept for the next run.",
)
@click.option("--check", is_flag=True, help="Exit with 1 where a pooled log-in takes too long.")
def main(messages: int, rounds: int, data: Path, check: bool) -> None:
    """Measure log-ins and reading over a line with a delay."""
    missing = Dovecot.missing()
    if missing is not None:
        raise SystemExit(missing)
    with CompressingDovecot() as dovecot:
        account = dovecot.account("far")
        put_in_place(account, data, messages)
        account.seed("Sent")
        holds = [_measure(dovecot, account, rtt, messages, rounds) for rtt in (0.0, RTT)]
    if check and not all(holds):
        sys.exit(1)


if __name__ == "__main__":
    main()
