"""What the cache needs of the session: commands of the proxy's own, and the end of its FETCHes."""

from collections.abc import Collection

from imapproxy.relay.command_queue import outcome_unknown
from imapproxy.relay.ending import sentence
from imapproxy.relay.planned_fetch import PlannedFetch
from imapproxy.relay.session_state import SessionState
from imapproxy.upstream.errors import UpstreamError
from imapproxy.upstream.exchange import Exchange


class OwnCommands:
    """See :class:`imapproxy.relay.planned_fetch.FetchOwner`."""

    def __init__(self, state: SessionState) -> None:
        self._state = state
        self.outbox = state.outbox

    @property
    def may_ask(self) -> bool:
        """Whether a command of our own can be sent now: no IDLE, no half a command."""
        state = self._state
        return not (
            state.over
            or state.leaving
            or state.half_written is not None
            or state.undecided is not None
            or state.continued is not None
            or state.partner.error is not None
        )

    @property
    def in_flight(self) -> Collection[Exchange]:
        """What the partner was asked and has not answered, oldest first."""
        return self._state.partner.in_flight

    def send(self, exchange: Exchange, rest: bytes, tag: bytes = b"") -> None:
        """Send a command of our own, of one line; ``tag`` is the tag that is wished for."""
        partner = self._state.partner

        def begin() -> None:
            if partner.error is not None:
                exchange.connection_lost(partner.error)
            else:
                partner.start(exchange, rest, tag)
                partner.finish(exchange)

        partner.when_writable(begin)

    def fetch_ended(self, fetch: PlannedFetch) -> None:
        """A planned FETCH has its tagged response."""
        if self._state.caching is not None:
            self._state.caching.fetch_ended(fetch)

    def fetch_lost(self, fetch: PlannedFetch, error: UpstreamError) -> None:
        """The partner is gone before it told what turned out to be missing."""
        state = self._state
        if not state.inside_response and not state.over and not state.bye_seen:
            state.say(outcome_unknown(fetch.client_tag, sentence(error)))
            self.fetch_ended(fetch)
