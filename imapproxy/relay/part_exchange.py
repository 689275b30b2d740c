"""The commands that the parts of a planned FETCH become."""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Protocol

from imapproxy.cache.plan import Kind, Part, Targets
from imapproxy.cache.request import SIGN, Asked, Question
from imapproxy.cache.shape import canonical
from imapproxy.relay.answers import Told
from imapproxy.upstream.errors import UpstreamError
from imapproxy.upstream.exchange import Exchange

# Whole stretches of answers to a question without payload, as most servers spell them: the number,
# the UID, and the flags where those were asked for. Anything else is read response by response.
_UID_ALONE = re.compile(rb"^\* ([0-9]+) FETCH \(UID ([0-9]+)\)\r\n", re.MULTILINE)
_WITH_FLAGS = re.compile(
    rb"^\* ([0-9]+) FETCH \(UID ([0-9]+) FLAGS (\([^()\r\n]*+\))\)\r\n", re.MULTILINE
)
_FLAGS_FIRST = re.compile(
    rb"^\* ([0-9]+) FETCH \(FLAGS (\([^()\r\n]*+\)) UID ([0-9]+)\)\r\n", re.MULTILINE
)
# What an upstream may tell along with what it was asked for.
_ALONG = frozenset((b"FLAGS", b"MODSEQ"))
# A sign of a message has one octet at most: ``{1}CRLF`` and that.
_LONGEST_SIGN = 6


class PartOwner(Protocol):
    """The planned FETCH."""

    def say(self, exchange: "PartExchange", number: int, uid: int, told: Told) -> None:
        """Answer for one message, of which the upstream has told a part."""

    def say_all(
        self, exchange: "PartExchange", targets: Targets, flags: Sequence[bytes] | None
    ) -> None:
        """Answer for many, of which the upstream has told the flags or (``None``) nothing."""

    def part_answered(self, exchange: "PartExchange", text: bytes) -> None:
        """The upstream's last word to one part."""

    def lost(self, error: UpstreamError) -> None:
        """The upstream is gone."""


class PartExchange(Exchange):
    """The command that one part has become; ``words`` is it behind its tag."""

    __slots__ = ("_owner", "answered", "part")

    def __init__(self, owner: PartOwner, part: Part) -> None:
        super().__init__()
        self._owner = owner
        self.part = part
        self.answered = False

    @property
    def words(self) -> bytes:
        """The command behind its tag."""
        raise NotImplementedError

    def _words(self, attributes: bytes) -> bytes:
        uid = b" UID FETCH " if self.part.by_uid else b" FETCH "
        numbers = self.part.targets.ranges(by_uid=self.part.by_uid).encode()
        return uid + numbers + b" " + attributes + b"\r\n"

    def tagged_response(self, text: bytes) -> None:
        """See :class:`Exchange`."""
        self.answered = True
        self._owner.part_answered(self, text)

    def connection_lost(self, error: UpstreamError) -> None:
        """See :class:`Exchange`."""
        self._owner.lost(error)


class Passing(PartExchange):
    """Asks in the client's own words; the answers go to the client as they come."""

    __slots__ = ("_spelled",)

    def __init__(self, owner: PartOwner, part: Part, asked: Asked) -> None:
        super().__init__(owner, part)
        self._spelled = asked.spelled

    @property
    def words(self) -> bytes:
        """See :class:`PartExchange`."""
        return self._words(self._spelled)

    def means(self, number: int) -> bool:
        """Whether message ``number`` is one of those that are asked for."""
        numbers = self.part.targets.numbers
        index = bisect_left(numbers, number)
        return index < len(numbers) and numbers[index] == number


class Asking(PartExchange):
    """Asks for what is not held, and claims the responses that tell it."""

    __slots__ = ("_open", "_question", "_told", "_wants_uid")

    def __init__(self, owner: PartOwner, part: Part, asked: Asked, question: Question) -> None:
        super().__init__(owner, part)
        self._question = question.words
        self._open = bytearray(b"\x01" * len(part.targets.uids))
        self._told = question.names
        self._wants_uid = asked.wants_uid

    @property
    def words(self) -> bytes:
        """See :class:`PartExchange`."""
        return self._words(self._question)

    def claims(self, number: int, uid: int, items: Told) -> bool:
        """Whether a FETCH response is an answer to this; if so, it is used.

        ``uid`` is the UID in the response, 0 where there is none.
        """
        uids = self.part.targets.uids
        index = bisect_left(uids, uid)
        if self.answered or index == len(uids) or uids[index] != uid or not self._open[index]:
            return False
        names = {canonical(name) for name, _ in items}
        if not self._told <= names or names - self._told - _ALONG or _is_longer_than_a_sign(items):
            return False
        self._open[index] = 0
        self._owner.say(self, number, uid, self._without_extras(items))
        return True

    def claims_run(self, run: bytes) -> bool:
        """The same for a stretch of whole responses, of which all are taken or none (hot)."""
        found = self._read(run)
        if found is None or self.answered:
            return False
        numbers, uids, flags = found
        targets = self.part.targets
        start = bisect_left(targets.uids, uids[0])
        stop = start + len(uids)
        if targets.uids[start:stop].tolist() != uids or not all(self._open[start:stop]):
            return False
        if targets.numbers[start:stop].tolist() != numbers:
            return False
        self._open[start:stop] = bytes(len(uids))
        self._owner.say_all(self, targets.cut(start, stop), flags)
        return True

    def _read(self, run: bytes) -> tuple[list[int], list[int], list[bytes] | None] | None:
        if self._told == {b"UID"}:
            found = _UID_ALONE.findall(run)
            number, uid, flags = 0, 1, None
        elif self._told != {b"UID", b"FLAGS"}:
            return None
        elif b" FETCH (UID " in run[:32]:
            found = _WITH_FLAGS.findall(run)
            number, uid, flags = 0, 1, 2
        else:
            found = _FLAGS_FIRST.findall(run)
            number, uid, flags = 0, 2, 1
        if not found or len(found) != run.count(b"\n"):
            return None
        columns = list(zip(*found, strict=True))
        told = None if flags is None else list(columns[flags])
        return list(map(int, columns[number])), list(map(int, columns[uid])), told

    def unclaimed(self) -> Iterator[tuple[int, int]]:
        """Numbers and UIDs of messages of which no response was taken for an answer."""
        targets = self.part.targets
        for index, is_open in enumerate(self._open):
            if is_open:
                yield targets.numbers[index], targets.uids[index]

    def _without_extras(self, items: Told) -> Told:
        """What goes to the client: neither the touch, nor a UID that it did not ask for."""
        return tuple(
            item
            for item in items
            if canonical(item[0]) != SIGN and (self._wants_uid or item[0].upper() != b"UID")
        )


def _is_longer_than_a_sign(items: Told) -> bool:
    """Whether a FETCH of the client's has asked for more of the message by the same name."""
    return any(len(value) > _LONGEST_SIGN and canonical(name) == SIGN for name, value in items)


def exchange_for(
    owner: PartOwner, part: Part, asked: Asked, question: Question
) -> PartExchange | None:
    """What has to be asked for a part, if anything has."""
    match part.kind:
        case Kind.ASK:
            return Asking(owner, part, asked, question)
        case Kind.RELAY:
            return Passing(owner, part, asked)
        case Kind.SERVE:
            return None
