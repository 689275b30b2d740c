"""How a session ends: by LOGOUT, by BYE, because either side is gone, or because we go."""

from twisted.logger import Logger

from imapproxy.relay.client_line import read_client_line
from imapproxy.relay.command_queue import Command, outcome_unknown
from imapproxy.relay.large_answer import BrokenAnswer
from imapproxy.relay.session_state import SessionState
from imapproxy.relay.silence import Silence
from imapproxy.upstream.errors import UpstreamError

_SHUTTING_DOWN = b"imapproxy is shutting down"
_LOGOUT_PATIENCE = 5.0  # seconds
_HALF_CLOSED_PATIENCE = 600.0  # seconds for the answers to a client that says no more
_BYE_PATIENCE = 5.0  # seconds for the partner to close behind its BYE


class Ending:
    """The end of one session. What has no answer gets one; both connections are let go of."""

    log = Logger()

    def __init__(self, state: SessionState, silence: Silence) -> None:
        self._state = state
        self._silence = silence

    # -- what may be the beginning of the end ------------------------------------------------

    def input_ended(self) -> None:
        """The client will say no more but may still read: answer what it asked, then close."""
        state = self._state
        told_before, state.input_ended = state.input_ended, True
        waits_for_client = state.half_written or state.undecided or state.continued
        if waits_for_client is not None or not state.order:
            self.end()
        elif not told_before:
            # That it is gone altogether would be noticed only when something is written to it.
            state.timers.append(state.clock.callLater(_HALF_CLOSED_PATIENCE, self.end))

    def client_gone(self) -> None:
        """The client's connection is lost."""
        state = self._state
        state.outbox.drop()
        if not state.over:
            state.over = True
            self._leave_partner()

    def drain(self, grace: float) -> bool:
        """See :meth:`RelaySession.drain`; whether it is to be waited for what is in flight."""
        state = self._state
        if state.over or state.draining:
            return False
        state.draining = True
        is_held = state.comeback is not None and state.comeback.held is not None
        if state.is_alone and (state.order or is_held):
            self.part(_SHUTTING_DOWN)
            return False
        state.timers.append(state.clock.callLater(grace, self.say_bye))
        return True

    def expect_logout(self) -> None:
        """LOGOUT goes to the partner."""
        state = self._state
        state.leaving = True
        state.timers.append(state.clock.callLater(_LOGOUT_PATIENCE, state.partner.abort))

    def heard_bye(self, bye: bytes) -> bool:
        """Whether the client does not hear of it yet: there may be another partner."""
        state = self._state
        if state.comeback is None or state.leaving:
            state.bye_seen = True
            return False
        state.comeback.bye = bye
        state.timers.append(state.clock.callLater(_BYE_PATIENCE, state.partner.abort))
        return True

    def answer_broken(self, error: BrokenAnswer) -> None:
        """What was begun cannot be finished, and nothing lawful can be said behind it."""
        self.log.warn("a session ends in the middle of a response: {error}", error=str(error))
        self._state.outbox.drop()
        self.end()

    # -- the end -----------------------------------------------------------------------------

    def end_if_done(self) -> None:
        """End the session if all that it has waited for is there."""
        state = self._state
        if state.over or state.inside_response:
            return
        if state.logged_out and not state.order:
            self.end()
        elif state.draining and (not state.order or state.idling):
            self.say_bye()
        elif state.input_ended and not state.order:
            self.end()

    def part(self, reason: bytes) -> None:
        """Answer what has no answer yet, and say why the session ends."""
        state = self._state
        if not state.inside_response:
            self._answer_lost(reason)
            if not (state.bye_seen or state.logged_out):
                state.say(b"* BYE [UNAVAILABLE] " + reason + b"\r\n")
        self.end()

    def _answer_lost(self, reason: bytes) -> None:
        state = self._state
        comeback = state.comeback
        if comeback is not None and comeback.bye and not comeback.gone:
            state.say(comeback.bye)
            state.bye_seen = True
        for item in state.order.take_all():
            if isinstance(item, bytes):
                state.say(item)
            elif not item.answered:
                self._answer_lost_command(item, reason)
        held = None if comeback is None else comeback.held
        line = None if held is None else read_client_line(held.data)
        if line is not None:
            state.say(line.tag + b" NO [UNAVAILABLE] " + reason + b"\r\n")

    def _answer_lost_command(self, command: Command, reason: bytes) -> None:
        state = self._state
        if command.name == b"LOGOUT":
            if not state.bye_seen:
                state.say(b"* BYE Logging out\r\n")
                state.bye_seen = True
            state.say(command.client_tag + b" OK Logout completed.\r\n")
        elif command.name != b"APPEND" and not state.bye_seen:
            state.say(outcome_unknown(command.client_tag, reason))
        # Else it is as the server itself would have it: the BYE says that nobody knows.

    def say_bye(self, reason: bytes = _SHUTTING_DOWN) -> None:
        """Say why the session ends, if it may be said here, and end it."""
        if not self._state.inside_response:
            self._state.say(b"* BYE " + reason + b"\r\n")
        self.end()

    def end(self) -> None:
        """Write what there is, close the client's side, leave the partner."""
        state = self._state
        if state.over:
            return
        state.over = True
        state.partner.flush()
        self._leave_partner()
        state.outbox.finish(state.client.close)

    def _leave_partner(self) -> None:
        state = self._state
        self._silence.stop()
        for timer in state.timers:
            if timer.active():
                timer.cancel()
        if state.comeback is not None:
            state.comeback.stop()
        if state.caching is not None:
            state.caching.over()
        partner = state.partner
        partner.flush()
        if state.half_written is not None:
            partner.receiver = None
            partner.abort()  # never complete half a command
        elif state.leaving:
            partner.receiver = None
            partner.close()  # LOGOUT was said
        else:
            state.parting.leave()


def sentence(error: UpstreamError) -> bytes:
    """What is wrong, to be told to a client."""
    return ascii_text(str(error))


def ascii_text(text: str) -> bytes:
    """Text as it may stand in a response."""
    return text.encode("ascii", "replace")
