"""FETCH responses that are followed as they pass, and read later (hot).

To pass a message on costs less than to look at it. While mail streams to a client that waits for it
nothing is done to a response but what numbers need: where it begins, and which message it is about.
"""

import re
from array import array
from collections.abc import Mapping
from typing import NamedTuple

from imapproxy.cache.store import Keeping, Mailbox
from imapproxy.relay.told import Told
from imapproxy.wire.fetch_scanner import FetchScanner

_BEGINS_WITH_UID = re.compile(rb"\* ([0-9]{1,9}) FETCH \(UID ([1-9][0-9]{0,8})[ )]")
_SIZE = re.compile(rb"\{([0-9]{1,10})\}\r\n\Z")
_CR = 0x0D
_BRACE = 0x7D


class Places(NamedTuple):
    """Where responses begin, where the last one ends, and about which messages they are."""

    starts: list[int]
    end: int
    numbers: "array[int]"
    uids: "array[int]"


def whole_responses(run: bytes, at: int) -> Places:
    """The FETCH responses from ``at`` on that begin with the UID.

    ``run`` are whole numbered responses, as the framer hands them out. They end in front of the
    first that is different, if only in spelling; most servers spell so.
    """
    starts: list[int] = []
    numbers, uids = array("I"), array("I")
    begins, find = _BEGINS_WITH_UID.match, run.find
    while (found := begins(run, at)) is not None:
        end = find(b"\n", found.end()) + 1
        while run[end - 3] == _BRACE and run[end - 2] == _CR:
            size = _SIZE.search(run, end - 14, end)
            if size is None:
                return Places(starts, at, numbers, uids)
            end = find(b"\n", end + int(size[1])) + 1
        if run[end - 2] != _CR or not end:
            break
        starts.append(at)
        numbers.append(int(found[1]))
        uids.append(int(found[2]))
        at = end
    return Places(starts, at, numbers, uids)


def keep_run(
    run: bytes, places: Places, mailbox: Mailbox, partials: Mapping[bytes, str], keeping: Keeping
) -> None:
    """Read the responses, and keep what they tell."""
    told = Told(partials)
    scanner = FetchScanner(told)
    ends = [*places.starts[1:], places.end]
    for start, end, uid in zip(places.starts, ends, places.uids, strict=True):
        scanner.read(run, start, end)
        if told.uid == uid:  # else it says something else further behind
            told.keep(keeping, mailbox, uid)
