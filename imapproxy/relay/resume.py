"""From the messages that a session knows to those that are there now, and what its client hears.

Pure: who asks the server is :mod:`imapproxy.relay.restoring`.
"""

from array import array
from collections.abc import Sequence
from enum import Enum
from itertools import pairwise
from typing import NamedTuple

from imapproxy.relay.view import View
from imapproxy.upstream.selected import Selected as Told
from imapproxy.wire.sequence_set import SequenceSet

# A mailbox of more messages is not listed anew while a client waits for its answer.
_MAX_LISTED = 50_000
# Nor are the flags of more told, 400 KB: the client hears of them when it asks.
_MAX_FLAGS = 10_000


class CannotResume(Exception):
    """The session cannot go on with another connection; ``str()`` says why, in one line."""


class Known(NamedTuple):
    """What the session knows of its mailbox; what was not told is 0, or empty."""

    view: View
    uid_validity: int
    uid_next: int
    highest_mod_seq: int
    mailbox_id: bytes


class Inquiry(Enum):
    """What has to be asked to know what has become of the messages."""

    NOTHING = "it is all the same"
    TAIL = "the UIDs from the last known message on may be enough"
    ALL = "all UIDs"


class Changes(NamedTuple):
    """What has changed. ``vanished`` are the numbers of messages that are gone, the highest first,
    ``gone`` their UIDs, ascending. ``arrived`` are the UIDs behind those that were known.
    """

    vanished: tuple[int, ...]
    gone: tuple[int, ...]
    arrived: tuple[int, ...]


def check_same_mailbox(known: Known, told: Told, mailbox_id: bytes) -> None:
    """Raises :class:`CannotResume` if UIDs do not mean what they meant."""
    if told.uid_validity != known.uid_validity:
        raise CannotResume("the UIDVALIDITY of the mailbox has changed")
    if known.mailbox_id and mailbox_id and mailbox_id != known.mailbox_id:
        raise CannotResume("there is another mailbox of this name")


def inquiry(known: Known, told: Told) -> Inquiry:
    """What has to be asked. Raises :class:`CannotResume` if no answer would help."""
    view = known.view
    if known.uid_next and told.uid_next == known.uid_next and told.exists == view.exists:
        # RFC 9051 section 2.3.1.1: no UID was given since, so nothing came, and as many are there
        # as were, so nothing went.
        return Inquiry.NOTHING
    if not view.complete:
        raise CannotResume("which messages the mailbox had is not known")
    if not view.exists:
        return Inquiry.NOTHING if not told.exists else Inquiry.ALL
    if told.exists >= view.exists:
        return Inquiry.TAIL
    return Inquiry.ALL


def check_length(messages: int) -> None:
    """Raises :class:`CannotResume` if so many are not to be listed."""
    if messages > _MAX_LISTED:
        raise CannotResume("the mailbox has too many messages")


def nothing_went(view: View, tail: Sequence[int]) -> bool:
    """Whether all messages stand where they stood; ``tail`` are the UIDs from the last known on.

    UIDs ascend: if as many messages as ever have UIDs up to the last, none of them has gone.
    """
    return bool(tail) and tail[0] == view.uid(view.exists)


def changes(old: Sequence[int], new: Sequence[int]) -> Changes:
    """The difference of two lists of UIDs, both ascending. Raises :class:`CannotResume`."""
    if any(after <= before for before, after in pairwise(new)):
        raise CannotResume("the server's UIDs do not ascend")
    present = frozenset(new)
    vanished = [number for number, uid in enumerate(old, 1) if uid not in present]
    stayed = len(old) - len(vanished)
    last = old[-1] if old else 0
    arrived = tuple(new[stayed:])
    if any(uid <= last for uid in arrived):
        raise CannotResume("the server tells of old messages that were not there")
    gone = tuple(old[number - 1] for number in vanished)
    return Changes(tuple(reversed(vanished)), gone, arrived)


def news(before: int, what: Changes, exists: int, recent: int, *, qresync: bool) -> bytes:
    """The untagged responses that tell it, where there were ``before`` messages.

    ``exists`` and ``recent`` are as the server tells them now. To who enabled QRESYNC expunged
    messages are told by their UIDs (RFC 7162 section 3.2.10).
    """
    told = b""
    if what.gone and qresync:
        told = b"* VANISHED " + SequenceSet.of(what.gone).encode() + b"\r\n"
    elif what.vanished:
        told = b"".join(b"* %d EXPUNGE\r\n" % number for number in what.vanished)
    if exists != before - len(what.vanished):
        told += b"* %d EXISTS\r\n* %d RECENT\r\n" % (exists, recent)
    return told


def flags_question(known: Known, told: Told, *, condstore: bool) -> bytes:
    """The FETCH (behind its tag) that tells the client what flags have become; empty if none has.

    Which flags the client knows is not known here: where the server does not say that nothing has
    changed (RFC 7162 section 3.1.2.1), or since when, the flags of all messages are told.
    """
    since = known.highest_mod_seq
    if not told.exists or (since and told.highest_mod_seq == since):
        return b""
    if not condstore:
        if told.exists > _MAX_FLAGS:
            return b""
        return b" FETCH 1:* (FLAGS)\r\n"
    if since:
        return b" FETCH 1:* (UID FLAGS) (CHANGEDSINCE %d)\r\n" % since
    return b" FETCH 1:* (UID FLAGS MODSEQ)\r\n"


NO_CHANGES = Changes((), (), ())


def uids_of(view: View) -> "array[int]":
    """All UIDs of a view that is complete."""
    return view.uids(1, view.exists)
