"""From a partner that is lost to the next one.

Until a command needs one no other partner is looked for. What was in flight is said again to it,
if it may be, and the client is told what has changed in its mailbox.
"""

from twisted.logger import Logger
from twisted.python.failure import Failure

from imapproxy.relay.aftermath import Aftermath
from imapproxy.relay.answer_order import AnswerOrder
from imapproxy.relay.client_line import read_client_line
from imapproxy.relay.client_side import ClientSide
from imapproxy.relay.comeback import Comeback, Revived, Wish
from imapproxy.relay.command_queue import Command, Lost
from imapproxy.relay.ending import Ending, ascii_text, sentence
from imapproxy.relay.known_commands import SELECTS
from imapproxy.relay.partner_side import PartnerSide
from imapproxy.relay.relayed_command import RelayedCommand
from imapproxy.relay.repeating import selection_stays_clear
from imapproxy.relay.restoring import Restored
from imapproxy.relay.resume import CannotResume, flags_question, news
from imapproxy.relay.session_state import SessionState
from imapproxy.upstream.errors import UpstreamError
from imapproxy.upstream.farewell import Goodbye
from imapproxy.wire.framing import Line


class Changeover:
    """One session's. Where it cannot go on the session ends, and each command has its answer."""

    log = Logger()

    def __init__(
        self,
        state: SessionState,
        ending: Ending,
        answers: AnswerOrder,
        client_side: ClientSide,
        partner_side: PartnerSide,
    ) -> None:
        self._state = state
        self._ending = ending
        self._answers = answers
        self._client_side = client_side
        self._partner_side = partner_side
        self._aftermath = Aftermath(state)

    # -- without a partner -------------------------------------------------------------------

    def partner_lost(self, error: UpstreamError) -> None:
        """The partner is gone, and the session is not over."""
        comeback = self._state.comeback
        if comeback is not None and self._may_come_back(comeback):
            self._go_on_alone(comeback, sentence(error))
        else:
            self._ending.part(sentence(error))

    def _may_come_back(self, comeback: Comeback) -> bool:
        """Whether the client can be served by another partner without hearing of it."""
        state = self._state
        if state.inside_response or state.leaving or state.logged_out:
            return False
        if state.partner_inside and state.news.wait:
            return False  # half a response waits to be told
        if state.draining or state.input_ended or comeback.ledger.hindrance:
            return False
        if state.continued is not None and not state.idling:
            return False
        if not selection_stays_clear([item.name for item in state.order.unanswered()]):
            return False
        return comeback.ledger.selection is None or (
            state.caching is not None and state.caching.selected.known is not None
        )

    def _go_on_alone(self, comeback: Comeback, reason: bytes) -> None:
        state = self._state
        comeback.gone = True
        state.partner_inside = False
        comeback.ledger.lost()
        if state.caching is not None:
            state.caching.partner_lost()
        state.client.partner_lost()
        half_written = self._forsake_half_written()
        state.undecided = state.renewing = None
        state.waits_for_turn = False
        selection = comeback.ledger.selection
        may_expunge = selection is not None and not selection.read_only
        state.order.partner_lost(
            Lost(reason, state.told, state.continued, half_written, may_expunge)
        )
        if any(state.order.unanswered()):
            self.come_back()
        self._answers.settle()
        state.resume_client()  # it is to be heard that it goes

    def _forsake_half_written(self) -> RelayedCommand | None:
        """The command the rest of which no partner will hear."""
        state = self._state
        command, state.half_written = state.half_written, None
        if command is None:
            return None
        if state.undecided is command and not command.literal_converted:
            state.client.refuse_literal()
        else:
            state.discarding = True
        return command

    def come_back(self) -> None:
        """Get another partner, for what is in flight or held."""
        state, comeback = self._state, self._comeback
        wish = None
        selection = comeback.ledger.selection
        known = None if state.caching is None else state.caching.selected.known
        held = None if comeback.held is None else read_client_line(comeback.held.data)
        if held is not None and held.name in SELECTS:
            comeback.ledger.selection = None
        elif selection is not None:
            if known is None:
                self._ending.part(b"the connection was lost, and which mailbox it was is not known")
                return
            wish = Wish(selection, known)
        revived = comeback.begin(wish, self._aftermath)
        revived.addCallback(self._revived).addErrback(self._not_revived)

    @property
    def _comeback(self) -> Comeback:
        comeback = self._state.comeback
        assert comeback is not None
        return comeback

    def _not_revived(self, failure: Failure) -> None:
        if self._state.over:
            return
        if failure.check(CannotResume) is None:
            self.log.failure("a session could not be resumed for a fault in imapproxy", failure)
        self.log.info("a session ends: {reason}", reason=failure.getErrorMessage())
        self._ending.part(b"the connection was lost: " + ascii_text(failure.getErrorMessage()))

    # -- with the next one -------------------------------------------------------------------

    def _revived(self, revived: Revived | None) -> None:
        state, comeback = self._state, self._comeback
        if revived is None:
            self._still_alone()
            return
        partner, restored, _ = revived
        if partner.connection.error is not None:
            self.come_back()
            return
        state.partner = connection = partner.connection
        state.parting = partner.parting or Goodbye(connection)
        state.literal_plus = partner.has_literal_plus
        state.outbox.change_upstream(connection.transport)
        state.client.partner_changed(connection)
        connection.receiver = self._partner_side
        comeback.gone, comeback.bye = False, b""
        connection.gather()
        self._aftermath.translated = 0
        if restored is not None:
            self._tell(comeback, restored)
        self._repeat_all(comeback)

    def _still_alone(self) -> None:
        """A connection was had for what it had to settle, and left."""
        if self._aftermath.waits:
            self.come_back()
            return
        self._answers.settle()
        self._state.resume_client()

    def _tell(self, comeback: Comeback, restored: Restored) -> None:
        """Tell the client what has changed in its mailbox."""
        state = self._state
        assert state.caching is not None
        known = state.caching.selected.known
        assert known is not None
        ledger = comeback.ledger
        before, exists, recent = known.view.exists, restored.exists, restored.recent
        comeback.flags_question = comeback.flags_question or flags_question(
            known, restored.told, condstore=ledger.condstore
        )
        state.caching.resumed(restored)
        told = news(before, restored.changes, exists, recent, qresync=ledger.qresync)
        if told:
            state.told += 1
            state.say(told)

    def _repeat_all(self, comeback: Comeback) -> None:
        """Say again what waits for its answer, and then what the client has said since."""
        state = self._state
        for item in state.order.take_all():
            if isinstance(item, bytes):
                state.order.append(item)
            elif not item.answered:
                self._repeat(item)
        held, comeback.held = comeback.held, None
        if held is not None:
            self._client_side.line(held)
        self._answers.settle()
        state.resume_client()

    def _repeat(self, item: Command) -> None:
        line = item.line
        assert line is not None, "what was not kept is not said again"
        is_idling = self._state.continued is item
        again = self._client_side.relay(line, Line(line.tag + line.rest, None))
        again.repeats = item.repeats + 1
        if is_idling:
            self._state.continued = again
