"""DEFLATE in both directions (RFC 4978), above TLS where there is any."""

import zlib

from twisted.internet.interfaces import IPushProducer

from fakeserver.transport import Transport

# A raw stream, without the header of zlib (RFC 4978 section 4).
_RAW = -zlib.MAX_WBITS
# What comes out in one go: a kilobyte may stand for a megabyte.
_PIECE = 16 * 1024


class NotCompressed(Exception):
    """The client does not send what it announced."""


class Deflated:
    """A transport that compresses what it is given and is otherwise the one below.

    Each write ends with a flush: the client can read all of it.
    """

    def __init__(self, transport: Transport) -> None:
        self._below = transport
        self._stream = zlib.compressobj(wbits=_RAW)

    def write(self, data: bytes) -> None:
        """Compress and send octets."""
        self._below.write(self._stream.compress(data) + self._stream.flush(zlib.Z_SYNC_FLUSH))

    def loseConnection(self) -> None:
        """Close once all is sent."""
        self._below.loseConnection()

    def abortConnection(self) -> None:
        """Close at once."""
        self._below.abortConnection()

    def setTcpNoDelay(self, enabled: bool) -> None:
        """Whether small writes go out at once."""
        self._below.setTcpNoDelay(enabled)

    def registerProducer(self, producer: IPushProducer, streaming: bool) -> None:
        """Who is to be told when the peer does not read."""
        self._below.registerProducer(producer, streaming)

    def unregisterProducer(self) -> None:
        """Nobody."""
        self._below.unregisterProducer()

    def pauseProducing(self) -> None:
        """Do not read from the peer."""
        self._below.pauseProducing()

    def resumeProducing(self) -> None:
        """Read again."""
        self._below.resumeProducing()


class Inflater:
    """What comes in, decompressed piece by piece as it is asked for."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(wbits=_RAW)
        self._waiting = b""
        self._may_hold_more = False

    def feed(self, data: bytes) -> None:
        """Take compressed octets."""
        self._waiting += data

    @property
    def waiting(self) -> int:
        """Compressed octets that were not looked at."""
        return len(self._waiting)

    def take(self) -> bytes:
        """Some more octets, none where more have to come; raises ``NotCompressed``."""
        if not self._waiting and not self._may_hold_more:
            return b""
        try:
            octets = self._stream.decompress(self._waiting, _PIECE)
        except zlib.error:
            raise NotCompressed from None
        if self._stream.eof:
            # A stream that ends would leave the connection without any.
            raise NotCompressed
        self._waiting = self._stream.unconsumed_tail
        self._may_hold_more = len(octets) == _PIECE
        return octets
