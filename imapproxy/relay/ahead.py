"""What is in flight in front of a FETCH, and what it may do to the numbers of messages."""

from collections.abc import Iterable
from enum import Enum

from imapproxy.relay.known_commands import BY_UID, KEEPS_NUMBERS
from imapproxy.relay.planned_fetch import PlannedFetch
from imapproxy.relay.relayed_command import RelayedCommand


class Ahead(Enum):
    """What is in flight in front of a FETCH."""

    NUMBERS_STAND = "nothing that lets the upstream tell of expunged messages"
    BY_UID = "commands that let it, but none that names messages by number"
    ANYTHING = "anything else"


def ahead_of(in_flight: Iterable[RelayedCommand | PlannedFetch | bytes]) -> Ahead:
    """What is there among the commands without an answer; octets are an answer that waits."""
    found = Ahead.NUMBERS_STAND
    for command in in_flight:
        if isinstance(command, bytes):
            continue
        if isinstance(command, PlannedFetch):
            by_uid = command.asked.by_uid and command.asks
        elif command.name in KEEPS_NUMBERS:
            by_uid = False
        elif command.name in BY_UID:
            by_uid = True
        else:
            return Ahead.ANYTHING
        if by_uid:
            found = Ahead.BY_UID
    return found
