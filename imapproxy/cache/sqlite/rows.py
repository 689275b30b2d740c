"""Rows of the database as the port has them; what has a broken seal is told and left out.

A bit that falls over can change the type of a value, too, so that reckoning with it fails.
"""

import sys
from array import array
from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Any

from imapproxy.cache.sqlite import seals
from imapproxy.cache.sqlite.changes import Spoilt
from imapproxy.cache.sqlite.schema import COLUMNS, UID_MASK
from imapproxy.cache.store import INLINE_MAX, Form, Need, Section

Report = Callable[[Spoilt], None]
AttributeRow = tuple[int | bytes | None, ...]

_FORMS = tuple(Form)


def attributes(
    rows: Iterable[tuple[Any, ...]], names: Sequence[str], report: Report
) -> list[AttributeRow]:
    """Rows of ``queries.ATTRIBUTES``."""
    of_values = seals.of_values
    places = {name: place for place, name in enumerate(COLUMNS, 2)}
    pick = itemgetter(2 + len(COLUMNS), *map(places.__getitem__, names))
    found = []
    last = -1
    for row in rows:
        try:
            whole = of_values(row[0], row[2:-1]) == row[1] and row[0] > last
        except TypeError:
            whole = False
        if whole:
            last = row[0]
            picked = pick(row)
            found.append(_with_none(picked) if b"" in picked else picked)
        else:
            report(Spoilt("attribute", row[0]))
    return found


def flags_and_attributes(
    rows: Iterable[tuple[Any, ...]], names: Sequence[str], report: Report
) -> list[AttributeRow]:
    """Rows of ``queries.FLAGS_AND_ATTRIBUTES``; those in which nothing is held are left out."""
    found = []
    last = -1
    for message, seal, flags, number, its_seal, *values in rows:
        if message <= last or not is_whole(seal, seals.of_octets, message, flags):
            report(Spoilt("message", message))
        elif number and not is_whole(its_seal, seals.of_values, number, values):
            report(Spoilt("attribute", message))
        else:
            last = message
            held = dict(zip(COLUMNS, values, strict=True), FLAGS=flags)
            picked = [held[name] or None for name in names]
            if any(picked):
                found.append((message & UID_MASK, *picked))
    return found


def sections(
    rows: Iterable[tuple[Any, ...]], need: Need, max_octets: int, report: Report
) -> list[Section]:
    """Rows of ``queries.sections``, until there are so many octets."""
    keys = {key.encode(errors="replace"): key for key in need.keys}
    of_section, of_content = seals.of_section, seals.of_content
    found = []
    octets = 0
    last = -1
    for message, key, form, clean, size, content, checksum, seal, there in rows:
        try:
            whole = of_section(message, key, form, clean, size, content, checksum) == seal
            whole &= message > last
            data = there if size <= INLINE_MAX else None
            whole &= there is not None and (data is None or of_content(data) == checksum)
        except TypeError:
            whole = False
        if not whole:
            report(Spoilt("section", message))
            continue
        last = message
        uid = message & UID_MASK
        found.append(Section(uid, keys[key], _FORMS[form], size, bool(clean), content, data))
        octets += size
        if octets >= max_octets:
            break
    return found


def chunks(rows: Sequence[tuple[int, Any, Any]], wanted: range) -> list[bytes]:
    """Rows of ``queries.CHUNKS``, up to the first that is not the one that is wanted, or spoilt."""
    found = []
    for (number, seal, octets), its_own in zip(rows, wanted, strict=False):
        if number != its_own or not is_whole(seal, seals.of_octets, number, octets):
            break
        found.append(octets)
    return found


def is_whole(seal: Any, seal_of: Callable[..., int], *values: Any) -> bool:
    """Whether ``seal`` is what the values have."""
    try:
        return bool(seal_of(*values) == seal)
    except TypeError:
        return False


def unpack_uids(octets: bytes) -> "array[int]":
    """UIDs of four octets each, little end first."""
    uids = array("I")
    uids.frombytes(octets)
    if sys.byteorder == "big":
        uids.byteswap()
    return uids


def pack_uids(uids: "array[int]") -> bytes:
    """What :func:`unpack_uids` takes."""
    packed = array("I", uids)
    if sys.byteorder == "big":
        packed.byteswap()
    return packed.tobytes()


def _with_none(picked: AttributeRow) -> AttributeRow:
    return tuple([None if value == b"" else value for value in picked])
