"""A client that checks every octet that it hears against what is true."""

from collections import deque
from dataclasses import dataclass, field

from imapproxy.wire.fetch_scanner import FETCH_BEGINS, FetchScanner
from imapproxy.wire.framing import Line, Octets, ResponseFramer
from imapproxy.wire.sequence_set import SequenceSet
from tests.relay.model.server import Event, ModelSession
from tests.relay.model.world import ANSWERS, Message, World, flag_list, opens, split_asked

_KEEP_NUMBERS = (b"FETCH", b"STORE", b"SEARCH")
_ENDS = (b"SELECT", b"EXAMINE", b"CLOSE", b"UNSELECT", b"LOGOUT")


@dataclass
class Said:
    """A command that is not answered yet; ``asked`` are the attributes of a FETCH."""

    tag: bytes
    name: bytes
    rest: bytes
    time: int
    asked: list[bytes] = field(default_factory=list)
    view: list[Message] | None = None  # when it became the first that is not answered
    answered: list[Message] = field(default_factory=list)

    @property
    def keeps_numbers(self) -> bool:
        return self.name in _KEEP_NUMBERS


class _Items:
    """A sink that collects the items of one response, as they stand."""

    def __init__(self) -> None:
        self.number = 0
        self.items: list[tuple[bytes, bytes]] = []
        self.whole = False

    def fetch_begins(self, number: int) -> None:
        self.number = number

    def item(self, name: bytes, value: bytes) -> None:
        self.items.append((name, value))

    def literal_begins(self, name: bytes, size: int, binary: bool) -> None:
        self.items.append((name, b"{%d}\r\n" % size))

    def literal_octets(self, octets: Octets) -> None:
        name, value = self.items[-1]
        self.items[-1] = name, value + octets.data

    def literal(self, name: bytes, octets: bytes, binary: bool) -> None:
        raise AssertionError("it is read in fragments")

    def fetch_ends(self) -> None:
        self.whole = True

    def fetch_unreadable(self) -> None:
        self.whole = False


class ModelClient:
    """``settled`` is the time from which on everything that was said has been heard."""

    def __init__(self, world: World, session: ModelSession) -> None:
        self._world = world
        self._session = session
        self._framer = ResponseFramer()
        self._response: list[Line | Octets] = []
        self._view: list[Message] | None = None
        self._selecting: Event | None = None
        self._tags = 0
        self.said: deque[Said] = deque()
        self.settled = world.time
        self.idling = False
        self.bye = False

    def command(self, name: bytes, rest: bytes = b"") -> bytes:
        """A command, and what is expected of its answer is remembered."""
        self._tags += 1
        said = Said(b"t%d" % self._tags, name, rest, self._world.time)
        if name.endswith(b"FETCH"):
            said.asked = list(split_asked(rest.partition(b" ")[2]))
        self.said.append(said)
        if len(self.said) == 1:
            self._first(said)
        return said.tag + b" " + name + (b" " + rest if rest else b"") + b"\r\n"

    def _first(self, said: Said) -> None:
        said.view = None if self._view is None else list(self._view)

    def hears(self, octets: bytes) -> None:
        """Check what the proxy has said."""
        self._framer.feed(octets)
        while (fragment := self._framer.next_fragment()) is not None:
            assert isinstance(fragment, Line | Octets), fragment
            self._response.append(fragment)
            if isinstance(fragment, Line) and fragment.literal is None:
                response, self._response = self._response, []
                self._hears_response(response)

    @property
    def between_responses(self) -> bool:
        return not self._response and not self._framer.buffered

    def _hears_response(self, response: list[Line | Octets]) -> None:
        first = response[0]
        assert isinstance(first, Line)
        words = first.data.split(b" ", 2)
        found = FETCH_BEGINS.match(first.data)
        if first.data.startswith(b"+"):
            assert self.said[0].name == b"IDLE", first
            self.idling = True
        elif words[0] != b"*":
            self._tagged(words[0], words[1])
        elif found is not None:
            items = _Items()
            scanner = FetchScanner(items)
            scanner.begin(first, found)
            for fragment in response[1:]:
                if isinstance(fragment, Line):
                    scanner.line(fragment)
                else:
                    scanner.octets(fragment)
            assert items.whole, response
            self._fetched(items.number, items.items)
        elif words[-1] == b"EXISTS\r\n":
            self._exists(int(words[1]))
        elif words[-1] == b"EXPUNGE\r\n":
            self._expunged(int(words[1]))
        elif words[1] == b"BYE":
            self.bye = True

    # -- the mailbox ---------------------------------------------------------------------------

    def _next_event(self, kind: str) -> Event:
        events = self._session.events
        leaves = any(said.name in _ENDS for said in self.said)
        while events and events[0].kind != kind and leaves and kind == "select":
            events.popleft()  # the proxy need not tell of a mailbox that is being left
        assert events and events[0].kind == kind, (kind, events)
        return events.popleft()

    def _exists(self, count: int) -> None:
        said = self.said[0] if self.said else None
        if said is not None and said.name in (b"SELECT", b"EXAMINE"):
            if self._session.events and self._session.events[0].kind == "exists":
                assert self._view is not None
                if len(self._view) + len(self._session.events[0].messages) == count:
                    self._view += self._session.events.popleft().messages
                    return
            self._selecting = self._next_event("select")
            assert len(self._selecting.messages) == count
            self._view = None
            return
        event = self._next_event("exists")
        assert self._view is not None
        self._view += event.messages
        assert len(self._view) == count

    def _expunged(self, number: int) -> None:
        assert self.said, "EXPUNGE while no command is in progress"
        assert not self.said[0].keeps_numbers, f"EXPUNGE during {self.said[0]}"
        event = self._next_event("expunge")
        assert event.number == number
        assert self._view is not None and (self._view.pop(number - 1),) == event.messages

    def _fetched(self, number: int, items: list[tuple[bytes, bytes]]) -> None:
        assert self._view is not None, "FETCH while no mailbox is selected"
        assert 1 <= number <= len(self._view), (number, self._view)
        message = self._view[number - 1]
        said = self.said[0] if self.said else None
        asked = [] if said is None else said.asked
        names = [name for name, _ in items]
        assert len(set(names)) == len(names), names
        for name, value in items:
            if name == b"FLAGS":
                since = min(self.settled, said.time if said is not None else self._world.time)
                possible = {flag_list(flags) for flags in message.flags_since(since)}
                assert value in possible, (value, possible)
            elif name == b"UID":
                assert value == b"%d" % message.uid, (number, value, message.uid)
            else:
                right = [one for one in asked if ANSWERS[one][0] == name]
                assert right, f"{name!r} was not asked for by {said}"
                assert value == ANSWERS[right[0]][1](message), (number, name, value[:200])
        self._note(said, message, names)

    def _note(self, said: Said | None, message: Message, names: list[bytes]) -> None:
        """Take note of an answer that has everything that was asked for."""
        if said is None or not said.asked:
            return
        wanted = {ANSWERS[one][0] for one in said.asked}
        if said.name == b"UID FETCH":
            wanted.add(b"UID")
        if not wanted <= set(names) or (wanted <= {b"UID", b"FLAGS"} and len(wanted) == 1):
            if wanted <= set(names):
                said.answered.append(message)
            return
        if not wanted <= {b"UID", b"FLAGS"}:
            assert message not in said.answered, f"told twice: {message.uid} by {said}"
        extra = set(names) - wanted - {b"FLAGS"}
        assert extra <= ({b"UID"} if wanted <= {b"FLAGS"} else set()), (names, said)
        said.answered.append(message)

    # -- the end of commands -------------------------------------------------------------------

    def _tagged(self, tag: bytes, status: bytes) -> None:
        assert self.said, tag
        said = self.said.popleft()
        assert tag == said.tag, (tag, said)
        if said.name == b"IDLE":
            self.idling = False
        if said.name in (b"SELECT", b"EXAMINE"):
            self._view = None
            if status == b"OK":
                assert self._selecting is not None
                self._view, self._selecting = list(self._selecting.messages), None
        elif said.name in _ENDS and status == b"OK":
            self._view = None
        elif said.asked and status == b"OK":
            self._check_complete(said)
        if self.said:
            self._first(self.said[0])

    def _check_complete(self, said: Said) -> None:
        """Everything that the command meant was answered."""
        view = said.view
        assert view is not None and self._view is not None, said
        by_uid = said.name == b"UID FETCH"
        ends = SequenceSet.decode(said.rest.partition(b" ")[0]).resolve(
            (view[-1].uid if by_uid else len(view)) if view else 0
        )
        for number, message in enumerate(view, 1):
            is_meant = any(low <= (message.uid if by_uid else number) <= high for low, high in ends)
            if is_meant and message in self._view and message not in said.answered:
                what = "opened" if any(map(opens, said.asked)) else "answered"
                raise AssertionError(f"message {number} was not {what}: {said}")
