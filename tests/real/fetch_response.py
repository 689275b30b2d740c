"""FETCH responses taken apart into items, as far as judging them needs it.

It is written apart from the package's own decoder on purpose: it is what the proxy is judged by.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_HEAD = re.compile(rb"\* (\d+) FETCH \(", re.IGNORECASE)
_NAME = re.compile(rb"[^ \[()\r\n]+")
_ORIGIN = re.compile(rb"<(\d+)>")
_ATOM = re.compile(rb"[^ ()\r\n]+")
_QUOTED = re.compile(rb'"(?:[^"\\\r\n]|\\.)*"')
_LITERAL = re.compile(rb"~?\{(\d+)\}\r\n")
_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)


class Unreadable(Exception):
    """This is no FETCH response as RFC 3501 section 9 has it; ``str()`` tells where it ends."""


@dataclass(frozen=True)
class FetchResponse:
    """A FETCH response: a message number, and names (in capitals) with the octets of the values."""

    number: int
    items: tuple[tuple[bytes, bytes], ...]

    def get(self, name: bytes) -> bytes | None:
        """Return the first value of this name."""
        return next((value for key, value in self.items if key == name), None)

    @property
    def uid(self) -> int | None:
        """The UID, where it is told."""
        value = self.get(b"UID")
        return int(value) if value is not None and value.isdigit() else None

    @property
    def flags(self) -> frozenset[bytes] | None:
        """The flags, where they are told; which session may say ``\\Recent`` is no matter."""
        value = self.get(b"FLAGS")
        return None if value is None else frozenset(value[1:-1].split()) - {b"\\Recent"}


def fetch_response(octets: bytes) -> FetchResponse | None:
    """Read a response; ``None`` for one of another kind. Raises :class:`Unreadable`."""
    head = _HEAD.match(octets)
    if head is None:
        return None
    return FetchResponse(int(head[1]), tuple(_items(octets, head.end())))


def item_name(octets: bytes) -> bytes:
    """Return a name as it is compared: in capitals, a header list without needless quotes."""
    return octets.upper().replace(b'"', b"")


def string_octets(value: bytes) -> bytes | None:
    """Return what a string says; ``None`` of NIL. Raises :class:`Unreadable`."""
    if value.upper() == b"NIL":
        return None
    if literal := _LITERAL.match(value):
        return value[literal.end() :]
    if _QUOTED.fullmatch(value):
        return _ESCAPE.sub(rb"\1", value[1:-1])
    raise Unreadable(f"no string: {value[:40]!r}")


def _items(octets: bytes, place: int) -> Iterator[tuple[bytes, bytes]]:
    while octets[place : place + 1] != b")":
        end = _name_end(octets, place)
        name = item_name(octets[place:end])
        if octets[end : end + 1] != b" ":
            raise Unreadable(f"no value behind {name!r}")
        place = _value_end(octets, end + 1)
        yield name, octets[end + 1 : place]
        if octets[place : place + 1] == b" ":
            place += 1
    if octets[place:] not in (b")\r\n", b")\n"):
        raise Unreadable(f"more than its end: {octets[place : place + 40]!r}")


def _name_end(octets: bytes, place: int) -> int:
    end = _end(_NAME, octets, place)
    if octets[end : end + 1] == b"[":
        end += 1
        while octets[end : end + 1] not in (b"]", b""):
            end = _value_end(octets, end) if octets[end : end + 1] in b'"{' else end + 1
        end += 1
    origin = _ORIGIN.match(octets, end)
    return origin.end() if origin else end


def _value_end(octets: bytes, place: int) -> int:
    if literal := _LITERAL.match(octets, place):
        end = literal.end() + int(literal[1])
        if end > len(octets):
            raise Unreadable("a literal is cut short")
        return end
    match octets[place : place + 1]:
        case b'"':
            return _end(_QUOTED, octets, place)
        case b"(":
            place += 1
            while octets[place : place + 1] != b")":
                space = octets[place : place + 1] == b" "
                place = place + 1 if space else _value_end(octets, place)
            return place + 1
    return _end(_ATOM, octets, place)


def _end(pattern: re.Pattern[bytes], octets: bytes, place: int) -> int:
    match = pattern.match(octets, place)
    if match is None:
        raise Unreadable(f"not understood: {octets[place : place + 40]!r}")
    return match.end()
