"""Cutting a header into its fields, octet for octet (RFC 5322 section 2.2)."""

import re
from collections.abc import Iterable
from functools import cached_property, lru_cache
from typing import NamedTuple

# The empty line between header and body. Mail that was written by hand may have bare LFs.
_END = re.compile(rb"\n\r?\n")
# A field: its line and those after it that begin with white space (RFC 5322 section 2.2.3).
_FIELD = re.compile(rb"(?:([^:\n]*+):)?([^\n]*+(?:\n[ \t][^\n]*+)*+)\n?")

_LINE_ENDS = re.compile(rb"[\r\n]+")
_FOLD_TO_SPACE = re.compile(rb"\r?\n[ \t]+")
_WHITE = re.compile(rb"[ \t\r\n]+")


class Field(NamedTuple):
    """One field of a header.

    ``name`` as it was written, empty for a line that has no colon. ``value`` is what follows the
    colon, folding in place, its last line end taken off. ``octets`` is the whole of it.
    """

    name: bytes
    value: bytes
    octets: bytes


def find_body(octets: bytes, start: int, end: int) -> int:
    """Where the body of what stands in ``octets[start:end]`` begins: behind the empty line."""
    for empty in (b"\r\n", b"\n"):
        if octets.startswith(empty, start, end):
            return start + len(empty)
    found = _END.search(octets, start, end)
    return found.end() if found is not None else end


def split_fields(header: bytes) -> list[Field]:
    """The fields of a header, with or without the empty line at its end."""
    fields = []
    for found in _FIELD.finditer(header):
        name, value = found.groups()
        if name is not None:
            fields.append(Field(name.rstrip(b" \t"), value.rstrip(b"\r\n"), found[0]))
        elif value.strip(b"\r\n"):
            fields.append(Field(b"", value.rstrip(b"\r\n"), found[0]))
    return fields


class Header:
    """A header, cut into fields when that is first asked for."""

    def __init__(self, octets: bytes) -> None:
        self.octets = octets

    @cached_property
    def fields(self) -> list[Field]:
        """The fields in their order."""
        return split_fields(self.octets)

    def values(self, name: bytes) -> list[bytes]:
        """The values of all fields called ``name``, given in lower case."""
        return self.values_of((name,)).get(name, [])

    def values_of(self, names: tuple[bytes, ...]) -> dict[bytes, list[bytes]]:
        """The values of all fields that have one of these names (lower case), by name."""
        values: dict[bytes, list[bytes]] = {}
        # Looking for some fields is faster than cutting the header into all of them.
        for found in _fields_called(names).finditer(b"\n" + self.octets):
            values.setdefault(found[1].lower(), []).append(found[2].rstrip(b"\r\n"))
        return values

    def value(self, name: bytes) -> bytes | None:
        """The value of the first field called ``name`` (lower case); of none, ``None``."""
        return next(iter(self.values(name)), None)


@lru_cache(maxsize=100)
def _fields_called(names: tuple[bytes, ...]) -> re.Pattern[bytes]:
    # Begins with an octet and not with "^": octets are skipped in no time, places are not.
    return re.compile(
        rb"\n(" + b"|".join(map(re.escape, names)) + rb")[ \t]*:([^\n]*+(?:\n[ \t][^\n]*+)*+)",
        re.IGNORECASE,
    )


def unfold(value: bytes) -> bytes:
    """The value on one line: only the line ends are taken out (RFC 5322 section 2.2.3)."""
    return _LINE_ENDS.sub(b"", value).lstrip(b" \t")


def unfold_to_space(value: bytes) -> bytes:
    """The value on one line, each fold a single space."""
    return _LINE_ENDS.sub(b"", _FOLD_TO_SPACE.sub(b" ", value)).strip(b" \t")


def squeeze(value: bytes) -> bytes:
    """The value on one line, every run of white space a single space."""
    return _WHITE.sub(b" ", value).strip(b" ")


def pick_fields(fields: Iterable[Field], names: Iterable[bytes], *, exclude: bool) -> bytes:
    """``HEADER.FIELDS`` and ``HEADER.FIELDS.NOT``: fields in their order."""
    wanted = {name.lower() for name in names}
    chosen = [field.octets for field in fields if (field.name.lower() in wanted) is not exclude]
    # A header that ends without a line end gets one.
    if chosen and not chosen[-1].endswith(b"\n"):
        chosen[-1] += b"\r\n"
    return b"".join(chosen)
