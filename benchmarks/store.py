"""``python -m benchmarks.store``: how fast the cache on disk is filled and read."""

import socket
import subprocess
import sys
import tempfile
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import click
from twisted.internet import reactor as _reactor  # noqa: TID251 - a program of its own
from twisted.internet.defer import Deferred
from twisted.internet.task import react

from benchmarks.messages import make_messages
from imapproxy.cache.sqlite.store import SqliteStore, open_store
from imapproxy.cache.store import INLINE_MAX, Form, Mailbox, Need, UidList

_INBOX = Mailbox(b"imap.example.com:user", b"INBOX", b"", 1)
_BODY = Need(("",))
_HEADER = Need(("HEADER", ""), clean=True)
_NAMES = ("INTERNALDATE", "RFC822.SIZE", "ENVELOPE")
_PIECE = 64 * 1024
_MB = 1_000_000
_READ_AT_ONCE = 35 * _MB

# What takes the octets at the other end, as a client does.
_SINK = (
    "import socket, sys; s = socket.socket(fileno=int(sys.argv[1]))\nwhile s.recv(1 << 20): pass"
)


class Mail(NamedTuple):
    """A message as it comes out of a FETCH response."""

    uid: int
    octets: bytes
    attributes: dict[str, bytes]


def make_mail(count: int) -> Iterator[Mail]:
    """Messages with attributes of the usual length."""
    for uid, made in enumerate(make_messages(count), 1):
        header = made.octets[: made.octets.index(b"\r\n\r\n") + 4]
        envelope = b"(" + header.replace(b"\r\n", b" ")[:450] + b")"
        yield Mail(
            uid,
            made.octets,
            {
                "FLAGS": b"(\\Seen)",
                "INTERNALDATE": b'"01-Jan-2026 10:00:00 +0000"',
                "RFC822.SIZE": b"%d" % len(made.octets),
                "ENVELOPE": envelope,
            },
        )


@contextmanager
def sink() -> Iterator[socket.socket]:
    """A socket whose other end reads as fast as it can."""
    mine, theirs = socket.socketpair()
    with mine, theirs:
        command = [sys.executable, "-c", _SINK, str(theirs.fileno())]
        with subprocess.Popen(command, pass_fds=[theirs.fileno()]) as program:
            theirs.close()
            yield mine
            mine.shutdown(socket.SHUT_WR)
            program.wait()


def keep(store: SqliteStore, mail: Mail) -> None:
    """What the relay does with a message that passes."""
    writer = store.writer
    if len(mail.octets) <= INLINE_MAX:
        writer.keep_section(_INBOX, mail.uid, "", Form.LITERAL, mail.octets, clean=True)
    else:
        section = writer.begin_section(_INBOX, mail.uid, "", Form.LITERAL, len(mail.octets))
        for at in range(0, len(mail.octets), _PIECE):
            section.write(mail.octets[at : at + _PIECE])
        section.close(clean=True)
    writer.keep_attributes(_INBOX, mail.uid, mail.attributes)


def relay(mails: Sequence[Mail], client: socket.socket, store: SqliteStore | None) -> float:
    """Pass on what is there in pieces, and keep a copy: seconds."""
    began = time.perf_counter()
    for mail in mails:
        for at in range(0, len(mail.octets), _PIECE):
            client.sendall(mail.octets[at : at + _PIECE])
        if store is not None:
            keep(store, mail)
    return time.perf_counter() - began


async def fill(store: SqliteStore, count: int) -> None:
    """Fill the store while messages are passed on, and say what that costs."""
    alone = filled = behind = processor = 0.0
    octets = 0
    with sink() as client:
        for mails in _slices(make_mail(count), 10_000):
            octets += sum(len(mail.octets) for mail in mails)
            alone += relay(mails, client, None)
            used = time.process_time()
            filled += relay(mails, client, store)
            began = time.perf_counter()
            await store.flushed()
            behind += time.perf_counter() - began
            processor += time.process_time() - used
    held = len(store.reader.held(_INBOX, _NAMES, [_BODY], 1, count))
    say("fill: passing on alone", alone, f"{octets / _MB / alone:,.0f} MB/s")
    say("fill: passing on and keeping", filled, f"{octets / _MB / filled:,.0f} MB/s")
    say("fill: until all is written", filled + behind, f"{held:,} of {count:,} kept")
    say("fill: processor for both", processor, f"{octets / _MB / processor:,.0f} MB/s")
    again = list(make_mail(min(count, 10_000)))
    began = time.perf_counter()
    for mail in again:
        store.writer.keep_attributes(_INBOX, mail.uid, {"FLAGS": b"(\\Seen)"})
    noted = time.perf_counter() - began
    await store.flushed()
    say(
        "the same FLAGS again", time.perf_counter() - began, f"{noted * 1000:.0f} ms in the reactor"
    )


def read(store: SqliteStore, count: int) -> None:
    """Read everything in the ways of a FETCH."""
    reader = store.reader
    some = min(count, 10_000)

    def timed(title: str, what: Callable[[], object], note: str = "") -> None:
        seconds = []
        for _ in range(7):
            began = time.perf_counter()
            what()
            seconds.append(time.perf_counter() - began)
        say(title, min(seconds), note or f"first time {seconds[0] * 1000:.1f} ms")

    names, numbers = f"{some:,}", range(1, min(count, 1000) + 1)
    timed(f"held: attributes of {names}", lambda: reader.held(_INBOX, _NAMES, (), 1, some))
    timed(f"held: bodies of {names}", lambda: reader.held(_INBOX, (), [_BODY], 1, some))
    timed(f"held: headers of {names}", lambda: reader.held(_INBOX, (), [_HEADER], 1, some))
    timed(f"held: both of {names}", lambda: reader.held(_INBOX, _NAMES, [_BODY], 1, some))
    timed(f"attributes of {names}", lambda: reader.attributes(_INBOX, _NAMES, 1, some))
    timed(f"RFC822.SIZE of {names}", lambda: reader.attributes(_INBOX, ["RFC822.SIZE"], 1, some))
    every = ["FLAGS", *_NAMES]
    timed(f"attributes and FLAGS of {names}", lambda: reader.attributes(_INBOX, every, 1, some))
    timed("sections: 35 MB", lambda: reader.sections(_INBOX, _BODY, 1, some, _READ_AT_ONCE))
    timed(
        "sections: 35 MB for headers",
        lambda: reader.sections(_INBOX, _HEADER, 1, some, _READ_AT_ONCE),
    )
    timed("octets of all large ones", lambda: _read_large(store, some))
    one_by_one = f"{len(numbers):,} times"
    timed(
        "held, of one",
        lambda: [reader.held(_INBOX, _NAMES, [_BODY], n, n) for n in numbers],
        one_by_one,
    )
    timed(
        "sections, of one",
        lambda: [reader.sections(_INBOX, _BODY, n, n, 1) for n in numbers],
        one_by_one,
    )
    timed(
        "attributes, of one",
        lambda: [reader.attributes(_INBOX, _NAMES, n, n) for n in numbers],
        one_by_one,
    )
    timed("holdings", reader.holdings)


def _read_large(store: SqliteStore, count: int) -> int:
    octets = 0
    for section in store.reader.sections(_INBOX, _BODY, 1, count, 2**60):
        for at in range(0, section.size if section.data is None else 0, _PIECE * 4):
            octets += len(store.reader.octets(section.content, at, _PIECE * 4))
    return octets


async def uid_list(store: SqliteStore, count: int) -> None:
    """The list of UIDs, kept and read."""
    uids = UidList(count + 1, array("I", range(1, count + 1)))
    began = time.perf_counter()
    store.writer.keep_uid_list(_INBOX, uids)
    say("keep_uid_list", time.perf_counter() - began)
    await store.flushed()
    began = time.perf_counter()
    assert store.reader.uid_list(_INBOX) == uids
    say("uid_list", time.perf_counter() - began)


async def leave(store: SqliteStore, directory: Path) -> None:
    """Drop it all, and see that the room is given back."""
    file = directory / "cache.sqlite"
    before = file.stat().st_size
    began, used = time.perf_counter(), time.process_time()
    store.writer.drop(_INBOX)
    await store.flushed()
    say("drop", time.perf_counter() - began)
    await store.settled()
    used = time.process_time() - used
    note = f"{before / _MB:,.0f} MB become {file.stat().st_size / _MB:,.1f}; processor {used:.2f} s"
    say("drop, swept up and given back", time.perf_counter() - began, note)


def say(title: str, seconds: float, note: str = "") -> None:
    """One line of the table."""
    print(f"{title:<40} {seconds * 1000:>10,.2f} ms   {note}", flush=True)


def _slices(mails: Iterator[Mail], size: int) -> Iterator[list[Mail]]:
    some: list[Mail] = []
    for mail in mails:
        some.append(mail)
        if len(some) == size:
            yield some
            some = []
    if some:
        yield some


async def measure(reactor: Any, counts: Sequence[int], directory: Path) -> None:
    """The whole table for each number of messages."""
    for count in counts:
        with tempfile.TemporaryDirectory(dir=directory) as name:
            place = Path(name) / "cache"
            print(f"\n{count:,} messages")
            store = open_store(reactor, place, max_octets=16 * 1024 * _MB, max_waiting=1024 * _MB)
            await fill(store, count)
            await store.close()
            began = time.perf_counter()
            store = open_store(reactor, place, max_octets=16 * 1024 * _MB, max_waiting=1024 * _MB)
            say("open", time.perf_counter() - began)
            read(store, count)
            await uid_list(store, count)
            await leave(store, place)
            await store.close()


@click.command()
@click.option("--messages", multiple=True, type=int, default=(1_000, 10_000, 100_000))
@click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    help="On which disk; the system's temporary directory unless told otherwise.",
)
def main(messages: Sequence[int], directory: Path | None) -> None:
    """Measure the cache on disk."""
    place = directory or Path(tempfile.gettempdir())

    def run(reactor: Any) -> "Deferred[None]":
        return Deferred.fromCoroutine(measure(reactor, messages, place))

    react(run, _reactor=_reactor)


if __name__ == "__main__":
    main()
