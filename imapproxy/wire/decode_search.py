"""Reading SEARCH, SORT and THREAD (RFC 9051 section 6.4.4, RFC 5256, RFC 4731)."""

import re
from collections.abc import Callable
from functools import partial
from typing import Literal, cast

from imapproxy.wire.commands import Search, Sort, SortKey, Thread
from imapproxy.wire.cursor import Cursor
from imapproxy.wire.dates import read_date
from imapproxy.wire.flags import Flag
from imapproxy.wire.search_key import (
    And,
    Contains,
    Filter,
    Fuzzy,
    Header,
    In,
    Keyword,
    Measure,
    ModSeq,
    Not,
    Number,
    ObjectId,
    On,
    Or,
    Plain,
    ReturnOption,
    SearchKey,
    Sequence,
    When,
)
from imapproxy.wire.strings import ATOM_CHAR

_RETURN = re.compile(rb"RETURN(?= )", re.IGNORECASE)
_CHARSET = re.compile(rb"CHARSET(?= )", re.IGNORECASE)
_OR = re.compile(rb"OR(?= )", re.IGNORECASE)
_REVERSE = re.compile(rb"REVERSE(?= )", re.IGNORECASE)
_SET_STARTS = re.compile(rb"[0-9*$]")
# objectid = 1*255(ALPHA / DIGIT / "_" / "-") (RFC 8474 section 7)
_OBJECT_ID = re.compile(rb"[A-Za-z0-9_-]{1,255}")
# entry-flag-name = DQUOTE "/flags/" attr-flag DQUOTE (RFC 7162 section 7), quotes taken off
_ENTRY_NAME = re.compile(rb"/flags/\\?" + ATOM_CHAR + rb"++")
# entry-type-req = "priv" / "shared" / "all" (RFC 7162 section 7)
_ENTRY_TYPE = re.compile(rb"priv|shared|all", re.IGNORECASE)


def read_search(cursor: Cursor, *, by_uid: bool) -> Search:
    """Read the arguments of SEARCH."""
    cursor.space()
    options = _return_options(cursor)
    charset = None
    if cursor.take(_CHARSET):
        cursor.space()
        charset = cursor.astring()
        cursor.space()
    return Search(read_search_keys(cursor), by_uid, options, charset)


def read_sort(cursor: Cursor, *, by_uid: bool) -> Sort:
    """Read the arguments of SORT."""
    cursor.space()
    options = _return_options(cursor)
    criteria = cursor.list_of(lambda: _sort_key(cursor))
    cursor.space()
    charset = cursor.astring()
    cursor.space()
    return Sort(criteria, charset, read_search_keys(cursor), by_uid, options)


def read_thread(cursor: Cursor, *, by_uid: bool) -> Thread:
    """Read the arguments of THREAD."""
    cursor.space()
    algorithm = cursor.keyword()
    cursor.space()
    charset = cursor.astring()
    cursor.space()
    return Thread(algorithm, charset, read_search_keys(cursor), by_uid)


def read_search_keys(cursor: Cursor) -> tuple[SearchKey, ...]:
    """Read keys up to the end of the command."""
    return cursor.separated(lambda: read_search_key(cursor))


def read_search_key(cursor: Cursor) -> SearchKey:
    """Read one key, with all that lies in it."""
    if cursor.starts_with(b"("):
        return And(cursor.list_of(lambda: read_search_key(cursor)))
    if _SET_STARTS.match(cursor.octets, cursor.at):
        return Sequence(cursor.sequence_set())
    start = cursor.at
    name = cursor.keyword()
    plain = _PLAIN.get(name)
    if plain is not None:
        return plain
    read = _WITH_ARGUMENT.get(name)
    if read is None:
        cursor.at = start
        raise cursor.error("unknown search key")
    cursor.space()
    return read(cursor)


def _return_options(cursor: Cursor) -> tuple[ReturnOption, ...] | None:
    if not cursor.take(_RETURN):
        return None
    cursor.space()
    options = cursor.list_of(lambda: _return_option(cursor), may_be_empty=True)
    cursor.space()
    return options


def _return_option(cursor: Cursor) -> ReturnOption:
    return ReturnOption(*cursor.label())


def _sort_key(cursor: Cursor) -> SortKey:
    reverse = cursor.take(_REVERSE) is not None
    if reverse:
        cursor.space()
    return SortKey(cursor.keyword(), reverse)


def _contains(where: In, cursor: Cursor) -> SearchKey:
    return Contains(where, cursor.astring())


def _on(when: When, cursor: Cursor) -> SearchKey:
    return On(when, read_date(cursor))


def _number(measure: Measure, cursor: Cursor) -> SearchKey:
    if measure in (Measure.OLDER, Measure.YOUNGER):
        return Number(measure, cursor.nz_number())
    # 63 bits: messages over 4 GB (RFC 9051 section 9). Gmail's ids of 64 bits are smaller so far.
    return Number(measure, cursor.number64())


def _keyword(present: bool, cursor: Cursor) -> SearchKey:
    return Keyword(Flag(cursor.atom()), present)


def _header(cursor: Cursor) -> SearchKey:
    name = cursor.astring()
    cursor.space()
    return Header(name, cursor.astring())


def _not(cursor: Cursor) -> SearchKey:
    return Not(_nested_key(cursor))


def _fuzzy(cursor: Cursor) -> SearchKey:
    return Fuzzy(_nested_key(cursor))


def _nested_key(cursor: Cursor) -> SearchKey:
    cursor.descend()
    key = read_search_key(cursor)
    cursor.ascend()
    return key


def _or(cursor: Cursor) -> SearchKey:
    """The keys of ``OR a OR b c``, the first OR already read; the chain is not a nesting."""
    keys = [_nested_key(cursor)]
    cursor.space()
    while cursor.take(_OR):
        cursor.space()
        keys.append(_nested_key(cursor))
        cursor.space()
    keys.append(_nested_key(cursor))
    return Or(tuple(keys))


def _uid(cursor: Cursor) -> SearchKey:
    return Sequence(cursor.sequence_set(), by_uid=True)


def _mod_seq(cursor: Cursor) -> SearchKey:
    if not cursor.starts_with(b'"'):
        return ModSeq(cursor.number64())
    entry_name = cursor.string()
    if _ENTRY_NAME.fullmatch(entry_name) is None:
        raise cursor.error('expected an entry such as "/flags/\\\\Draft"')
    cursor.space()
    found = cursor.expect(_ENTRY_TYPE, "priv, shared or all")[0].decode("ascii").lower()
    cursor.space()
    return ModSeq(cursor.number64(), entry_name, cast("Literal['priv', 'shared', 'all']", found))


def _object_id(kind: Literal["EMAILID", "THREADID"], cursor: Cursor) -> SearchKey:
    return ObjectId(kind, cursor.expect(_OBJECT_ID, "an object id")[0])


def _filter(cursor: Cursor) -> SearchKey:
    return Filter(cursor.astring())


_PLAIN = {key.value: key for key in Plain}
_WITH_ARGUMENT: dict[str, Callable[[Cursor], SearchKey]] = {
    **{where.value: partial(_contains, where) for where in In},
    **{when.value: partial(_on, when) for when in When},
    **{measure.value: partial(_number, measure) for measure in Measure},
    "KEYWORD": partial(_keyword, True),
    "UNKEYWORD": partial(_keyword, False),
    "HEADER": _header,
    "NOT": _not,
    "OR": _or,
    "FUZZY": _fuzzy,
    "UID": _uid,
    "MODSEQ": _mod_seq,
    "EMAILID": partial(_object_id, "EMAILID"),
    "THREADID": partial(_object_id, "THREADID"),
    "FILTER": _filter,
}
