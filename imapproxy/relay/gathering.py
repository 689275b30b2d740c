"""Gathering a client's whole command, where commands are short: before log-in, and offline."""

from imapproxy.wire.framing import Line, Octets


class CommandTooLong(Exception):
    """The command passed the limit; ``start`` is its beginning."""

    def __init__(self, start: bytes) -> None:
        super().__init__("command too long")
        self.start = start


# How much of a command is kept to answer it by: enough for its tag.
_START = 128


class Gathering:
    """Joins lines and literals to a command of ``limit`` octets at most."""

    __slots__ = ("_limit", "_octets")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._octets = bytearray()

    def line(self, line: Line) -> bytes | None:
        """Add a line; the whole command when this was its last line, else ``None``."""
        self._add(line.data, line.literal.size if line.literal is not None else 0)
        if line.literal is not None:
            return None
        command = bytes(self._octets)
        self._octets.clear()
        return command

    def octets(self, octets: Octets) -> None:
        """Add a piece of a literal."""
        self._octets += octets.data

    @property
    def start(self) -> bytes:
        """The first octets of the command that is being gathered; empty between commands."""
        return bytes(self._octets[:_START])

    def forget(self) -> None:
        """Drop what was gathered."""
        self._octets.clear()

    def _add(self, data: bytes, announced: int) -> None:
        if len(self._octets) + len(data) + announced > self._limit:
            start = self.start or data[:_START]
            self._octets.clear()
            raise CommandTooLong(start)
        self._octets += data
