"""The cache's side of one session: what is served, asked, followed and kept.

The session tells it every command before it is relayed and everything that comes back. It decides
on FETCH (:mod:`imapproxy.relay.fetch_planning`), and on LIST, LSUB and NAMESPACE where the user
wants that (:mod:`imapproxy.relay.list_answers`); of all else it only takes note.
"""

from collections import deque
from collections.abc import Collection

from twisted.internet.interfaces import IReactorTime

from imapproxy.cache.request import read_fetch_request
from imapproxy.relay.account_lists import AccountLists
from imapproxy.relay.cached_account import CachedAccount
from imapproxy.relay.client_line import ClientLine
from imapproxy.relay.fetch_planning import FetchPlanning
from imapproxy.relay.flags_later import flags_pass
from imapproxy.relay.kept_lists import KeptLists
from imapproxy.relay.known_commands import DESELECTS, SELECTS, TELLS_NEWS, is_followed
from imapproxy.relay.learning import Learning
from imapproxy.relay.list_answers import LISTS, ListAnswers
from imapproxy.relay.mailbox_changes import MailboxChanges
from imapproxy.relay.nudge import Nudge
from imapproxy.relay.open_fetches import OpenFetches
from imapproxy.relay.planned_fetch import FetchOwner, PlannedFetch
from imapproxy.relay.relayed_command import RelayedCommand
from imapproxy.relay.restoring import Restored
from imapproxy.relay.selected import Selected
from imapproxy.relay.shapes import Shapes
from imapproxy.relay.tee import Tee
from imapproxy.relay.traffic import Traffic
from imapproxy.relay.uid_questions import UidQuestions
from imapproxy.relay.untagged import Untagged
from imapproxy.wire.decode_command import decode_command
from imapproxy.wire.errors import DecodeError
from imapproxy.wire.framing import Line, Octets
from imapproxy.wire.mailbox_commands import Examine, Select


class Caching:
    """One session's cache. :attr:`watches` tells whether it has to see each response."""

    def __init__(self, owner: FetchOwner, account: CachedAccount, clock: IReactorTime) -> None:
        self._owner = owner
        self._account = account
        reader, writer = account.store.reader, account.store.writer
        self._writer = writer
        self.selected = Selected(account.name, reader, writer)
        shapes = Shapes(account.name, reader, writer)
        self._tee = Tee(self.selected, writer, shapes)
        self._changes = MailboxChanges(
            account.name, writer, self.selected, has_ids=account.has_emailid
        )
        self._kept_lists = KeptLists(account.name, reader, writer)
        self._fetches = OpenFetches(owner, self._tee, shapes, self._claims_changed)
        self._untagged = Untagged(
            self.selected,
            self._tee,
            self._changes,
            self._fetches.claimants,
            self._fetches.keep_early,
            self._fetches.before_expunge,
        )
        self._questions = UidQuestions(owner, account, self.selected, self._tee, self._fetches)
        self._nudge = Nudge(clock, account.freshness.news_interval, self._questions.ask_for_news)
        self._selects: deque[RelayedCommand] = deque()
        self._blind_for_good = False
        self._traffic = account.traffic or Traffic()
        lists = account.lists or AccountLists()
        self._lists = ListAnswers(lists, account.freshness.list_ttl, clock)
        self._plan = FetchPlanning(
            owner, account, self.selected, shapes, self._fetches, self._nudge, self._traffic
        ).planned
        #: How to answer a command that is here whole: see :meth:`FetchPlanning.planned` (hot).
        self.planned = self._planned if self._lists.watches else self._plan

    @property
    def watches(self) -> bool:
        """Whether untagged responses have to be looked at one by one."""
        fetches = self._fetches
        return bool(
            self.selected.view is not None
            or self._selects
            or fetches.learnings
            or fetches.planned
            or self._lists.watches
            or self._kept_lists.listens
        )

    @property
    def needs_quiet(self) -> bool:
        """Whether the client's next command has to wait.

        The upstream is showing how it answers one, and what it answers to another could be taken
        for that. Or it is answering a question of our own: what a command behind that changes it
        would tell with that, in another form (UIDs are told with a UID STORE, not with a FETCH).
        """
        fetches = self._fetches
        if not fetches.learnings and fetches.learns_shape is None:
            return False
        return fetches.need_quiet

    # -- commands --------------------------------------------------------------------------

    def _planned(
        self, command: ClientLine, in_flight: Collection[RelayedCommand | PlannedFetch | bytes]
    ) -> PlannedFetch | bytes | None:
        if command.name not in LISTS:
            return self._plan(command, in_flight)
        answer = self._lists.answer(command, in_flight)
        if answer is not None:
            self._nudge.served()
        return answer

    def relaying(self, command: RelayedCommand, line: ClientLine, *, whole: bool) -> None:
        """A command is about to be relayed; ``whole`` tells that its line is all of it."""
        name = command.name
        self._changes.relaying(command, line)
        followed = is_followed(name, line.rest, self._account.offered)
        self._kept_lists.relaying(command, line, whole=whole, followed=followed)
        in_flight = self._owner.in_flight
        self._lists.relaying(command, line, in_flight, whole=whole, followed=followed)
        if not followed:
            self._blind_for_good = self._blind_for_good or name in (b"ENABLE", b"NOTIFY")
            self.selected.blind("the client said " + name.decode("ascii", "replace"))
        elif name in SELECTS:
            self._selecting(command, line if whole else None)
        elif name in DESELECTS:
            self._leave()
        elif name in (b"FETCH", b"UID FETCH"):
            self._passes(command, line if whole else None)

    def went_on(self, octets: bytes) -> None:
        """More of the last command is relayed: a literal, or what is behind one."""
        self._changes.went_on(octets)

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
        self._fetches.wanted = False

    def _passes(self, command: RelayedCommand, line: ClientLine | None) -> None:
        request = None if line is None else read_fetch_request(line.rest)
        # Pipelined behind a SELECT its answers may come when there is a view.
        is_understood = request is not None and self.selected.view is not None
        self._fetches.passes(command, request.asked if request and is_understood else None)

    # -- from the partner --------------------------------------------------------------------

    def untagged_line(self, line: Line) -> bytes:
        """Take a line of an untagged response; what of it goes to the client."""
        if self._lists.watches:
            self._lists.untagged(line, self._owner.in_flight)
        if self._kept_lists.listens:
            self._kept_lists.line(line)
        if line.data[2:3].isdigit():
            self._traffic.octets_asked += len(line.data)
            self._keep_flags(line.data)
        return self._untagged.line(line)

    def untagged_run(self, run: bytes) -> bytes:
        """Take whole responses that begin with numbers; what of them goes to the client."""
        self._traffic.octets_asked += len(run)
        self._keep_flags(run)
        return self._untagged.run(run)

    def _keep_flags(self, run: bytes) -> None:
        view, mailbox = self.selected.view, self.selected.mailbox
        if view is not None and mailbox is not None:
            flags_pass(run, mailbox, view, self._writer)

    def untagged_octets(self, octets: Octets) -> bytes:
        """Take a piece of a literal; what of it goes to the client."""
        self._traffic.octets_asked += len(octets.data)
        if self._kept_lists.listens:
            self._kept_lists.octets(octets)
        return self._untagged.octets(octets)

    def _claims_changed(self, has_claimants: bool) -> None:
        self._untagged.has_claimants = has_claimants

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
        return self._questions.learn_more()

    def _relayed_ended(self, command: RelayedCommand, text: bytes) -> None:
        self._nudge.heard()
        self._changes.ended(command, text)
        self._lists.ended(command, text)
        self._kept_lists.ended(command, text)
        if self._selects and self._selects[0] is command:
            self._selects.popleft()
            self._select_answered(text)
            return
        if self.selected.selecting is not None:
            self.selected.begin_again()
        self._fetches.relayed_ended(command)

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
        if self._fetches.learnings and self._fetches.take_ended_learnings():
            self._tee.keep_named()
        self.selected.save()

    def at_leisure(self) -> None:
        """Everything that the client has asked so far was sent on: a question of our own may go."""
        if not self._account.freshness.exact and not self._owner.in_flight:
            self._questions.learn_more()

    def fetch_ended(self, fetch: PlannedFetch) -> None:
        """A planned FETCH has its answer."""
        if fetch.asks:
            self._nudge.heard()
        else:
            self._nudge.served()
        self._fetches.planned_ended(fetch)

    # -- the partner is lost, and the end ----------------------------------------------------

    def partner_lost(self) -> None:
        """The partner is gone; what was asked is not answered, and the session may go on."""
        self._untagged.lost()
        self._changes.lost()
        self._lists.lost()
        self._kept_lists.lost()
        self._tee.forget_unnamed()
        self._fetches.lost()
        if self._selects:
            self._selects.clear()
            self.selected.blind("the connection was lost in a SELECT")
        self._nudge.stop()

    def resumed(self, restored: Restored) -> None:
        """Another partner has the same mailbox selected."""
        self.selected.resumed(restored)
        if self.selected.view is not None:
            self._nudge.start()

    def over(self) -> None:
        """The session ends."""
        self._untagged.lost()
        self._lists.lost()
        self._kept_lists.lost()
        self._leave()


def _mailbox_of(line: ClientLine) -> bytes | None:
    try:
        body = decode_command(b"x" + line.rest, lenient=True).body
    except DecodeError:
        return None
    return body.mailbox if isinstance(body, Select | Examine) else None
