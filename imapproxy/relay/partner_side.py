"""What comes from the partner, on its way to the client."""

from collections.abc import Callable

from imapproxy.relay.answer_order import AnswerOrder
from imapproxy.relay.ending import Ending
from imapproxy.relay.hop_by_hop import status_for_client, untagged_for_client
from imapproxy.relay.relayed_command import RelayedCommand
from imapproxy.relay.session_state import SessionState
from imapproxy.upstream.errors import UpstreamError
from imapproxy.wire.framing import Line, Octets

_ZERO_TO_NINE = frozenset(b"0123456789")


class PartnerSide:
    """Receives what is untagged, and owns the commands that are relayed.

    ``on_lost`` is told that the partner is gone while the session is not over. See
    :class:`imapproxy.upstream.connection.Receiver` and
    :class:`imapproxy.relay.relayed_command.CommandOwner`.
    """

    takes_runs = True

    def __init__(
        self,
        state: SessionState,
        ending: Ending,
        answers: AnswerOrder,
        on_lost: Callable[[UpstreamError], None],
    ) -> None:
        self._state = state
        self._ending = ending
        self._answers = answers
        self._on_lost = on_lost

    # -- untagged ------------------------------------------------------------------------------

    def untagged_run(self, octets: bytes, inside_response: bool) -> None:
        """Untagged responses that begin with a number (hot: most of what there is)."""
        state = self._state
        state.inside_response = state.partner_inside = inside_response
        if state.caching is None or not state.caching.watches:
            state.told += 1
            state.say(octets)
            return
        octets = state.caching.untagged_run(octets)
        state.told += bool(octets)
        state.news.begins(octets, waits=state.is_between_commands)

    @property
    def takes_whole_responses(self) -> bool:
        """See :class:`imapproxy.upstream.connection.Receiver`."""
        caching = self._state.caching
        return caching is not None and caching.watches

    def untagged_line(self, line: Line) -> None:
        """A line of an untagged response."""
        state = self._state
        data = line.data
        begins, state.partner_inside = not state.partner_inside, line.literal is not None
        if begins and data[2] not in _ZERO_TO_NINE:
            data = untagged_for_client(data)
            if data[2:6].upper() == b"BYE " and self._ending.heard_bye(data):
                return
        if state.caching is not None and state.caching.watches:
            data = state.caching.untagged_line(
                line if data is line.data else Line(data, line.literal)
            )
            self._watched_line(data, line, begins=begins)
            if not data:
                return  # it is for the cache, or may be
        else:
            state.say(data)
        state.inside_response = line.literal is not None and not state.news.wait
        state.told += 1

    def _watched_line(self, data: bytes, line: Line, *, begins: bool) -> None:
        """Say what of a line goes to the client, or (``begins``) keep all of the response back."""
        state = self._state
        if begins:
            is_about_messages = line.data[2] in _ZERO_TO_NINE
            state.news.begins(data, waits=is_about_messages and state.is_between_commands)
        else:
            state.news.goes_on(data)

    def untagged_octets(self, octets: Octets) -> None:
        """A piece of a literal of an untagged response."""
        state = self._state
        if state.caching is not None and state.caching.watches:
            state.news.goes_on(state.caching.untagged_octets(octets))
        else:
            state.say(octets.data)

    def batch_received(self) -> None:
        """What had arrived from the partner was told."""
        state = self._state
        state.heard = True
        if state.caching is not None:
            state.caching.batch_received()
        self._answers.settle()
        if state.caching is not None and state.ready:
            state.resume_client()  # what it was waiting for may have come
            state.caching.at_leisure()
        state.flush()

    def disconnected(self, error: UpstreamError) -> None:
        """The partner is gone, and what was in flight is not answered."""
        if not self._state.over:
            self._on_lost(error)

    # -- answers to a command ------------------------------------------------------------------

    def continuation_requested(self, command: RelayedCommand, line: bytes) -> None:
        """The partner wants more of a command."""
        state = self._state
        if state.undecided is not command:
            state.say(line)
            if state.half_written is None:
                state.take_lines_for(command)
            return
        state.undecided = None
        if state.continued is command:
            pass  # it was told so by the partner before
        elif state.half_written is None:
            state.say(line)
            state.take_lines_for(command)
        elif not command.literal_converted:
            state.say(line)
            state.client.accept_literal()
        state.resume_client()

    def tagged(self, command: RelayedCommand, text: bytes) -> None:
        """The partner's last word to a command."""
        state = self._state
        was_ready = state.ready
        command.answered = True
        reply = command.client_tag + b" " + status_for_client(text)
        if state.comeback is not None:
            state.comeback.ledger.answered(command, text)
        learning = None if state.caching is None else state.caching.tagged(command, text)
        if learning is None:
            state.say(reply)
        else:
            learning.on_end = state.outbox.add_gate(reply).open
        if state.continued is command:
            state.commands_again()
        if state.half_written is command and state.undecided is command:
            self._literal_refused(command)
        if state.undecided is command:
            state.undecided = None
        self._answers.settle()
        if command.name == b"LOGOUT":
            self._ending.end()
        elif not was_ready and state.ready:
            state.resume_client()

    def _literal_refused(self, command: RelayedCommand) -> None:
        """One that we asked for in the client's stead comes anyway."""
        self._state.written(command)
        if command.literal_converted:
            self._state.discarding = True
        else:
            self._state.client.refuse_literal()

    def command_lost(self, command: RelayedCommand, error: UpstreamError) -> None:
        """See :meth:`disconnected`, which follows."""
