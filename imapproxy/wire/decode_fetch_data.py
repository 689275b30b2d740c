"""Reading FETCH responses, the hot path: one scan, no trees (RFC 9051 section 7.5.2)."""

import re

from imapproxy.wire.cursor import QUOTED_RULE, SHALLOW_LIST_RULE, WORD_RULE, Cursor
from imapproxy.wire.decode_fetch_att import read_section
from imapproxy.wire.errors import DecodeError
from imapproxy.wire.responses import FetchData, FetchItem
from imapproxy.wire.sequence_set import SeqNum, seq_num

_FETCH = re.compile(rb"\* ([0-9]{1,10}) FETCH \(", re.IGNORECASE)
# msg-att: a name, with a section whose fields are plain words, and a value that is no literal;
# all in one stroke. What does not match is read step by step.
_NAME = rb"([A-Za-z0-9.\-]++(?:\[[^\]\"{\r\n]*+\](?:<[0-9]++>)?)?)"
_VALUE = rb"(" + WORD_RULE + rb"|" + QUOTED_RULE + rb"|" + SHALLOW_LIST_RULE + rb")"
_ITEM = re.compile(_NAME + rb" " + _VALUE + rb"(?=[ )])")
_BARE_NAME = re.compile(rb"[A-Za-z0-9.\-]++")
_QUICK_NAME = re.compile(_NAME)
_ORIGIN = re.compile(rb"<[0-9]++(?:\.[0-9]++)?>")


def decode_fetch(octets: bytes) -> FetchData | None:
    """Decode ``* n FETCH (…)``; ``None`` when the octets begin in any other way."""
    found = _FETCH.match(octets)
    if found is None:
        return None
    return _items(Cursor(octets, found.end(), lenient=True), seq_num(found[1]))


def read_fetch(cursor: Cursor, number: SeqNum) -> FetchData:
    """Read what follows ``FETCH``, where it is spaced in an odd way."""
    cursor.space()
    cursor.require(b"(")
    return _items(cursor, number)


def _items(cursor: Cursor, number: SeqNum) -> FetchData:
    octets = cursor.octets
    at = cursor.at
    items: list[FetchItem] = []
    match = _ITEM.match
    while True:
        found = match(octets, at)
        if found is not None:
            items.append(FetchItem(found[1].upper().decode("latin-1"), found[2]))
            at = found.end()
        elif octets.startswith(b")", at):
            break
        else:
            cursor.at = at
            items.append(_item(cursor))
            at = cursor.at
        if octets.startswith(b" ", at):
            at += 1
    cursor.at = at + 1
    cursor.end()
    return FetchData(number, tuple(items))


def _item(cursor: Cursor) -> FetchItem:
    # More than one space between items, and one before the last parenthesis, are seen.
    cursor.skip_spaces()
    name = _name(cursor)
    cursor.space()
    value = cursor.raw_value()
    cursor.skip_spaces()
    return FetchItem(name, value)


def _name(cursor: Cursor) -> str:
    found = cursor.take(_QUICK_NAME)
    if found is not None and not cursor.starts_with(b"["):
        return found[0].upper().decode("latin-1")
    if found is not None:
        cursor.at = found.start()
    # Names of header fields that are quoted or literals: told as if they were not.
    base = cursor.expect(_BARE_NAME, "a data item")[0].decode("ascii")
    if not cursor.starts_with(b"["):
        raise DecodeError("expected a section in brackets", cursor.at)
    section = read_section(cursor).encode().decode("ascii")
    origin = cursor.take(_ORIGIN)
    behind = "" if origin is None else origin[0].decode("ascii")
    return f"{base}[{section}]{behind}".upper()
