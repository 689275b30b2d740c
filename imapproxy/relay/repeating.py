"""Which commands may be said a second time when their answer was lost with the connection."""

import re
from collections import abc
from enum import Enum

from imapproxy.relay.client_line import ClientLine
from imapproxy.relay.known_commands import DESELECTS, SELECTS
from imapproxy.wire.decode_command import decode_command
from imapproxy.wire.errors import DecodeError
from imapproxy.wire.message_commands import Search, Sort, Thread
from imapproxy.wire.search_key import And, Fuzzy, Not, Or, SearchKey, Sequence


class Fate(Enum):
    """What becomes of a command whose connection was lost before its answer."""

    REPEATED = "said again, whatever was told of it already"
    REPEATED_IF_UNTOLD = "said again, unless some of its answer was told"
    UNKNOWN = "whether it was done nobody knows: it is never said again"


# They change nothing. What they tell is told once: a program that was told half of a list and then
# all of it would have twice what it asked for.
_READS = frozenset(
    b"FETCH SEARCH SORT THREAD STATUS LIST LSUB XLIST NAMESPACE CAPABILITY ID ENABLE GETQUOTA"
    b" GETQUOTAROOT GETACL LISTRIGHTS MYRIGHTS GETMETADATA SELECT EXAMINE".split()
) | {b"UID FETCH", b"UID SEARCH", b"UID SORT", b"UID THREAD"}
# They have no answer of their own, or one that a server may give at any time.
_HARMLESS = frozenset((b"NOOP", b"CHECK", b"IDLE"))
# Flags are a set: to set, add or remove them twice is the same as once, but for what another client
# has done in between, and that comes out as if the command had been slow. Anything in parentheses
# in front of them is a condition (RFC 7162 section 3.1.3); X-GM-LABELS and the like may do more.
_SETS_FLAGS = re.compile(rb" +(?:UID +)?STORE +[0-9:,*]+ +[+-]?FLAGS(?:\.SILENT)? ", re.IGNORECASE)

_UP_TO_THE_LAST = re.compile(rb" +(?:UID +)?(?:STORE|COPY|MOVE|REPLACE) +[0-9:,]*\*", re.IGNORECASE)

_BY_NUMBER = frozenset(b"FETCH STORE SEARCH SORT THREAD COPY MOVE REPLACE ESEARCH".split())
_MAY_HAVE_NUMBERS = frozenset((b"UID SEARCH", b"UID SORT", b"UID THREAD"))


def fate_of(line: ClientLine) -> Fate:
    """What becomes of a command that was sent whole, in one line."""
    if line.name in _HARMLESS or _SETS_FLAGS.match(line.rest) is not None:
        return Fate.REPEATED
    return Fate.REPEATED_IF_UNTOLD if line.name in _READS else Fate.UNKNOWN


def selection_stays_clear(names: abc.Sequence[bytes]) -> bool:
    """Whether it is known which mailbox each of the unanswered commands is about.

    ``names`` are theirs in order. Behind a SELECT they are about the mailbox that it selects; what
    was said before it is about another one, which cannot be selected as well.
    """
    return not (
        any(name in SELECTS for name in names[1:]) or any(name in DESELECTS for name in names)
    )


def names_messages_by_number(line: ClientLine, *, whole: bool = True) -> bool:
    """Whether the command, or its answer, means messages by their numbers.

    Such a command may not be sent on when the numbers have changed since it was said. While it is
    in progress the client may not be told either (RFC 3501 section 7.4.1, RFC 5256 section 3). To
    all others the numbers mean nothing, and with them the news may come.
    """
    if line.name in _MAY_HAVE_NUMBERS:
        return not whole or _searches_by_number(line)
    return line.name in _BY_NUMBER


def changes_up_to_the_last(line: ClientLine) -> bool:
    """Whether the command changes messages up to ``*``, the last that there is."""
    return _UP_TO_THE_LAST.match(line.rest) is not None


def _searches_by_number(line: ClientLine) -> bool:
    """Whether a search that tells UIDs is for messages by number; so is what cannot be read."""
    try:
        body = decode_command(b"x" + line.rest, lenient=True).body
    except DecodeError:
        return True
    return not isinstance(body, Search | Sort | Thread) or any(map(_is_by_number, body.keys))


def _is_by_number(key: SearchKey) -> bool:
    match key:
        case Sequence(by_uid=by_uid):
            return not by_uid
        case Not(key=inner) | Fuzzy(key=inner):
            return _is_by_number(inner)
        case Or(keys=keys) | And(keys=keys):
            return any(map(_is_by_number, keys))
        case _:
            return False
