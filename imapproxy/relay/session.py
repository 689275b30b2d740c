"""One legacy session after login: every command goes to the partner, every answer comes back.

The relay is transparent: but for the hop-by-hop capabilities in the answers no octet is changed,
and a command that the proxy has never heard of works as it does without it. Three rules hold it
together:

* the client's fragments are taken one at a time; while the next one could mean two things (the
  partner has not yet said whether it wants the literal, or whether it took IDLE), none is taken
  (:mod:`imapproxy.relay.client_side`);
* every command the client has begun is in ``order`` until its tagged response was written, and
  what the proxy answers itself waits there for its turn (:mod:`imapproxy.relay.answer_order`);
* nothing is written to the client between the octets of a response
  (:mod:`imapproxy.relay.partner_side`).

With a cache (:mod:`imapproxy.relay.caching`) a FETCH may be answered in part or whole from here. It
stands in the same queue, and its answers go out through the same outbox.

With a way back (:mod:`imapproxy.relay.comeback`) the session outlives its partner: what is in the
queue is said again to the next one, if it may be (:mod:`imapproxy.relay.changeover`).
"""

from twisted.internet.interfaces import IReactorTime

from imapproxy.relay.answer_order import AnswerOrder
from imapproxy.relay.cached_account import CachedAccount
from imapproxy.relay.caching import Caching
from imapproxy.relay.changeover import Changeover
from imapproxy.relay.client_port import ClientPort
from imapproxy.relay.client_side import ClientSide
from imapproxy.relay.comeback import Comeback
from imapproxy.relay.ending import Ending
from imapproxy.relay.idle_renewal import IdleRenewal
from imapproxy.relay.large_answer import BrokenAnswer
from imapproxy.relay.own_commands import OwnCommands
from imapproxy.relay.partner_side import PartnerSide
from imapproxy.relay.session_state import SessionState
from imapproxy.relay.silence import Silence
from imapproxy.upstream.connection import UpstreamConnection
from imapproxy.upstream.errors import UpstreamError
from imapproxy.upstream.farewell import Parting


class RelaySession(SessionState):
    """The relay between one client and its partner. ``clock`` serves time-outs only.

    ``literal_plus`` tells whether the upstream takes non-synchronizing literals (RFC 7888);
    ``max_pipelined`` bounds the commands in flight, beyond it the client is not read; ``parting``
    takes the partner when the session is over. ``account`` is whose mail is cached, ``None`` to
    relay everything. Without a ``comeback`` the session ends with its partner. For
    ``silent_after`` see :class:`imapproxy.relay.silence.Silence`.
    """

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
        silent_after: float = 0.0,
    ) -> None:
        super().__init__(
            client,
            partner,
            clock,
            self._answer_broken,
            literal_plus=literal_plus,
            max_pipelined=max_pipelined,
            parting=parting,
            comeback=comeback,
        )
        own = OwnCommands(self)
        if account is not None:
            self.caching = Caching(own, account, clock)
        self._ending = Ending(self, Silence(self, silent_after, self._renew_idle))
        self._answers = AnswerOrder(self, self._ending)
        partner_side = PartnerSide(self, self._ending, self._answers, self._partner_lost)
        client_side = ClientSide(
            self, self._ending, self._answers, partner_side, own, self._come_back
        )
        self._changeover = Changeover(self, self._ending, self._answers, client_side, partner_side)
        self._idle_renewal = IdleRenewal(self, client_side, partner_side)
        # Handed out as they are: one call less for each that comes.
        self.client_fragment = client_side.fragment
        self.client_gone = self._ending.client_gone
        self.client_input_ended = self._ending.input_ended
        partner.receiver = partner_side

    def drain(self, grace: float) -> None:
        """Take no more commands; say BYE when those in flight are answered, or after ``grace``
        seconds.
        """
        if self._ending.drain(grace):
            self._answers.settle()
            self.flush()

    def _answer_broken(self, error: BrokenAnswer) -> None:
        self._ending.answer_broken(error)

    def _partner_lost(self, error: UpstreamError) -> None:
        self._changeover.partner_lost(error)

    def _renew_idle(self) -> None:
        self._idle_renewal.begin()

    def _come_back(self) -> None:
        self._changeover.come_back()
