"""``python -m benchmarks.fakeserver``: what the fake server costs a test run.

Starting it, a test with it, and large mailboxes against Dovecot with the same mail in one run.
"""

import imaplib
import json
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click

from benchmarks.client import Client, Endpoint
from benchmarks.corpus import default_directory
from benchmarks.measure import DifferentAnswers
from benchmarks.targets import bench_server
from tests.real.dovecot import Account
from tests.real.programs import Program, python_environment, python_module

# What is compared, and how many times Dovecot's time it may take.
_ROWS = (
    (b"FETCH 1:* ENVELOPE", 4.0),
    (b"SEARCH SUBJECT meeting", 5.0),
    (b"FETCH 1:3000 BODY.PEEK[]", 1.5),
)
_START_LIMIT_MS = 50.0
_TEST_LIMIT_MS = 10.0


@click.command()
@click.option("--messages", default=10_000, show_default=True, help="Messages in the mailbox.")
@click.option("--rounds", default=5, show_default=True, help="Rounds behind the first.")
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=default_directory,
    help="Where the generated mailbox is kept for the next run.",
)
@click.option("--check", is_flag=True, help="Exit with 1 where a limit is missed.")
def main(messages: int, rounds: int, data: Path, check: bool) -> None:
    """Measure; times are milliseconds, the best of the rounds where there are several."""
    holds = [*_small(), *_large(messages, rounds, data)]
    if check and not all(holds):
        sys.exit(1)


def _small() -> Iterator[bool]:
    began = time.perf_counter()
    from fakeserver.threaded import ThreadedServer  # noqa: PLC0415 - measured

    _line("first import", _since(began))
    began = time.perf_counter()
    server = ThreadedServer()
    server.start()
    yield _line("server up after the import", _since(began), _START_LIMIT_MS)
    began = time.perf_counter()
    with ThreadedServer():
        another = _since(began)
    _line("another server", another)
    tests, resets = [], []
    for _ in range(200):
        began = time.perf_counter()
        _one_test(server.host, server.port, server)
        tests.append(_since(began))
        began = time.perf_counter()
        server.reset()
        resets.append(_since(began))
    server.stop()
    yield _line("a test: deliver, log in, select, fetch", statistics.median(tests), _TEST_LIMIT_MS)
    yield _line("reset behind a test", statistics.median(resets), 1.0)


def _one_test(host: str, port: int, server: "object") -> None:
    server.deliver("Subject: hello\n\nworld\n")  # type: ignore[attr-defined]
    with imaplib.IMAP4(host, port) as client:
        client.login("demo", "pw")
        client.select()
        client.fetch("1", "(BODY[])")


def _large(messages: int, rounds: int, data: Path) -> Iterator[bool]:
    with ExitStack() as stack:
        dovecot, account = stack.enter_context(bench_server(data, messages))
        port = stack.enter_context(_fakeserver(account))
        theirs = stack.enter_context(Client(Endpoint(dovecot.imap_port)))
        mine = stack.enter_context(Client(Endpoint(port)))
        for client in (theirs, mine):
            client.log_in(account.user, account.password, "INBOX")
        print(f"\n{messages:,} messages: Dovecot, fakeserver, and fakeserver when first asked")
        for command, limit in _ROWS:
            yield _compare(command, limit, theirs, mine, rounds)


def _compare(command: bytes, limit: float, theirs: Client, mine: Client, rounds: int) -> bool:
    first, octets = _run(mine, command)
    _, their_octets = _run(theirs, command)
    # ENVELOPE may be worded otherwise; what is searched for or fetched whole may not.
    if octets != their_octets and b"ENVELOPE" not in command:
        raise DifferentAnswers(f"{command!r}: {octets:,} octets, Dovecot {their_octets:,}")
    times = [(_run(theirs, command)[0], _run(mine, command)[0]) for _ in range(rounds)]
    dovecot, fake = (min(column) for column in zip(*times, strict=True))
    ratio = statistics.median(own / other for other, own in times)
    holds = ratio <= limit
    print(
        f"{command.decode():<40} {dovecot:9.1f} {fake:9.1f} {first:9.1f}"
        f"   {ratio:5.2f} x (limit {limit:g}){'' if holds else '  MISSED'}",
        flush=True,
    )
    return holds


@contextmanager
def _fakeserver(account: Account) -> Iterator[int]:
    """A process of its own, as Dovecot is one: measured here, both would share a lock."""
    command = python_module(
        "fakeserver", "--user", f"{account.user}:{account.password}",
        "--load", str(account.maildir),
    )  # fmt: skip
    with Program(command, environment=python_environment()) as running:
        ready = json.loads(running.wait_for_line(r"^\{.*\}$")[0])
        client = Client(Endpoint(ready["imap"]))
        # Only the first session sees \Recent.
        client.log_in(account.user, account.password, "INBOX")
        client.close()
        yield ready["imap"]


def _run(client: Client, command: bytes) -> tuple[float, int]:
    began = time.perf_counter()
    octets = client.run(command)
    return _since(began), octets


def _since(began: float) -> float:
    return (time.perf_counter() - began) * 1000


def _line(what: str, milliseconds: float, limit: float | None = None) -> bool:
    holds = limit is None or milliseconds <= limit
    told = "" if limit is None else f"   (limit {limit:g}){'' if holds else '  MISSED'}"
    print(f"{what:<40} {milliseconds:9.2f} ms{told}", flush=True)
    return holds


if __name__ == "__main__":
    main()
