"""The answers to the client in the order of its commands."""

from imapproxy.relay.ending import Ending
from imapproxy.relay.planned_fetch import PlannedFetch
from imapproxy.relay.session_state import SessionState


class AnswerOrder:
    """Lets go of what stands first in ``order`` when it has its answer."""

    def __init__(self, state: SessionState, ending: Ending) -> None:
        self._state = state
        self._ending = ending

    def answer(self, response: bytes) -> None:
        """Answer a command here, behind the answers to those before it."""
        self._state.order.append(response)
        self.settle()

    def settle(self) -> None:
        """Let go of what has its answer; end the session where that was all it waited for."""
        self._release()
        state = self._state
        if state.logged_out or state.draining or state.input_ended:
            self._ending.end_if_done()

    def _release(self) -> None:
        state = self._state
        order = state.order
        while order and not state.inside_response:
            first = order.first
            if isinstance(first, bytes):
                state.say(first)
            elif isinstance(first, PlannedFetch) and not first.begun:
                if state.partner.error is not None:
                    break
                state.waits_for_turn = False
                first.begin()
                continue
            elif not first.answered:
                break
            order.popleft()
