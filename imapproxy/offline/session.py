"""One client's session while the upstream cannot be reached: reading, and nothing else.

It answers one command at a time, from what is held. Meanwhile it tries the upstream again. When
that is there, and no mailbox is selected, a relay session takes over with the next command; the
client knows nothing yet that could have changed, and was offered nothing that there is not.

With a mailbox selected the session ends with BYE. That is less than could be done: the mailbox may
be the very same. But message numbers, flags and the right to write would have to be brought from
what was held to what is true, by responses that few programs have ever seen in that place, while
all of them know how to connect again.
"""

import time
from collections.abc import Callable
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from imapproxy.cache.request import read_fetch_request
from imapproxy.offline.account import HeldAccount, age
from imapproxy.offline.commands import Answer, Commands
from imapproxy.offline.fetch import HeldFetch
from imapproxy.offline.listing import listed
from imapproxy.offline.mailbox import HeldMailbox, open_mailbox
from imapproxy.offline.refusal import Refused, unavailable, wrong
from imapproxy.offline.return_path import ReturnPath
from imapproxy.offline.search.searching import Searching
from imapproxy.relay.client_line import read_client_line, tag_of_broken_line
from imapproxy.relay.client_port import ClientPort
from imapproxy.relay.comeback import Reopen
from imapproxy.relay.large_answer import BrokenAnswer
from imapproxy.relay.outbox import Outbox
from imapproxy.relay.partner import Partner
from imapproxy.relay.valve import Valve
from imapproxy.wire import commands as wire
from imapproxy.wire.decode_command import CommandError, decode_command
from imapproxy.wire.framing import Fragment, Line

_READY_AGAIN = b"* BYE [UNAVAILABLE] The server can be reached again: connect again\r\n"
_REFUSED = b"* BYE [AUTHENTICATIONFAILED] The server does not take this password any more\r\n"


class OfflinePort(ClientPort, Protocol):
    """What an offline session needs of the client's side besides what any session needs."""

    def go_online(self, partner: Partner, reopen: Reopen) -> None:
        """Hand the client over to a relay session with this partner."""


class OfflineSession:
    """A :class:`imapproxy.listener.stage.Stage`.

    ``valve`` stops the reading of what the client says. ``on_over`` is called once, when the
    session ends, in whatever way. ``now`` tells the time in seconds of the POSIX clock.
    """

    log = Logger()

    def __init__(
        self,
        client: OfflinePort,
        account: HeldAccount,
        reopen: Reopen,
        clock: IReactorTime,
        valve: Valve,
        agent: str,
        on_over: Callable[[], None],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._account = account
        self._reopen = reopen
        self._clock = clock
        self._agent = agent
        self._on_over = on_over
        self._now = now
        self._commands = Commands(client)
        self.outbox = Outbox(client, valve, clock, self._answer_broken)
        self._return_path = ReturnPath(reopen, clock, self._reached, self._not_let_in)
        self._mailbox: HeldMailbox | None = None
        self._busy = False  # a command is being answered, piece by piece
        self._searching: Searching | None = None
        self._idle_tag = b""  # of the IDLE that waits for DONE
        self._partner: Partner | None = None  # waits for the session to be at rest
        self._last_words = b""  # said, and the session ended, as soon as no command is under way
        self._input_ended = False
        self._over = False
        self._timers: list[IDelayedCall] = []

    def greet(self, tag: bytes) -> None:
        """Answer the log-in: RFC 3501 section 7.1 has the ALERT shown to the user."""
        account = self._account
        ago = age(self._now() - account.seen).encode()
        self._say(
            b"* OK [ALERT] %b cannot be reached. You can read what was kept of your mail;"
            b" the server was there %b ago.\r\n"
            b"%b OK [CAPABILITY %b] Logged in, offline\r\n"
            % (account.upstream.encode("ascii", "replace"), ago, tag, account.capabilities.encode())
        )
        self.flush()
        self._return_path.begin()

    # -- Stage -----------------------------------------------------------------------------

    @property
    def ready(self) -> bool:
        """See :class:`Stage`."""
        return not (self._over or self._busy or self._last_words)

    def client_fragment(self, fragment: Fragment) -> None:
        """See :class:`Stage`."""
        if self._idle_tag:
            self._end_of_idle(fragment)
            return
        taken = self._commands.take(fragment)
        if isinstance(taken, Answer):
            self._say(taken.octets)
            if taken.fatal:
                self._say(b"* BYE What you say cannot be understood\r\n")
                self._end()
        elif taken is not None:
            self._command(taken)
        self._settle()

    def flush(self) -> None:
        """See :class:`Stage`."""
        self.outbox.flush()

    def client_input_ended(self) -> None:
        """See :class:`Stage`."""
        self._input_ended = True
        if not self._busy:
            self._end()

    def client_gone(self) -> None:
        """See :class:`Stage`."""
        self.outbox.drop()
        self._cleanup()

    def drain(self, grace: float) -> None:
        """See :class:`Stage`."""
        self._bye(b"* BYE imapproxy is shutting down\r\n")
        if not self._over:
            self._timers.append(self._clock.callLater(grace, self._end))

    # -- commands --------------------------------------------------------------------------

    def _command(self, octets: bytes) -> None:
        try:
            command = decode_command(octets, lenient=True)
        except CommandError as error:
            tag = error.tag if error.tag is not None else tag_of_broken_line(octets)
            self._say(tag + b" BAD " + str(error).encode("ascii", "replace") + b"\r\n")
            return
        tag = command.tag
        try:
            told = self._answer(tag, command.body, octets)
        except Refused as error:
            told = tag + b" " + error.answer + b"\r\n"
        self._say(told)

    def _answer(self, tag: bytes, body: wire.CommandBody, octets: bytes) -> bytes:
        """What is said to it at once; nothing if the answer is being made."""
        match body:
            case wire.Capability():
                names = self._account.capabilities.encode()
                return b"* CAPABILITY %b\r\n%b OK Capabilities are listed\r\n" % (names, tag)
            case wire.Noop() | wire.Check():
                return tag + b" OK Nothing has happened\r\n"
            case wire.Id():
                version = self._agent.encode()
                told = b'* ID ("name" "imapproxy" "version" "%b")\r\n' % version
                return told + tag + b" OK That is who I am\r\n"
            case wire.Logout():
                self._bye(b"* BYE Logging out\r\n%b OK Logged out\r\n" % tag)
                return b""
            case wire.Idle():
                self._idle_tag = tag
                self._client.expect_commands(False)
                return b"+ Idling, offline\r\n"
            case wire.List() | wire.Lsub() | wire.Namespace() | wire.Opaque(name="XLIST"):
                return self._listed(tag, body, octets)
            case wire.Status():
                mailbox = open_mailbox(self._account, body.mailbox)
                return mailbox.status(body.mailbox, body.items) + tag + b" OK Status told\r\n"
            case wire.Select() | wire.Examine():
                return self._select(tag, body)
            case wire.Close() | wire.Unselect():
                self._selected()
                self._mailbox = None
                return tag + b" OK No mailbox is selected\r\n"
            case wire.Fetch():
                return self._fetch(tag, octets)
            case wire.Search():
                return self._search(tag, body)
            case wire.Login() | wire.Authenticate() | wire.StartTls():
                raise wrong("You are logged in already")
        raise unavailable("this command is for the server alone")

    def _listed(self, tag: bytes, body: object, octets: bytes) -> bytes:
        line = read_client_line(octets)
        assert line is not None
        told = listed(self._account, line.name, line.rest, body)
        return told + tag + b" OK This is the list that was kept\r\n"

    def _select(self, tag: bytes, body: wire.Select | wire.Examine) -> bytes:
        self._mailbox = None  # also where it fails (RFC 3501 section 6.3.1)
        if body.condstore or body.qresync is not None or body.parameters:
            raise unavailable("SELECT has no parameters here")
        mailbox = self._mailbox = open_mailbox(self._account, body.mailbox)
        told = mailbox.select_responses(self._now())
        return told + tag + b" OK [READ-ONLY] Opened, offline\r\n"

    def _selected(self) -> HeldMailbox:
        if self._mailbox is None:
            raise wrong("No mailbox is selected")
        return self._mailbox

    def _fetch(self, tag: bytes, octets: bytes) -> bytes:
        mailbox = self._selected()
        line = read_client_line(octets)
        request = None if line is None else read_fetch_request(line.rest)
        if request is None:
            raise unavailable("this is not kept here")
        fetch = HeldFetch(self._account, mailbox, tag, request, self._answered)
        self._busy = True
        self.outbox.add(fetch)
        return b""

    def _search(self, tag: bytes, body: wire.Search) -> bytes:
        mailbox = self._selected()

        def ended(answer: bytes) -> None:
            self._searching = None
            self._say(answer)
            self._answered()

        reader = self._account.store.reader
        self._searching = Searching(mailbox, reader, tag, body, self._clock, ended)
        self._busy = True
        self._searching.begin()
        return b""

    def _answered(self) -> None:
        """The last piece of an answer is on its way; what was waiting for it has its turn."""
        self._timers = [timer for timer in self._timers if timer.active()]
        self._timers.append(self._clock.callLater(0, self._go_on))

    def _go_on(self) -> None:
        self._busy = False
        if self._input_ended:
            self._end()
        self._settle()
        if not self._over:
            self.flush()
            self._client.proceed()

    def _end_of_idle(self, fragment: Fragment) -> None:
        tag, self._idle_tag = self._idle_tag, b""
        self._client.expect_commands(True)
        done = isinstance(fragment, Line) and fragment.data.strip().upper() == b"DONE"
        self._say(tag + (b" OK Idled\r\n" if done else b" BAD DONE was expected\r\n"))
        self._settle()

    # -- back online -------------------------------------------------------------------------

    def _reached(self, partner: Partner) -> None:
        self._partner = partner
        self._settle()

    def _not_let_in(self) -> None:
        self._bye(_REFUSED)

    def _settle(self) -> None:
        """Say the last words, or go online, if no command is under way."""
        if self._over or self._busy:
            return
        if self._last_words:
            self._say(self._last_words)
            self._end()
        elif self._partner is not None and self._partner.connection.error is not None:
            self._partner = None
            self._return_path.begin()
        elif self._partner is not None and self._mailbox is not None:
            self._say(_READY_AGAIN)
            self._end()
        elif self._partner is not None and not (self._idle_tag or self._commands.is_inside):
            self._go_online(self._partner)

    def _go_online(self, partner: Partner) -> None:
        self.log.info("{upstream} can be reached again", upstream=self._account.upstream)
        self.flush()
        self._partner = None
        self._cleanup()
        self._client.go_online(partner, self._reopen)

    # -- the end ---------------------------------------------------------------------------

    def _say(self, octets: bytes) -> None:
        self.outbox.say(octets)

    def _bye(self, last_words: bytes) -> None:
        """End as soon as no command is under way."""
        self._last_words = self._last_words or last_words
        self._settle()

    def _answer_broken(self, error: BrokenAnswer) -> None:
        self.log.warn("a session ends in the middle of a response: {error}", error=str(error))
        self.outbox.drop()
        self._end()

    def _end(self) -> None:
        if not self._over:
            self._cleanup()
            self.outbox.finish(self._client.close)

    def _cleanup(self) -> None:
        if self._over:
            return
        self._over = True
        for timer in self._timers:
            if timer.active():
                timer.cancel()
        if self._searching is not None:
            self._searching.stop()
        self._return_path.stop()
        partner, self._partner = self._partner, None
        if partner is not None:
            partner.leave()
        self._on_over()
