"""One connection: octets in, commands run one after the other, octets out.

Commands are answered in the order in which they came, each with exactly one tagged reply. While
the client does not read, no command goes on; while commands wait, the client is not read from.
"""

from collections.abc import Callable
from typing import cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from fakeserver import dispatch
from fakeserver.answering import Answering
from fakeserver.assembly import Announced, Complete, Event, Refused
from fakeserver.compression import Deflated
from fakeserver.connection import Connection, Setting
from fakeserver.dispatch import Mistake
from fakeserver.faults import CONNECT, GREETING
from fakeserver.reply import Tagged, Then
from fakeserver.tls_layer import start_tls
from fakeserver.transcript import HIDDEN, CommandRecord, without_credentials
from fakeserver.transport import Transport
from imapproxy.wire.commands import Authenticate, Login, Logout

# Commands of a pipeline before others have their turn.
_COMMANDS = 50
# Octets that may wait unread behind a command that runs.
_MAY_WAIT = 64 * 1024


@implementer(IPushProducer)
class ImapProtocol(Protocol):
    """The server's end of one connection."""

    _connection: Connection
    _answering: Answering

    def __init__(self, setting: Setting, *, tls: bool) -> None:
        self._setting = setting
        self._tls = tls
        self._reading = True  # the client is read from
        self._pumping = False
        self._bad_commands = 0
        self._told = 0  # octets of the command that the record has
        self._lost: Deferred[None] = Deferred()
        # Called when the connection is gone.
        self.on_lost: Callable[[], None] = _nothing

    @property
    def buffered(self) -> int:
        """Octets that came and were not looked at yet."""
        return self._connection.assembler.buffered

    # --- what the transport says ---

    def connectionMade(self) -> None:
        """A client is there; what was said against it comes first."""
        transport = cast(Transport, self.transport)
        transport.setTcpNoDelay(True)
        connection = self._connection = Connection(self._setting, transport, tls=self._tls)
        self._answering = Answering(connection, self._go_on, self._on_logged_in, self._on_upgrade)
        self._setting.host.connected += 1
        number = connection.record.number
        faults = self._answering.faults = self._setting.faults.actions_for(CONNECT, "", number)
        if faults.closes_before:
            self.abort()
        elif faults.stalls:
            transport.pauseProducing()
        elif faults.delay:
            transport.pauseProducing()
            connection.timers.later("delay", faults.delay, self._accept)
        else:
            self._welcome()

    def _accept(self) -> None:
        self._connection.transport.resumeProducing()
        self._welcome()

    def _welcome(self) -> None:
        """Greet, over TLS where that is what the port is for."""
        if self._tls:
            self._put_tls_on_top()
        self._connection.transport.registerProducer(self, True)
        self._restart_autologout()
        self._answering.begin(GREETING, None)

    def dataReceived(self, data: bytes) -> None:
        """Take what came."""
        if self._connection.ended:
            return
        self._restart_autologout()
        self._connection.assembler.feed(data)
        self._pump()
        if self._reading and not self._connection.ended and self.buffered > _MAY_WAIT:
            self._reading = False
            self._connection.transport.pauseProducing()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The client is gone: nothing of the session is left."""
        self._connection.ended = True
        self._connection.record.closed = True
        self._setting.host.connected -= 1
        self._connection.out.stop()
        self._answering.stop()
        self._connection.timers.stop()
        self.on_lost()
        self._lost.callback(None)

    def pauseProducing(self) -> None:
        """The client does not read as fast as it is written to."""
        self._connection.paused = True

    def resumeProducing(self) -> None:
        """The client has read."""
        self._connection.paused = False
        self._connection.timers.later("go on", 0, self._go_on)

    def stopProducing(self) -> None:
        """The connection is gone; ``connectionLost`` follows."""
        self._connection.ended = True

    # --- taking what the client says ---

    def _go_on(self) -> None:
        """Whatever was left where it was goes on."""
        self._answering.go_on()
        self._pump()

    def _pump(self) -> None:
        """Take what came while it is its turn, and let other connections have theirs."""
        if self._pumping:
            return
        self._pumping = True
        for _ in range(_COMMANDS):
            if not self._take():
                break
        else:
            self._connection.timers.later("go on", 0, self._go_on)
        self._pumping = False
        self._connection.out.flush()
        if not self._reading and not self._connection.ended and self.buffered <= _MAY_WAIT:
            self._reading = True
            self._connection.transport.resumeProducing()

    def _take(self) -> bool:
        """Take one line or command; false where there is none, or it is not its turn."""
        if not self._connection.may_go_on or self._connection.held:
            return False
        if self._answering.is_answering:
            return self._take_line()
        event = self._connection.assembler.next_event()
        if event is None:
            return False
        self._on_event(event)
        return True

    def _take_line(self) -> bool:
        asked = self._answering.asked
        line = None if asked is None else self._connection.assembler.next_line()
        if asked is None or line is None:
            return False
        self._connection.record.received((HIDDEN if asked.secret else line) + b"\r\n")
        self._answering.take_line(line)
        return True

    def _on_event(self, event: Event) -> None:
        match event:
            case Complete(octets):
                self._on_command(octets)
            case Announced(octets, size):
                self._on_announced(octets, size)
            case Refused(tag, text, fatal, code):
                self._connection.record.received(tag + b" (refused)\r\n")
                self._told = 0
                self._mistake(Mistake(tag or None, "", Tagged(text, code, b"BAD")))
                if fatal:
                    self._connection.bye("What follows cannot be understood.")

    def _on_announced(self, octets: bytes, size: int) -> None:
        connection = self._connection
        mistake = dispatch.refuse_literal(connection.session, octets, size)
        connection.record.received(self._untold(without_credentials(octets)))
        if mistake is None:
            connection.assembler.accept_literal()
            connection.out.write(b"+ OK\r\n")
        else:
            self._told = 0
            connection.assembler.refuse_literal()
            self._mistake(mistake)

    def _on_command(self, octets: bytes) -> None:
        connection, session = self._connection, self._connection.session
        shown = without_credentials(octets)
        connection.record.received(self._untold(shown))
        self._told = 0
        parsed = dispatch.parse(session, octets)
        record = CommandRecord(
            connection.record.number, session.user, parsed.tag or b"", parsed.name, shown
        )
        connection.record.commanded(record)
        if isinstance(parsed, Mistake):
            self._mistake(parsed)
            return
        if self._is_throttled:
            connection.bye("Connection is closed. 13")
            return
        if not isinstance(parsed.body, Login | Authenticate):
            record.body = parsed.body
        if connection.mailbox_is_gone and not isinstance(parsed.body, Logout):
            connection.bye_to_mailbox(parsed.tag)
            return
        self._bad_commands = 0
        self._answering.begin(parsed.name, parsed)

    @property
    def _is_throttled(self) -> bool:
        host = self._setting.host
        is_limited = "bye-when-throttled" in host.quirks.names
        return is_limited and len(self._connection.record.commands) > host.throttle_after

    def _untold(self, shown: bytes) -> bytes:
        """What of a command the record has not got: with literals it comes part by part."""
        rest, self._told = shown[self._told :], len(shown)
        return rest

    def _mistake(self, mistake: Mistake) -> None:
        """Answer what was not understood or is refused, and lose patience in the end."""
        self._connection.out.write(mistake.reply.encode(mistake.tag or b"*"))
        self._bad_commands += mistake.reply.condition == b"BAD"
        if self._bad_commands >= self._setting.host.limits.bad_commands:
            self._connection.bye("Too many invalid IMAP commands.")

    # --- what is put between the session and TCP ---

    def _on_upgrade(self, then: Then) -> None:
        upgrades = {Then.START_TLS: self._start_tls, Then.COMPRESS: self._compress}
        self._connection.out.when_empty(upgrades[then])

    def _compress(self) -> None:
        """From here on both sides compress; what came behind the command is of that already."""
        connection = self._connection
        connection.out.transport = Deflated(connection.transport)
        connection.assembler.decompress()
        connection.held = False
        connection.timers.later("go on", 0, self._go_on)

    def _start_tls(self) -> None:
        """TLS begins; whatever was said before is forgotten (RFC 3501 section 6.2.1)."""
        connection = self._connection
        injected = self._answering.faults.after_start_tls
        if injected:
            connection.out.write(injected)
            connection.out.release()
        connection.transport.unregisterProducer()
        self._put_tls_on_top()
        connection.transport.registerProducer(self, True)
        connection.session = connection.new_session(tls=True)
        connection.assembler.before_login()
        connection.held = False

    def _put_tls_on_top(self) -> None:
        faults = self._answering.faults
        options = self._setting.options(faults)
        layer = start_tls(self, options, self._setting.clock, drop=faults.dropped)
        self._connection.out.transport = layer

    # --- the end, and time ---

    def disconnect(self, text: str) -> None:
        """End the connection from outside."""
        if not self._connection.ended:
            self._connection.bye(text)

    def abort(self) -> None:
        """Cut the connection off, with no word; nothing is sent that was not yet."""
        self._connection.abort()

    def end(self, text: str, grace: float) -> Deferred[None]:
        """End it from outside; fires when it is gone, which is forced after ``grace`` seconds."""
        self.disconnect(text)
        self._connection.timers.later("grace", grace, self._connection.abort)
        return self._lost

    def _on_logged_in(self) -> None:
        self._connection.assembler.after_login()
        self._restart_autologout()

    def _restart_autologout(self) -> None:
        limits = self._setting.host.limits
        logged_in = self._connection.session.account is not None
        seconds = limits.autologout if logged_in else limits.login_timeout
        self._connection.timers.later("autologout", seconds, self._autologout)

    def _autologout(self) -> None:
        self._connection.bye("Disconnected for inactivity.")


def _nothing() -> None:
    pass
