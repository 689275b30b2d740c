"""What goes out to the client: gathered, cut up by faults, handed to the transport."""

from collections import deque
from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from fakeserver.faults import NO_FAULTS, CommandFaults, Ending, Rewriting
from fakeserver.rewriting import rewrite
from fakeserver.transcript import ConnectionRecord
from fakeserver.transport import Transport

# Octets that are gathered before the transport is given them: one write costs a system call.
_GATHER = 64 * 1024


class Outgoing:
    """One per connection. ``on_cut`` is called where a fault ends the connection.

    ``transport`` is another one from STARTTLS on.
    """

    def __init__(
        self,
        transport: Transport,
        clock: IReactorTime,
        record: ConnectionRecord,
        on_cut: Callable[[], None],
    ) -> None:
        self.transport = transport
        self._clock = clock
        self._record = record
        self._on_cut = on_cut
        self._gathered: list[bytes] = []
        self._size = 0
        self._pieces: deque[bytes] = deque()
        self._next_piece: IDelayedCall | None = None
        self._when_empty: Callable[[], None] | None = None
        self._is_cut = False
        self._faults: CommandFaults = NO_FAULTS
        self._rewritings: tuple[Rewriting, ...] = ()
        # What becomes of responses on their way out.
        self.tell: Callable[[bytes], bytes] | None = None

    def begin(self, faults: CommandFaults) -> None:
        """What is written from here on belongs to a new reply, and these faults to it."""
        self.flush()
        self.release()
        self._faults = faults
        self._rewritings = faults.rewritings

    def write(self, *pieces: bytes) -> None:
        """Send whole responses, at the latest with the next ``flush``."""
        if self.tell is not None:
            pieces = (self.tell(b"".join(pieces)),)
        self._gathered += pieces
        self._size += sum(map(len, pieces))
        if self._size >= _GATHER:
            self.flush()

    def flush(self) -> None:
        """Send what was gathered, unless a fault needs the whole reply: then ``release`` does."""
        if not self._rewritings:
            self._send_gathered()

    def release(self) -> None:
        """Send what was gathered: the reply is whole, or the client waits for what there is."""
        if self._rewritings:
            self._gathered = [rewrite(b"".join(self._gathered), self._rewritings)]
        self._send_gathered()

    def _send_gathered(self) -> None:
        octets = b"".join(self._gathered)
        self._gathered.clear()
        self._size = 0
        if not octets or self._is_cut:
            return
        ending: Ending | None = None
        if self._faults.actions:
            octets, ending = self._faults.cut(octets)
        self._send(octets)
        if ending is not None:
            self._is_cut = True
        if ending is Ending.CLOSE:
            self.when_empty(self._on_cut)

    def when_empty(self, then: Callable[[], None]) -> None:
        """Call ``then`` once all that was written is with the transport."""
        if self._pieces:
            self._when_empty = then
        else:
            then()

    def stop(self) -> None:
        """The connection is gone."""
        self._is_cut = True
        self._pieces.clear()
        self._when_empty = None
        if self._next_piece is not None:
            self._next_piece.cancel()
            self._next_piece = None

    def _send(self, octets: bytes) -> None:
        if octets:
            self._record.sent(octets)
        size = self._faults.fragment
        if not size and not self._pieces:
            self.transport.write(octets)
            return
        size = size or len(octets)
        self._pieces.extend(octets[at : at + size] for at in range(0, len(octets), size))
        if self._next_piece is None:
            self._send_piece()

    def _send_piece(self) -> None:
        # One piece a turn: the transport joins what it is given in one turn.
        self._next_piece = None
        if self._pieces:
            self.transport.write(self._pieces.popleft())
        if self._pieces:
            self._next_piece = self._clock.callLater(0, self._send_piece)
        elif self._when_empty is not None:
            then, self._when_empty = self._when_empty, None
            then()
