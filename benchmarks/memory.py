"""``python -m benchmarks.memory``: what large messages and idle sessions cost the proxy."""

import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import click
import trustme

from benchmarks.client import Client, Endpoint
from benchmarks.process import Process, allow_open_files
from tests.real.caching_proxy import CachingProxy
from tests.real.dovecot import Dovecot, Message
from tests.real.programs import Program, python_environment, python_module
from tests.real.proxy import Proxy

IDLE_SESSIONS = 1_000

_MB = 1_000_000
_LARGE = 100 * _MB
_HUGE = 500 * _MB
_LINE = b"All work and no play makes Jack a dull boy, says the proverb, at that.\r\n"
# The slow client: nothing for a while, then 64 KB every 4 ms, which is 16 MB a second.
_PIECE = 64 * 1024
_SECONDS_A_PIECE = 0.004
_SECONDS_AT_FIRST = 1.0


class Cost(NamedTuple):
    """What something costs, in ``unit``, and what it may cost at most; ``None`` is no limit."""

    title: str
    value: float
    unit: str
    limit: float | None

    @property
    def holds(self) -> bool:
        """Whether it is within the limit."""
        return self.limit is None or self.value <= self.limit

    def __str__(self) -> str:
        verdict = "" if self.limit is None else f"{self.limit:<5g} "
        verdict += "" if self.limit is None else "holds" if self.holds else "MISSED"
        return f"{self.title:<72} {self.value:>8.1f} {self.unit:<5}  {verdict}"


def all_costs(sessions: int) -> Iterator[Cost]:
    """Measure everything, one after the other."""
    yield _slow_client()
    yield from _through_the_cache()
    with stub() as (upstream, ca_file):
        yield _slow_upstream(upstream, ca_file)
        yield from _idle_sessions(upstream, ca_file, sessions)


def _slow_client() -> Cost:
    """A large message from the real server to a client that hardly reads."""
    with ExitStack() as stack:
        dovecot = stack.enter_context(Dovecot())
        account = dovecot.account("large")
        account.seed("INBOX", [Message(b"Subject: small\r\n\r\nx\r\n"), Message(_large_message())])
        proxy = stack.enter_context(Proxy(dovecot.upstream, dovecot.ca_file))
        client = stack.enter_context(Client(Endpoint(proxy.port), receive_buffer=_PIECE))
        client.log_in(account.user, account.password, "INBOX")
        client.run(b"FETCH 1 BODY.PEEK[]")
        process = _from_now(proxy)
        before = process.resident
        client.send(b"FETCH 2 BODY.PEEK[]")
        _read_slowly(client, _LARGE)
        growth = (process.peak - before) / _MB
    return Cost("growth while a message of 100 MB goes to a slow client", growth, "MB", 16)


def _through_the_cache() -> Iterator[Cost]:
    """A message larger than most are is kept while a slow client reads it, and then served to it.

    The disk is asked for by the page, and the pages that are in use count; so does what is on its
    way to it.
    """
    with ExitStack() as stack:
        dovecot = stack.enter_context(Dovecot())
        account = dovecot.account("huge")
        small = Message(b"Subject: small\r\n\r\nx\r\n")
        account.seed("INBOX", [small, Message(_large_message(_HUGE))])
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        proxy = stack.enter_context(
            CachingProxy(dovecot.upstream, dovecot.ca_file, directory, "live")
        )
        for title in ("kept, and goes", "served"):
            client = stack.enter_context(Client(Endpoint(proxy.port), receive_buffer=_PIECE))
            client.log_in(account.user, account.password, "INBOX")
            client.run(b"FETCH 1 (UID BODY.PEEK[])")
            process = _from_now(proxy)
            before = process.resident
            client.send(b"FETCH 2 (UID BODY.PEEK[])")
            _read_slowly(client, _HUGE)
            growth = (process.peak - before) / _MB
            yield Cost(f"growth while 500 MB are {title} to a slow client", growth, "MB", 24)


def _slow_upstream(upstream: str, ca_file: Path) -> Cost:
    """A large message from a client that sends as fast as it can to a server that hardly reads."""
    with Proxy(upstream, ca_file) as proxy, Client(Endpoint(proxy.port)) as client:
        client.log_in("user", "password")
        process = _from_now(proxy)
        before = process.resident
        tag = client.send(b"APPEND INBOX {%d}" % _LARGE)
        client.receive()
        client.send_octets(_large_message() + b"\r\n")
        client.read_answer(tag)
        growth = (process.peak - before) / _MB
    return Cost("growth while a message of 100 MB is appended to a slow server", growth, "MB", 16)


def _idle_sessions(upstream: str, ca_file: Path, sessions: int) -> Iterator[Cost]:
    """Many clients that have logged in and then say nothing."""
    # Each has a socket here and two in the proxy; the stub has one for each.
    allow_open_files(2 * sessions + 500)
    with Proxy(upstream, ca_file) as proxy, ExitStack() as stack:
        _open_idle(stack, proxy, 20)  # what is loaded at the first use is no session's cost
        process = Process(proxy.program.pid)
        before, files = process.resident, process.open_files
        _open_idle(stack, proxy, sessions)
        memory = (process.resident - before) / 1000 / sessions
        descriptors = (process.open_files - files) / sessions
    yield Cost(f"memory of an idle session, logged in, one of {sessions:,}", memory, "KB", 100)
    yield Cost("file descriptors of a session", descriptors, "", 2)


def _open_idle(stack: ExitStack, proxy: Proxy, count: int) -> None:
    for _ in range(count):
        # Most of what a client takes is its buffer, which is of no use here.
        client = stack.enter_context(Client(Endpoint(proxy.port), buffer=4096))
        client.log_in("user", "password")


def _from_now(proxy: Proxy) -> Process:
    process = Process(proxy.program.pid)
    process.forget_peak()
    return process


def _read_slowly(client: Client, octets: int) -> None:
    pause = threading.Event()  # nobody sets it: what is waited for is time
    pause.wait(_SECONDS_AT_FIRST)
    while octets > 0:
        octets -= len(client.receive(_PIECE))
        pause.wait(_SECONDS_A_PIECE)


def _large_message(octets: int = _LARGE) -> bytes:
    header = b"Subject: large\r\n\r\n"
    return (header + _LINE * (octets // len(_LINE) + 1))[: octets - 2] + b"\r\n"


@contextmanager
def stub(*options: str) -> Iterator[tuple[str, Path]]:
    """Run the stub server; its URL, and the authority that vouches for it."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        authority = trustme.CA()
        certificate = authority.issue_cert("localhost")
        authority.cert_pem.write_to_path(str(directory / "ca.pem"))
        certificate.private_key_and_cert_chain_pem.write_to_path(str(directory / "server.pem"))
        pem = directory / "server.pem"
        command = python_module("benchmarks.stub", str(pem), str(pem), *options)
        with Program(command, environment=python_environment()) as program:
            port = program.wait_for_line(r"^(\d+)$")[1]
            yield f"imaps://localhost:{port}", directory / "ca.pem"


@click.command()
@click.option(
    "--sessions", default=IDLE_SESSIONS, show_default=True, help="How many idle sessions."
)
@click.option("--check", is_flag=True, help="Exit with 1 where a limit is missed.")
def main(sessions: int, check: bool) -> None:
    """Measure the memory that the proxy needs."""
    costs = []
    for cost in all_costs(sessions):
        print(cost, flush=True)
        costs.append(cost)
    if check and not all(cost.holds for cost in costs):
        sys.exit(1)


if __name__ == "__main__":
    main()
