"""The client's connection before log-in: our own greeting, capabilities, and the way in.

Nothing here is relayed. The upstream is dialled when the client gives a name and password; the
client hears the upstream's own answer to them.
"""

import base64
from collections.abc import Coroutine
from contextlib import suppress
from functools import partial
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from imapproxy.listener.attempts import Account, account_of
from imapproxy.listener.limits import Limits
from imapproxy.listener.sasl import MECHANISMS, Mechanism, SaslError, decode_base64
from imapproxy.offline.account import HeldAccount
from imapproxy.relay.client_line import tag_of_broken_line
from imapproxy.relay.client_port import ClientPort
from imapproxy.relay.comeback import Reopen
from imapproxy.relay.gathering import CommandTooLong, Gathering
from imapproxy.relay.hop_by_hop import without_hop_by_hop
from imapproxy.relay.partner import NotLetIn, Partner
from imapproxy.upstream.errors import printable
from imapproxy.wire import commands
from imapproxy.wire.capability import Capabilities
from imapproxy.wire.credentials import Credentials
from imapproxy.wire.decode_command import CommandError, decode_command
from imapproxy.wire.framing import CRLF, Fragment, Line, Malformed, Octets


class Partners(Protocol):
    """Where partners come from (:class:`imapproxy.relay.partner.PartnerSource`)."""

    def __str__(self) -> str:
        """The upstream's address: accounts of the same name on others are others."""

    @property
    def introduced(self) -> Capabilities | None:
        """What the upstream offers before log-in, if that is known."""

    def open(self, credentials: Credentials) -> Coroutine[Any, Any, Partner]:
        """Log in upstream. Raises :class:`NotLetIn`."""


class Entrance(Protocol):
    """The way in to what is held (:class:`imapproxy.listener.offline_entrance.OfflineEntrance`)."""

    @property
    def silence(self) -> NotLetIn | None:
        """How a log-in has ended that the upstream kept waiting in vain a moment ago, if any."""

    def admit(
        self, credentials: Credentials, unreachable: NotLetIn, max_refusals: int
    ) -> Coroutine[Any, Any, HeldAccount]:
        """The account of the credentials. Raises :class:`NotLetIn`."""


# What the proxy itself can do before log-in, whatever the upstream can.
_OURS = ("IMAP4rev1", "LITERAL+", "SASL-IR", "ID")
_WAYS_IN = b" AUTH=PLAIN AUTH=LOGIN"


class LoginPort(ClientPort, Protocol):
    """What the log-in needs of the client's side besides what a session needs."""

    host: str  # where the client comes from, empty for a pipe

    @property
    def offers_starttls(self) -> bool:
        """Whether STARTTLS can be had now."""

    def start_tls(self) -> bool:
        """Put TLS under the connection; false if the client had sent more already."""

    def claim(self, account: Account) -> bool:
        """Count the client as one of the account's, if that may have one more."""

    def login_failed(self, account: Account, *, refused: bool) -> float:
        """It is none of the account's; the seconds to hold the answer to a refusal back."""

    def enter(self, partner: Partner, tag: bytes, reopen: Reopen) -> None:
        """Hand the client over to a relay session with this partner; ``reopen`` gets another."""

    def enter_offline(self, account: HeldAccount, tag: bytes, reopen: Reopen) -> None:
        """Hand the client over to an offline session; ``reopen`` gets it a partner in time."""


class LoginStage:
    """Not authenticated state (RFC 3501 section 3.1)."""

    log = Logger()

    def __init__(
        self,
        client: LoginPort,
        partners: Partners,
        clock: IReactorTime,
        limits: Limits,
        agent: str,
        entrance: Entrance | None = None,
    ) -> None:
        self._client = client
        self._entrance = entrance
        self._partners = partners
        self._limits = limits
        self._agent = agent
        self._gathering = Gathering(limits.max_login_octets)
        self._dialogue: tuple[bytes, Mechanism] | None = None
        self._clock = clock
        self._opening: Deferred[Partner | HeldAccount] | None = None
        self._tag = b""  # of the log-in that is being tried
        self._refusal = b""  # the answer to it, while that is held back
        self._held_back: IDelayedCall | None = None
        self._over = False
        self._failures = 0
        self._bad_commands = 0
        self._timer = clock.callLater(limits.login_timeout, self._too_late)

    # -- from the client -------------------------------------------------------------------

    @property
    def ready(self) -> bool:
        """See :class:`Stage`."""
        return not (self._busy or self._over)

    @property
    def _busy(self) -> bool:
        """Whether a log-in has no answer yet."""
        return self._opening is not None or self._held_back is not None

    def greet(self) -> None:
        """Say hello (RFC 3501 section 7.1.5)."""
        self._say(b"* OK [CAPABILITY " + self._capabilities() + b"] imapproxy ready.")

    def client_fragment(self, fragment: Fragment) -> None:
        """See :class:`Stage`."""
        try:
            if isinstance(fragment, Line):
                self._line(fragment)
            elif isinstance(fragment, Octets):
                self._gathering.octets(fragment)
            else:
                self._malformed(fragment)
        except CommandTooLong as error:
            self._bye(tag_of_broken_line(error.start) + b" BAD Command too long before log-in")

    def flush(self) -> None:
        """See :class:`Stage`."""

    def client_input_ended(self) -> None:
        """See :class:`Stage`."""
        if not self._busy:
            self._end()

    def client_gone(self) -> None:
        """See :class:`Stage`."""
        if not self._over:
            self._over = True
            self._cleanup()

    def drain(self, grace: float) -> None:
        """See :class:`Stage`."""
        self._answer_now()
        self._bye(b"")

    def _line(self, line: Line) -> None:
        if self._dialogue is not None:
            self._sasl_response(line.data[:-2])
            return
        command = self._gathering.line(line)
        if command is not None:
            self._command(command)
        elif line.literal is not None and line.literal.synchronizing:
            self._say(b"+ OK")
            self._client.accept_literal()

    def _malformed(self, malformed: Malformed) -> None:
        answer = self._tag_of(malformed) + b" BAD " + malformed.reason.encode()
        self._gathering.forget()
        if self._dialogue is not None:
            self._end_dialogue()
        if malformed.fatal:
            self._bye(answer)
        else:
            self._bad(answer)

    def _tag_of(self, malformed: Malformed) -> bytes:
        """The tag of the command that the line is part of, be it not its first."""
        if self._dialogue is not None:
            return self._dialogue[0]
        return tag_of_broken_line(self._gathering.start or malformed.start)

    def _command(self, octets: bytes) -> None:
        try:
            command = decode_command(octets, lenient=True)
        except CommandError as error:
            tag = error.tag if error.tag is not None else b"*"
            self._bad(tag + b" BAD " + str(error).encode("ascii", "replace"))
            return
        tag = command.tag
        match command.body:
            case commands.Login(user=user, password=password):
                self._log_in(tag, Credentials(user, password))
            case commands.Authenticate():
                self._authenticate(tag, command.body)
            case commands.Capability():
                self._say(b"* CAPABILITY " + self._capabilities())
                self._say(tag + b" OK Capabilities are listed.")
            case commands.Noop():
                self._say(tag + b" OK Nothing done.")
            case commands.Id():
                self._say(b'* ID ("name" "imapproxy" "version" "%b")' % self._agent.encode())
                self._say(tag + b" OK That is who I am.")
            case commands.StartTls():
                self._start_tls(tag)
            case commands.Logout():
                self._say(b"* BYE Logging out")
                self._say(tag + b" OK Logged out.")
                self._end()
            case _:
                self._bad(tag + b" BAD Log in first, with LOGIN or AUTHENTICATE PLAIN")

    def _capabilities(self) -> bytes:
        starttls = b" STARTTLS" if self._client.offers_starttls else b""
        introduced = self._partners.introduced or Capabilities()
        theirs = without_hop_by_hop(introduced.without(*_OURS, "LITERAL-").encode())
        return b" ".join((*map(str.encode, _OURS), *theirs.split())) + starttls + _WAYS_IN

    def _start_tls(self, tag: bytes) -> None:
        if not self._client.offers_starttls:
            self._bad(tag + b" BAD TLS is not offered here")
            return
        self._say(tag + b" OK Begin TLS now.")
        if not self._client.start_tls():
            # Commands behind STARTTLS in the same breath may be somebody else's
            # (RFC 9051 section 11.3); they must not be taken for the client's.
            self.log.warn("a client sent data behind STARTTLS; the connection was ended")
            self._end()

    # -- credentials -----------------------------------------------------------------------

    def _authenticate(self, tag: bytes, command: commands.Authenticate) -> None:
        kind = MECHANISMS.get(command.mechanism)
        if kind is None:
            offered = b"this mechanism is not offered; use PLAIN or LOGIN"
            self._bad(tag + b" NO [CANNOT] " + offered)
            return
        mechanism = kind()
        self._dialogue = (tag, mechanism)
        initial = command.initial_response
        if initial is None:
            self._challenge(mechanism)
        else:
            octets = initial.reveal()
            self._sasl_response(b"" if octets == b"=" else octets)

    def _challenge(self, mechanism: Mechanism) -> None:
        self._client.expect_commands(False)
        self._say(b"+ " + base64.b64encode(mechanism.challenge))

    def _sasl_response(self, line: bytes) -> None:
        assert self._dialogue is not None
        tag, mechanism = self._dialogue
        try:
            if line == b"*":
                raise SaslError("Authentication was cancelled")
            credentials = mechanism.response(decode_base64(line))
        except SaslError as error:
            self._end_dialogue()
            self._bad(tag + b" BAD " + str(error).encode())
            return
        if credentials is None:
            self._challenge(mechanism)
        else:
            self._end_dialogue()
            self._log_in(tag, credentials)

    def _end_dialogue(self) -> None:
        self._dialogue = None
        self._client.expect_commands(True)

    def _log_in(self, tag: bytes, credentials: Credentials) -> None:
        self._tag = tag
        account = account_of(self._partners, credentials)
        if not self._client.claim(account):
            self.log.warn("a log-in was turned away: max_sessions_per_account is reached")
            self._bad(tag + b" NO [LIMIT] This account has as many sessions as it may have")
            return
        opening = self._opening = Deferred.fromCoroutine(self._let_in(credentials))
        # The password stays in memory as long as the session, which may have to log in again.
        reopen = partial(self._partners.open, credentials)
        opening.addCallbacks(self._opened, self._refused, (tag, reopen), {}, (tag, account), {})
        opening.addErrback(self._broken, tag)

    async def _let_in(self, credentials: Credentials) -> Partner | HeldAccount:
        entrance, most = self._entrance, self._limits.max_refused_logins
        silence = None if entrance is None else entrance.silence
        if entrance is not None and silence is not None:
            # A program opens several connections, and not each of them shall wait so long again.
            with suppress(NotLetIn):
                return await entrance.admit(credentials, silence, most)
        try:
            return await self._partners.open(credentials)
        except NotLetIn as error:
            if entrance is None or not error.is_unreachable:
                raise
            return await entrance.admit(credentials, error, most)

    def _opened(self, opened: Partner | HeldAccount, tag: bytes, reopen: Reopen) -> None:
        self._opening = None
        self._over = True
        self._cleanup()
        if isinstance(opened, Partner):
            self._client.enter(opened, tag, reopen)
        else:
            self._client.enter_offline(opened, tag, reopen)

    def _refused(self, failure: Failure, tag: bytes, account: Account) -> None:
        self._opening = None
        if self._over:
            return  # the client left, and the attempt was cancelled
        failure.trap(NotLetIn)
        error = failure.value
        assert isinstance(error, NotLetIn)
        # Servers are known to quote the command that they refuse, password and all.
        told = error.answer.partition(b"]")[0] if error.refused else str(error).encode()
        self.log.info(
            "a log-in from {host} failed: {error}", host=self._client.host, error=printable(told)
        )
        # An upstream that is away is no fault of the client's.
        self._failures += error.refused
        seconds = self._client.login_failed(account, refused=error.refused)
        self._refusal = tag + b" " + error.answer
        if seconds:
            self._held_back = self._clock.callLater(seconds, self._answer_refusal)
        else:
            self._answer_refusal()

    def _answer_refusal(self) -> None:
        self._held_back = None
        self._say(self._refusal)
        if self._failures >= self._limits.max_login_failures:
            self._bye(b"* BYE Too many log-ins failed")
            return
        self._client.proceed()

    def _answer_now(self) -> None:
        """The connection ends: hold an answer back no longer."""
        if self._held_back is not None:
            self._held_back.cancel()
            self._held_back = None
            self._say(self._refusal)

    def _broken(self, failure: Failure, tag: bytes) -> None:
        """A fault of our own: the client hears of it, the log has it whole."""
        self.log.failure("log-in failed for a fault in imapproxy", failure)
        self._opening = None
        self._bye(tag + b" NO [SERVERBUG] imapproxy failed; its log says how")
        self._client.close()  # also when the fault came behind the log-in

    # -- the end ---------------------------------------------------------------------------

    def _bad(self, line: bytes) -> None:
        self._bad_commands += 1
        if self._bad_commands > self._limits.max_bad_commands:
            self._bye(line)
        else:
            self._say(line)

    def _too_late(self) -> None:
        late = b"within %d seconds" % self._limits.login_timeout
        self._answer_now()
        if self._opening is not None:
            # The client has done its part, and every command gets its answer.
            self._say(self._tag + b" NO [UNAVAILABLE] The server did not answer " + late)
        self._bye(b"* BYE No log-in " + late)

    def _bye(self, last_words: bytes) -> None:
        if self._over:
            return
        if last_words:
            self._say(last_words)
        if not last_words.startswith(b"* BYE"):
            self._say(b"* BYE imapproxy closes the connection")
        self._end()

    def _end(self) -> None:
        if not self._over:
            self._over = True
            self._cleanup()
            self._client.close()

    def _cleanup(self) -> None:
        if self._timer.active():
            self._timer.cancel()
        if self._held_back is not None:
            self._held_back.cancel()
            self._held_back = None
        if self._opening is not None:
            self._opening.cancel()

    def _say(self, line: bytes) -> None:
        self._client.write(line + CRLF)
