"""How a client's FETCH is answered: at once from the cache, in parts, or by the upstream alone."""

from array import array
from collections.abc import Collection

from imapproxy.cache.plan import Plan, Targets, plan
from imapproxy.cache.request import Asked, read_fetch_request
from imapproxy.cache.store import Mailbox, StoreError
from imapproxy.relay.ahead import Ahead, ahead_of
from imapproxy.relay.answers import Answers
from imapproxy.relay.cached_account import CachedAccount
from imapproxy.relay.client_line import ClientLine
from imapproxy.relay.nudge import Nudge
from imapproxy.relay.open_fetches import OpenFetches
from imapproxy.relay.planned_fetch import FetchOwner, PlannedFetch
from imapproxy.relay.relayed_command import RelayedCommand
from imapproxy.relay.selected import Selected
from imapproxy.relay.shapes import Shapes
from imapproxy.relay.targets import takes_what_comes, targets_of
from imapproxy.relay.traffic import CountedAnswers, Traffic


class FetchPlanning:
    """Decides on the FETCHes of one session."""

    def __init__(
        self,
        owner: FetchOwner,
        account: CachedAccount,
        selected: Selected,
        shapes: Shapes,
        fetches: OpenFetches,
        nudge: Nudge,
        traffic: Traffic,
    ) -> None:
        self._owner = owner
        self._account = account
        self._selected = selected
        self._shapes = shapes
        self._fetches = fetches
        self._nudge = nudge
        self._traffic = traffic
        self._reader = account.store.reader
        self._writer = account.store.writer

    def planned(
        self, command: ClientLine, in_flight: Collection[RelayedCommand | PlannedFetch | bytes]
    ) -> PlannedFetch | bytes | None:
        """How to answer a command that is here whole; ``None`` if it is to be relayed.

        Octets are the answer itself.
        """
        view, mailbox = self._selected.view, self._selected.mailbox
        if view is None or mailbox is None or command.name not in (b"FETCH", b"UID FETCH"):
            return None
        request = read_fetch_request(command.rest)
        if request is None or not request.asked.is_cacheable:
            return None
        ahead = ahead_of(in_flight)
        by_uid = request.asked.by_uid
        if ahead is Ahead.ANYTHING or (ahead is Ahead.BY_UID and not by_uid):
            return None
        fetches = self._fetches
        if fetches.passing or fetches.unread:
            question = request.asked.question(exact=self._account.freshness.exact)
            if not fetches.tell_apart(question):
                return None
        if self._owner.in_flight and takes_what_comes(request, view):
            return None  # the answer to that may tell of messages that this means, too
        targets = targets_of(request, view)
        if targets is None:
            return None
        if len(targets.uids) == 1 and not in_flight:
            answer = self._at_once(command.tag, request.asked, targets)
            if answer is not None:
                return answer
        parts = self._plan(request.asked, targets, ask=ahead is Ahead.BY_UID)
        if parts is None:
            return None
        return self._fetch(command.tag, request.asked, parts)

    def _at_once(self, tag: bytes, asked: Asked, targets: Targets) -> bytes | None:
        """The answer for one message, if all of it is here (hot: programs read one by one)."""
        mailbox = self._selected.mailbox
        needs_asking = self._account.freshness.exact or asked.mutable or asked.touches
        if needs_asking or mailbox is None or self._shapes.shape(asked) is None:
            return None
        answers = Answers(self._account.store, mailbox, asked, self._shapes.shape)
        answers.add_all(targets)
        answer = answers.all_at_once()
        if answer is None:
            return None
        self._fetches.wanted = True
        self._nudge.served()
        self._writer.count(mailbox, 1, 0)
        self._traffic.messages_served += 1
        self._traffic.octets_served += len(answer)
        return b"%b%b OK Fetch completed.\r\n" % (answer, tag)

    def _plan(self, asked: Asked, targets: Targets, *, ask: bool) -> Plan | None:
        mailbox = self._selected.mailbox
        assert mailbox is not None
        exact = self._account.freshness.exact
        shape_known = self._shapes.shape(asked) is not None
        if not shape_known and (self._fetches.passing or self._fetches.planned):
            return None  # whose answer shows it could not be told
        held = self._held(mailbox, asked, targets)
        if held is None:
            return None
        # What becomes \\Seen by one command becomes so at once, with one MODSEQ.
        at_once = exact or asked.touches
        parts = plan(
            asked, targets, held, shape_known=shape_known, ask=ask or exact, at_once=at_once
        )
        served, missed = _hits(parts, len(targets.uids))
        self._writer.count(mailbox, served, missed)
        self._traffic.messages_served += served
        self._traffic.messages_asked += missed
        return parts

    def _held(self, mailbox: Mailbox, asked: Asked, targets: Targets) -> "array[int] | None":
        """UIDs of which everything is held; ``None`` where the store cannot be read."""
        if not (asked.kept or asked.extracts):
            return targets.uids  # nothing but the UID is wanted, and that is known
        names = [name for _, name in asked.kept]
        try:
            return self._reader.held(mailbox, names, asked.needs, targets.uids[0], targets.uids[-1])
        except StoreError:
            return None

    def _fetch(self, tag: bytes, asked: Asked, parts: Plan) -> PlannedFetch:
        mailbox = self._selected.mailbox
        assert mailbox is not None

        def answers() -> Answers:
            made = CountedAnswers(self._account.store, mailbox, asked, self._shapes.shape)
            made.traffic = self._traffic
            return made

        question = asked.question(exact=self._account.freshness.exact)
        fetch = PlannedFetch(self._owner, tag, asked, parts, answers, question)
        self._fetches.wanted = True
        self._fetches.plan(fetch)
        return fetch


def _hits(parts: Plan | None, wanted: int) -> tuple[int, int]:
    """How many of the messages were served from here, and how many were not."""
    held = sum(len(part.targets.uids) for part in parts or () if part.kind.is_held)
    return held, wanted - held
