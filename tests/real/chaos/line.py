"""A line between the proxy and its server that breaks, at an octet that is drawn.

What the server was sent before that it has dealt with when the proxy learns of the break: the line
waits for the server to close. Otherwise nobody, the best program included, could look whether a
command had been carried out.
"""

import asyncio
import contextlib
import socket
import struct
import threading
from collections import Counter
from random import Random
from types import TracebackType
from typing import Self

_PIECE = 4096
# How a connection ends: in order, or by a reset, or in silence, that is ended by a reset.
_KINDS = ("closed", "reset", "stalled")
_STALL = 0.2  # seconds
# A TLS handshake and a log-in are some 4,000 octets. Most connections live longer: behind one that
# does not the proxy makes pauses.
_EARLY = range(100, 4_000)
_LONGEST = 60_000
_EARLY_ONCE_IN = 8


class _Break:
    """What will happen to one connection: ``left`` octets of one direction pass before."""

    def __init__(self, kind: str, upwards: bool, left: int) -> None:
        self.kind = kind
        self.upwards = upwards
        self.left = left

    def passes(self, octets: bytes, *, upwards: bool) -> bytes:
        """As much of it as still passes."""
        if upwards != self.upwards:
            return octets
        passed = octets[: self.left]
        self.left -= len(passed)
        return passed

    @property
    def is_due(self) -> bool:
        return not self.left


class BreakingLine:
    """Forwards to ``port`` of this machine; ``broken`` counts what it has done to connections.

    While ``quiet`` is set nothing breaks. A connection carries ``longest`` octets at most.
    """

    def __init__(self, port: int, chance: Random, longest: int = _LONGEST) -> None:
        self.port = 0
        self.broken: Counter[str] = Counter()
        self.quiet = False
        self._server_port = port
        self._chance = chance
        self._late = range(_EARLY.stop, longest)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="line")
        self._listening = threading.Event()
        self._end = asyncio.Event()

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._listening.set()
        await self._end.wait()
        server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _drawn(self) -> _Break:
        chance = self._chance
        when = _EARLY if chance.random() < 1 / _EARLY_ONCE_IN else self._late
        octets = int(when.start * (when.stop / when.start) ** chance.random())
        return _Break(chance.choice(_KINDS), chance.random() < 0.5, octets)

    async def _connected(self, near: asyncio.StreamReader, proxy: asyncio.StreamWriter) -> None:
        far, server = await asyncio.open_connection("127.0.0.1", self._server_port)
        fate = self._drawn()
        ways = [
            asyncio.create_task(self._carry(near, server, fate, upwards=True)),
            asyncio.create_task(self._carry(far, proxy, fate, upwards=False)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            if fate.is_due:
                await self._break(fate, far, server, proxy)
        finally:
            server.close()
            proxy.close()

    async def _carry(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        fate: _Break,
        *,
        upwards: bool,
    ) -> None:
        with contextlib.suppress(ConnectionError):
            while octets := await reader.read(_PIECE):
                passed = octets if self.quiet else fate.passes(octets, upwards=upwards)
                writer.write(passed)
                await writer.drain()
                if fate.is_due:
                    return

    async def _break(
        self,
        fate: _Break,
        far: asyncio.StreamReader,
        server: asyncio.StreamWriter,
        proxy: asyncio.StreamWriter,
    ) -> None:
        with contextlib.suppress(ConnectionError):
            server.write_eof()
            while await far.read(_PIECE):
                pass
        if fate.kind == "stalled":
            await asyncio.sleep(_STALL)
        if fate.kind != "closed":
            on = struct.pack("ii", 1, 0)
            proxy.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, on)
            proxy.transport.abort()
        self.broken[fate.kind] += 1

    def __enter__(self) -> Self:
        self._thread.start()
        self._listening.wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()
