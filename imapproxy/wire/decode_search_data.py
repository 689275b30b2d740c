"""Reading responses that hold numbers of messages (RFC 9051 section 7.3.4, 5256, 7162)."""

import re

from imapproxy.wire.cursor import MAX_NUMBER64, Cursor
from imapproxy.wire.errors import LimitExceeded
from imapproxy.wire.responses import (
    ESearchData,
    SearchData,
    SortData,
    ThreadData,
    ThreadNode,
    Vanished,
)
from imapproxy.wire.sequence_set import SequenceSet

# *(SP nz-number); more spaces than one, and one at the end (Exchange), are taken.
_NUMBERS = re.compile(rb"(?: ++[0-9]{1,10}(?![0-9]))*+ *+")
_MOD_SEQ = re.compile(rb"\(MODSEQ ([0-9]{1,19})\)", re.IGNORECASE)
# search-correlator = SP "(" "TAG" SP tag-string ")"
_CORRELATOR = re.compile(rb" ++\(TAG (?=[\"A-Za-z0-9{])", re.IGNORECASE)
_EARLIER = re.compile(rb"\(EARLIER\) ++", re.IGNORECASE)
# thread-list = "(" (thread-members / thread-nested) ")"
_THREAD_TOKEN = re.compile(rb" *+([()]|[0-9]{1,10}(?![0-9]))")
# A long discussion branches again and again. Reading it takes no Python frames; showing it does.
MAX_THREAD_NESTING = 200


def read_search(cursor: Cursor) -> SearchData:
    """Read what follows ``SEARCH``."""
    return SearchData(_numbers(cursor), _mod_seq(cursor))


def read_sort(cursor: Cursor) -> SortData:
    """Read what follows ``SORT``."""
    return SortData(_numbers(cursor), _mod_seq(cursor))


def read_vanished(cursor: Cursor) -> Vanished:
    """Read what follows ``VANISHED``."""
    cursor.space()
    earlier = cursor.take(_EARLIER) is not None
    return Vanished(cursor.sequence_set(), earlier)


def read_esearch(cursor: Cursor) -> ESearchData:
    """Read what follows ``ESEARCH``."""
    tag = None
    if cursor.take(_CORRELATOR):
        tag = cursor.astring()
        cursor.require(b")")
    by_uid = False
    known: dict[str, int | SequenceSet] = {}
    other: list[tuple[str, bytes]] = []
    while cursor.skip_space() and not cursor.at_end():
        name = cursor.keyword()
        if name == "UID":
            by_uid = True
            continue
        cursor.space()
        if name == "ALL":
            known[name] = cursor.sequence_set()
        elif name in _NUMBER_NAMES:
            known[name] = cursor.number(MAX_NUMBER64)
        else:
            other.append((name, cursor.raw_value()))
    return _esearch(tag, by_uid, known, tuple(other))


_NUMBER_NAMES = {"MIN", "MAX", "COUNT", "MODSEQ"}


def _esearch(
    tag: bytes | None,
    by_uid: bool,
    known: dict[str, int | SequenceSet],
    other: tuple[tuple[str, bytes], ...],
) -> ESearchData:
    def number(name: str) -> int | None:
        value = known.get(name)
        return value if isinstance(value, int) else None

    found = known.get("ALL")
    numbers = found if isinstance(found, SequenceSet) else None
    return ESearchData(
        tag, by_uid, number("MIN"), number("MAX"), number("COUNT"), numbers, number("MODSEQ"), other
    )


def read_thread(cursor: Cursor) -> ThreadData:
    """Read what follows ``THREAD``."""
    # One list per open parenthesis: the chain of numbers, and the branches behind it.
    open_lists: list[tuple[list[int], list[ThreadNode]]] = [([], [])]
    while True:
        found = cursor.take(_THREAD_TOKEN)
        if found is None:
            break
        if found[1] == b"(":
            open_lists.append(([], []))
            if len(open_lists) > MAX_THREAD_NESTING:
                raise LimitExceeded("threads nested too deep", cursor.at)
        elif found[1] == b")":
            _close_thread(cursor, open_lists)
        elif len(open_lists) > 1 and not open_lists[-1][1]:
            open_lists[-1][0].append(int(found[1]))
        else:
            raise cursor.error("expected a thread in parentheses")
    if len(open_lists) > 1:
        raise cursor.error("thread without its closing parenthesis")
    return ThreadData(tuple(open_lists[0][1]))


def _close_thread(cursor: Cursor, open_lists: list[tuple[list[int], list[ThreadNode]]]) -> None:
    if len(open_lists) == 1:
        raise cursor.error("closing parenthesis without a thread")
    numbers, children = open_lists.pop()
    open_lists[-1][1].append(ThreadNode(tuple(numbers), tuple(children)))


def _numbers(cursor: Cursor) -> tuple[int, ...]:
    return tuple(map(int, cursor.expect(_NUMBERS, "numbers")[0].split()))


def _mod_seq(cursor: Cursor) -> int | None:
    found = cursor.take(_MOD_SEQ)
    return None if found is None else int(found[1])
