"""One session of a lawful server: it answers commands one after the other, and tells news."""

import re
from collections import deque
from typing import NamedTuple

from imapproxy.wire.sequence_set import SequenceSet
from tests.relay.model.world import (
    ANSWERS,
    SEEN,
    Box,
    Message,
    World,
    flag_list,
    opens,
    sets_seen,
    split_asked,
)

_COMMAND = re.compile(rb"(\S+) (UID )?(\S+) ?(.*)\r\n\Z", re.DOTALL)
_KEEP_NUMBERS = (b"FETCH", b"STORE", b"SEARCH")


class Event(NamedTuple):
    """Something that was told of the mailbox: which messages it has, or which came or went."""

    kind: str
    messages: tuple[Message, ...]
    number: int = 0


class ModelSession:
    """``tells_uid`` adds UIDs to news of flags; ``flags_first`` is about the order of items.

    ``events`` are what was told and not yet heard by the client.
    """

    def __init__(self, world: World, *, tells_uid: bool, flags_first: bool) -> None:
        self._world = world
        self._tells_uid = tells_uid
        self._flags_first = flags_first
        self._box: Box | None = None
        self._view: list[Message] = []
        self._told: dict[Message, object] = {}  # the flags that the client knows
        self._out: list[bytes] = []
        self._idling = b""
        self.events: deque[Event] = deque()

    def answer(self, line: bytes) -> bytes:
        """Everything that is said to one line of the client."""
        self._out = []
        if self._idling:
            assert line.upper() == b"DONE\r\n", line
            tag, self._idling = self._idling, b""
            self._out.append(tag + b" OK Idle completed.\r\n")
            return b"".join(self._out)
        found = _COMMAND.match(line)
        assert found is not None, line
        tag, by_uid, name, rest = found[1], found[2] is not None, found[3].upper(), found[4]
        status = getattr(self, "_" + name.decode().lower())(rest, by_uid)
        if name == b"IDLE":
            self._idling = tag
            return b"+ idling\r\n" + self.idle_news()
        if self._box is not None and name not in (b"SELECT", b"EXAMINE"):
            self._tell_news(expunges=by_uid or name not in _KEEP_NUMBERS)
        self._out.append(tag + b" " + status + b"\r\n")
        return b"".join(self._out)

    # -- news --------------------------------------------------------------------------------

    def idle_news(self) -> bytes:
        """What an idling client is told at once."""
        self._out = []
        if self._idling and self._box is not None:
            self._tell_news(expunges=True)
        return b"".join(self._out)

    def _tell_news(self, *, expunges: bool) -> None:
        box = self._box
        assert box is not None
        here = set(box.messages)
        if expunges:
            for message in [one for one in self._view if one not in here]:
                self._take_out(message)
        known = set(self._view)
        fresh = [message for message in box.messages if message not in known]
        if fresh:
            self._view += fresh
            self._out.append(b"* %d EXISTS\r\n" % len(self._view))
            self.events.append(Event("exists", tuple(fresh)))
            self._told.update((message, message.flags) for message in fresh)
        for number, message in enumerate(self._view, 1):
            if self._told[message] != message.flags:
                self._tell_flags(number, message, with_uid=self._tells_uid)

    def _take_out(self, message: Message) -> None:
        number = self._view.index(message) + 1
        del self._view[number - 1]
        self._out.append(b"* %d EXPUNGE\r\n" % number)
        self.events.append(Event("expunge", (message,), number))

    def _tell_flags(self, number: int, message: Message, *, with_uid: bool) -> None:
        self._told[message] = message.flags
        uid = b" UID %d" % message.uid if with_uid else b""
        self._out.append(b"* %d FETCH (FLAGS %b%b)\r\n" % (number, flag_list(message.flags), uid))

    # -- commands ------------------------------------------------------------------------------

    def _noop(self, rest: bytes, by_uid: bool) -> bytes:
        return b"OK Done."

    _check = _idle = _noop

    def _xyzzy(self, rest: bytes, by_uid: bool) -> bytes:
        return b"BAD Nothing happens."

    def _logout(self, rest: bytes, by_uid: bool) -> bytes:
        self._out.append(b"* BYE Logging out\r\n")
        self._box = None
        return b"OK Bye."

    def _select(self, rest: bytes, by_uid: bool) -> bytes:
        self._box = self._world.boxes.get(rest.strip(b'"'))
        if self._box is None:
            return b"NO No such mailbox."
        self._view = list(self._box.messages)
        self._told = {message: message.flags for message in self._view}
        self._out.append(b"* %d EXISTS\r\n" % len(self._view))
        self._out.append(b"* OK [UIDVALIDITY %d] .\r\n" % self._box.uid_validity)
        self._out.append(b"* OK [UIDNEXT %d] .\r\n" % self._box.uid_next)
        self.events.append(Event("select", tuple(self._view)))
        return b"OK [READ-WRITE] Selected."

    _examine = _select

    def _close(self, rest: bytes, by_uid: bool) -> bytes:
        if self._box is None:
            return b"BAD No mailbox is selected."
        self._box = None
        return b"OK Closed."

    _unselect = _close

    def _search(self, rest: bytes, by_uid: bool) -> bytes:
        if self._box is None:
            return b"BAD No mailbox is selected."
        found = [m.uid if by_uid else number for number, m in enumerate(self._view, 1)]
        self._out.append(b"* SEARCH" + b"".join(b" %d" % number for number in found) + b"\r\n")
        return b"OK Searched."

    def _meant(self, written: bytes, by_uid: bool) -> list[tuple[int, Message]] | None:
        """Numbers and messages; ``None`` for numbers that are out of range."""
        view = self._view
        ends = SequenceSet.decode(written).resolve(
            (view[-1].uid if by_uid else len(view)) if view else 0
        )
        if not by_uid and (not view or any(high > len(view) for _, high in ends)):
            return None
        return [
            (number, message)
            for number, message in enumerate(view, 1)
            if any(low <= (message.uid if by_uid else number) <= high for low, high in ends)
        ]

    def _fetch(self, rest: bytes, by_uid: bool) -> bytes:
        written, _, attributes = rest.partition(b" ")
        meant = self._meant(written, by_uid) if self._box is not None else None
        if meant is None:
            return b"BAD There is no such message."
        asked = list(split_asked(attributes))
        if by_uid and b"UID" not in asked:
            asked.insert(0 if self._flags_first else len(asked), b"UID")
        if self._flags_first and b"FLAGS" in asked:
            asked.remove(b"FLAGS")
            asked.insert(0, b"FLAGS")
        gone = False
        for number, message in meant:
            gone = not self._answer_one(number, message, asked) or gone
        return b"NO [EXPUNGEISSUED] Some are gone." if gone else b"OK Fetched."

    def _answer_one(self, number: int, message: Message, asked: list[bytes]) -> bool:
        assert self._box is not None
        if any(map(opens, asked)) and message not in self._box.messages:
            return False
        if any(map(sets_seen, asked)):
            self._world.set_flags(message, message.flags | {SEEN})
        items = [b" ".join((ANSWERS[one][0], ANSWERS[one][1](message))) for one in asked]
        if self._told[message] != message.flags and b"FLAGS" not in asked:
            items.append(b"FLAGS " + flag_list(message.flags))
        if any(item.startswith(b"FLAGS ") for item in items):
            self._told[message] = message.flags
        self._out.append(b"* %d FETCH (%b)\r\n" % (number, b" ".join(items)))
        return True

    def _store(self, rest: bytes, by_uid: bool) -> bytes:
        written, item, flag = rest.split(b" ", 2)
        meant = self._meant(written, by_uid) if self._box is not None else None
        if meant is None:
            return b"BAD There is no such message."
        flags = frozenset(flag.strip(b"()").split())
        for number, message in meant:
            changed = message.flags - flags if item.startswith(b"-") else message.flags | flags
            self._world.set_flags(message, changed)
            self._told[message] = message.flags
            if not item.endswith(b".SILENT"):
                self._tell_flags(number, message, with_uid=by_uid or self._tells_uid)
        return b"OK Stored."

    def _expunge(self, rest: bytes, by_uid: bool) -> bytes:
        if self._box is None:
            return b"BAD No mailbox is selected."
        for message in [one for one in self._box.messages if b"\\Deleted" in one.flags]:
            self._world.expunge(self._box, message)
        return b"OK Expunged."

    def _copied(self, rest: bytes, by_uid: bool) -> tuple[list[Message], bytes] | None:
        written, _, name = rest.partition(b" ")
        meant = self._meant(written, by_uid) if self._box is not None else None
        target = self._world.boxes.get(name)
        if meant is None or target is None or self._box is None:
            return None
        here = [message for _, message in meant if message in self._box.messages]
        new = [self._world.deliver(target, one.octets, one.flags) for one in here]
        if not new:
            return [], b""
        old_set, new_set = (
            SequenceSet(tuple((one.uid, one.uid) for one in some)).encode() for some in (here, new)
        )
        return here, b"[COPYUID %d %b %b]" % (target.uid_validity, old_set, new_set)

    def _copy(self, rest: bytes, by_uid: bool) -> bytes:
        copied = self._copied(rest, by_uid)
        return b"NO Not copied." if copied is None else b"OK " + (copied[1] or b"Nothing") + b" ."

    def _move(self, rest: bytes, by_uid: bool) -> bytes:
        copied = self._copied(rest, by_uid)
        if copied is None:
            return b"NO Not moved."
        moved, code = copied
        if code:
            self._out.append(b"* OK " + code + b" Moved.\r\n")
        assert self._box is not None
        for message in moved:
            self._world.expunge(self._box, message)
        return b"OK Done."
