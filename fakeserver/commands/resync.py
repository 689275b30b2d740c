"""What changed since a client last looked: QRESYNC and VANISHED (RFC 7162 section 3.2)."""

from collections.abc import Iterator

from fakeserver.session import Session
from fakeserver.store.view import View
from imapproxy.wire.commands import QResync
from imapproxy.wire.sequence_set import Ranges, SequenceSet, numbers_of

# Pairs of numbers and UIDs that a client sends along are few; more are not looked at.
_MAX_PAIRS = 10_000


def resync(session: Session, view: View, known: QResync) -> Iterator[bytes]:
    """``VANISHED (EARLIER)`` and the FETCH responses of messages that changed."""
    if known.uid_validity != view.mailbox.uid_validity:
        return
    since = known.mod_seq
    ranges = None if known.known_uids is None else known.known_uids.resolve(2**32 - 1)
    yield vanished_earlier(view, since, ranges, after_uid=_surely_known(view, known))
    for number, message in enumerate(view.messages, 1):
        if message.mod_seq > since and (ranges is None or _within(message.uid, ranges)):
            yield session.flags_response(view, number, message)


def vanished_earlier(view: View, since: int, ranges: Ranges | None, after_uid: int = 0) -> bytes:
    """``* VANISHED (EARLIER) …`` for what was expunged since, empty where nothing was."""
    uids = [uid for uid in view.mailbox.expunged_since(since, ranges) if uid > after_uid]
    if not uids:
        return b""
    return b"* VANISHED (EARLIER) %b\r\n" % SequenceSet.of(uids).encode()


def _surely_known(view: View, known: QResync) -> int:
    """The UID up to which the client's own list is the server's.

    A number and a UID that still belong together tell that nothing before was expunged without
    the client knowing (RFC 7162 section 3.2.5.2).
    """
    if known.known_match is None:
        return 0
    numbers, uids = (half.resolve(2**32 - 1) for half in known.known_match)
    surely = 0
    for pair, (number, uid) in enumerate(zip(numbers_of(numbers), numbers_of(uids), strict=False)):
        if pair >= _MAX_PAIRS or view.number_of(uid) != number:
            break
        surely = uid
    return surely


def _within(uid: int, ranges: Ranges) -> bool:
    return any(low <= uid <= high for low, high in ranges)
