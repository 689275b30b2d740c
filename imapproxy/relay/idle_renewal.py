"""Saying IDLE anew in the client's stead, so that a partner that is gone is noticed in it.

The client goes on in its own IDLE and hears nothing of it.
"""

from imapproxy.relay.client_side import ClientSide
from imapproxy.relay.partner_side import PartnerSide
from imapproxy.relay.relayed_command import RelayedCommand
from imapproxy.relay.session_state import SessionState
from imapproxy.upstream.errors import UpstreamError
from imapproxy.wire.framing import Line


class IdleRenewal:
    """Owns the client's IDLE from the DONE that is said for it to the answer.

    If the client says its own DONE meanwhile the answer is the client's
    (:meth:`imapproxy.relay.client_side.ClientSide.line`).
    """

    def __init__(
        self, state: SessionState, client_side: ClientSide, partner_side: PartnerSide
    ) -> None:
        self._state = state
        self._client_side = client_side
        self._partner_side = partner_side

    def begin(self) -> None:
        """End the IDLE; another one follows when the partner says that it has ended."""
        idle = self._state.continued
        if idle is not None and idle.line is not None:
            self._state.renewing = idle
            idle.owner = self
            self._state.partner.write(b"DONE\r\n")

    def tagged(self, command: RelayedCommand, text: bytes) -> None:
        """See :class:`imapproxy.relay.relayed_command.CommandOwner`."""
        state, line = self._state, command.line
        state.renewing = None
        if line is None or text[:3].upper() != b"OK ":
            command.owner = self._partner_side
            self._partner_side.tagged(command, text)
            return
        command.answered = True
        if state.comeback is not None:
            state.comeback.ledger.answered(command, text)
        if state.caching is not None:
            state.caching.tagged(command, text)
        state.order.remove(command)
        again = self._client_side.relay(line, Line(line.tag + line.rest, None))
        again.repeats = command.repeats
        state.continued = again

    def continuation_requested(self, command: RelayedCommand, line: bytes) -> None:
        """See :class:`imapproxy.relay.relayed_command.CommandOwner`."""
        self._partner_side.continuation_requested(command, line)

    def command_lost(self, command: RelayedCommand, error: UpstreamError) -> None:
        """See :class:`imapproxy.relay.relayed_command.CommandOwner`."""
