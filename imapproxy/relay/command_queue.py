"""What a client has begun and was not answered yet, in the order in which it was said."""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from imapproxy.relay.outcomes import expunge_question
from imapproxy.relay.planned_fetch import PlannedFetch
from imapproxy.relay.relayed_command import RelayedCommand
from imapproxy.relay.repeating import Fate, fate_of

#: A command that waits for its tagged response.
Command = RelayedCommand | PlannedFetch

# One that is said again and again may be what ends the partner.
_MAX_REPEATS = 2
_STORES = frozenset((b"STORE", b"UID STORE"))


class CommandQueue:
    """Commands, and answers (octets) that wait until those before them were said."""

    def __init__(self) -> None:
        self._items: deque[Command | bytes] = deque()

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, item: object) -> bool:
        return item in self._items

    def __iter__(self) -> Iterator[Command | bytes]:
        return iter(self._items)

    @property
    def first(self) -> Command | bytes:
        """The one that was said first; there has to be one."""
        return self._items[0]

    def append(self, item: Command | bytes) -> None:
        """Put one behind all others."""
        self._items.append(item)

    def popleft(self) -> None:
        """Let go of the first."""
        self._items.popleft()

    def remove(self, item: Command) -> None:
        """Let go of one."""
        self._items.remove(item)

    def take_all(self) -> "deque[Command | bytes]":
        """Let go of all; which they were."""
        items, self._items = self._items, deque()
        return items

    def unanswered(self) -> Iterator[Command]:
        """Commands without their tagged response."""
        for item in self._items:
            if not isinstance(item, bytes) and not item.answered:
                yield item

    def replace(self, item: Command, answer: bytes) -> None:
        """Put the answer in the place of a command."""
        self._items[self._items.index(item)] = answer

    def partner_lost(self, what: "Lost") -> None:
        """Put an answer in the place of each command that may not be said again, and of which it
        cannot be found out whether it was done.
        """
        stores_behind = _stores_answered(self._items)
        is_first = True
        for at, item in enumerate(self._items):
            if isinstance(item, bytes) or item.answered:
                continue
            is_overtaken = at < stores_behind and item.name in _STORES
            if item is what.half_written:
                self._items[at] = not_done(item.client_tag, what.reason)
            elif is_overtaken or not (
                _may_be_said_again(item, what) or (_may_be_asked(item, what, is_first=is_first))
            ):
                self._items[at] = outcome_unknown(item.client_tag, what.reason)
            is_first = False


class Lost(NamedTuple):
    """What there was when the partner was lost: ``told`` counts what the client was told up to
    then, ``idling`` is its IDLE, ``half_written`` what it had not said to the end. With
    ``may_expunge`` a mailbox is selected that can be changed.
    """

    reason: bytes
    told: int
    idling: Command | None
    half_written: Command | None
    may_expunge: bool


def not_done(tag: bytes, reason: bytes) -> bytes:
    """The answer to a command of which the partner never had all."""
    return tag + b" NO [UNAVAILABLE] Not done: " + reason + b"\r\n"


def outcome_unknown(tag: bytes, reason: bytes) -> bytes:
    """The answer to a command whose partner was lost."""
    return tag + b" NO [UNAVAILABLE] Outcome unknown: " + reason + b"\r\n"


def _stores_answered(items: Sequence[Command | bytes]) -> int:
    """Where the last STORE stands that has its answer: what was said before it would, said again,
    have the last word.
    """
    places = (
        at
        for at, item in enumerate(items)
        if not isinstance(item, bytes) and item.answered and item.name in _STORES
    )
    return max(places, default=0)


def _may_be_said_again(command: Command, what: Lost) -> bool:
    if command.repeats >= _MAX_REPEATS and command is not what.idling:
        return False
    fate = Fate.UNKNOWN if command.line is None else fate_of(command.line)
    return fate is Fate.REPEATED or (
        fate is Fate.REPEATED_IF_UNTOLD and _is_untold(command, what.told)
    )


def _may_be_asked(command: Command, what: Lost, *, is_first: bool) -> bool:
    """Whether it can be found out if it was done; its question is then set.

    An EXPUNGE behind another command without an answer could be found to have nothing to do since
    that was not done.
    """
    if isinstance(command, PlannedFetch):
        return False
    if command.question is None and is_first and what.may_expunge:
        command.question = expunge_question(command.line)
    return command.question is not None and command.question.may_ask


def _is_untold(command: Command, told: int) -> bool:
    """Whether nothing of its answer can have been told."""
    if isinstance(command, PlannedFetch):
        if not command.begun:
            return True
        if command.has_answers:
            return False
    return command.told_before == told
