"""Putting fragments together to whole responses, for those who want them whole."""

from imapproxy.wire.framing import Line, Octets

# Mail that servers take is 25 to 150 MB; who wants more than this at once should stream it.
MAX_ASSEMBLED = 256 * 1024 * 1024


class TooLarge(Exception):
    """A response passed the limit; ``str()`` says which."""


class Assembler:
    """Collects a response until its last line, ``limit`` octets at most."""

    __slots__ = ("_limit", "_parts", "_size")

    def __init__(self, limit: int = MAX_ASSEMBLED) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0

    def line(self, line: Line) -> bytes | None:
        """Add a line; the whole response when this was its last, else ``None``."""
        announced = line.literal.size if line.literal is not None else 0
        self._add(line.data, announced)
        if line.literal is not None:
            return None
        parts, self._parts, self._size = self._parts, [], 0
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def octets(self, octets: Octets) -> None:
        """Add a piece of a literal."""
        self._parts.append(octets.data)

    def _add(self, data: bytes, announced: int) -> None:
        # The announcement counts, not what has come: a giant count is refused at once.
        self._size += len(data) + announced
        if self._size > self._limit:
            self._parts, self._size = [], 0
            raise TooLarge(f"a response of more than {self._limit} octets")
        self._parts.append(data)
