"""The cache's side of one session: what is served, asked, followed and kept.

The session tells it every command before it is relayed and everything that comes back. It decides
on FETCH alone; of all else it only takes note.
"""

from array import array
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import NamedTuple

from twisted.internet.interfaces import IReactorTime

from imapproxy.cache.plan import Plan, Targets, plan
from imapproxy.cache.request import Asked, FetchRequest, read_fetch_request
from imapproxy.cache.store import Mailbox, Store, StoreError
from imapproxy.relay.answers import Answers
from imapproxy.relay.client_line import ClientLine
from imapproxy.relay.freshness import Freshness
from imapproxy.relay.known_commands import (
    BY_UID,
    DESELECTS,
    KEEPS_NUMBERS,
    SELECTS,
    TELLS_NEWS,
    is_followed,
)
from imapproxy.relay.learning import LEARNED_NAMES, Learning
from imapproxy.relay.mailbox_changes import MailboxChanges
from imapproxy.relay.nudge import Nudge
from imapproxy.relay.part_exchange import Asking
from imapproxy.relay.planned_fetch import FetchOwner, PlannedFetch
from imapproxy.relay.relayed_command import RelayedCommand
from imapproxy.relay.restoring import Restored
from imapproxy.relay.selected import Selected
from imapproxy.relay.shapes import Shapes
from imapproxy.relay.tee import Tee
from imapproxy.relay.untagged import Claimant, Untagged
from imapproxy.relay.view import UNKNOWN, View
from imapproxy.wire.decode_command import decode_command
from imapproxy.wire.errors import DecodeError
from imapproxy.wire.framing import Line, Octets
from imapproxy.wire.mailbox_commands import Examine, Select
from imapproxy.wire.sequence_set import STAR

# UIDs that are asked for at once: some 250 KB of answers.
_LEARNED_AT_ONCE = 10_000
# Of a mailbox that is larger only what the client asks for is learned: 2.5 MB, once, is enough.
_LEARNED_IN_ALL = 100_000


class CachedAccount(NamedTuple):
    """Whose mail is cached, where, and how fresh the answers have to be.

    ``name`` tells the account from all others: the upstream and the user. ``has_emailid`` is true
    where the upstream offers OBJECTID (RFC 8474).
    """

    name: bytes
    store: Store
    freshness: Freshness
    has_emailid: bool = False


class Caching:
    """One session's cache. :attr:`watches` tells whether it has to see each response."""

    def __init__(self, owner: FetchOwner, account: CachedAccount, clock: IReactorTime) -> None:
        self._owner = owner
        self._account = account
        reader, writer = account.store.reader, account.store.writer
        self._reader = reader
        self._writer = writer
        self.selected = Selected(account.name, reader, writer)
        self._shapes = Shapes(account.name, reader, writer)
        self._tee = Tee(self.selected, writer, self._shapes)
        self._changes = MailboxChanges(
            account.name, writer, self.selected, has_ids=account.has_emailid
        )
        self._untagged = Untagged(
            self.selected,
            self._tee,
            self._changes,
            self._claimants,
            self._keep_early,
            self._before_expunge,
        )
        self._planned: list[PlannedFetch] = []
        self._learnings: list[Learning] = []
        self._passing: dict[RelayedCommand, Asked] = {}
        self._unread: set[RelayedCommand] = set()  # FETCHes that are passing, not understood
        self._selects: deque[RelayedCommand] = deque()
        self._learns_shape: PlannedFetch | None = None
        self._blind_for_good = False
        self._wanted = False  # something in this mailbox was fetched
        self._nudge = Nudge(clock, account.freshness.news_interval, self._ask_for_news)

    @property
    def watches(self) -> bool:
        """Whether untagged responses have to be looked at one by one."""
        return bool(
            self.selected.view is not None or self._selects or self._learnings or self._planned
        )

    @property
    def needs_quiet(self) -> bool:
        """Whether the client's next command has to wait.

        The upstream is showing how it answers one, and what it answers to another could be taken
        for that. Or it is answering a question of our own: what a command behind that changes it
        would tell with that, in another form (UIDs are told with a UID STORE, not with a FETCH).
        """
        if self._learnings and not all(learning.ended for learning in self._learnings):
            return True
        fetch = self._learns_shape
        if fetch is None:
            return False
        if fetch.answered or self._shapes.shape(fetch.asked) is not None:
            self._learns_shape = None
        return self._learns_shape is not None

    # -- commands --------------------------------------------------------------------------

    def planned(
        self, command: ClientLine, in_flight: Collection[RelayedCommand | PlannedFetch | bytes]
    ) -> PlannedFetch | bytes | None:
        """How to answer a command that is here whole; ``None`` if it is to be relayed.

        Octets are the answer itself.
        """
        view, mailbox = self.selected.view, self.selected.mailbox
        if view is None or mailbox is None or command.name not in (b"FETCH", b"UID FETCH"):
            return None
        request = read_fetch_request(command.rest)
        if request is None or not request.asked.is_cacheable:
            return None
        ahead = _ahead(in_flight)
        by_uid = request.asked.by_uid
        if ahead is _Ahead.ANYTHING or (ahead is _Ahead.BY_UID and not by_uid):
            return None
        if self._unread or any(request.asked.is_like(other) for other in self._passing.values()):
            return None  # the answers to that and to our question could not be told apart
        if self._owner.in_flight and _takes_what_comes(request, view):
            return None  # the answer to that may tell of messages that this means, too
        targets = targets_of(request, view)
        if targets is None:
            return None
        if len(targets.uids) == 1 and not in_flight:
            answer = self._at_once(command.tag, request.asked, targets)
            if answer is not None:
                return answer
        parts = self._plan(request.asked, targets, ask=ahead is _Ahead.BY_UID)
        if parts is None:
            return None
        return self._fetch(command.tag, request.asked, parts)

    def _at_once(self, tag: bytes, asked: Asked, targets: Targets) -> bytes | None:
        """The answer for one message, if all of it is here (hot: programs read one by one)."""
        mailbox = self.selected.mailbox
        needs_asking = self._account.freshness.exact or asked.mutable or asked.touches
        if needs_asking or mailbox is None or self._shapes.shape(asked) is None:
            return None
        answers = Answers(self._account.store, mailbox, asked, self._shapes.shape)
        answers.add_all(targets)
        answer = answers.all_at_once()
        if answer is None:
            return None
        self._wanted = True
        self._nudge.served()
        self._writer.count(mailbox, 1, 0)
        return b"%b%b OK Fetch completed.\r\n" % (answer, tag)

    def _plan(self, asked: Asked, targets: Targets, *, ask: bool) -> Plan | None:
        mailbox = self.selected.mailbox
        assert mailbox is not None
        exact = self._account.freshness.exact
        shape_known = self._shapes.shape(asked) is not None
        if not shape_known and (self._passing or self._planned):
            return None  # whose answer shows it could not be told
        held = self._held(mailbox, asked, targets)
        if held is None:
            return None
        # What becomes \\Seen by one command becomes so at once, with one MODSEQ.
        at_once = exact or asked.touches
        parts = plan(
            asked, targets, held, shape_known=shape_known, ask=ask or exact, at_once=at_once
        )
        self._writer.count(mailbox, *_hits(parts, len(targets.uids)))
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
        mailbox = self.selected.mailbox
        assert mailbox is not None

        def answers() -> Answers:
            return Answers(self._account.store, mailbox, asked, self._shapes.shape)

        question = asked.question(exact=self._account.freshness.exact)
        fetch = PlannedFetch(self._owner, tag, asked, parts, answers, question)
        if self._shapes.shape(asked) is None:
            self._learns_shape = fetch
        self._planned.append(fetch)
        self._wanted = True
        self._claims_changed()
        return fetch

    def relaying(self, command: RelayedCommand, line: ClientLine, *, whole: bool) -> None:
        """A command is about to be relayed; ``whole`` tells that its line is all of it."""
        name = command.name
        self._changes.relaying(command, line if whole else None)
        if not is_followed(name, line.rest):
            self._blind_for_good = self._blind_for_good or name in (b"ENABLE", b"NOTIFY")
            self.selected.blind("the client said " + name.decode("ascii", "replace"))
        elif name in SELECTS:
            self._selecting(command, line if whole else None)
        elif name in DESELECTS:
            self._leave()
        elif name in (b"FETCH", b"UID FETCH"):
            self._passes(command, line if whole else None)

    def _selecting(self, command: RelayedCommand, line: ClientLine | None) -> None:
        self._leave()
        mailbox = None if line is None or self._blind_for_good else _mailbox_of(line)
        if not self._selects and mailbox is not None:
            self.selected.begin(mailbox)
        else:
            self.selected.selecting = None  # of two under way neither is followed
        self._selects.append(command)

    def _leave(self) -> None:
        learnings = [one for one in self._owner.in_flight if isinstance(one, Learning)]
        if learnings and len(learnings) == len(self._owner.in_flight):
            # The client would take what they bring for news of the next mailbox.
            self._untagged.drop_until(learnings[-1])
        self.selected.leave()
        self._tee.forget_unnamed()
        self._nudge.stop()
        self._wanted = False

    def _passes(self, command: RelayedCommand, line: ClientLine | None) -> None:
        request = None if line is None else read_fetch_request(line.rest)
        if request is None or self.selected.view is None:
            # Pipelined behind a SELECT its answers may come when there is a view.
            self._unread.add(command)
        else:
            self._wanted = True
            self._passing[command] = request.asked
        self._expect()

    @property
    def _may_learn(self) -> bool:
        """Whether answers that tell a UID alone can only be for us."""
        return not self._unread and not any(
            asked.names <= LEARNED_NAMES for asked in self._passing.values()
        )

    # -- from the partner --------------------------------------------------------------------

    def untagged_line(self, line: Line) -> bytes:
        """Take a line of an untagged response; what of it goes to the client."""
        return self._untagged.line(line)

    def untagged_run(self, run: bytes) -> bytes:
        """Take whole responses that begin with numbers; what of them goes to the client."""
        return self._untagged.run(run)

    def untagged_octets(self, octets: Octets) -> bytes:
        """Take a piece of a literal; what of it goes to the client."""
        return self._untagged.octets(octets)

    def tagged(self, command: RelayedCommand, text: bytes) -> Learning | None:
        """The partner has answered a command that was relayed.

        The answer has to wait for the end of the learning that is returned. A question that is
        asked between two commands brings news between them; where answers have to be exact, it is
        asked before the client knows that the first has ended.
        """
        self._relayed_ended(command, text)
        has_news = command.name in TELLS_NEWS and text[:3].upper() == b"OK "
        if not (self._account.freshness.exact and has_news) or self._owner.in_flight:
            return None
        return self._learn_more()

    def _relayed_ended(self, command: RelayedCommand, text: bytes) -> None:
        self._nudge.heard()
        self._changes.ended(command, text)
        if self._selects and self._selects[0] is command:
            self._selects.popleft()
            self._select_answered(text)
            return
        if self.selected.selecting is not None:
            self.selected.begin_again()
        if self._passing.pop(command, None) is not None or command in self._unread:
            self._unread.discard(command)
            self._expect()

    def _select_answered(self, text: bytes) -> None:
        if text[:3].upper() == b"OK " and not self._selects:
            # What stands in the tagged response counts too: MAILBOXID may.
            self.selected.opened()
        else:
            self.selected.blind()
        if self.selected.view is not None:
            self._nudge.start()

    def batch_received(self) -> None:
        """Everything that had arrived was told."""
        if any(learning.ended for learning in self._learnings):
            self._learnings = [learning for learning in self._learnings if not learning.ended]
            self._claims_changed()
            self._tee.keep_named()
        self.selected.save()

    def at_leisure(self) -> None:
        """Everything that the client has asked so far was sent on: a question of our own may go."""
        if not self._account.freshness.exact and not self._owner.in_flight:
            self._learn_more()

    def _learn_more(self) -> Learning | None:
        view = self.selected.view
        unknown = self.selected.unknown()
        if view is not None and view.exists > _LEARNED_IN_ALL and not self.selected.has_candidate:
            unknown = self._tee.unnamed
        if unknown is None or self._learnings or not self._is_worth_learning:
            return None
        first, last = unknown
        return self._learn(first, min(last, first + _LEARNED_AT_ONCE - 1))

    @property
    def _is_worth_learning(self) -> bool:
        if not self._owner.may_ask:
            return False
        # While a FETCH runs that tells the UIDs itself, nothing is asked for twice.
        if self._passing or self._unread:
            return False
        if self.selected.has_candidate:
            return True
        view = self.selected.view
        if self._account.freshness.exact:
            return view is not None and view.exists <= _LEARNED_AT_ONCE
        return self._wanted and view is not None

    def fetch_ended(self, fetch: PlannedFetch) -> None:
        """A planned FETCH has its answer."""
        if fetch.asks:
            self._nudge.heard()
        else:
            self._nudge.served()
        self._planned = [other for other in self._planned if other is not fetch]
        self._claims_changed()

    def partner_lost(self) -> None:
        """The partner is gone; what was asked is not answered, and the session may go on."""
        self._untagged.lost()
        self._changes.lost()
        self._tee.forget_unnamed()
        self._planned = [fetch for fetch in self._planned if fetch.answered]
        self._learnings.clear()
        self._passing.clear()
        self._unread.clear()
        self._learns_shape = None
        if self._selects:
            self._selects.clear()
            self.selected.blind("the connection was lost in a SELECT")
        self._nudge.stop()
        self._claims_changed()

    def resumed(self, restored: Restored) -> None:
        """Another partner has the same mailbox selected."""
        self.selected.resumed(restored)
        if self.selected.view is not None:
            self._nudge.start()

    def over(self) -> None:
        """The session ends."""
        self._untagged.lost()
        self._leave()

    # -- questions of our own ------------------------------------------------------------------

    def _learn(self, first: int, last: int) -> Learning:
        learning = Learning(
            self.selected, self._writer, first, last, with_emailid=self._account.has_emailid
        )
        self._learnings.append(learning)
        self._claims_changed()
        self._owner.send(learning, learning.words)
        return learning

    def _ask_for_news(self) -> bool:
        view = self.selected.view
        if view is None or not view.exists or not self._owner.may_ask:
            return False
        if not self._may_learn:
            return False
        self._learn(1, 1)
        return True

    def _claimants(self) -> Iterator[Claimant]:
        """Our own questions in the order in which they were asked."""
        for exchange in self._owner.in_flight:
            if isinstance(exchange, Asking | Learning):
                yield exchange

    def _keep_early(self, number: int) -> Callable[[bytes], None] | None:
        """Where a response about message ``number`` waits for its turn, if it came too early."""
        for fetch in self._planned:
            keep = fetch.keep_early(number)
            if keep is not None:
                return keep
        return None

    def _before_expunge(self) -> None:
        """Message numbers are about to change."""
        self._tee.forget_unnamed()
        for fetch in self._planned:
            fetch.release_early()

    def _claims_changed(self) -> None:
        self._untagged.has_claimants = bool(self._planned or self._learnings)
        self._expect()

    def _expect(self) -> None:
        asked = [fetch.asked for fetch in self._planned if fetch.passes]
        self._tee.expect([*self._passing.values(), *asked], certain=not self._unread)


class _Ahead:
    """What is in flight in front of a FETCH."""

    NUMBERS_STAND = "nothing that lets the upstream tell of expunged messages"
    BY_UID = "commands that let it, but none that names messages by number"
    ANYTHING = "anything else"


def _ahead(in_flight: Iterable[RelayedCommand | PlannedFetch | bytes]) -> str:
    found = _Ahead.NUMBERS_STAND
    for command in in_flight:
        if isinstance(command, bytes):
            continue
        if isinstance(command, PlannedFetch):
            by_uid = command.asked.by_uid and command.asks
        elif command.name in KEEPS_NUMBERS:
            by_uid = False
        elif command.name in BY_UID:
            by_uid = True
        else:
            return _Ahead.ANYTHING
        if by_uid:
            found = _Ahead.BY_UID
    return found


def targets_of(request: FetchRequest, view: View) -> Targets | None:
    """The messages that a FETCH means; ``None`` where it means none, or cannot be told."""
    numbers, uids = array("I"), array("I")
    for first, last in _number_ranges(request, view):
        if not 1 <= first <= last <= view.exists:
            return None
        numbers.extend(range(first, last + 1))
        uids += view.uids(first, last)
    return None if not numbers or UNKNOWN in uids else Targets(numbers, uids)


def _takes_what_comes(request: FetchRequest, view: View) -> bool:
    """Whether messages that are not known yet may be meant."""
    wanted = request.sequence_set
    if wanted.has_star or not view.exists:
        return True
    highest = max(max(ends) for ends in wanted.ranges)
    return highest > (view.uid(view.exists) if request.asked.by_uid else view.exists)


def _number_ranges(request: FetchRequest, view: View) -> Iterator[tuple[int, int]]:
    wanted = request.sequence_set
    if not request.asked.by_uid:
        yield from wanted.resolve(view.exists) if view.exists else [(STAR, STAR)]
    elif view.complete and view.exists:
        for low, high in wanted.resolve(view.uid(view.exists)):
            first, last = view.numbers_of(low, high)
            if first <= last:
                yield first, last


def _mailbox_of(line: ClientLine) -> bytes | None:
    try:
        body = decode_command(b"x" + line.rest, lenient=True).body
    except DecodeError:
        return None
    return body.mailbox if isinstance(body, Select | Examine) else None


def _hits(parts: Plan | None, wanted: int) -> tuple[int, int]:
    """How many of the messages were served from here, and how many were not."""
    held = sum(len(part.targets.uids) for part in parts or () if part.kind.is_held)
    return held, wanted - held
