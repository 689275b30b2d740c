"""``python -m benchmarks.cache``: what was read once, read again; and what filling a cache costs.

The same client, straight over TLS to Dovecot and through the proxy with its cache, on this machine
and behind a line of 40 ms and 100 Mbit/s (:mod:`benchmarks.delay`). A cold round has a proxy of its
own, started with nothing kept; that it starts does not count.
"""

import json
import ssl
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TextIO

import click

from benchmarks.caching_peers import caching_peers
from benchmarks.client import Client, Endpoint
from benchmarks.corpus import default_directory
from benchmarks.delay import RATE, RTT, delayed
from benchmarks.measure import DifferentAnswers, Measured, measure
from benchmarks.report import as_json, holds, table
from benchmarks.rows import Row
from benchmarks.targets import DIRECT, Target, bench_server, direct_endpoint
from tests.real.caching_proxy import CachingProxy
from tests.real.dovecot import Account, Dovecot

_NAMES = (DIRECT, "proxy")


def rows_of(messages: int, limits: Mapping[str, float | None]) -> Iterator[Row]:
    """A row for each key of ``limits``, in a mailbox of ``messages`` messages."""
    single, many = min(messages, 300), min(messages, 3_000)
    one_by_one = tuple(b"FETCH %d (UID BODY.PEEK[])" % number for number in range(1, single + 1))
    commands = {
        "bodies": (b"FETCH 1:%d (UID BODY.PEEK[])" % many,),
        "envelopes": (b"FETCH 1:* (UID FLAGS RFC822.SIZE INTERNALDATE ENVELOPE)",),
        "headers": (b"FETCH 1:* (UID BODY.PEEK[HEADER])",),
        "single": one_by_one,
        "flags": (b"FETCH 1:* (UID FLAGS)",),
        "select": (b"SELECT INBOX",),
    }
    for key, limit in limits.items():
        title = commands[key][0].decode()
        title = f"{single} x FETCH n (UID BODY.PEEK[])" if key == "single" else title
        yield Row(key, title, commands[key], limit)


_WARM = {"bodies": 0.30, "envelopes": 0.50, "headers": 0.50, "single": 0.60, "flags": 1.5}
_COLD = {"bodies": 1.3, "envelopes": 2.0}
# One round trip and its share of the octets for SELECT; 1.5 leaves room for the proxy itself.
_FAR = {"single": 0.02, "bodies": 0.05, "envelopes": 0.25, "select": 1.5}


def _fill(client: Client, messages: int, rows: Sequence[Row]) -> None:
    """Read everything once, and see that it is written."""
    client.run(b"FETCH 1:* (UID BODY.PEEK[])")
    for row in rows:
        for command in row.commands[:2]:
            client.run(command)


def _warm(
    dovecot: Dovecot,
    account: Account,
    port: int,
    rows: Sequence[Row],
    rounds: int,
    messages: int,
    *,
    peers: bool = False,
) -> list[Measured]:
    """Each row by the client direct, by one whose proxy has everything, and by its peers."""
    context = ssl.create_default_context(cafile=str(dovecot.ca_file))
    with ExitStack() as stack:
        directory = Path(stack.enter_context(TemporaryDirectory(prefix="imapproxy-bench-")))
        upstream = f"imaps://localhost:{port}"
        filler = CachingProxy(
            dovecot.upstream.replace(str(dovecot.imaps_port), str(port)),
            dovecot.ca_file,
            directory,
            "live",
        )
        assert filler.upstream == upstream
        with filler as proxy:
            with closing(Target("proxy", Endpoint(proxy.port)).open(account)) as client:
                _fill(client, messages, rows)
            proxy.restart(kill=False)  # all is written, and read again by another process
            targets = [
                Target(DIRECT, Endpoint(port, context)),
                Target("proxy", Endpoint(proxy.port)),
            ]
            if peers:
                targets += stack.enter_context(caching_peers(dovecot, account, directory))
            clients = {t.name: stack.enter_context(closing(t.open(account))) for t in targets}
            return measure(clients, rows, rounds)


def _cold(
    dovecot: Dovecot, account: Account, rows: Sequence[Row], rounds: int, messages: int
) -> list[Measured]:
    """Each row once for each new proxy, next to the same row by a new session direct."""
    direct = Target(DIRECT, direct_endpoint(dovecot))
    results: list[Measured] = []
    for row in rows:
        result = Measured(row, 0, {name: [] for name in _NAMES})
        for _ in range(rounds + 1):  # the first shows what is slow for the server alone
            seconds, octets = _first_read(direct, account, row, messages)
            result.seconds[DIRECT].append(seconds)
            seconds, result.octets = _filled(dovecot, account, row, messages)
            result.seconds["proxy"].append(seconds)
            if octets != result.octets:
                raise DifferentAnswers(f"{row.title}: {octets:,} and {result.octets:,} octets")
        result.seconds = {name: seconds[1:] for name, seconds in result.seconds.items()}
        results.append(result)
    return results


def _filled(dovecot: Dovecot, account: Account, row: Row, messages: int) -> tuple[float, int]:
    with ExitStack() as stack:
        directory = Path(stack.enter_context(TemporaryDirectory(prefix="imapproxy-bench-")))
        running = CachingProxy(dovecot.upstream, dovecot.ca_file, directory, "live")
        proxy = stack.enter_context(running)
        return _first_read(Target("proxy", Endpoint(proxy.port)), account, row, messages)


def _first_read(target: Target, account: Account, row: Row, messages: int) -> tuple[float, int]:
    with closing(target.open(account)) as client:
        # In each session Dovecot takes 0.7 s for the first message of a large Maildir, whichever it
        # is. Both pay that, and it is many times what is measured here; so it is paid before.
        client.run(b"FETCH %d (BODY.PEEK[]<0.1>)" % messages)
        return timed(client, row)


def timed(client: Client, row: Row) -> tuple[float, int]:
    """Seconds and octets of one row."""
    began = time.perf_counter()
    octets = sum(map(client.run, row.commands))
    return time.perf_counter() - began, octets


@click.command()
@click.option("--messages", default=10_000, show_default=True, help="Messages in the mailbox.")
@click.option("--rounds", default=5, show_default=True, help="Rounds behind the warm-up.")
@click.option("--far/--no-far", default=True, help="Measure behind the long line, too.")
@click.option("--cold/--no-cold", default=True, help="Measure filling, too.")
@click.option("--peers/--no-peers", default=True, help="Measure other proxies, too.")
@click.option("--row", "wanted", multiple=True, help="Only this row (bodies, single, ...).")
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=default_directory,
    help="Where the generated mailbox is kept for the next run.",
)
@click.option("--json", "json_file", type=click.File("w"), help="Write the numbers to a file, too.")
@click.option("--check", is_flag=True, help="Exit with 1 where a limit is missed.")
def main(
    messages: int,
    rounds: int,
    far: bool,
    cold: bool,
    peers: bool,
    wanted: Sequence[str],
    data: Path,
    json_file: TextIO | None,
    check: bool,
) -> None:
    """Compare the proxy's cache with the same Dovecot direct over TLS."""

    def chosen(limits: Mapping[str, float | None]) -> list[Row]:
        return [row for row in rows_of(messages, limits) if not wanted or row.key in wanted]

    parts: dict[str, list[Measured]] = {}
    with bench_server(data, messages) as (dovecot, account):
        near = dovecot.imaps_port
        parts["warm"] = _warm(dovecot, account, near, chosen(_WARM), rounds, messages, peers=peers)
        _show("Warm, on this machine", parts["warm"])
        if cold and chosen(_COLD):
            parts["cold"] = _cold(dovecot, account, chosen(_COLD), rounds, messages)
            _show("Cold, on this machine: the cache is filled", parts["cold"])
        if far and chosen(_FAR):
            with delayed(near, RTT, RATE) as port:
                parts["far"] = _warm(dovecot, account, port, chosen(_FAR), min(rounds, 3), messages)
            _show(f"Warm, the server {RTT:g} ms away, {RATE:g} Mbit/s", parts["far"])
    if json_file is not None:
        told = {name: as_json(rows, DIRECT, []) for name, rows in parts.items()}
        json.dump({"messages": messages, **told}, json_file, indent=2)
    everything = [result for rows in parts.values() for result in rows]
    if check and not all(holds(result, DIRECT) for result in everything):
        sys.exit(1)


def _show(title: str, measured: Sequence[Measured]) -> None:
    names = list(measured[0].seconds) if measured else []
    print(f"{title}\n{table(measured, DIRECT, names)}\n", flush=True)


if __name__ == "__main__":
    main()
