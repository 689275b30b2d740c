"""The FETCHes that have no answer yet, and what that means to the responses that come."""

from collections.abc import Callable, Iterator

from imapproxy.cache.request import Asked, Question
from imapproxy.relay.learning import LEARNED_NAMES, Learning
from imapproxy.relay.part_exchange import Asking
from imapproxy.relay.planned_fetch import FetchOwner, PlannedFetch
from imapproxy.relay.relayed_command import RelayedCommand
from imapproxy.relay.shapes import Shapes
from imapproxy.relay.tee import Tee
from imapproxy.relay.untagged import Claimant


class OpenFetches:
    """All FETCHes of one session that are under way, the client's and the proxy's own.

    ``planned`` are those that are answered in part or whole from here, ``passing`` those that are
    relayed as they are, by what they ask for; ``unread`` are relayed and not understood.
    ``learnings`` are the proxy's own. ``on_claims`` is told whether questions of the proxy's own
    are open, that may claim a response.
    """

    def __init__(
        self, owner: FetchOwner, tee: Tee, shapes: Shapes, on_claims: Callable[[bool], None]
    ) -> None:
        self._owner = owner
        self._tee = tee
        self._shapes = shapes
        self._on_claims = on_claims
        self.planned: list[PlannedFetch] = []
        self.passing: dict[RelayedCommand, Asked] = {}
        self.unread: set[RelayedCommand] = set()
        self.learnings: list[Learning] = []
        self.learns_shape: PlannedFetch | None = None  # the upstream shows how it answers this one
        self.wanted = False  # something in the selected mailbox was fetched

    # -- what may be asked meanwhile ---------------------------------------------------------

    @property
    def need_quiet(self) -> bool:
        """See :attr:`imapproxy.relay.caching.Caching.needs_quiet`."""
        if self.learnings and not all(learning.ended for learning in self.learnings):
            return True
        fetch = self.learns_shape
        if fetch is None:
            return False
        if fetch.answered or self._shapes.shape(fetch.asked) is not None:
            self.learns_shape = None
        return self.learns_shape is not None

    @property
    def may_learn(self) -> bool:
        """Whether answers that tell a UID alone can only be for us."""
        return not self.unread and not any(
            asked.names <= LEARNED_NAMES for asked in self.passing.values()
        )

    def tell_apart(self, question: Question) -> bool:
        """Whether answers to what passes cannot be taken for those to a question of our own."""
        return not self.unread and not any(map(question.could_claim, self.passing.values()))

    # -- what begins, and what ends ------------------------------------------------------------

    def plan(self, fetch: PlannedFetch) -> None:
        """This one is answered in part or whole from here."""
        if self._shapes.shape(fetch.asked) is None:
            self.learns_shape = fetch
        self.planned.append(fetch)
        self._claims_changed()

    def planned_ended(self, fetch: PlannedFetch) -> None:
        """It has its answer."""
        self.planned = [other for other in self.planned if other is not fetch]
        self._claims_changed()

    def passes(self, command: RelayedCommand, asked: Asked | None) -> None:
        """A FETCH is relayed as it is; ``None`` where it is not understood."""
        if asked is None:
            self.unread.add(command)
        else:
            self.wanted = True
            self.passing[command] = asked
        self._expect()

    def relayed_ended(self, command: RelayedCommand) -> None:
        """A command that was relayed, of whatever kind, has its answer."""
        if self.passing.pop(command, None) is not None or command in self.unread:
            self.unread.discard(command)
            self._expect()

    def learn(self, learning: Learning) -> None:
        """A question of our own is about to be asked."""
        self.learnings.append(learning)
        self._claims_changed()

    def take_ended_learnings(self) -> bool:
        """Forget the questions of our own that are answered; whether there were any."""
        if not any(learning.ended for learning in self.learnings):
            return False
        self.learnings = [learning for learning in self.learnings if not learning.ended]
        self._claims_changed()
        return True

    def lost(self) -> None:
        """The partner is gone: what it was asked is not answered."""
        self.planned = [fetch for fetch in self.planned if fetch.answered]
        self.learnings.clear()
        self.passing.clear()
        self.unread.clear()
        self.learns_shape = None
        self._claims_changed()

    # -- whose a response is -------------------------------------------------------------------

    def claimants(self) -> Iterator[Claimant]:
        """Our own questions in the order in which they were asked."""
        for exchange in self._owner.in_flight:
            if isinstance(exchange, Asking | Learning):
                yield exchange

    def keep_early(self, number: int) -> Callable[[bytes], None] | None:
        """Where a response about message ``number`` waits for its turn, if it came too early."""
        for fetch in self.planned:
            keep = fetch.keep_early(number)
            if keep is not None:
                return keep
        return None

    def before_expunge(self) -> None:
        """Message numbers are about to change."""
        self._tee.forget_unnamed()
        for fetch in self.planned:
            fetch.release_early()

    def _claims_changed(self) -> None:
        self._on_claims(bool(self.planned or self.learnings))
        self._expect()

    def _expect(self) -> None:
        asked = [fetch.asked for fetch in self.planned if fetch.passes]
        self._tee.expect([*self.passing.values(), *asked], certain=not self.unread)
