"""The transcript: what every connection said and heard, credentials left out."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from fakeserver.conversation import Conversation, lines_of, text_of
from fakeserver.reply import Tagged
from imapproxy.wire.commands import CommandBody

HIDDEN = b"(hidden)"
# Octets of conversations that are kept.
MAX_OCTETS = 256 * 1024 * 1024
_CREDENTIALS = re.compile(
    rb"\A(\S+ +(?:LOGIN|AUTHENTICATE +[^ \r\n]+)) +[^\r\n].*\Z", re.IGNORECASE | re.DOTALL
)


def without_credentials(octets: bytes) -> bytes:
    """A command as it may be shown: of LOGIN and AUTHENTICATE the arguments are left out."""
    return _CREDENTIALS.sub(rb"\1 " + HIDDEN + rb"\r\n", octets)


@dataclass
class CommandRecord:
    """One command. ``octets`` as the client sent it, less credentials; ``body`` parsed.

    ``body`` is ``None`` where it could not be parsed, and for LOGIN and AUTHENTICATE. ``reply`` is
    the tagged reply once there is one.
    """

    connection: int
    user: str
    tag: bytes
    name: str
    octets: bytes
    body: CommandBody | None = None
    reply: Tagged | None = None


@dataclass
class ConnectionRecord:
    """One connection: its commands, and both directions in the order in which they happened."""

    number: int
    port: str
    commands: list[CommandRecord] = field(default_factory=list)
    lines: list[tuple[str, bytes]] = field(default_factory=list)
    client_id: dict[bytes, bytes | None] = field(default_factory=dict)
    closed: bool = False
    on_command: Callable[[], None] = field(default=lambda: None, repr=False, compare=False)
    on_said: Callable[[int], None] = field(default=lambda _: None, repr=False, compare=False)

    def commanded(self, command: CommandRecord) -> None:
        """The client gave a command, of which all has come."""
        self.commands.append(command)
        self.on_command()

    def received(self, octets: bytes) -> None:
        """The client said something, credentials left out."""
        self.lines.append(("C", octets))
        self.on_said(len(octets))

    def sent(self, octets: bytes) -> None:
        """The server said something."""
        self.lines.append(("S", octets))
        self.on_said(len(octets))

    def forget(self, octets: int) -> int:
        """Forget the oldest lines, of so many octets at least; how many they had is returned."""
        forgotten = count = 0
        while forgotten < octets and count < len(self.lines):
            forgotten += len(self.lines[count][1])
            count += 1
        del self.lines[:count]
        if count:
            # Commands hold what was appended; the last may still wait for its reply.
            del self.commands[:-1]
        return forgotten

    def conversation(self) -> Conversation:
        """The conversation, to be shown or replayed."""
        return Conversation(f"connection {self.number}, {self.port}", lines_of(self.lines))

    def text(self) -> str:
        """The conversation as ``C:`` and ``S:`` lines."""
        return text_of([self.conversation()])


class Transcript:
    """The records of one server.

    Behind ``limit`` octets the oldest are forgotten, so that a server can run for long.
    """

    def __init__(self, limit: int = MAX_OCTETS) -> None:
        self.limit = limit
        self._octets = 0
        self.connections: list[ConnectionRecord] = []
        self._opened = 0
        self._listeners: list[Callable[[], bool]] = []

    def tell(self, listener: Callable[[], bool]) -> None:
        """Call this now and with every command that comes, until it returns true."""
        if not listener():
            self._listeners.append(listener)

    def open(self, port: str) -> ConnectionRecord:
        """A connection came in; ``port`` is ``imap`` or ``imaps``."""
        self._opened += 1
        record = ConnectionRecord(self._opened, port, on_command=self._tell, on_said=self._count)
        self.connections.append(record)
        return record

    def commands(self, name: str | None = None, user: str | None = None) -> list[CommandRecord]:
        """Commands in the order in which they came, connection by connection.

        ``name``: ``"FETCH"`` finds FETCH and UID FETCH, ``"UID FETCH"`` the latter alone.
        """
        return [
            command
            for command in self._all()
            if _is_called(command.name, name) and user in (None, command.user)
        ]

    def text(self) -> str:
        """All conversations, one after the other; :mod:`fakeserver.replay` can play them again."""
        return text_of(connection.conversation() for connection in self.connections)

    def clear(self) -> None:
        """Forget what was said so far, of open connections as well."""
        self.connections = [one for one in self.connections if not one.closed]
        for connection in self.connections:
            connection.commands.clear()
            connection.lines.clear()
        self._octets = 0

    def _count(self, octets: int) -> None:
        self._octets += octets
        if self._octets > self.limit:
            # By half, so that it is not done with each line from here on.
            for connection in self.connections:
                self._octets -= connection.forget(self._octets - self.limit // 2)
            self.connections = [one for one in self.connections if one.lines or not one.closed]

    def _tell(self) -> None:
        self._listeners = [one for one in self._listeners if not one()]

    def _all(self) -> Iterator[CommandRecord]:
        for connection in self.connections:
            yield from connection.commands


def _is_called(name: str, wanted: str | None) -> bool:
    if wanted is None:
        return True
    wanted = wanted.upper()
    return name == wanted or name == f"UID {wanted}"
