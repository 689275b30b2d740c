"""A client's commands, whole, as an offline session takes them.

What would write is refused as soon as its name is known, before any literal of it was taken.
"""

from typing import NamedTuple

from imapproxy.relay.client_line import read_client_line, tag_of_broken_line
from imapproxy.relay.client_port import ClientPort
from imapproxy.relay.gathering import CommandTooLong, Gathering
from imapproxy.wire.framing import Fragment, Line, Literal, Malformed, Octets

_MAX_OCTETS = 64 * 1024  # of one command, literals and all: a SEARCH may be long
_OFFLINE = b" NO [UNAVAILABLE] Offline: nothing can be changed\r\n"
#: Commands that change something, be it on the server alone.
WRITES = frozenset(
    b"STORE COPY MOVE EXPUNGE CREATE DELETE RENAME SUBSCRIBE UNSUBSCRIBE APPEND REPLACE SETACL"
    b" DELETEACL SETQUOTA SETMETADATA RESETKEY".split()
) | {b"UID STORE", b"UID COPY", b"UID MOVE", b"UID EXPUNGE", b"UID REPLACE"}


class Answer(NamedTuple):
    """What is said to a command that is not looked at any further; ``fatal`` ends the session."""

    octets: bytes
    fatal: bool = False


class Commands:
    """Makes commands of fragments; skips the rest of what was answered."""

    def __init__(self, client: ClientPort) -> None:
        self._client = client
        self._gathering = Gathering(_MAX_OCTETS)
        self._discarding = False

    def take(self, fragment: Fragment) -> bytes | Answer | None:
        """A whole command, an answer to one, or nothing yet."""
        if isinstance(fragment, Octets):
            if not self._discarding:
                self._gathering.octets(fragment)
            return None
        if isinstance(fragment, Malformed):
            return self._malformed(fragment)
        if self._discarding:
            self._discard(fragment.literal)
            return None
        return self._line(fragment)

    @property
    def is_inside(self) -> bool:
        """Whether a command has begun and not ended."""
        return self._discarding or bool(self._gathering.start)

    def _line(self, line: Line) -> bytes | Answer | None:
        if not self._gathering.start:
            command = read_client_line(line.data)
            if command is not None and command.name in WRITES:
                self._discard(line.literal)
                return Answer(command.tag + _OFFLINE)
        try:
            whole = self._gathering.line(line)
        except CommandTooLong as error:
            self._discard(line.literal)
            return Answer(tag_of_broken_line(error.start) + b" BAD Command too long\r\n")
        if whole is None and line.literal is not None and line.literal.synchronizing:
            self._client.write(b"+ OK\r\n")
            self._client.accept_literal()
        return whole

    def _malformed(self, malformed: Malformed) -> Answer:
        tag = tag_of_broken_line(self._gathering.start or malformed.start)
        self._gathering.forget()
        self._discarding = False
        return Answer(tag + b" BAD " + malformed.reason.encode() + b"\r\n", malformed.fatal)

    def _discard(self, literal: Literal | None) -> None:
        self._discarding = literal is not None and not literal.synchronizing
        if literal is not None and literal.synchronizing:
            self._client.refuse_literal()
