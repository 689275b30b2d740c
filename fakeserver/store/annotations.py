"""Annotations of a mailbox or of the server (RFC 5464): values by the names of entries."""

import re
from collections.abc import Iterator

# Section 3.1: "/private/…" or "/shared/…"; no wildcards, nothing but ASCII, no empty component.
_ENTRY = re.compile(rb"/(?:private|shared)(?:/[^/*%\x00-\x1f\x7f-\xff]+)+", re.IGNORECASE)
# "The server MUST accept an annotation data size of at least 1024 bytes, and an annotation count
# per server or mailbox of at least 10" (section 4.1).
MAX_SIZE = 65536
MAX_COUNT = 100


def is_entry(name: bytes) -> bool:
    """Whether this is the name of an entry."""
    return len(name) <= 1024 and _ENTRY.fullmatch(name) is not None


def is_private(name: bytes) -> bool:
    """Whether each user has a value of their own."""
    return name.lower().startswith(b"/private/")


class Annotations:
    """Entries of one mailbox, or of the server; names are compared without regard to case."""

    def __init__(self) -> None:
        self._values: dict[tuple[bytes, bytes], tuple[bytes, bytes]] = {}

    def copy(self) -> "Annotations":
        """The same, apart from these."""
        twin = Annotations()
        twin._values = dict(self._values)
        return twin

    def under(self, user: bytes, name: bytes, depth: int | None) -> Iterator[tuple[bytes, bytes]]:
        """The entry and those below it, as far down as ``depth`` (``None``: all), by name."""
        wanted = name.lower()
        for owner, key in sorted(self._values):
            below = key[len(wanted) :]
            if owner != _owner(user, key) or not key.startswith(wanted):
                continue
            if not below or (below[:1] == b"/" and (depth is None or below.count(b"/") <= depth)):
                yield self._values[owner, key]

    def is_room_for(self, user: bytes, names: list[bytes]) -> bool:
        """Whether so many entries may be added."""
        keys = {(_owner(user, name.lower()), name.lower()) for name in names}
        return len(keys | self._values.keys()) <= MAX_COUNT

    def put(self, user: bytes, name: bytes, value: bytes | None) -> None:
        """Give an entry a value; ``None`` takes it away."""
        key = _owner(user, name.lower()), name.lower()
        if value is None:
            self._values.pop(key, None)
        else:
            self._values[key] = (name, value)


def _owner(user: bytes, key: bytes) -> bytes:
    return user if is_private(key) else b""
