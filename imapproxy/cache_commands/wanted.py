"""What is asked for when a cache is filled, in which words and portions. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from imapproxy.cache.store import Need
from imapproxy.wire.sequence_set import SequenceSet

#: The whole message, and a header, which a whole message has in it.
WHOLE = Need(("",))
HEADER = Need(("HEADER", ""), clean=False)

# What one command asks for at most: an answer that is cut off is asked for again as a whole.
_MESSAGES_AT_ONCE = 200
_OCTETS_AT_ONCE = 4 * 1024 * 1024

#: What a message takes in a store beside its text, at most: rows, indexes, its header once more.
OVERHEAD = 24 * 1024


class Wishes(NamedTuple):
    """What shall be held: of ``mailboxes`` (none: all), the ``newest`` messages (``None``: all)."""

    mailboxes: tuple[str, ...] = ()
    newest: int | None = None
    headers_only: bool = False


def attributes(*, has_emailid: bool) -> tuple[str, ...]:
    """What is kept of each message but its text, by the names of the store."""
    common = ("INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODYSTRUCTURE")
    return (*common, "EMAILID") if has_emailid else common


def newest_first(uids: Sequence[int], newest: int | None) -> list[int]:
    """The messages that are wanted, the last that came in front."""
    chosen = uids if newest is None else uids[max(len(uids) - newest, 0) :]
    return list(reversed(chosen))


def portions(uids: Sequence[int], sizes: Mapping[int, int]) -> Iterator[list[int]]:
    """The same UIDs, as many at a time as one command asks for; a large message stands alone."""
    portion: list[int] = []
    octets = 0
    for uid in uids:
        size = sizes.get(uid, 0)
        if portion and (len(portion) >= _MESSAGES_AT_ONCE or octets + size > _OCTETS_AT_ONCE):
            yield portion
            portion, octets = [], 0
        portion.append(uid)
        octets += size
    if portion:
        yield portion


def fetch_attributes(uids: Sequence[int], names: Sequence[str]) -> str:
    """The command that asks for attributes; FLAGS come along, for those who take mail out."""
    return f"UID FETCH {_set(uids)} (UID FLAGS {' '.join(names)})"


def fetch_sections(uids: Sequence[int], *, headers_only: bool) -> str:
    """The command that asks for the text of messages. None of them becomes ``\\Seen`` by it."""
    return f"UID FETCH {_set(uids)} (UID BODY.PEEK[{'HEADER' if headers_only else ''}])"


def _set(uids: Sequence[int]) -> str:
    return SequenceSet.of(uids).encode().decode("ascii")


# Programs ask in few ways, each always in its own. The order of the items in an answer, and how
# their names are spelled, is the server's; the proxy has to see it once for each way of asking.
_HEADERS_OF_MUTT = (
    "DATE FROM SENDER SUBJECT TO CC MESSAGE-ID REFERENCES CONTENT-TYPE CONTENT-DESCRIPTION "
    "IN-REPLY-TO REPLY-TO LINES LIST-POST LIST-SUBSCRIBE LIST-UNSUBSCRIBE X-LABEL X-ORIGINAL-TO"
)
_HEADERS_OF_THUNDERBIRD = (
    "From To Cc Bcc Subject Date Message-ID Priority X-Priority References Newsgroups "
    "In-Reply-To Content-Type Reply-To"
)
_BY_NUMBER = (
    "BODY.PEEK[]",
    "(BODY.PEEK[])",
    "(UID BODY.PEEK[])",
    "(FLAGS BODY.PEEK[])",
    "(RFC822)",
    "RFC822",
    "RFC822.HEADER",
    "RFC822.SIZE",
    "BODY.PEEK[TEXT]",
    "BODY.PEEK[HEADER]",
    "ENVELOPE",
    "(ENVELOPE)",
    "(UID FLAGS ENVELOPE)",
    "(UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)",
    f"(UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS ({_HEADERS_OF_MUTT})])",
)
_BY_UID = (
    "BODY.PEEK[]",
    "(BODY.PEEK[])",
    "(UID BODY.PEEK[])",
    "(FLAGS BODY.PEEK[])",
    "(RFC822)",
    "BODY.PEEK[HEADER]",
    "(UID RFC822.SIZE BODY.PEEK[])",
    "(UID RFC822.SIZE BODY[])",
    "(ENVELOPE)",
    "(UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)",
    f"(UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS ({_HEADERS_OF_THUNDERBIRD})])",
)


def usual_questions(number: int, uid: int) -> list[str]:
    """One message, asked for as programs do. (In an EXAMINEd mailbox ``BODY[]`` marks nothing.)"""
    by_number = [f"FETCH {number} {words}" for words in _BY_NUMBER]
    return by_number + [f"UID FETCH {uid} {words}" for words in _BY_UID]
