"""What the parts of one session know in common.

The client's side, the partner's, the order of the answers, the end and the way to another partner
each are a module of their own. Where the session stands is written here, and they all read it.
"""

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from imapproxy.relay.append_question import Appended, AppendQuestion
from imapproxy.relay.caching import Caching
from imapproxy.relay.client_port import ClientPort
from imapproxy.relay.comeback import Comeback
from imapproxy.relay.command_queue import CommandQueue
from imapproxy.relay.large_answer import BrokenAnswer
from imapproxy.relay.learning import Learning
from imapproxy.relay.news import News
from imapproxy.relay.outbox import Outbox
from imapproxy.relay.relayed_command import RelayedCommand
from imapproxy.relay.valve import Valve
from imapproxy.upstream.connection import UpstreamConnection
from imapproxy.upstream.farewell import Goodbye, Parting


class SessionState:
    """``order`` has every command that the client has begun until its tagged response was written,
    and what the proxy says itself, waiting for its turn. ``told`` counts the untagged responses, or
    pieces of them, that the client was told.
    """

    def __init__(
        self,
        client: ClientPort,
        partner: UpstreamConnection,
        clock: IReactorTime,
        on_broken: Callable[[BrokenAnswer], None],
        *,
        literal_plus: bool,
        max_pipelined: int,
        parting: Parting | None,
        comeback: Comeback | None,
    ) -> None:
        self.client = client
        self.partner = partner
        self.clock = clock
        self.literal_plus = literal_plus
        self.max_pipelined = max_pipelined
        self.parting = parting or Goodbye(partner)
        self.outbox = Outbox(client, Valve(partner.transport), clock, on_broken)
        self.say = self.outbox.say
        self.news = News(self.say)
        self.caching: Caching | None = None
        self.comeback = comeback
        self.order = CommandQueue()
        self.waits_for_turn = False  # a FETCH that is served when what was before it is answered
        self.half_written: RelayedCommand | None = None  # its next line or octets come now
        self.undecided: RelayedCommand | None = None  # waits for "+" or a tagged response
        self.continued: RelayedCommand | None = None  # the client's next line belongs to it
        self.discarding = False  # the rest of a command that was answered already
        self.inside_response = False  # a response to the client has begun and not ended
        self.renewing: RelayedCommand | None = None  # the IDLE that was ended to be said anew
        self.heard = False  # anything, since it was looked last
        self.partner_inside = False  # the same of the partner's; the cache may hold it back
        self.told = 0
        self.bye_seen = False
        self.input_ended = False
        self.draining = False
        self.leaving = False  # LOGOUT was relayed
        self.logged_out = False  # LOGOUT is answered here: the partner stays
        self.appended = Appended()
        self.appends: AppendQuestion | None = None  # sees the APPEND that is being said
        self.over = False
        self.timers: list[IDelayedCall] = []

    @property
    def ready(self) -> bool:
        """Whether the client's next fragment can be taken now."""
        return not (
            self.over
            or self.leaving
            or self.logged_out
            or self.draining
            or self.undecided is not None
            or self.waits_for_turn
            or len(self.order) >= self.max_pipelined
            or (self.comeback is not None and self.comeback.is_under_way)
            or (self.caching is not None and self.caching.needs_quiet)
        )

    @property
    def is_between_commands(self) -> bool:
        """Whether the partner has nothing of the client's to answer, but a question of our own."""
        flying = self.partner.in_flight
        return bool(flying) and not self.order and all(type(one) is Learning for one in flying)

    @property
    def is_alone(self) -> bool:
        """Whether the partner is gone and the session is not over."""
        return self.comeback is not None and self.comeback.gone

    @property
    def idling(self) -> bool:
        """Whether the client is in IDLE."""
        return self.continued is not None and self.continued.name == b"IDLE"

    def flush(self) -> None:
        """Write out what was gathered for either side."""
        self.partner.flush()
        self.outbox.flush()

    def resume_client(self) -> None:
        """What the client was waiting for may have come: it is read on."""
        self.flush()
        self.client.proceed()

    def written(self, command: RelayedCommand) -> None:
        """The last octet of a command was written to the partner."""
        self.half_written = None
        self.partner.finish(command)

    def take_lines_for(self, command: RelayedCommand) -> None:
        """The client's next line is no command but belongs to this one."""
        self.continued = command
        self.client.expect_commands(False)

    def commands_again(self) -> None:
        """The client's next line is a command."""
        self.continued = None
        self.client.expect_commands(True)
