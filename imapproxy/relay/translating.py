"""Commands that mean messages as they were numbered, said by UIDs where the numbers differ.

The client has not heard yet that messages are gone, and while such a command is in progress it may
not be told (RFC 3501 section 7.4.1). What it means is said to the server by UID, and what the
server says is told with the numbers that the client knows. What it says of all messages up to the
last (``1:*``) means the last that it knows: to flag or move one that has come since would be to do
what nobody asked for. Pure. What cannot be told so, or not for
sure, is not translated.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from imapproxy.relay.client_line import ClientLine
from imapproxy.relay.hop_by_hop import status_for_client, untagged_for_client
from imapproxy.relay.view import View
from imapproxy.upstream.client import Outcome
from imapproxy.wire.commands import Command
from imapproxy.wire.decode_command import decode_command
from imapproxy.wire.encode_command import encode_command
from imapproxy.wire.errors import DecodeError
from imapproxy.wire.message_commands import Search
from imapproxy.wire.responses import FetchData, Response, SearchData, StatusResponse
from imapproxy.wire.search_key import And, Fuzzy, Not, Or, SearchKey
from imapproxy.wire.search_key import Sequence as Numbers
from imapproxy.wire.sequence_set import SequenceSet, intersect, numbers_of, size_of

_BY_SET = re.compile(
    rb" +(UID +)?(FETCH|STORE|COPY|MOVE) +([0-9:,*]+) +([^\r\n]*\r\n)", re.IGNORECASE
)
# What is told of them may be large, and would have to be gathered.
_CONTENT = re.compile(
    rb"BODY(?:\.PEEK)?\[(?!HEADER)|BINARY|RFC822(?!\.(?:SIZE|HEADER))", re.IGNORECASE
)
_MAX_MESSAGES = 1000
_NUMBER = re.compile(rb"\* [0-9]+ ")
_GONE = b"NO [EXPUNGEISSUED] Some of the messages are gone\r\n"  # RFC 5530
_NOTHING = b"OK No such messages\r\n"


class CannotTranslate(Exception):
    """The command cannot be said by UIDs and answered by numbers."""


@dataclass(frozen=True, slots=True)
class Translation:
    """``words`` is what is said, behind its tag; ``None`` if there is nothing to say. Without
    ``all_there`` some of the messages are gone. ``tells_uids``: the client asked for them.
    """

    tag: bytes
    words: bytes | None
    all_there: bool = True
    tells_uids: bool = False

    def answer(self, view: View, outcome: Outcome | None) -> bytes:
        """What the client hears, whose numbers are those of ``view``."""
        if outcome is None:
            return self.tag + b" " + (_NOTHING if self.all_there else _GONE)
        pairs = zip(outcome.untagged, outcome.data, strict=True)
        told = b"".join(self._told(view, octets, data) for octets, data in pairs)
        text = b"OK " + outcome.text + b"\r\n" if self.all_there else _GONE
        return told + self.tag + b" " + status_for_client(text)

    def _told(self, view: View, octets: bytes, data: Response) -> bytes:
        match data:
            case FetchData(uid=uid) if uid is not None:
                number = view.number(uid)
                return b"" if number is None else _NUMBER.sub(b"* %d " % number, octets, count=1)
            case SearchData() if self.tells_uids:
                return octets
            case SearchData():
                return _found(view, data)
            case StatusResponse():
                return untagged_for_client(octets)
            case _:
                return b""  # how many messages there are it hears when it may


def _found(view: View, data: SearchData) -> bytes:
    numbers = sorted(number for uid in data.numbers if (number := view.number(uid)) is not None)
    mod_seq = b"" if data.mod_seq is None or not numbers else b" (MODSEQ %d)" % data.mod_seq
    return b"* SEARCH" + b"".join(b" %d" % number for number in numbers) + mod_seq + b"\r\n"


def translate(line: ClientLine, view: View, gone: Iterable[int]) -> Translation:
    """Say by UIDs what the client says by numbers, which are those of ``view``.

    ``gone`` are the UIDs of messages that are there no longer. Raises :class:`CannotTranslate`.
    """
    found = _BY_SET.fullmatch(line.rest)
    if found is None:
        return _translate_search(line, view)
    is_by_uid, name, rest = bool(found[1]), found[2].upper(), found[4]
    if (name == b"FETCH" and _CONTENT.search(rest)) or (name == b"STORE" and rest[:1] == b"("):
        raise CannotTranslate
    numbers = SequenceSet.decode(found[3])
    uids = _known_uids(numbers, view) if is_by_uid else _uids(numbers, view)
    there = sorted(set(uids).difference(gone))
    # UIDs of messages that are not there are no error (RFC 3501 section 6.4.8).
    all_there = is_by_uid or len(there) == len(uids)
    # COPY and MOVE are done wholly or not at all (RFC 3501 section 6.4.7); of the others what is
    # there may be told or done (RFC 2180 sections 4.1 and 4.2).
    if not there or (name in (b"COPY", b"MOVE") and not all_there):
        return Translation(line.tag, None, all_there=all_there)
    words = b" UID %b %b %b" % (name, SequenceSet.of(there).encode(), rest)
    return Translation(line.tag, words, all_there)


def _uids(numbers: SequenceSet, view: View) -> Sequence[int]:
    if numbers.is_saved_result or not view.exists:
        raise CannotTranslate
    ranges = numbers.resolve(view.exists)
    inside = intersect(ranges, 1, view.exists)
    if inside != ranges or size_of(ranges) > _MAX_MESSAGES:
        raise CannotTranslate  # the server may say what it thinks of numbers that never were
    return [view.uid(number) for number in numbers_of(ranges)]


def _known_uids(uids: SequenceSet, view: View) -> Sequence[int]:
    if uids.is_saved_result or not view.exists:
        raise CannotTranslate
    found: list[int] = []
    for low, high in uids.resolve(view.uid(view.exists)):
        first, last = view.numbers_of(low, high)
        if last - first + len(found) >= _MAX_MESSAGES:
            raise CannotTranslate
        found += view.uids(first, last) if first <= last else ()
    return found


def _translate_search(line: ClientLine, view: View) -> Translation:
    try:
        body = decode_command(b"x" + line.rest, lenient=True).body
    except DecodeError as error:
        raise CannotTranslate from error
    if not isinstance(body, Search) or body.return_options is not None:
        raise CannotTranslate
    keys = tuple(_by_uid(key, view) for key in body.keys)
    if keys == body.keys and not body.by_uid:
        return Translation(line.tag, b" UID" + line.rest)
    parts = encode_command(Command(b"x", replace(body, keys=keys, by_uid=True)))
    words = b"".join(_octets(parts))
    return Translation(line.tag, words[1:], tells_uids=body.by_uid)


def _octets(parts: Iterable[object]) -> Iterator[bytes]:
    for part in parts:
        if not isinstance(part, bytes):
            raise CannotTranslate  # a literal
        yield part


def _by_uid(key: SearchKey, view: View) -> SearchKey:
    match key:
        case Numbers(numbers=numbers, by_uid=False):
            return Numbers(SequenceSet.of(_uids(numbers, view)), by_uid=True)
        case Numbers(numbers=numbers) if numbers.is_saved_result:
            raise CannotTranslate
        case Not(key=inner) | Fuzzy(key=inner):
            return replace(key, key=_by_uid(inner, view))
        case Or(keys=(left, right)):
            return Or((_by_uid(left, view), _by_uid(right, view)))
        case And(keys=inners):
            return And(tuple(_by_uid(inner, view) for inner in inners))
        case _:
            return key
