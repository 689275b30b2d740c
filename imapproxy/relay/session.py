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
"""

from collections import deque
from collections.abc import Collection

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from imapproxy.relay.caching import CachedAccount, Caching
from imapproxy.relay.client_line import ClientLine, read_client_line, tag_of_broken_line
from imapproxy.relay.client_port import ClientPort
from imapproxy.relay.hop_by_hop import (
    REFUSED_COMMANDS,
    status_for_client,
    untagged_for_client,
)
from imapproxy.relay.large_answer import BrokenAnswer
from imapproxy.relay.outbox import Outbox
from imapproxy.relay.planned_fetch import PlannedFetch
from imapproxy.relay.relayed_command import RelayedCommand
from imapproxy.relay.valve import Valve
from imapproxy.upstream.connection import UpstreamConnection
from imapproxy.upstream.errors import UpstreamError
from imapproxy.upstream.exchange import Exchange
from imapproxy.upstream.farewell import Goodbye, Parting
from imapproxy.wire.framing import Fragment, Line, Literal, Malformed, Octets

# After these the client's next line is no command, if the upstream agrees by a continuation
# request (RFC 2177, RFC 3501 section 6.2.2).
_ASKS_FOR_MORE = frozenset((b"IDLE", b"AUTHENTICATE"))
_ZERO_TO_NINE = frozenset(b"0123456789")
_LOGOUT_PATIENCE = 5.0  # seconds
_HALF_CLOSED_PATIENCE = 600.0  # seconds for the answers to a client that says no more
_LOGGED_OUT = b"* BYE Logging out\r\n%b OK Logout completed.\r\n"


class RelaySession:
    """The relay between one client and its partner. ``clock`` serves time-outs only.

    ``literal_plus`` tells whether the upstream takes non-synchronizing literals (RFC 7888);
    ``max_pipelined`` bounds the commands in flight, beyond it the client is not read; ``parting``
    takes the partner when the session is over. ``account`` is whose mail is cached, ``None`` to
    relay everything.
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
        self._order: deque[RelayedCommand | PlannedFetch | bytes] = deque()
        self._waits_for_turn = False  # a FETCH that is served when what was before it is answered
        self._half_written: RelayedCommand | None = None  # its next line or octets come now
        self._undecided: RelayedCommand | None = None  # waits for "+" or a tagged response
        self._continued: RelayedCommand | None = None  # the client's next line belongs to it
        self._discarding = False  # the rest of a command that was answered already
        self._inside_response = False  # a response to the client has begun and not ended
        self._partner_inside = False  # the same of the partner's; the cache may hold it back
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
            or (self._caching is not None and self._caching.needs_quiet)
        )

    def client_fragment(self, fragment: Fragment) -> None:
        """Take the client's next fragment; only while :attr:`ready`. :meth:`flush` comes behind."""
        self._partner.gather()
        if isinstance(fragment, Octets):
            if not self._discarding:
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
        elif _is_logout(command.rest) and self._parting.stays:
            self._logged_out = True
            self._answer(_LOGGED_OUT % command.tag)
        elif not self._planned(command, line):
            relayed = RelayedCommand(self, command.tag, command.name)
            self._order.append(relayed)
            if command.name == b"LOGOUT":
                self._expect_logout()
            if self._caching is not None:
                self._caching.relaying(relayed, command, whole=line.literal is None)
            self._write(relayed, Line(command.rest, line.literal))

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
        """The partner is gone before a planned FETCH was answered."""
        if not self._inside_response and not self._over and not self._bye_seen:
            self._say(_unknown_outcome(fetch.client_tag, error))

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

    def _written(self, command: RelayedCommand) -> None:
        self._half_written = None
        self._partner.finish(command)

    def _continue(self, command: RelayedCommand, line: Line) -> None:
        self._partner.write(line.data)
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
            self._bye_seen = self._bye_seen or data[2:6].upper() == b"BYE "
            data = untagged_for_client(data)
        if self._caching is not None and self._caching.watches:
            data = self._caching.untagged_line(
                line if data is line.data else Line(data, line.literal)
            )
            if not data:
                return  # it is for the cache, or may be
        self._inside_response = line.literal is not None
        self._say(data)

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
        """The partner is gone; the commands in flight were answered before."""
        if self._over:
            return
        self._release_answers()
        if not (self._bye_seen or self._inside_response or self._logged_out):
            self._say(b"* BYE [UNAVAILABLE] " + _sentence(error) + b"\r\n")
        self._end()

    def continuation_requested(self, command: RelayedCommand, line: bytes) -> None:
        """The partner wants more of a command."""
        if self._undecided is not command:
            self._say(line)
            if self._half_written is None:
                self._take_lines_for(command)
            return
        self._undecided = None
        if self._half_written is None:
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
        """The partner is gone and will not answer this command."""
        if self._inside_response or self._over:
            return
        if self._bye_seen and command.name != b"LOGOUT":
            return  # as the server itself would have it
        if command.name == b"LOGOUT":
            if not self._bye_seen:
                self._say(b"* BYE Logging out\r\n")
                self._bye_seen = True
            self._say(command.client_tag + b" OK Logout completed.\r\n")
        else:
            self._say(_unknown_outcome(command.client_tag, error))
        command.answered = True

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
            first = order[0]
            if isinstance(first, bytes):
                self._say(first)
            elif isinstance(first, PlannedFetch) and not first.begun:
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


def _unknown_outcome(tag: bytes, error: UpstreamError) -> bytes:
    return tag + b" NO [UNAVAILABLE] Outcome unknown: " + _sentence(error) + b"\r\n"


def _sentence(error: UpstreamError) -> bytes:
    return str(error).encode("ascii", "replace")
