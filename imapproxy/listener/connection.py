"""The transport to one legacy client: framing, flow of control, and which stage it is in."""

from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.error import ConnectionAborted
from twisted.internet.interfaces import (
    IDelayedCall,
    IHalfCloseableProtocol,
    IReactorTime,
    ISSLTransport,
    ITCPTransport,
)
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from imapproxy.listener.attempts import Account
from imapproxy.listener.census import host_of
from imapproxy.listener.limits import Limits
from imapproxy.listener.login import Entrance, LoginStage, Partners
from imapproxy.listener.stage import Stage
from imapproxy.offline.account import HeldAccount
from imapproxy.offline.figures import OfflineFigures
from imapproxy.offline.session import OfflineSession
from imapproxy.relay.comeback import Comeback, ReconnectRules, Reopen
from imapproxy.relay.partner import Partner
from imapproxy.relay.session import RelaySession
from imapproxy.relay.valve import Valve
from imapproxy.upstream.connection import UpstreamConnection
from imapproxy.upstream.keepalive import keep_watch
from imapproxy.upstream.prompt import prompt
from imapproxy.upstream.prompt_tls import start_prompt_tls
from imapproxy.wire.framing import CommandFramer

# What a client may send ahead while its next command cannot be taken yet.
_MAX_AHEAD = 64 * 1024
# Lines and pieces of literals that are taken of one client before the others get their turn. A
# reactor reads 64 KiB of a socket at a time, and that is room for ten thousand commands.
_FRAGMENTS_A_TURN = 64
_CLOSE_TIMEOUT = 60.0  # seconds for the client to take what was written to it
_LAST_WORDS = 1.0  # the same, when the proxy is told to stop


class OfflineDoor(Entrance, Protocol):
    """The way in to what is held, and who is inside."""

    figures: OfflineFigures


class House(Protocol):
    """Who keeps the list of connections and the rules for them (the listener's factory)."""

    limits: Limits
    reconnect: ReconnectRules
    clock: IReactorTime
    agent: str
    partners: Partners  # where a new connection gets its partner
    tls: Any  # server-side TLS options for STARTTLS, or None
    entrance: OfflineDoor | None  # to what is held, while the upstream is away

    def joined(self, connection: "ClientConnection") -> bytes | None:
        """Count a new connection in; text for a BYE if it is one too many."""

    def claim(self, connection: "ClientConnection", account: Account) -> bool:
        """Count it as one of the account's sessions, if that may have one more."""

    def login_failed(
        self, connection: "ClientConnection", account: Account, *, refused: bool
    ) -> float:
        """It is none of the account's; the seconds to hold the answer to a refusal back."""

    def authenticated(self, connection: "ClientConnection") -> None:
        """It has logged in."""

    def left(self, connection: "ClientConnection") -> None:
        """It is gone."""


@implementer(IHalfCloseableProtocol)
class ClientConnection(TwistedProtocol):
    """One legacy client, on any transport."""

    log = Logger()
    transport: Any  # TCP, TLS or standard input and output

    def __init__(self, house: House) -> None:
        self._house = house
        # Who has not logged in gets less room: there may be many of them.
        limits = house.limits
        max_line = min(limits.max_line, limits.max_login_octets)
        self._framer = CommandFramer(max_line, limits.max_login_octets)
        self._stage: Stage | None = None
        self._partner: UpstreamConnection | None = None
        self._valve: Valve | None = None
        self._pumping = False
        self._next_turn: IDelayedCall | None = None
        self._closing = False
        self._input_ended = False
        self._cut: Any = None
        self.host = ""  # where the client comes from
        self.on_lost: Callable[[], None] | None = None

    # -- transport events ------------------------------------------------------------------

    def connectionMade(self) -> None:
        """A client is here."""
        self._writer = prompt(self.transport)
        if ITCPTransport.providedBy(self.transport):
            self.transport.setTcpNoDelay(True)
            # Its own programs may stop reading for hours; only who is gone is given up.
            keep_watch(self.transport, self._house.reconnect.dead_after, takes_all=False)
        self._valve = Valve(self.transport)
        self.host = host_of(self.transport.getPeer())
        refusal = self._house.joined(self)
        if refusal is not None:
            self.write(b"* BYE " + refusal + b"\r\n")
            self.close()
            return
        house = self._house
        self._entrance = house.entrance
        stage = LoginStage(
            self, house.partners, house.clock, house.limits, house.agent, house.entrance
        )
        self._stage = stage
        stage.greet()

    def dataReceived(self, data: bytes) -> None:
        """Everything the client says comes in here."""
        if self._closing:
            return
        line = self._framer.whole_line(data)
        if line is not None and self._stage is not None and self._stage.ready:
            self._stage.client_fragment(line)
            if self._stage is not None:
                self._stage.flush()
        else:
            self._framer.feed(data)
            self.proceed()

    def readConnectionLost(self) -> None:
        """The client has closed its sending side (or all: that is only seen when we write)."""
        self._input_ended = True
        self.proceed()

    def writeConnectionLost(self) -> None:
        """Nobody hears us any more: the reader of our standard output is gone."""
        self.abort()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The client is gone."""
        self._closing = True
        for timer in (self._cut, self._next_turn):
            if timer is not None and timer.active():
                timer.cancel()
        if self._stage is not None:
            self._stage.client_gone()
            self._stage = None
        self._house.left(self)
        if self.on_lost is not None:
            self.on_lost()

    # -- ClientPort: what the stages use ---------------------------------------------------

    def write(self, data: bytes) -> None:
        """See :class:`ClientPort`."""
        self._writer.write(data)

    def close(self) -> None:
        """See :class:`ClientPort`."""
        if self._closing:
            return
        self._closing = True
        self.transport.unregisterProducer()
        self.transport.loseConnection()
        if self._cut is None:
            self._cut = self._house.clock.callLater(_CLOSE_TIMEOUT, self.abort)

    def accept_literal(self) -> None:
        """See :class:`ClientPort`."""
        self._framer.accept_literal()

    def refuse_literal(self) -> None:
        """See :class:`ClientPort`."""
        self._framer.refuse_literal()

    def expect_commands(self, commands: bool) -> None:
        """See :class:`ClientPort`."""
        self._framer.literals = commands

    def proceed(self) -> None:
        """Take fragments as long as the stage is ready for them, but no more than a turn's."""
        if self._pumping or self._next_turn is not None:
            return
        self._pumping = True
        try:
            self._take_fragments()
        finally:
            self._pumping = False
        if self._stage is None:
            return
        self._stage.flush()
        # What is buffered waits for an answer, for the rest of its line, or for the next turn.
        waits = self._framer.undecided or not self._stage.ready or self._next_turn is not None
        self._hold_back(waits and self._framer.buffered > _MAX_AHEAD)
        if self._input_ended and not (waits and self._framer.buffered):
            self._stage.client_input_ended()

    def _take_fragments(self) -> None:
        framer = self._framer
        for _ in range(_FRAGMENTS_A_TURN):
            if self._stage is None or not self._stage.ready or self._closing:
                return
            fragment = framer.next_fragment()
            if fragment is None:
                return
            self._stage.client_fragment(fragment)
        if framer.buffered:
            self._next_turn = self._house.clock.callLater(0, self._take_turn)

    def _take_turn(self) -> None:
        self._next_turn = None
        self.proceed()

    def _hold_back(self, too_far_ahead: bool) -> None:
        if self._valve is None or self._closing:
            return
        if too_far_ahead:
            self._valve.hold("ahead")
        else:
            self._valve.release("ahead")

    def partner_lost(self) -> None:
        """See :class:`ClientPort`."""
        if self._valve is not None:
            self._valve.resumeProducing()  # what it was to take is gone with it

    def partner_changed(self, connection: UpstreamConnection) -> None:
        """See :class:`ClientPort`."""
        self._partner = connection
        connection.transport.registerProducer(self._valve, True)

    # -- LoginPort -------------------------------------------------------------------------

    @property
    def offers_starttls(self) -> bool:
        """See :class:`LoginPort`."""
        return self._house.tls is not None and not ISSLTransport.providedBy(self.transport)

    def start_tls(self) -> bool:
        """See :class:`LoginPort`."""
        if self._framer.buffered:
            return False
        self.transport = start_prompt_tls(self.transport, self._house.tls, self)
        self._writer = self.transport
        return True

    def claim(self, account: Account) -> bool:
        """See :class:`LoginPort`."""
        return self._house.claim(self, account)

    def login_failed(self, account: Account, *, refused: bool) -> float:
        """See :class:`LoginPort`."""
        return self._house.login_failed(self, account, refused=refused)

    def enter(self, partner: Partner, tag: bytes, reopen: Reopen) -> None:
        """See :class:`LoginPort`."""
        self._logged_in()
        self.write(partner.answer_to_login(tag))
        self._relay(partner, reopen)

    def enter_offline(self, account: HeldAccount, tag: bytes, reopen: Reopen) -> None:
        """See :class:`LoginPort`."""
        self._logged_in()
        assert self._valve is not None
        assert self._entrance is not None
        figures, clock, agent = self._entrance.figures, self._house.clock, self._house.agent
        session = OfflineSession(
            self, account, reopen, clock, self._valve, agent, on_over=figures.left
        )
        figures.sessions += 1
        self._stage = session
        self.transport.registerProducer(session.outbox, True)
        session.greet(tag)
        self.proceed()

    def go_online(self, partner: Partner, reopen: Reopen) -> None:
        """See :class:`OfflinePort`."""
        assert self._valve is not None
        self.transport.unregisterProducer()
        self._valve.resumeProducing()
        self.write(partner.alerts)
        self._relay(partner, reopen)

    def _logged_in(self) -> None:
        self._house.authenticated(self)
        self._framer.max_line = self._house.limits.max_line
        self._framer.max_literal = None

    def _relay(self, partner: Partner, reopen: Reopen) -> None:
        house = self._house
        rules = house.reconnect
        comeback = Comeback(reopen, rules, house.clock) if rules.patience else None
        session = RelaySession(
            self,
            partner.connection,
            house.clock,
            literal_plus=partner.has_literal_plus,
            max_pipelined=house.limits.max_pipelined,
            parting=partner.parting,
            account=partner.account,
            comeback=comeback,
            silent_after=rules.silent_after,
        )
        self._stage = session
        # A slow reader at either end stops the writer at the other.
        self.transport.registerProducer(session.outbox, True)
        self.partner_changed(partner.connection)
        self.proceed()

    # -- the end ---------------------------------------------------------------------------

    def drain(self, grace: float) -> None:
        """Finish what is under way, say BYE, close; who does not take it in time is cut off."""
        if self._stage is not None:
            self._stage.drain(grace)
        if self._cut is not None and self._cut.active():
            self._cut.cancel()
        self._cut = self._house.clock.callLater(grace + _LAST_WORDS, self.abort)

    async def partner_gone(self) -> None:
        """Done when the upstream connection of this client is gone too."""
        if self._partner is not None:
            await self._partner.when_lost()

    def abort(self) -> None:
        """Cut the connection without another octet."""
        if hasattr(self.transport, "abortConnection"):
            self.transport.abortConnection()
        elif not self.transport.disconnected:
            # Standard input and output have no such thing, and this is what it comes to.
            self.transport.connectionLost(Failure(ConnectionAborted()))
