"""What a client has begun and was not answered yet, in the order in which it was said."""

from collections import deque
from collections.abc import Iterator

from imapproxy.relay.planned_fetch import PlannedFetch
from imapproxy.relay.relayed_command import RelayedCommand
from imapproxy.relay.repeating import Fate, fate_of

#: A command that waits for its tagged response.
Command = RelayedCommand | PlannedFetch

# One that is said again and again may be what ends the partner.
_MAX_REPEATS = 2


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

    def partner_lost(self, told: int, idling: Command | None, reason: bytes) -> None:
        """Put an answer in the place of each command that may not be said again.

        ``told`` counts what the client was told up to now, ``idling`` is its IDLE.
        """
        for at, item in enumerate(self._items):
            if isinstance(item, bytes) or item.answered:
                continue
            is_worn = item.repeats >= _MAX_REPEATS and item is not idling
            if is_worn or not _may_be_said_again(item, told):
                self._items[at] = outcome_unknown(item.client_tag, reason)


def outcome_unknown(tag: bytes, reason: bytes) -> bytes:
    """The answer to a command whose partner was lost."""
    return tag + b" NO [UNAVAILABLE] Outcome unknown: " + reason + b"\r\n"


def _may_be_said_again(command: Command, told: int) -> bool:
    fate = Fate.UNKNOWN if command.line is None else fate_of(command.line)
    return fate is Fate.REPEATED or (fate is Fate.REPEATED_IF_UNTOLD and _is_untold(command, told))


def _is_untold(command: Command, told: int) -> bool:
    """Whether nothing of its answer can have been told."""
    if isinstance(command, PlannedFetch):
        if not command.begun:
            return True
        if command.has_answers:
            return False
    return command.told_before == told
