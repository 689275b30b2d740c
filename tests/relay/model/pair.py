"""The proxy between the model of a client and the model of a server, octet by octet."""

import re

from tests.relay.cached import Cached
from tests.relay.model.client import ModelClient
from tests.relay.model.server import ModelSession
from tests.relay.model.world import World

_AT_ONCE = 100_000_000
_LAST_TURNS = 1000
# The proxy's tag is on all parts of a command but the last.
_PART = re.compile(rb"P[0-9]+ UID FETCH ")


class Pair:
    """One session. What was said waits on its way until it is delivered."""

    def __init__(self, cached: Cached, world: World, *, tells_uid: bool, flags_first: bool) -> None:
        self._world = world
        self.session = ModelSession(world, tells_uid=tells_uid, flags_first=flags_first)
        self.client = ModelClient(world, self.session)
        self.talk = cached.talk()
        self.talk.clock.advance(0)
        self.talk.client_wire.take()
        self.talk.upstream_wire.take()
        self._to_proxy = b""  # of the client
        self._lines = b""  # of the proxy, for the server
        self._to_upstream_side = b""  # of the server, for the proxy
        self.closed = False
        self.broken = False  # the client has heard what is not so

    # -- one step each -------------------------------------------------------------------------

    def says(self, name: bytes, rest: bytes = b"") -> None:
        """The client begins a command."""
        self._to_proxy += self.client.command(name, rest)

    def says_line(self, line: bytes) -> None:
        """The client says what is no command."""
        self._to_proxy += line

    def client_sends(self, octets: int = _AT_ONCE) -> bool:
        """So much of what the client has said arrives."""
        data, self._to_proxy = self._to_proxy[:octets], self._to_proxy[octets:]
        if data and not self.closed:
            self.talk.client.dataReceived(data)
        self._collect()
        return bool(data)

    def server_answers(self, commands: int = _AT_ONCE, which: int = 0) -> bool:
        """The server takes so many of the commands that it has got.

        The parts of a UID FETCH it may take in any order (RFC 9051 section 5.5): it begins with
        the one that ``which`` says.
        """
        was = self._to_upstream_side
        self._collect()
        while commands and b"\n" in self._lines:
            self._to_upstream_side += self.session.answer(self._next_line(which))
            commands -= 1
        self._to_upstream_side += self.session.idle_news()
        return was != self._to_upstream_side

    def _next_line(self, which: int) -> bytes:
        lines = self._lines.splitlines(keepends=True)
        parts = 0
        while parts < len(lines) and _PART.match(lines[parts]):
            parts += 1
        last = parts < len(lines) and b" UID FETCH " in lines[parts]
        choice = range(parts + last) or range(1)
        line = lines.pop(choice[which % len(choice)])
        self._lines = b"".join(lines)
        return line

    def server_sends(self, octets: int = _AT_ONCE) -> bool:
        """So much of what the server has said arrives, if it is read."""
        if self.talk.upstream_wire.paused or self.closed:
            return False
        data = self._to_upstream_side[:octets]
        self._to_upstream_side = self._to_upstream_side[octets:]
        if data:
            self.talk.upstream.dataReceived(data)
        self._collect()
        return bool(data)

    def time_passes(self, seconds: float) -> None:
        """Timers are due."""
        self.talk.clock.advance(seconds)
        self._collect()

    def client_pauses(self, *, paused: bool) -> None:
        """The client does not read, or does again."""
        producer = self.talk.client_wire.producer
        if producer is not None and not self.closed:
            producer.pauseProducing() if paused else producer.resumeProducing()
            self._collect()

    def _collect(self) -> None:
        self.broken, was_broken = True, self.broken
        self.client.hears(self.talk.client_wire.take())
        self.broken = was_broken
        self._lines += self.talk.upstream_wire.take()
        if self.talk.client_wire.closed:
            self.closed = True

    # -- to the end ------------------------------------------------------------------------------

    def settle(self) -> None:
        """Everything arrives, and every command is answered."""
        self.client_pauses(paused=False)
        for _ in range(_LAST_TURNS):
            moved = self.client_sends()
            if self.client.idling:
                self.client.idling = False
                self.says_line(b"DONE\r\n")
                moved = True
            moved = self.server_answers() or moved
            moved = self.server_sends() or moved
            self.time_passes(0)
            if not moved and (not self.client.said or self.closed):
                break
        if not self.closed:
            assert self.client.between_responses, "a response was begun and not ended"
        assert self.closed or not self.client.said, f"not answered: {self.client.said}"
        self.client.settled = self._world.time

    def server_goes(self) -> None:
        """The upstream's connection is lost."""
        self.talk.upstream_closes()
        self._collect()
        self.time_passes(0)

    def client_goes(self) -> None:
        """The client's connection is lost."""
        self.talk.client_closes()
        self.closed = True
