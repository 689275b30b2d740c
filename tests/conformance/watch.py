"""What holds in any conversation, whatever the script says of it: RFC 3501 as an onlooker."""

import re

from imapproxy.wire.decode_response import decode_response
from imapproxy.wire.errors import DecodeError
from imapproxy.wire.responses import (
    Exists,
    Expunged,
    FetchData,
    Recent,
    StatusResponse,
    Vanished,
)

# RFC 3501 section 7.4.1: not while one of these is in progress, nor while no command is.
_NO_EXPUNGE = re.compile(rb"(FETCH|STORE|SEARCH|SORT|THREAD)\b", re.IGNORECASE)
_SELECTS = re.compile(rb"(SELECT|EXAMINE|CLOSE|UNSELECT|DELETE|RENAME)\b", re.IGNORECASE)


class Watch:
    """Follows one connection: how many messages it knows of, and which UID is which."""

    def __init__(self) -> None:
        self.exists: int | None = None
        self.uids: dict[int, int] = {}
        self._commands: dict[bytes, bytes] = {}

    def command(self, tag: bytes, text: bytes) -> None:
        """The client gives a command."""
        self._commands[tag] = text
        if _SELECTS.match(text):
            self.exists = None
            self.uids.clear()

    def response(self, octets: bytes) -> str:
        """The server says something; what is wrong with it, empty where nothing is."""
        try:
            response = decode_response(octets)
        except DecodeError as error:
            return f"cannot be decoded ({error})"
        match response:
            case Exists(count):
                return self._on_exists(count)
            case Expunged(number):
                return self._on_expunge(number)
            case Recent(count) if self.exists is not None and count > self.exists:
                return f"{count} are recent of {self.exists}"
            case FetchData():
                return _unreadable_item(response) or self._on_fetch(response)
            case Vanished(earlier=False):
                # Which numbers they had is for the client to work out, and the server can tell
                # of UIDs that were never there.
                self.exists = None
                self.uids.clear()
            case StatusResponse(tag=tag) if tag is not None:
                self._commands.pop(tag, None)
        return ""

    def _on_exists(self, count: int) -> str:
        if self.exists is not None and count < self.exists:
            return f"there were {self.exists} messages, and no EXPUNGE"
        self.exists = count
        return ""

    def _on_expunge(self, number: int) -> str:
        if self.exists is None or not 1 <= number <= self.exists:
            return f"EXPUNGE of what is not there ({self.exists} are)"
        if any(_NO_EXPUNGE.match(text) for text in self._commands.values()):
            return "EXPUNGE in a command with sequence numbers"
        self.exists -= 1
        self.uids = {
            other - (other > number): uid for other, uid in self.uids.items() if other != number
        }
        return ""

    def _on_fetch(self, response: FetchData) -> str:
        number = response.number
        if self.exists is not None and not 1 <= number <= self.exists:
            return f"FETCH of what is not there ({self.exists} are)"
        uid = response.uid
        if uid is None:
            return ""
        if self.uids.setdefault(number, uid) != uid:
            return f"message {number} had UID {self.uids[number]}"
        below = [other for one, other in self.uids.items() if one < number]
        above = [other for one, other in self.uids.items() if one > number]
        if (below and max(below) >= uid) or (above and min(above) <= uid):
            return "UIDs do not ascend"
        return ""


def _unreadable_item(response: FetchData) -> str:
    """Items are decoded when they are asked for: so they are."""
    try:
        _ = (
            response.uid, response.flags, response.mod_seq, response.size,
            response.internal_date, response.envelope, response.body_structure,
        )  # fmt: skip
    except DecodeError as error:
        return f"an item cannot be decoded ({error})"
    return ""
