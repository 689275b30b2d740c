"""A FETCH that is answered in parts, some from the cache and some by the upstream."""

from array import array
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Protocol

from imapproxy.cache.plan import Kind, Part, Plan, Targets
from imapproxy.cache.request import Asked, Question
from imapproxy.relay.answers import Answers, Told
from imapproxy.relay.client_line import ClientLine
from imapproxy.relay.hop_by_hop import status_for_client
from imapproxy.relay.outbox import Outbox
from imapproxy.relay.part_exchange import Asking, PartExchange, Passing, exchange_for
from imapproxy.upstream.errors import UpstreamError
from imapproxy.upstream.exchange import Exchange

# Octets of a part that the upstream answers before its turn may wait so long; then the answers are
# passed on in its order, which it is free to choose.
_MAX_EARLY = 1024 * 1024


class FetchOwner(Protocol):
    """The session, as far as a planned FETCH needs it."""

    outbox: Outbox

    @property
    def may_ask(self) -> bool:
        """Whether a command of our own can be sent now: no IDLE, no half a command."""

    @property
    def in_flight(self) -> Collection[Exchange]:
        """What the upstream was asked and has not answered, oldest first."""

    def send(self, exchange: Exchange, rest: bytes, tag: bytes = b"") -> None:
        """Send a command of one line; ``tag`` is the tag that is wished for."""

    def fetch_ended(self, fetch: "PlannedFetch") -> None:
        """Its last word was said."""

    def fetch_lost(self, fetch: "PlannedFetch", error: UpstreamError) -> None:
        """The partner is gone before it told what turned out to be missing."""


class _Turn:
    """One part: what is asked for it, and what was said of it before its turn."""

    def __init__(self, part: Part, exchange: PartExchange | None) -> None:
        self.part = part
        self.exchange = exchange
        self.early: deque[Answers | bytes] = deque()
        self.early_octets = 0


class PlannedFetch:
    """One command of the client. ``answered`` is true once its tagged response was said.

    All that is asked is asked at once. Pipelined, the upstream may answer in any order (RFC 9051
    section 5.5; Dovecot does), and what comes before its turn is kept until then: programs put
    the answers together with the numbers that they asked for.

    ``answers`` makes the responses of what is held; it tells afterwards whether all could be made.
    """

    def __init__(
        self,
        owner: FetchOwner,
        client_tag: bytes,
        asked: Asked,
        parts: Plan,
        answers: Callable[[], Answers],
        question: Question,
    ) -> None:
        self.client_tag = client_tag
        self.line: ClientLine | None = None  # the command, and the rest as RelayedCommand has it
        self.told_before = 0
        self.repeats = 0
        self.asked = asked
        self.answered = False
        self.begun = False
        self._owner = owner
        self._new_answers = answers
        self._made: list[Answers] = []
        self._turns = deque(
            _Turn(part, exchange_for(self, part, asked, question)) for part in parts
        )
        self._exchanges = [turn.exchange for turn in self._turns if turn.exchange is not None]
        self.serves = any(part.kind is Kind.SERVE for part in parts)
        self._text = b""

    @property
    def asks(self) -> bool:
        """Whether the upstream has something to do with it."""
        return bool(self._exchanges)

    @property
    def name(self) -> bytes:
        """The command's name, in upper case."""
        return b"UID FETCH" if self.asked.by_uid else b"FETCH"

    @property
    def has_answers(self) -> bool:
        """Whether anything was answered from here; what passes is not counted."""
        return bool(self._made)

    @property
    def passes(self) -> bool:
        """Whether the upstream answers some of it in the client's own words."""
        return any(isinstance(exchange, Passing) for exchange in self._exchanges)

    def begin(self) -> None:
        """Ask what is to be asked, and serve what comes first."""
        self.begun = True
        for exchange in self._exchanges:
            # The client's own tag goes to the last one, which has the last word.
            tag = self.client_tag if exchange is self._exchanges[-1] else b""
            self._owner.send(exchange, exchange.words, tag)
        self._go_on()

    # -- what the upstream says ----------------------------------------------------------------

    def say(self, exchange: PartExchange, number: int, uid: int, told: Told) -> None:
        """See :class:`imapproxy.relay.part_exchange.PartOwner`."""
        self._answers_of(self._turn_of(exchange)).add(number, uid, told)

    def say_all(
        self, exchange: PartExchange, targets: Targets, flags: Sequence[bytes] | None
    ) -> None:
        """See :class:`imapproxy.relay.part_exchange.PartOwner`."""
        answers = self._answers_of(self._turn_of(exchange))
        if flags is None:
            answers.add_all(targets)
        else:
            answers.add_column(targets, b"FLAGS", flags)

    def keep_early(self, number: int) -> Callable[[bytes], None] | None:
        """Where a response about message ``number`` is to be kept, if it came before its turn."""
        for turn in list(self._turns)[1:]:
            if isinstance(turn.exchange, Passing) and turn.exchange.means(number):
                return lambda octets: self._keep_early(turn, octets)
        return None

    def _keep_early(self, turn: _Turn, octets: bytes) -> None:
        if turn not in self._turns or turn is self._turns[0] or turn.early_octets > _MAX_EARLY:
            for early in self._taken(turn):
                self._owner.outbox.say(early)
            self._owner.outbox.say(octets)
        else:
            turn.early.append(octets)
            turn.early_octets += len(octets)

    def _taken(self, turn: _Turn) -> Iterator[bytes]:
        while turn.early:
            early = turn.early.popleft()
            if isinstance(early, Answers):
                self._owner.outbox.add(early)
            else:
                yield early

    def release_early(self) -> None:
        """Say all that waits for its turn, for the numbers in it will not be right for long."""
        for turn in self._turns:
            for early in self._taken(turn):
                self._owner.outbox.say(early)

    def part_answered(self, exchange: PartExchange, text: bytes) -> None:
        """See :class:`imapproxy.relay.part_exchange.PartOwner`."""
        if self.answered:  # it was asked again for what turned out to be gone
            self._owner.outbox.say(self._conclusion(text))
            return
        # A later part may be the first to be answered; the first that fails speaks for all.
        if not self._text or self._text[:2].upper() == b"OK":
            self._text = text
        self._go_on()

    def lost(self, error: UpstreamError) -> None:
        """See :class:`imapproxy.relay.part_exchange.PartOwner`."""
        if self.answered:  # but for what it was asked again
            self._owner.fetch_lost(self, error)

    # -- what the client hears -------------------------------------------------------------------

    def _turn_of(self, exchange: PartExchange) -> _Turn:
        return next(turn for turn in self._turns if turn.exchange is exchange)

    def _answers_of(self, turn: _Turn) -> Answers:
        """Answers behind which nothing was said yet."""
        is_its_turn = turn is self._turns[0]
        outbox = self._owner.outbox
        last = outbox.last_source if is_its_turn else turn.early[-1] if turn.early else None
        if isinstance(last, Answers) and last in self._made:
            return last
        answers = self._new_answers()
        self._made.append(answers)
        if is_its_turn:
            outbox.add(answers)
        else:
            turn.early.append(answers)
        return answers

    def _go_on(self) -> None:
        while self._turns:
            turn = self._turns[0]
            for early in self._taken(turn):
                self._owner.outbox.say(early)
            if turn.exchange is None:
                self._answers_of(turn).add_all(turn.part.targets)
            elif not turn.exchange.answered:
                return
            self._turns.popleft()
        if not self.answered:
            self.answered = True
            self._owner.outbox.add(_LastWord(self))

    def last_word(self) -> bytes:
        """The tagged response; nothing yet if it has to wait for what turned out to be gone."""
        text = self._text or b"OK Fetch completed.\r\n"
        missing = sorted(self._missing())
        if missing and text[:2].upper() == b"OK":
            # Only while both sides still number messages as they did.
            is_in_step = not self._owner.in_flight and self._owner.outbox.nothing_behind
            if self._owner.may_ask and is_in_step:
                self._ask_for(missing)
                return b""
            text = b"NO [UNAVAILABLE] Not all of it could be read from the cache; ask again\r\n"
        return self._conclusion(text)

    def _missing(self) -> Iterator[tuple[int, int]]:
        """Numbers and UIDs of what was not answered: gone from the store, or not told after all."""
        for answers in self._made:
            yield from answers.missing
        for exchange in self._exchanges:
            if isinstance(exchange, Asking):
                yield from exchange.unclaimed()

    def _conclusion(self, text: bytes) -> bytes:
        """The upstream's ``text``, or our own, with the client's tag."""
        self._owner.fetch_ended(self)
        return self.client_tag + b" " + status_for_client(text)

    def _ask_for(self, missing: Sequence[tuple[int, int]]) -> None:
        numbers, uids = zip(*missing, strict=True)
        targets = Targets(array("I", numbers), array("I", uids))
        repair = Passing(self, Part(Kind.RELAY, targets, self.asked.by_uid), self.asked)
        self._exchanges.append(repair)
        self._owner.send(repair, repair.words)


class _LastWord:
    """The tagged response, which depends on what could be said before it."""

    def __init__(self, fetch: PlannedFetch) -> None:
        self._fetch: PlannedFetch | None = fetch

    def next_piece(self) -> bytes | None:
        """See :class:`imapproxy.relay.outbox.Source`."""
        fetch, self._fetch = self._fetch, None
        return None if fetch is None else fetch.last_word()
