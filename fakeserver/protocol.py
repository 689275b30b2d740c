"""One connection: octets in, commands run one after the other, octets out.

Commands are answered in the order in which they came, each with exactly one tagged reply. While
the client does not read, no command goes on; while commands wait, the client is not read from.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IDelayedCall,
    IPushProducer,
    IReactorTime,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.ssl import CertificateOptions
from twisted.python.failure import Failure
from zope.interface import implementer

from fakeserver import dispatch
from fakeserver.assembly import Announced, Assembler, Complete, Event, Refused
from fakeserver.certificates import Certificates
from fakeserver.commands.connection import greet, in_progress
from fakeserver.commands.registry import is_by_uid, may_expunge
from fakeserver.compression import Deflated
from fakeserver.dispatch import Mistake, Parsed
from fakeserver.faults import CONNECT, GREETING, NO_FAULTS, CommandFaults, FaultPlan
from fakeserver.host import Host
from fakeserver.outgoing import Outgoing
from fakeserver.reply import Ask, Handler, Tagged, Then, refused, untagged
from fakeserver.running import Pause, Running
from fakeserver.session import Session
from fakeserver.tls_layer import start_tls
from fakeserver.transcript import HIDDEN, CommandRecord, ConnectionRecord, without_credentials
from fakeserver.transport import Transport
from imapproxy.wire.commands import Authenticate, Login, Logout

# Steps of a handler, and commands of a pipeline, before others have their turn.
_STEPS = 100
_COMMANDS = 50
# Octets that may wait unread behind a command that runs.
_MAY_WAIT = 64 * 1024


@dataclass(frozen=True)
class Setting:
    """What a protocol is given to work with. ``preauth`` is a user who need not log in."""

    host: Host
    clock: IReactorTime
    faults: FaultPlan
    record: ConnectionRecord
    tls_options: CertificateOptions | None
    preauth: bytes | None = None
    certificates: Certificates | None = None


@implementer(IPushProducer)
class ImapProtocol(Protocol):
    """The server's end of one connection."""

    def __init__(self, setting: Setting, *, tls: bool) -> None:
        self._setting = setting
        self._clock = setting.clock
        self._limits = setting.host.limits
        self._record = setting.record
        self._assembler = Assembler(setting.host.limits, setting.host.extensions.literal_style)
        self._session = self._new_session(tls=tls)
        # What is being answered: the command (None: the greeting), its faults, its handler.
        self._parsed: Parsed | None = None
        self._faults: CommandFaults = NO_FAULTS
        self._running: Running | None = None
        self._held = False  # a fault keeps the answer back
        self._paused = False  # the client does not read
        self._reading = True  # the client is read from
        self._ended = False
        self._pumping = False
        self._bad_commands = 0
        self._told = 0  # octets of the command that the record has
        self._logged_in: bytes | None = None
        self._calls: dict[str, IDelayedCall] = {}
        self._lost: Deferred[None] = Deferred()
        # Called when the connection is gone.
        self.on_lost: Callable[[], None] = _nothing

    def _new_session(self, *, tls: bool) -> Session:
        tls_available = self._setting.tls_options is not None
        return Session(self._setting.host, tls=tls, tls_available=tls_available)

    # --- what the transport says ---

    def connectionMade(self) -> None:
        """A client is there; what was said against it comes first."""
        transport = self._transport()
        transport.setTcpNoDelay(True)
        self._setting.host.connected += 1
        self._out = Outgoing(transport, self._clock, self._record, self._close)
        self._out.tell = self._setting.host.quirks.tell
        faults = self._faults = self._setting.faults.actions_for(CONNECT, "", self._record.number)
        if faults.closes_before:
            self.abort()
        elif faults.stalls:
            transport.pauseProducing()
        elif faults.delay:
            transport.pauseProducing()
            self._later("delay", faults.delay, self._accept)
        else:
            self._welcome()

    def _accept(self) -> None:
        self._transport().resumeProducing()
        self._welcome()

    def _welcome(self) -> None:
        """Greet, over TLS where that is what the port is for."""
        if self._session.tls:
            self._out.transport = start_tls(self, self._tls_options(), self._clock)
        self._transport().registerProducer(self, True)
        self._restart_autologout()
        self._begin(GREETING, None)

    def dataReceived(self, data: bytes) -> None:
        """Take what came."""
        if self._ended:
            return
        self._restart_autologout()
        self._assembler.feed(data)
        self._pump()
        if self._reading and not self._ended and self._assembler.buffered > _MAY_WAIT:
            self._reading = False
            self._transport().pauseProducing()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The client is gone: nothing of the session is left."""
        self._ended = True
        self._record.closed = True
        self._setting.host.connected -= 1
        self._log_out()
        self._out.stop()
        if self._running is not None:
            self._running.close()
            self._running = None
        for call in self._calls.values():
            if call.active():
                call.cancel()
        self._calls.clear()
        self.on_lost()
        self._lost.callback(None)

    def _log_out(self) -> None:
        self._session.leave()
        if self._logged_in is not None:
            self._setting.host.logged_in.remove(self._logged_in)
            self._logged_in = None

    def pauseProducing(self) -> None:
        """The client does not read as fast as it is written to."""
        self._paused = True

    def resumeProducing(self) -> None:
        """The client has read."""
        self._paused = False
        self._later("go on", 0, self._go_on)

    def stopProducing(self) -> None:
        """The connection is gone; ``connectionLost`` follows."""
        self._ended = True

    # --- taking what the client says ---

    def _pump(self) -> None:
        """Take what came while it is its turn, and let other connections have theirs."""
        if self._pumping:
            return
        self._pumping = True
        for _ in range(_COMMANDS):
            if not self._take():
                break
        else:
            self._later("go on", 0, self._go_on)
        self._pumping = False
        self._out.flush()
        if not self._reading and not self._ended and self._assembler.buffered <= _MAY_WAIT:
            self._reading = True
            self._transport().resumeProducing()

    def _take(self) -> bool:
        """Take one line or command; false where there is none, or it is not its turn."""
        if self._ended or self._paused or self._held:
            return False
        if self._running is not None:
            return self._take_line(self._running)
        event = self._assembler.next_event()
        if event is None:
            return False
        self._on_event(event)
        return True

    def _take_line(self, running: Running) -> bool:
        if running.asking is None:
            return False
        line = self._assembler.next_line()
        if line is None:
            return False
        shown = HIDDEN if running.asking.secret else line
        self._record.received(shown + b"\r\n")
        self._stop_telling()
        self._advance(line)
        return True

    def _on_event(self, event: Event) -> None:
        match event:
            case Complete(octets):
                self._on_command(octets)
            case Announced(octets, size):
                self._on_announced(octets, size)
            case Refused(tag, text, fatal, code):
                self._record.received(tag + b" (refused)\r\n")
                self._told = 0
                self._mistake(Mistake(tag or None, "", Tagged(text, code, b"BAD")))
                if fatal:
                    self._bye("What follows cannot be understood.")

    def _on_announced(self, octets: bytes, size: int) -> None:
        mistake = dispatch.refuse_literal(self._session, octets, size)
        if mistake is None:
            self._record.received(self._untold(without_credentials(octets)))
            self._assembler.accept_literal()
            self._out.write(b"+ OK\r\n")
        else:
            self._record.received(self._untold(without_credentials(octets)))
            self._told = 0
            self._assembler.refuse_literal()
            self._mistake(mistake)

    def _on_command(self, octets: bytes) -> None:
        shown = without_credentials(octets)
        self._record.received(self._untold(shown))
        self._told = 0
        parsed = dispatch.parse(self._session, octets)
        record = CommandRecord(
            self._record.number, self._session.user, parsed.tag or b"", parsed.name, shown
        )
        self._record.commanded(record)
        if isinstance(parsed, Mistake):
            self._mistake(parsed)
            return
        host = self._setting.host
        is_throttled = "bye-when-throttled" in host.quirks.names
        if is_throttled and len(self._record.commands) > host.throttle_after:
            self._bye("Connection is closed. 13")
            return
        if not isinstance(parsed.body, Login | Authenticate):
            record.body = parsed.body
        if self._mailbox_is_gone and not isinstance(parsed.body, Logout):
            self._bye("Selected mailbox is gone, have to disconnect.", parsed.tag)
            return
        self._bad_commands = 0
        self._begin(parsed.name, parsed)

    def _untold(self, shown: bytes) -> bytes:
        """What of a command the record has not got: with literals it comes part by part."""
        rest, self._told = shown[self._told :], len(shown)
        return rest

    def _mistake(self, mistake: Mistake) -> None:
        """Answer what was not understood, and lose patience in the end."""
        self._out.write(mistake.reply.encode(mistake.tag or b"*"))
        self._bad_commands += 1
        if self._bad_commands >= self._limits.bad_commands:
            self._bye("Too many invalid IMAP commands.")

    # --- answering ---

    def _begin(self, name: str, parsed: Parsed | None) -> None:
        """Begin to answer a command or, where there is none, to greet."""
        self._parsed = parsed
        faults = self._faults = self._setting.faults.actions_for(
            name, self._session.user, self._record.number
        )
        self._out.begin(faults)
        if faults.closes_before:
            self._close()
        elif faults.stalls:
            self._held = True
        elif faults.delay:
            self._held = True
            self._later("delay", faults.delay, self._after_delay)
            self._later("progress", self._limits.progress, self._tell_progress)
        else:
            self._run()

    def _tell_progress(self) -> None:
        """Tell that the command still runs, every so often (RFC 9585 section 3)."""
        if self._parsed is None or not self._held or not self._session.has("INPROGRESS"):
            return
        self._out.write(in_progress(self._parsed.tag))
        self._out.release()
        self._later("progress", self._limits.progress, self._tell_progress)

    def _after_delay(self) -> None:
        self._held = False
        self._run()
        self._go_on()

    def _run(self) -> None:
        self._out.write(self._faults.injected(before_tagged=False))
        instead = self._faults.reply
        if instead is None:
            self._running = Running(self._handler(), self._out.write, self._may_go_on)
            self._advance()
        elif instead.condition == "BYE":
            self._out.write(untagged(b"BYE", instead.text, instead.code.encode()))
            self._close()
        else:
            condition = instead.condition.encode()
            self._finish(Tagged(instead.text, instead.code.encode(), condition))

    def _handler(self) -> Handler:
        if self._parsed is None:
            return greet(self._session, self._setting.preauth)
        refusal = self._setting.host.quirks.refusal(self._parsed.body)
        if refusal is not None:
            return refused(refusal)
        return dispatch.start(self._session, self._parsed)

    def _may_go_on(self) -> bool:
        return not self._paused and not self._ended

    def _go_on(self) -> None:
        """Whatever was left where it was goes on."""
        if self._running is not None and self._running.asking is None:
            self._advance()
        self._pump()

    def _advance(self, line: bytes | None = None) -> None:
        if self._running is None or self._ended:
            return
        result = self._running.advance(_STEPS, line)
        if isinstance(result, Tagged):
            self._running = None
            self._finish(result)
        elif isinstance(result, Ask):
            self._out.write(b"+ %b\r\n" % result.prompt)
            self._out.release()
            if result.idle:
                self._tell_as_it_comes()
        elif result is Pause.LATER:
            self._later("go on", 0, self._go_on)

    def _finish(self, reply: Tagged) -> None:
        """Tell the news that may be told here, and the tagged reply."""
        parsed = self._parsed
        if reply.then is Then.START_TLS and self._assembler.buffered:
            # What came in the clear behind STARTTLS could be anybody's.
            reply = Tagged("Nothing may follow STARTTLS.", condition=b"BAD", then=Then.CLOSE)
        if parsed is not None:
            expunge = may_expunge(parsed.entry, parsed.body)
            by_uid = is_by_uid(parsed.body)
            self._out.write(self._session.news(may_expunge=expunge, by_uid=by_uid))
        self._out.write(self._faults.injected(before_tagged=True))
        if parsed is not None:
            self._out.write(reply.encode(parsed.tag))
            self._record.commands[-1].reply = reply
        self._out.release()
        self._tell_at_any_time()
        if self._session.account is not None and self._logged_in is None:
            self._logged_in = self._session.account.user
            self._setting.host.logged_in.append(self._logged_in)
            self._assembler.after_login()
            self._restart_autologout()
        self._then(reply.then)

    def _then(self, then: Then) -> None:
        if then is Then.CLOSE or self._faults.closes_after:
            self._close()
        elif then is Then.START_TLS:
            self._held = True
            self._out.when_empty(self._start_tls)
        elif then is Then.COMPRESS:
            self._held = True
            self._out.when_empty(self._compress)

    def _compress(self) -> None:
        """From here on both sides compress; what came behind the command is of that already."""
        self._out.transport = Deflated(self._out.transport)
        self._assembler.decompress()
        self._held = False
        self._later("go on", 0, self._go_on)

    def _start_tls(self) -> None:
        """TLS begins; whatever was said before is forgotten (RFC 3501 section 6.2.1)."""
        injected = self._faults.after_start_tls
        if injected:
            self._out.write(injected)
            self._out.release()
        self._transport().unregisterProducer()
        options, drop = self._tls_options(), self._faults.dropped
        self._out.transport = start_tls(self, options, self._clock, drop=drop)
        self._transport().registerProducer(self, True)
        self._session = self._new_session(tls=True)
        self._assembler.before_login()
        self._held = False

    # --- news in IDLE ---

    def _tell_as_it_comes(self) -> None:
        self._session.on_news = self._soon
        if self._session.view is not None:
            self._session.view.on_news = self._soon
        self._tell_news()

    def _soon(self) -> None:
        self._later("news", 0, self._tell_news)

    def _stop_telling(self) -> None:
        self._session.on_news = None
        if self._session.view is not None:
            self._session.view.on_news = None

    def _tell_at_any_time(self) -> None:
        """With NOTIFY news comes when no command runs, too (RFC 5465 section 3.1)."""
        notified = self._session.notified
        if notified is None:
            return
        self._session.on_news = self._soon
        if self._session.view is not None and notified.at_once:
            self._session.view.on_news = self._soon

    def _tell_news(self) -> None:
        if self._paused or self._ended or self._held:
            return
        in_idle = self._running is not None and self._running.asking is not None
        if not in_idle and (self._running is not None or self._session.notified is None):
            return
        self._out.write(self._session.news(may_expunge=in_idle))
        self._out.release()
        if self._mailbox_is_gone:
            self._bye("Selected mailbox is gone, have to disconnect.")

    @property
    def _mailbox_is_gone(self) -> bool:
        return self._session.view is not None and self._session.view.closed

    # --- the end, and time ---

    def _bye(self, text: str, tag: bytes | None = None) -> None:
        """Say that it is over; where a command waits for its reply, it gets one."""
        self._out.write(untagged(b"BYE", text))
        if tag is not None:
            self._out.write(Tagged(text, b"UNAVAILABLE", b"NO").encode(tag))
        self._close()

    def _close(self) -> None:
        self._out.release()
        if self._ended:
            return
        self._ended = True
        self._out.when_empty(self._lose)

    def _lose(self) -> None:
        transport = self._transport()
        # While a producer is registered the transport would wait for it to finish.
        transport.unregisterProducer()
        transport.loseConnection()

    def disconnect(self, text: str) -> None:
        """End the connection from outside."""
        if not self._ended:
            self._bye(text)

    def abort(self) -> None:
        """Cut the connection off, with no word; nothing is sent that was not yet."""
        self._ended = True
        self._transport().abortConnection()

    def end(self, text: str, grace: float) -> Deferred[None]:
        """End it from outside; fires when it is gone, which is forced after ``grace`` seconds."""
        self.disconnect(text)
        self._later("grace", grace, self._transport().abortConnection)
        return self._lost

    def _restart_autologout(self) -> None:
        logged_in = self._session.account is not None
        seconds = self._limits.autologout if logged_in else self._limits.login_timeout
        self._later("autologout", seconds, self._autologout)

    def _autologout(self) -> None:
        self._bye("Disconnected for inactivity.")

    def _later(self, name: str, seconds: float, then: Callable[[], None]) -> None:
        """Call ``then`` later; there is one call of each name."""
        call = self._calls.get(name)
        if call is None or not call.active():
            self._calls[name] = self._clock.callLater(seconds, then)
        elif seconds:
            call.reset(seconds)

    def _tls_options(self) -> CertificateOptions:
        kind = self._faults.certificate
        options = self._setting.tls_options
        if kind is not None and self._setting.certificates is not None:
            options = self._setting.certificates.options(kind)
        assert options is not None, "TLS is only offered where there is a certificate"
        return options

    def _transport(self) -> Transport:
        return cast(Transport, self.transport)


def _nothing() -> None:
    pass
