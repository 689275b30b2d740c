"""Reading the commands that are about messages of the selected mailbox (RFC 9051 section 6.4)."""

import re
from typing import TypeVar

from imapproxy.wire.commands import (
    Copy,
    Expunge,
    Fetch,
    Move,
    Parameter,
    Partial,
    Store,
    StoreAction,
)
from imapproxy.wire.cursor import MAX_NUMBER64, Cursor
from imapproxy.wire.decode_fetch_att import read_fetch_att, read_fetch_atts
from imapproxy.wire.decode_mailbox_command import (
    optional_parameters,
    read_mailbox,
    read_parameters,
    take_parameter,
)
from imapproxy.wire.errors import DecodeError
from imapproxy.wire.flags import Flag, usual_spelling

# flag = "\" atom / atom (RFC 9051 section 9)
_FLAG = re.compile(rb"\\?[^\x00-\x20\x7f-\xff(){%*\"\\\]]++")
# flag-list = "(" [flag *(SP flag)] ")", in one stroke
_FLAG_LIST = re.compile(rb"\((" + _FLAG.pattern + rb"(?: " + _FLAG.pattern + rb")*+|)\)")
# store-att-flags = (["+" / "-"] "FLAGS" [".SILENT"]) SP …
_STORE_ITEM = re.compile(rb"([+-]?)(FLAGS|X-GM-LABELS)(\.SILENT)?(?= )", re.IGNORECASE)

_Copying = TypeVar("_Copying", Copy, Move)


def read_fetch(cursor: Cursor, *, by_uid: bool) -> Fetch:
    """Read the arguments of FETCH."""
    cursor.space()
    numbers = cursor.sequence_set()
    cursor.space()
    attributes = read_fetch_atts(cursor)
    start = cursor.at
    since, others = take_parameter(optional_parameters(cursor), "CHANGEDSINCE")
    vanished, others = take_parameter(others, "VANISHED")
    return Fetch(numbers, attributes, by_uid, _mod_seq(since, start), vanished is not None, others)


def read_partial(cursor: Cursor) -> Partial:
    """Read the arguments of the obsolete PARTIAL."""
    cursor.space()
    number = cursor.nz_number()
    cursor.space()
    attribute = read_fetch_att(cursor)
    cursor.space()
    offset = cursor.number()
    cursor.space()
    return Partial(number, attribute, offset, cursor.number())


def read_store(cursor: Cursor, *, by_uid: bool) -> Store:
    """Read the arguments of STORE."""
    cursor.space()
    numbers = cursor.sequence_set()
    cursor.space()
    start = cursor.at
    parameters: tuple[Parameter, ...] = ()
    if cursor.starts_with(b"("):
        parameters = read_parameters(cursor)
        cursor.space()
    since, others = take_parameter(parameters, "UNCHANGEDSINCE")
    found = cursor.expect(_STORE_ITEM, "FLAGS, +FLAGS or -FLAGS")
    cursor.space()
    item = found[2].decode("ascii").upper()
    flags = _store_flags(cursor) if item == "FLAGS" else _labels(cursor)
    action = StoreAction(found[1].decode("ascii"))
    silent = found[3] is not None
    return Store(numbers, action, flags, silent, by_uid, _mod_seq(since, start, 0), others, item)


def read_copy(kind: type[_Copying], cursor: Cursor, *, by_uid: bool) -> _Copying:
    """Read the arguments of COPY or MOVE."""
    cursor.space()
    numbers = cursor.sequence_set()
    return kind(numbers, read_mailbox(cursor), by_uid)


def read_uid_expunge(cursor: Cursor) -> Expunge:
    """Read the argument of UID EXPUNGE."""
    cursor.space()
    return Expunge(cursor.sequence_set())


def read_flag(cursor: Cursor) -> Flag:
    """Read one flag."""
    return usual_spelling(cursor.expect(_FLAG, "a flag")[0])


def read_flag_list(cursor: Cursor) -> tuple[Flag, ...]:
    """Read ``(flag …)``, which may be empty."""
    found = cursor.take(_FLAG_LIST)
    if found is not None:
        return tuple(map(usual_spelling, found[1].split()))
    return cursor.list_of(lambda: read_flag(cursor), may_be_empty=True)


def _store_flags(cursor: Cursor) -> tuple[Flag, ...]:
    if cursor.starts_with(b"("):
        return read_flag_list(cursor)
    return cursor.separated(lambda: read_flag(cursor))


def _labels(cursor: Cursor) -> tuple[Flag, ...]:
    if cursor.starts_with(b"("):
        return cursor.list_of(lambda: _label(cursor), may_be_empty=True)
    return cursor.separated(lambda: _label(cursor))


def _label(cursor: Cursor) -> Flag:
    # Gmail's labels are flags such as \Inbox, or astrings.
    if cursor.starts_with(b"\\"):
        return read_flag(cursor)
    return Flag(cursor.astring())


def _mod_seq(parameter: Parameter | None, at: int, minimum: int = 1) -> int | None:
    """The number of CHANGEDSINCE (from 1) or UNCHANGEDSINCE (from 0), RFC 7162 section 7."""
    if parameter is None:
        return None
    digits = parameter.argument or b""
    if not digits.isdigit() or len(digits) > 19 or not minimum <= int(digits) <= MAX_NUMBER64:
        raise DecodeError(f"{parameter.name} takes a mod-sequence", at)
    return int(digits)
