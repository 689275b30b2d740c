"""Answering the commands of one connection: faults first, then the handler, news and the reply."""

from collections.abc import Callable

from fakeserver import dispatch
from fakeserver.commands.connection import greet, in_progress
from fakeserver.commands.registry import is_by_uid, may_expunge
from fakeserver.connection import Connection
from fakeserver.dispatch import Parsed
from fakeserver.faults import NO_FAULTS, CommandFaults
from fakeserver.news import Busy, NewsTeller
from fakeserver.reply import Ask, Handler, Tagged, Then, refused, untagged
from fakeserver.running import Pause, Running

# Steps of a handler before others have their turn.
_STEPS = 100


class Answering:
    """One command at a time, each with exactly one tagged reply.

    ``on_free`` is called when what waits may be looked at; ``on_logged_in`` once the client has
    said who it is; ``on_upgrade`` when TLS or compression is to begin.
    """

    def __init__(
        self,
        connection: Connection,
        on_free: Callable[[], None],
        on_logged_in: Callable[[], None],
        on_upgrade: Callable[[Then], None],
    ) -> None:
        self._connection = connection
        self._on_free = on_free
        self._on_logged_in = on_logged_in
        self._on_upgrade = on_upgrade
        self._news = NewsTeller(connection, self._busy)
        # What is being answered: the command (None: the greeting), and its handler.
        self._parsed: Parsed | None = None
        self._running: Running | None = None
        self._logged_in: bytes | None = None
        # The faults of what was answered last.
        self.faults: CommandFaults = NO_FAULTS

    @property
    def is_answering(self) -> bool:
        """Whether a command, or the greeting, has no reply yet."""
        return self._running is not None

    @property
    def asked(self) -> Ask | None:
        """The question that waits for a line of the client's."""
        return None if self._running is None else self._running.asking

    def begin(self, name: str, parsed: Parsed | None) -> None:
        """Begin to answer a command or, where there is none, to greet."""
        connection = self._connection
        self._parsed = parsed
        user, number = connection.session.user, connection.record.number
        faults = self.faults = connection.setting.faults.actions_for(name, user, number)
        connection.out.begin(faults)
        if faults.closes_before:
            connection.close()
        elif faults.stalls:
            connection.held = True
        elif faults.delay:
            connection.held = True
            connection.timers.later("delay", faults.delay, self._after_delay)
            self._progress_later()
        else:
            self._run()

    def go_on(self) -> None:
        """What was left where it was goes on."""
        if self._running is not None and self._running.asking is None:
            self._advance()

    def take_line(self, line: bytes) -> None:
        """The client says what it was asked for."""
        self._news.end_idle()
        self._advance(line)

    def stop(self) -> None:
        """The connection is gone, and with it the session."""
        self._connection.session.leave()
        if self._logged_in is not None:
            self._connection.host.logged_in.remove(self._logged_in)
            self._logged_in = None
        if self._running is not None:
            self._running.close()
            self._running = None

    def _busy(self) -> Busy:
        if self._running is None:
            return Busy.NOT
        return Busy.ANSWERING if self._running.asking is None else Busy.IDLE

    # --- a delay ---

    def _after_delay(self) -> None:
        self._connection.held = False
        self._run()
        self._on_free()

    def _progress_later(self) -> None:
        seconds = self._connection.host.limits.progress
        self._connection.timers.later("progress", seconds, self._tell_progress)

    def _tell_progress(self) -> None:
        """Tell that the command still runs, every so often (RFC 9585 section 3)."""
        connection = self._connection
        if self._parsed is None or not connection.held:
            return
        if connection.session.has("INPROGRESS"):
            connection.out.write(in_progress(self._parsed.tag))
            connection.out.release()
            self._progress_later()

    # --- the handler ---

    def _run(self) -> None:
        out = self._connection.out
        out.write(self.faults.injected(before_tagged=False))
        instead = self.faults.reply
        if instead is None:
            self._running = Running(self._handler(), out.write, lambda: self._connection.may_go_on)
            self._advance()
        elif instead.condition == "BYE":
            out.write(untagged(b"BYE", instead.text, instead.code.encode()))
            self._connection.close()
        else:
            condition = instead.condition.encode()
            self._finish(Tagged(instead.text, instead.code.encode(), condition))

    def _handler(self) -> Handler:
        connection = self._connection
        if self._parsed is None:
            return greet(connection.session, connection.setting.preauth)
        refusal = connection.host.quirks.refusal(self._parsed.body)
        if refusal is not None:
            return refused(refusal)
        return dispatch.start(connection.session, self._parsed)

    def _advance(self, line: bytes | None = None) -> None:
        connection = self._connection
        if self._running is None or connection.ended:
            return
        session = connection.session
        session.is_acting = True
        result = self._running.advance(_STEPS, line)
        session.is_acting = False
        if isinstance(result, Tagged):
            self._running = None
            self._finish(result)
        elif isinstance(result, Ask):
            connection.out.write(b"+ %b\r\n" % result.prompt)
            connection.out.release()
            if result.idle:
                self._news.begin_idle()
        elif result is Pause.LATER:
            connection.timers.later("go on", 0, self._on_free)

    # --- the reply ---

    def _finish(self, reply: Tagged) -> None:
        """Tell the news that may be told here, and the tagged reply."""
        connection, parsed = self._connection, self._parsed
        out, session = connection.out, connection.session
        if reply.then is Then.START_TLS and connection.assembler.buffered:
            # What came in the clear behind STARTTLS could be anybody's.
            reply = Tagged("Nothing may follow STARTTLS.", condition=b"BAD", then=Then.CLOSE)
        if parsed is not None:
            expunge = may_expunge(parsed.entry, parsed.body)
            out.write(session.news(may_expunge=expunge, by_uid=is_by_uid(parsed.body)))
        out.write(self.faults.injected(before_tagged=True))
        if parsed is not None:
            out.write(reply.encode(parsed.tag))
            connection.record.commands[-1].reply = reply
        out.release()
        self._news.begin_notify()
        if session.account is not None and self._logged_in is None:
            self._logged_in = session.account.user
            connection.host.logged_in.append(self._logged_in)
            self._on_logged_in()
        if reply.then is Then.CLOSE or self.faults.closes_after:
            connection.close()
        elif reply.then is not Then.GO_ON:
            connection.held = True
            self._on_upgrade(reply.then)
