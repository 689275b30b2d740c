"""Reading an input as something else than octets: numbers, choices, pieces."""

from collections.abc import Iterator


class Source:
    """Takes an input to pieces from its front; when it is used up, everything is zero."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets

    def number(self, most: int) -> int:
        """From 0 to ``most``."""
        size = (most.bit_length() + 7) // 8
        taken, self._octets = self._octets[:size], self._octets[size:]
        return int.from_bytes(taken.ljust(size, b"\0"), "big") % (most + 1)

    def rest(self) -> bytes:
        """All that is left."""
        rest, self._octets = self._octets, b""
        return rest


def chunks(octets: bytes, sizes: list[int]) -> Iterator[bytes]:
    """The octets in pieces of such sizes, which are used in turn."""
    at = number = 0
    while at < len(octets):
        size = max(1, sizes[number % len(sizes)])
        yield octets[at : at + size]
        at += size
        number += 1
