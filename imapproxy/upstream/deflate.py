"""Compression of a connection to the upstream (RFC 4978), between its transport and its framing."""

import zlib
from collections.abc import Callable
from typing import Any

from imapproxy.upstream.errors import UpstreamProtocolError

# What is inflated at once. Some octets that come can become a thousand times as many, and whoever
# takes them has to be able to say stop in between.
_PIECE = 128 * 1024
# Raw deflate, as RFC 4978 section 3 wants it. What we say are commands: a small window and little
# memory (14 KB instead of 95 KB a connection) cost less than a tenth in what a message is made to.
# The server may use the whole window.
_LEVEL = 1
_OUR_WINDOW = -10
_OUR_MEMORY = 3
_THEIR_WINDOW = -15


class Deflated:
    """A transport that compresses what is written, and inflates what comes as it is wanted.

    ``deliver`` gets what was inflated in pieces of a bounded size, and ``fail`` an error when it
    cannot be. A reader that pauses gets nothing more until it resumes, whatever has come already.
    """

    __slots__ = (
        "_busy",
        "_deflate",
        "_deliver",
        "_fail",
        "_inflate",
        "_more",
        "_over",
        "_paused",
        "_pending",
        "_transport",
    )

    def __init__(
        self,
        transport: Any,
        deliver: Callable[[bytes], None],
        fail: Callable[[UpstreamProtocolError], None],
    ) -> None:
        self._transport = transport
        self._deliver = deliver
        self._fail = fail
        self._deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, _OUR_WINDOW, _OUR_MEMORY)
        self._inflate = zlib.decompressobj(_THEIR_WINDOW)
        self._pending = b""  # what has come and is not inflated
        self._more = False  # there may be output of what was taken already
        self._paused = False
        self._busy = False
        self._over = False

    @property
    def waits(self) -> bool:
        """Whether something has come that was not delivered."""
        return bool(self._pending or self._more)

    def write(self, data: bytes) -> None:
        """Send ``data``, all of it, now: the server answers nothing that it cannot read yet."""
        deflated = self._deflate.compress(data) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        self._transport.write(deflated)

    def received(self, data: bytes) -> None:
        """Octets have come from below."""
        self._pending += data
        self._go_on()

    def pauseProducing(self) -> None:
        """Deliver nothing, and read nothing."""
        self._paused = True
        self._transport.pauseProducing()

    def resumeProducing(self) -> None:
        """Deliver what has come meanwhile; then, if it is still wanted, read on."""
        self._paused = False
        self._go_on()
        if not self._paused:
            self._transport.resumeProducing()

    def abortConnection(self) -> None:
        """Cut it; nothing more is delivered."""
        self._over = True
        self._pending = b""
        self._transport.abortConnection()

    def _go_on(self) -> None:
        if self._busy:
            return  # who is delivered to has resumed: the loop below sees that
        self._busy = True
        try:
            while self.waits and not (self._paused or self._over):
                self._next_piece()
        finally:
            self._busy = False

    def _next_piece(self) -> None:
        inflate = self._inflate
        try:
            piece = inflate.decompress(self._pending, _PIECE)
        except zlib.error as error:
            self._broken(str(error))
            return
        self._pending = inflate.unconsumed_tail
        self._more = len(piece) == _PIECE
        if piece:
            self._deliver(piece)
        if inflate.eof:
            self._broken("the compressed stream has an end")

    def _broken(self, reason: str) -> None:
        self._over = True
        self._pending = b""
        self._fail(UpstreamProtocolError(f"what the server compressed cannot be read: {reason}"))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
