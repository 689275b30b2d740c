"""One legacy session after login: every command goes to the partner, every answer comes back.

The relay is transparent: but for the hop-by-hop capabilities in the answers no octet is changed,
and a command that the proxy has never heard of works as it does without it. Three rules hold it
together:

* the client's fragments are taken one at a time; while the next one could mean two things (the
  partner has not yet said whether it wants the literal, or whether it took IDLE), none is taken;
* every command the client has begun is in ``_order`` until its tagged response was written, and
  what the proxy answers itself waits there for its turn;
* nothing is written to the client between the octets of a response.

With a cache (:mod:`imapproxy.relay.caching`) a FETCH may be answered in part or whole from here. It
stands in the same queue, and its answers go out through the same outbox.

With a way back (:mod:`imapproxy.relay.comeback`) the session outlives its partner: what is in the
queue is said again to the next one, if it may be.
"""

from collections.abc import Collection

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from imapproxy.relay.cached_account import CachedAccount
from imapproxy.relay.caching import Caching
from imapproxy.relay.client_line import ClientLine, read_client_line, tag_of_broken_line
from imapproxy.relay.client_port import ClientPort
from imapproxy.relay.comeback import Comeback, FlagsQuestion, Revived, Wish
from imapproxy.relay.command_queue import Command, CommandQueue, outcome_unknown
from imapproxy.relay.hop_by_hop import (
    REFUSED_COMMANDS,
    status_for_client,
    untagged_for_client,
)
from imapproxy.relay.known_commands import SELECTS
from imapproxy.relay.large_answer import BrokenAnswer
from imapproxy.relay.outbox import Outbox
from imapproxy.relay.planned_fetch import PlannedFetch
from imapproxy.relay.relayed_command import RelayedCommand
from imapproxy.relay.repeating import names_messages_by_number, selection_stays_clear
from imapproxy.relay.restoring import Restored
from imapproxy.relay.resume import CannotResume, flags_question, news
from imapproxy.relay.valve import Valve
from imapproxy.upstream.connection import UpstreamConnection
from imapproxy.upstream.errors import UpstreamError
from imapproxy.upstream.exchange import Exchange
from imapproxy.upstream.farewell import Goodbye, Parting
from imapproxy.wire.framing import Fragment, Line, Literal, Malformed, Octets

# After these the client's next line is no command, if the upstream agrees by a continuation
# request (RFC 2177, RFC 3501 section 6.2.2).
_ASKS_FOR_MORE = frozenset((b"IDLE", b"AUTHENTICATE"))
_DONE = b"DONE\r\n"
_ZERO_TO_NINE = frozenset(b"0123456789")
_LOGOUT_PATIENCE = 5.0  # seconds
_HALF_CLOSED_PATIENCE = 600.0  # seconds for the answers to a client that says no more
_BYE_PATIENCE = 5.0  # seconds for the partner to close behind its BYE
# A command that is longer is not kept to be said again.
_MAX_KEPT = 64 * 1024
# With these a client asks for news.
_ASKS_FOR_NEWS = frozenset((b"NOOP", b"CHECK", b"IDLE"))
_LOGGED_OUT = b"* BYE Logging out\r\n%b OK Logout completed.\r\n"


class RelaySession:
    """The relay between one client and its partner. ``clock`` serves time-outs only.

    ``literal_plus`` tells whether the upstream takes non-synchronizing literals (RFC 7888);
    ``max_pipelined`` bounds the commands in flight, beyond it the client is not read; ``parting``
    takes the partner when the session is over. ``account`` is whose mail is cached, ``None`` to
    relay everything. Without a ``comeback`` the session ends with its partner.
    """

    log = Logger()
    takes_runs = True

    def __init__(
        self,
        client: ClientPort,
        partner: UpstreamConnection,
        clock: IReactorTime,
        *,
        literal_plus: bool,
        max_pipelined: int,
        parting: Parting | None = None,
        account: CachedAccount | None = None,
        comeback: Comeback | None = None,
    ) -> None:
        self._client = client
        self._partner = partner
        self._clock = clock
        self._literal_plus = literal_plus
        self._max_pipelined = max_pipelined
        self._parting = parting or Goodbye(partner)
        self.outbox = Outbox(client, Valve(partner.transport), clock, self._answer_broken)
        self._say = self.outbox.say
        self._caching = None if account is None else Caching(self, account, clock)
        self._comeback = comeback
        self._order = CommandQueue()
        self._waits_for_turn = False  # a FETCH that is served when what was before it is answered
        self._half_written: RelayedCommand | None = None  # its next line or octets come now
        self._undecided: RelayedCommand | None = None  # waits for "+" or a tagged response
        self._continued: RelayedCommand | None = None  # the client's next line belongs to it
        self._discarding = False  # the rest of a command that was answered already
        self._inside_response = False  # a response to the client has begun and not ended
        self._partner_inside = False  # the same of the partner's; the cache may hold it back
        self._told = 0  # untagged responses, or pieces of them, that the client was told
        self._bye_seen = False
        self._input_ended = False
        self._draining = False
        self._leaving = False  # LOGOUT was relayed
        self._logged_out = False  # LOGOUT is answered here: the partner stays
        self._over = False
        self._timers: list[IDelayedCall] = []
        partner.receiver = self

    # -- from the client -------------------------------------------------------------------

    @property
    def ready(self) -> bool:
        """Whether the client's next fragment can be taken now."""
        return not (
            self._over
            or self._leaving
            or self._logged_out
            or self._draining
            or self._undecided is not None
            or self._waits_for_turn
            or len(self._order) >= self._max_pipelined
            or (self._comeback is not None and self._comeback.is_under_way)
            or (self._caching is not None and self._caching.needs_quiet)
        )

    def client_fragment(self, fragment: Fragment) -> None:
        """Take the client's next fragment; only while :attr:`ready`. :meth:`flush` comes behind."""
        self._partner.gather()
        if isinstance(fragment, Octets):
            if not self._discarding:
                self._note_more(fragment.data)
                self._partner.write(fragment.data)
        elif isinstance(fragment, Line):
            self._client_line(fragment)
        else:
            self._client_malformed(fragment)

    def flush(self) -> None:
        """Write out what was gathered for either side."""
        self._partner.flush()
        self.outbox.flush()

    def client_input_ended(self) -> None:
        """The client will say no more but may still read: answer what it asked, then close."""
        told_before, self._input_ended = self._input_ended, True
        waits_for_client = self._half_written or self._undecided or self._continued
        if waits_for_client is not None or not self._order:
            self._end()
        elif not told_before:
            # That it is gone altogether would be noticed only when something is written to it.
            self._timers.append(self._clock.callLater(_HALF_CLOSED_PATIENCE, self._end))

    def client_gone(self) -> None:
        """The client's connection is lost."""
        self.outbox.drop()
        if not self._over:
            self._over = True
            self._leave_partner()

    def drain(self, grace: float) -> None:
        """Take no more commands; say BYE when those in flight are answered, or after ``grace``
        seconds.
        """
        if self._over or self._draining:
            return
        self._draining = True
        if self._is_alone and self._order:
            self._part(b"imapproxy is shutting down")
            return
        self._timers.append(self._clock.callLater(grace, self._say_bye))
        self._settle()
        self.flush()

    def _client_line(self, line: Line) -> None:
        if self._discarding:
            self._discard(line.literal)
        elif self._half_written is not None:
            self._write(self._half_written, line)
        elif self._continued is not None:
            self._continue(self._continued, line)
        else:
            self._new_command(line)

    def _new_command(self, line: Line) -> None:
        command = read_client_line(line.data)
        if command is None:
            self._answer(b"* BAD This is not an IMAP command: it does not begin with a tag\r\n")
            self._discard(line.literal)
        elif command.name in REFUSED_COMMANDS:
            self._answer(command.tag + b" BAD " + command.name + b" is not offered here\r\n")
            self._discard(line.literal)
        elif _is_logout(command.rest) and (self._parting.stays or self._is_alone):
            self._logged_out = True
            self._answer(_LOGGED_OUT % command.tag)
        elif self._comeback is not None and self._comeback.gone:
            self._comeback.held = line
            self._come_back(self._comeback)
        elif not self._planned(command, line):
            self._relay(command, line)

    def _relay(self, command: ClientLine, line: Line) -> RelayedCommand:
        self._ask_for_flags(command.name)
        whole = line.literal is None
        relayed = RelayedCommand(self, command.tag, command.name)
        relayed.line = command if whole and len(line.data) <= _MAX_KEPT else None
        relayed.told_before = self._told
        self._order.append(relayed)
        if command.name == b"LOGOUT":
            self._expect_logout()
        if self._caching is not None:
            self._caching.relaying(relayed, command, whole=whole)
        if self._comeback is not None:
            self._comeback.relaying(relayed, command, whole=whole)
        self._write(relayed, Line(command.rest, line.literal))
        return relayed

    def _planned(self, command: ClientLine, line: Line) -> bool:
        """Answer a command with the help of the cache, if that can be done."""
        if self._caching is None or line.literal is not None:
            return False
        fetch = self._caching.planned(command, self._order)
        if fetch is None:
            return False
        if isinstance(fetch, bytes):
            self._answer(fetch)
            return True
        fetch.line, fetch.told_before = command, self._told
        if self._comeback is not None:
            self._comeback.relaying(fetch, command, whole=True)
        self._order.append(fetch)
        if fetch.serves:
            self._waits_for_turn = True
            self._settle()
        else:
            fetch.begin()
        return True

    # -- for the cache -----------------------------------------------------------------------

    @property
    def may_ask(self) -> bool:
        """Whether a command of our own can be sent now: no IDLE, no half a command."""
        return not (
            self._over
            or self._leaving
            or self._half_written is not None
            or self._undecided is not None
            or self._continued is not None
            or self._partner.error is not None
        )

    @property
    def in_flight(self) -> Collection[Exchange]:
        """What the partner was asked and has not answered, oldest first."""
        return self._partner.in_flight

    def send(self, exchange: Exchange, rest: bytes, tag: bytes = b"") -> None:
        """Send a command of our own, of one line; ``tag`` is the tag that is wished for."""
        partner = self._partner

        def begin() -> None:
            if partner.error is not None:
                exchange.connection_lost(partner.error)
            else:
                partner.start(exchange, rest, tag)
                partner.finish(exchange)

        partner.when_writable(begin)

    def fetch_ended(self, fetch: PlannedFetch) -> None:
        """A planned FETCH has its tagged response."""
        if self._caching is not None:
            self._caching.fetch_ended(fetch)

    def fetch_lost(self, fetch: PlannedFetch, error: UpstreamError) -> None:
        """The partner is gone before it told what turned out to be missing."""
        if not self._inside_response and not self._over and not self._bye_seen:
            self._say(outcome_unknown(fetch.client_tag, _sentence(error)))
            self.fetch_ended(fetch)

    def _answer_broken(self, error: BrokenAnswer) -> None:
        """What was begun cannot be finished, and nothing lawful can be said behind it."""
        self.log.warn("a session ends in the middle of a response: {error}", error=str(error))
        self.outbox.drop()
        self._end()

    def _write(self, command: RelayedCommand, line: Line) -> None:
        data, literal = line
        convert = literal is not None and not literal.synchronizing and not self._literal_plus
        if convert:
            data = data.replace(b"+}\r\n", b"}\r\n")
        if command.tag:
            self._note_more(data)
            self._partner.write(data)
        else:
            self._partner.start(command, data, command.client_tag)
        if literal is None:
            self._written(command)
            if command.name in _ASKS_FOR_MORE and not command.answered:
                self._undecided = command
            return
        asks_first = literal.synchronizing or convert
        if asks_first and command.answered:
            # A server that has answered takes no more literals of this command.
            self._written(command)
            self._discard(literal)
            return
        self._half_written = command
        command.literal_converted = convert
        if asks_first:
            self._undecided = command

    def _note_more(self, octets: bytes) -> None:
        if self._caching is not None:
            self._caching.went_on(octets)
        if self._comeback is not None and self._comeback.ledger.reads_on:
            self._comeback.ledger.went_on(octets)

    def _written(self, command: RelayedCommand) -> None:
        self._half_written = None
        self._partner.finish(command)

    def _continue(self, command: RelayedCommand, line: Line) -> None:
        self._partner.write(line.data)
        if line.data.upper() == _DONE:
            # Nothing but the answer is missing, should the partner be lost now.
            command.line = ClientLine(command.client_tag, b" NOOP\r\n", b"NOOP")
        else:
            command.line = None
        if command.name == b"IDLE":  # takes one line, DONE; other dialogues go on until the tag
            self._commands_again()

    def _commands_again(self) -> None:
        self._continued = None
        self._client.expect_commands(True)

    def _discard(self, literal: Literal | None) -> None:
        """Skip what follows of a command that has its answer."""
        self._discarding = literal is not None and not literal.synchronizing
        if literal is not None and literal.synchronizing:
            self._client.refuse_literal()

    def _client_malformed(self, malformed: Malformed) -> None:
        if malformed.fatal or self._half_written is not None:
            self._say_bye(b"BAD " + malformed.reason.encode())
            return
        tag = tag_of_broken_line(malformed.start)
        self._answer(tag + b" BAD " + malformed.reason.encode() + b"\r\n")

    def _answer(self, response: bytes) -> None:
        """Answer a command here, behind the answers to those before it."""
        self._order.append(response)
        self._settle()

    # -- from the partner ------------------------------------------------------------------

    def untagged_run(self, octets: bytes, inside_response: bool) -> None:
        """Untagged responses that begin with a number (hot: most of what there is)."""
        if self._caching is not None and self._caching.watches:
            octets = self._caching.untagged_run(octets)
        self._inside_response = self._partner_inside = inside_response
        self._told += bool(octets)
        self._say(octets)

    @property
    def takes_whole_responses(self) -> bool:
        """See :class:`imapproxy.upstream.connection.Receiver`."""
        return self._caching is not None and self._caching.watches

    def untagged_line(self, line: Line) -> None:
        """A line of an untagged response."""
        data = line.data
        begins, self._partner_inside = not self._partner_inside, line.literal is not None
        if begins and data[2] not in _ZERO_TO_NINE:
            data = untagged_for_client(data)
            if data[2:6].upper() == b"BYE " and self._heard_bye(data):
                return
        if self._caching is not None and self._caching.watches:
            data = self._caching.untagged_line(
                line if data is line.data else Line(data, line.literal)
            )
            if not data:
                return  # it is for the cache, or may be
        self._inside_response = line.literal is not None
        self._told += 1
        self._say(data)

    def _heard_bye(self, bye: bytes) -> bool:
        """Whether the client does not hear of it yet: there may be another partner."""
        comeback = self._comeback
        if comeback is None or self._leaving:
            self._bye_seen = True
            return False
        comeback.bye = bye
        self._timers.append(self._clock.callLater(_BYE_PATIENCE, self._partner.abort))
        return True

    def untagged_octets(self, octets: Octets) -> None:
        """A piece of a literal of an untagged response."""
        if self._caching is not None and self._caching.watches:
            self._say(self._caching.untagged_octets(octets))
        else:
            self._say(octets.data)

    def batch_received(self) -> None:
        """What had arrived from the partner was told."""
        if self._caching is not None:
            self._caching.batch_received()
        self._settle()
        if self._caching is not None and self.ready:
            self._resume_client()  # what it was waiting for may have come
            self._caching.at_leisure()
        self.flush()

    def disconnected(self, error: UpstreamError) -> None:
        """The partner is gone, and what was in flight is not answered."""
        if self._over:
            return
        comeback = self._comeback
        if comeback is not None and self._may_come_back(comeback):
            self._partner_lost(comeback, _sentence(error))
        else:
            self._part(_sentence(error))

    def continuation_requested(self, command: RelayedCommand, line: bytes) -> None:
        """The partner wants more of a command."""
        if self._undecided is not command:
            self._say(line)
            if self._half_written is None:
                self._take_lines_for(command)
            return
        self._undecided = None
        if self._continued is command:
            pass  # it was told so by the partner before
        elif self._half_written is None:
            self._say(line)
            self._take_lines_for(command)
        elif not command.literal_converted:
            self._say(line)
            self._client.accept_literal()
        self._resume_client()

    def _take_lines_for(self, command: RelayedCommand) -> None:
        self._continued = command
        self._client.expect_commands(False)

    def _resume_client(self) -> None:
        self.flush()
        self._client.proceed()

    def tagged(self, command: RelayedCommand, text: bytes) -> None:
        """The partner's last word to a command."""
        was_ready = self.ready
        command.answered = True
        reply = command.client_tag + b" " + status_for_client(text)
        if self._comeback is not None:
            self._comeback.ledger.answered(command, text)
        learning = None if self._caching is None else self._caching.tagged(command, text)
        if learning is None:
            self._say(reply)
        else:
            learning.on_end = self.outbox.add_gate(reply).open
        if self._continued is command:
            self._commands_again()
        if self._half_written is command and self._undecided is command:
            # The literal was refused. One that we asked for in the client's stead comes anyway.
            self._written(command)
            if command.literal_converted:
                self._discarding = True
            else:
                self._client.refuse_literal()
        if self._undecided is command:
            self._undecided = None
        self._settle()
        if command.name == b"LOGOUT":
            self._end()
        elif not was_ready and self.ready:
            self._resume_client()

    def command_lost(self, command: RelayedCommand, error: UpstreamError) -> None:
        """See :meth:`disconnected`, which follows."""

    # -- without a partner, and with the next one --------------------------------------------

    @property
    def _is_alone(self) -> bool:
        """Whether the partner is gone and the session is not over."""
        return self._comeback is not None and self._comeback.gone

    def _may_come_back(self, comeback: Comeback) -> bool:
        """Whether the client can be served by another partner without hearing of it."""
        if self._inside_response or self._leaving or self._logged_out:
            return False
        if self._draining or self._input_ended or comeback.ledger.hindrance:
            return False
        if self._continued is not None and not self._idling:
            return False
        if not selection_stays_clear([item.name for item in self._order.unanswered()]):
            return False
        return comeback.ledger.selection is None or (
            self._caching is not None and self._caching.selected.known is not None
        )

    def _partner_lost(self, comeback: Comeback, reason: bytes) -> None:
        comeback.gone = True
        self._partner_inside = False
        comeback.ledger.lost()
        if self._caching is not None:
            self._caching.partner_lost()
        self._client.partner_lost()
        self._forsake_half_written()
        self._undecided = None
        self._waits_for_turn = False
        self._order.partner_lost(self._told, self._continued, reason)
        if any(self._order.unanswered()):
            self._come_back(comeback)
        self._settle()
        self._resume_client()  # it is to be heard that it goes

    def _forsake_half_written(self) -> None:
        """The rest of a command that no partner will hear."""
        command, self._half_written = self._half_written, None
        if command is None:
            return
        if self._undecided is command and not command.literal_converted:
            self._client.refuse_literal()
        else:
            self._discarding = True

    def _come_back(self, comeback: Comeback) -> None:
        wish = None
        selection = comeback.ledger.selection
        known = None if self._caching is None else self._caching.selected.known
        held = None if comeback.held is None else read_client_line(comeback.held.data)
        if held is not None and held.name in SELECTS:
            comeback.ledger.selection = None
        elif selection is not None:
            if known is None:
                self._part(b"the connection was lost, and which mailbox it was is not known")
                return
            wish = Wish(selection, known)
        revived = comeback.begin(wish)
        revived.addCallback(self._revived).addErrback(self._not_revived)

    def _not_revived(self, failure: Failure) -> None:
        if self._over:
            return
        if failure.check(CannotResume) is None:
            self.log.failure("a session could not be resumed for a fault in imapproxy", failure)
        self.log.info("a session ends: {reason}", reason=failure.getErrorMessage())
        self._part(b"the connection was lost: " + _ascii(failure.getErrorMessage()))

    def _revived(self, revived: Revived) -> None:
        comeback = self._comeback
        assert comeback is not None
        partner, restored = revived
        if partner.connection.error is not None:
            self._come_back(comeback)
            return
        has_moved = restored is not None and bool(restored.changes.vanished)
        if has_moved and self._numbers_are_needed(comeback):
            partner.leave()
            self._part(b"the connection was lost, and messages have gone meanwhile")
            return
        self._partner = connection = partner.connection
        self._parting = partner.parting or Goodbye(connection)
        self._literal_plus = partner.has_literal_plus
        self.outbox.change_upstream(connection.transport)
        self._client.partner_changed(connection)
        connection.receiver = self
        comeback.gone, comeback.bye = False, b""
        connection.gather()
        if restored is not None:
            self._tell(comeback, restored)
        self._repeat_all(comeback)

    def _numbers_are_needed(self, comeback: Comeback) -> bool:
        """Whether a command that waits means messages by the numbers that they had."""
        held = None if comeback.held is None else read_client_line(comeback.held.data)
        whole = comeback.held is None or comeback.held.literal is None
        if held is not None and names_messages_by_number(held, whole=whole):
            return True
        return any(
            item.line is None or names_messages_by_number(item.line)
            for item in self._order.unanswered()
        )

    def _tell(self, comeback: Comeback, restored: Restored) -> None:
        """Tell the client what has changed in its mailbox."""
        assert self._caching is not None
        known = self._caching.selected.known
        assert known is not None
        ledger = comeback.ledger
        before, exists, recent = known.view.exists, restored.exists, restored.recent
        comeback.flags_question = comeback.flags_question or flags_question(
            known, restored.told, condstore=ledger.condstore
        )
        self._caching.resumed(restored)
        told = news(before, restored.changes, exists, recent, qresync=ledger.qresync)
        if told:
            self._told += 1
            self._say(told)

    def _repeat_all(self, comeback: Comeback) -> None:
        """Say again what waits for its answer, and then what the client has said since."""
        for item in self._order.take_all():
            if isinstance(item, bytes):
                self._order.append(item)
            elif not item.answered:
                self._repeat(item)
        held, comeback.held = comeback.held, None
        if held is not None:
            self._client_line(held)
        self._settle()
        self._resume_client()

    def _repeat(self, item: Command) -> None:
        line = item.line
        assert line is not None, "what was not kept is not said again"
        is_idling = self._continued is item
        again = self._relay(line, Line(line.tag + line.rest, None))
        again.repeats = item.repeats + 1
        if is_idling:
            self._continued = again

    def _ask_for_flags(self, name: bytes) -> None:
        """Before the client asks for news, ask for those that a lost connection would have told."""
        comeback = self._comeback
        if comeback is None or not comeback.flags_question or name not in _ASKS_FOR_NEWS:
            return
        question, comeback.flags_question = comeback.flags_question, b""
        if self._caching is not None and self._caching.selected.known is not None:
            self.send(FlagsQuestion(comeback, question), question)

    # -- order and end ---------------------------------------------------------------------

    def _settle(self) -> None:
        """Let go of what has its answer; end the session where that was all it waited for."""
        self._release_answers()
        if self._over or self._inside_response:
            return
        if self._logged_out and not self._order:
            self._end()
        elif self._draining and (not self._order or self._idling):
            self._say_bye()
        elif self._input_ended and not self._order:
            self._end()

    def _release_answers(self) -> None:
        order = self._order
        while order and not self._inside_response:
            first = order.first
            if isinstance(first, bytes):
                self._say(first)
            elif isinstance(first, PlannedFetch) and not first.begun:
                if self._partner.error is not None:
                    break
                self._waits_for_turn = False
                first.begin()
                continue
            elif not first.answered:
                break
            order.popleft()

    @property
    def _idling(self) -> bool:
        return self._continued is not None and self._continued.name == b"IDLE"

    def _expect_logout(self) -> None:
        self._leaving = True
        self._timers.append(self._clock.callLater(_LOGOUT_PATIENCE, self._partner.abort))

    def _part(self, reason: bytes) -> None:
        """Answer what has no answer yet, and say why the session ends."""
        if not self._inside_response:
            self._answer_lost(reason)
            if not (self._bye_seen or self._logged_out):
                self._say(b"* BYE [UNAVAILABLE] " + reason + b"\r\n")
        self._end()

    def _answer_lost(self, reason: bytes) -> None:
        comeback = self._comeback
        if comeback is not None and comeback.bye and not comeback.gone:
            self._say(comeback.bye)
            self._bye_seen = True
        for item in self._order.take_all():
            if isinstance(item, bytes):
                self._say(item)
            elif not item.answered:
                self._answer_lost_command(item, reason)
        held = None if comeback is None else comeback.held
        line = None if held is None else read_client_line(held.data)
        if line is not None:
            self._say(line.tag + b" NO [UNAVAILABLE] " + reason + b"\r\n")

    def _answer_lost_command(self, command: Command, reason: bytes) -> None:
        if command.name == b"LOGOUT":
            if not self._bye_seen:
                self._say(b"* BYE Logging out\r\n")
                self._bye_seen = True
            self._say(command.client_tag + b" OK Logout completed.\r\n")
        elif not self._bye_seen:  # else it is as the server itself would have it
            self._say(outcome_unknown(command.client_tag, reason))

    def _say_bye(self, reason: bytes = b"imapproxy is shutting down") -> None:
        if not self._inside_response:
            self._say(b"* BYE " + reason + b"\r\n")
        self._end()

    def _end(self) -> None:
        """Write what there is, close the client's side, leave the partner."""
        if self._over:
            return
        self._over = True
        self._partner.flush()
        self._leave_partner()
        self.outbox.finish(self._client.close)

    def _leave_partner(self) -> None:
        for timer in self._timers:
            if timer.active():
                timer.cancel()
        if self._comeback is not None:
            self._comeback.stop()
        if self._caching is not None:
            self._caching.over()
        partner = self._partner
        partner.flush()
        if self._half_written is not None:
            partner.receiver = None
            partner.abort()  # never complete half a command
        elif self._leaving:
            partner.receiver = None
            partner.close()  # LOGOUT was said
        else:
            self._parting.leave()


def _is_logout(rest: bytes) -> bool:
    return rest[:10].upper() == b" LOGOUT\r\n"


def _sentence(error: UpstreamError) -> bytes:
    return _ascii(str(error))


def _ascii(text: str) -> bytes:
    return text.encode("ascii", "replace")
