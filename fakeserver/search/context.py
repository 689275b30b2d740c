"""Results that are kept up to date: ADDTO and REMOVEFROM (RFC 5267 section 4.3)."""

from collections.abc import Callable, Collection, Iterable

from fakeserver.mail.quoting import nstring
from fakeserver.search.program import Candidate, Test
from fakeserver.store.mailbox import StoredMessage
from fakeserver.store.view import View
from imapproxy.wire.fetch_att import FetchAtt
from imapproxy.wire.sequence_set import SequenceSet

Order = Callable[[list[Candidate]], list[Candidate]]


class Context:
    """What a command with UPDATE found, as its client knows it.

    ``order`` is that of a SORT; ``attributes`` are to be fetched of new messages.
    """

    def __init__(
        self,
        tag: bytes,
        test: Test,
        found: Iterable[Candidate],
        order: Order | None,
        *,
        by_uid: bool,
        attributes: tuple[FetchAtt, ...] = (),
    ) -> None:
        self.attributes = attributes
        self._begins = b"* ESEARCH (TAG %b)%b " % (nstring(tag), b" UID" if by_uid else b"")
        self._test = test
        self._order = order
        self._by_uid = by_uid
        self._uids = [candidate.message.uid for candidate in found]

    def has(self, number: int, message: StoredMessage) -> bool:
        """Whether a message is among them now."""
        return self._test(Candidate(number, message))

    def without(self, view: View, gone: Collection[int]) -> bytes:
        """REMOVEFROM of messages that are about to be gone: their numbers are still right."""
        return self._remove(view, [uid for uid in self._uids if uid in gone])

    def changed(self, view: View) -> bytes:
        """What is found now and was not before, and the other way round."""
        candidates = [Candidate(*numbered) for numbered in enumerate(view.messages, 1)]
        found = [candidate for candidate in candidates if self._test(candidate)]
        if self._order is not None:
            found = self._order(found)
        now = [candidate.message.uid for candidate in found]
        return self._remove(view, [uid for uid in self._uids if uid not in set(now)]) + self._add(
            view, now
        )

    def _remove(self, view: View, uids: list[int]) -> bytes:
        if not uids:
            return b""
        if self._order is None:
            told = b"0 " + self._set(view, uids)
        else:
            # From the last to the first, so that each position is right when its turn comes.
            places = sorted((self._uids.index(uid) + 1, uid) for uid in uids)
            told = b" ".join(
                b"%d %b" % (place, self._set(view, [uid])) for place, uid in reversed(places)
            )
        removed = set(uids)
        self._uids = [uid for uid in self._uids if uid not in removed]
        return self._begins + b"REMOVEFROM (%b)\r\n" % told

    def _add(self, view: View, now: list[int]) -> bytes:
        known = set(self._uids)
        added = [(place, uid) for place, uid in enumerate(now, 1) if uid not in known]
        self._uids = now
        if not added:
            return b""
        if self._order is None:
            told = b"0 " + self._set(view, [uid for _, uid in added])
        else:
            told = b" ".join(b"%d %b" % (place, self._set(view, [uid])) for place, uid in added)
        return self._begins + b"ADDTO (%b)\r\n" % told

    def _set(self, view: View, uids: list[int]) -> bytes:
        numbers = uids if self._by_uid else [view.number_of(uid) or 0 for uid in uids]
        return SequenceSet.of(numbers).encode()
