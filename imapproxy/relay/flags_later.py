"""Flags that are told alone, kept for when the upstream is away.

Online they are asked for each time, so nothing waits for them: while they pass, all that is done is
to see whether a stretch of responses begins with such a one. It is read when there is time.
"""

import re
from array import array
from functools import partial

from imapproxy.cache.store import Keeping, Mailbox, Writer
from imapproxy.relay.view import UNKNOWN, View

# Nothing but FLAGS and what may come along with them, so that no octet of a message is looked at.
_FLAGS_ALONE = re.compile(
    rb"\* ([0-9]{1,9}) FETCH \((?:UID ([0-9]{1,9}) |MODSEQ \([0-9]++\) )*"
    rb"FLAGS (\([^()\r\n]*+\))(?: UID ([0-9]{1,9})| MODSEQ \([0-9]++\))*\)\r\n"
)
_OVERHEAD = 500  # octets of memory beside the responses


def flags_pass(run: bytes, mailbox: Mailbox, view: View, writer: Writer) -> None:
    """Keep what whole responses tell, from the first up to one that tells something else (hot)."""
    found = _FLAGS_ALONE.match(run)
    if found is None:
        return
    first = int(found[1])
    uids = array("I")
    if not (found[2] or found[4]):
        uids = _uids_of(run, first, view)
    octets = len(run) + 4 * len(uids) + _OVERHEAD
    writer.keep_later(partial(_keep, run, mailbox, first, uids), octets)


def _uids_of(run: bytes, first: int, view: View) -> "array[int]":
    """The UIDs of the messages from ``first`` to the one that is told of last."""
    last = run[run.rfind(b"\n* ", 0, -1) + 1 :].split(b" ", 2)[1]
    end = min(int(last) if last.isdigit() else first, view.exists)
    return view.uids(first, end) if 1 <= first <= end else array("I")


def _keep(run: bytes, mailbox: Mailbox, first: int, uids: "array[int]", keeping: Keeping) -> None:
    at = 0
    while (found := _FLAGS_ALONE.match(run, at)) is not None:
        at = found.end()
        told = found[2] or found[4]
        index = int(found[1]) - first
        uid = int(told) if told else uids[index] if 0 <= index < len(uids) else UNKNOWN
        if uid != UNKNOWN:
            keeping.keep_attributes(mailbox, uid, {"FLAGS": found[3]})
