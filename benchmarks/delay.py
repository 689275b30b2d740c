"""A link of a given delay and rate in user space, since this kernel may have no ``tc netem``.

Run as ``python -m benchmarks.delay UPSTREAM_PORT [--rtt MS] [--rate MBIT]``; the first line it
prints is its port. Octets keep their order and are never held for an answer, so pipelining stays
what it is. It plays a clean line: opening a connection costs one round trip, each octet the one-way
delay, and all connections share the rate in each direction. There is no loss and no slow start, so
that a comparison measures round trips and octets alone. Its timers are right to a millisecond.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from contextlib import contextmanager

import click

from tests.real.programs import Program, python_environment, python_module

# The usual measure: another continent, or a bad mobile network.
RTT = 40.0  # milliseconds
RATE = 100.0  # Mbit/s

_PIECE = 16 * 1024
_MAX_PIECES = 1024  # that nobody takes at the far end; then the near end is not read
_MAX_QUEUED = 0.05  # seconds that the line is booked ahead, as a router's buffer would be

_Pieces = asyncio.Queue[tuple[float, bytes]]  # when it arrives, and what; empty at the end


class Link:
    """One direction of the line, shared by all connections. Times are in seconds.

    ``rate`` is in octets a second.
    """

    def __init__(self, delay: float, rate: float) -> None:
        self._delay = delay
        self._rate = rate
        self._free_at = 0.0

    def send(self, octets: int, now: float) -> float:
        """Put so many octets on the line, behind what was put there before; when they arrive."""
        self._free_at = max(self._free_at, now) + octets / self._rate
        return self._free_at + self._delay

    def wait(self, now: float) -> float:
        """How long a sender has to wait until it may put more on the line."""
        return max(0.0, self._free_at - now - _MAX_QUEUED)


class Forwarder:
    """Takes connections and carries them over the line to a port of this machine."""

    def __init__(self, upstream_port: int, rtt: float, rate: float) -> None:
        self._upstream_port = upstream_port
        self._delay = rtt / 2
        self._up = Link(self._delay, rate)
        self._down = Link(self._delay, rate)

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A client is here; for it, its SYN is on its way now."""
        with contextlib.suppress(OSError):
            # The client may send when it has the SYN-ACK, the server when it has the ACK.
            await asyncio.sleep(2 * self._delay)
            opening = asyncio.create_task(self._open())
            await _carry(reader, writer, opening, self._up, self._down)
        writer.close()

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        await asyncio.sleep(self._delay)
        return await asyncio.open_connection("127.0.0.1", self._upstream_port)


async def _carry(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    opening: "asyncio.Task[tuple[asyncio.StreamReader, asyncio.StreamWriter]]",
    up: Link,
    down: Link,
) -> None:
    sent: _Pieces = asyncio.Queue(_MAX_PIECES)
    answered: _Pieces = asyncio.Queue(_MAX_PIECES)
    sending = asyncio.create_task(_take(reader, sent, up))
    try:
        their_reader, their_writer = await opening
        try:
            # Whichever direction breaks, both are over.
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_give(sent, their_writer))
                tasks.create_task(_take(their_reader, answered, down))
                tasks.create_task(_give(answered, writer))
        except* OSError:
            pass
        finally:
            their_writer.close()
    finally:
        sending.cancel()


async def _take(reader: asyncio.StreamReader, pieces: _Pieces, link: Link) -> None:
    """Put what comes on the line, at the moment it comes."""
    loop = asyncio.get_running_loop()
    octets = b"more"
    while octets:
        await asyncio.sleep(link.wait(loop.time()))
        try:
            octets = await reader.read(_PIECE)
        except OSError:
            octets = b""
        await pieces.put((link.send(len(octets), loop.time()), octets))


async def _give(pieces: _Pieces, writer: asyncio.StreamWriter) -> None:
    """Hand over what has arrived at the far end."""
    loop = asyncio.get_running_loop()
    octets = b"more"
    while octets:
        arrives, octets = await pieces.get()
        early = arrives - loop.time()
        if early > 0:
            await asyncio.sleep(early)
        writer.write(octets)
        await writer.drain()
    writer.write_eof()


@contextmanager
def delayed(upstream_port: int, rtt: float = RTT, rate: float = RATE) -> Iterator[int]:
    """Run it as a process of its own; its port. ``rtt`` in milliseconds, ``rate`` in Mbit/s."""
    options = (str(upstream_port), "--rtt", f"{rtt:g}", "--rate", f"{rate:g}")
    command = python_module("benchmarks.delay", *options)
    with Program(command, environment=python_environment()) as running:
        yield int(running.wait_for_line(r"^(\d+)$")[1])


async def _serve(upstream_port: int, rtt: float, rate: float) -> None:
    forwarder = Forwarder(upstream_port, rtt / 1000, rate * 1_000_000 / 8)
    server = await asyncio.start_server(forwarder.connected, "127.0.0.1", 0, backlog=1000)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@click.command()
@click.argument("upstream_port", type=int)
@click.option("--rtt", default=RTT, show_default=True, help="Milliseconds there and back.")
@click.option("--rate", default=RATE, show_default=True, help="Mbit/s in each direction.")
def main(upstream_port: int, rtt: float, rate: float) -> None:
    """Carry connections to UPSTREAM_PORT over a slower line."""
    asyncio.run(_serve(upstream_port, rtt, rate))


if __name__ == "__main__":
    main()
