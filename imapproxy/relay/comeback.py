"""Getting a session another connection when the one that it had is lost.

Attempts go on, with growing pauses, as long as somebody can be expected to wait; the client is not
read meanwhile. What the server refuses it is not asked again.
"""

import random
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from imapproxy.relay.client_line import ClientLine
from imapproxy.relay.known_commands import DESELECTS, SELECTS
from imapproxy.relay.ledger import Ledger, Selection
from imapproxy.relay.partner import NotLetIn, Partner
from imapproxy.relay.restoring import Restored, Restoring
from imapproxy.relay.resume import CannotResume, Known
from imapproxy.upstream.client import ImapClient
from imapproxy.upstream.errors import UpstreamError
from imapproxy.upstream.exchange import Exchange
from imapproxy.upstream.keepalive import DEAD_AFTER
from imapproxy.upstream.pool.refusal import says_too_many
from imapproxy.wire.framing import Line

#: Logs in again as the session did. Raises :class:`NotLetIn`.
Reopen = Callable[[], Coroutine[Any, Any, Partner]]

_FIRST_PAUSE = 0.5  # seconds; each is twice as long as the one before …
_LONGEST_PAUSE = 5.0
# Seconds for one attempt: on a network that has just come back the first may never be answered.
_ATTEMPT = 10.0
# A connection that has lived so long, in seconds, is no part of the trouble before it.
_PROVEN = 10.0


@dataclass(frozen=True, slots=True)
class ReconnectRules:
    """``patience`` is how long a client may wait for a new connection, in seconds; with 0 a session
    ends with its connection. A client that is silent to all probes of TCP for ``dead_after``
    seconds is gone. ``silent_after`` is how long the server may owe an answer and say nothing, in
    seconds; with 0 for ever.
    """

    patience: float = 30.0
    dead_after: float = DEAD_AFTER
    silent_after: float = 300.0


NO_RECONNECTING = ReconnectRules(patience=0.0)


class Wish(NamedTuple):
    """The mailbox that is to be selected again, and what was known of it."""

    selection: Selection
    known: Known


class Revived(NamedTuple):
    """The new partner, and who asks it; without ``restored`` nothing is selected on it."""

    partner: Partner
    restored: Restored | None
    client: ImapClient


class Settling(Protocol):
    """What is done on a new connection before it is the session's
    (:class:`imapproxy.relay.aftermath.Aftermath`).
    """

    @property
    def waits(self) -> bool:
        """Whether any command still waits for the connection."""

    async def settle(self, revived: Revived) -> bool:
        """Whether the session goes on with it; otherwise it is left."""


class Comeback:
    """One session's way back. ``gone`` is true while the session has no connection; ``held`` is the
    client's command that waits for one, and ``bye`` what the server said before it closed.

    ``flags_question`` is what has to be asked before the client's next NOOP, CHECK or IDLE, so that
    it hears of flags that have changed; empty if nothing has.
    """

    log = Logger()

    def __init__(
        self,
        reopen: Reopen,
        rules: ReconnectRules,
        clock: IReactorTime,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.ledger = Ledger()
        self.gone = False
        self.held: Line | None = None
        self.bye = b""
        self.flags_question = b""
        self._reopen = reopen
        self._rules = rules
        self._clock = clock
        self._jitter = jitter
        self._attempts: Deferred[Revived | None] | None = None
        self._revived_at: float | None = None
        self._trouble_began = 0.0
        self._pause = 0.0

    def relaying(self, command: Hashable, line: ClientLine, *, whole: bool) -> None:
        """A command of the client is about to be sent."""
        self.ledger.begun(command, line, whole=whole)
        if line.name in SELECTS or line.name in DESELECTS:
            self.flags_question = b""  # of the mailbox that is left

    @property
    def is_under_way(self) -> bool:
        """Whether a new connection is being had."""
        return self._attempts is not None

    def begin(self, wish: Wish | None, settling: Settling) -> "Deferred[Revived | None]":
        """Get a connection, set up as the last one was; fails with :class:`CannotResume`.

        ``None`` if it was had for what is settled alone, and was left.
        A connection that is lost as soon as it is there does not make the patience any longer.
        """
        now = self._clock.seconds()
        if self._revived_at is None or now - self._revived_at >= _PROVEN:
            self._trouble_began, self._pause = now, 0.0
        attempts = Deferred.fromCoroutine(self._try(wish, settling))
        if not attempts.called:
            self._attempts = attempts
        return attempts.addBoth(self._ended)

    def _ended(self, result: Any) -> Any:
        self._attempts = None
        return result

    def stop(self) -> None:
        """Nobody waits for it any more: what :meth:`begin` gave fails."""
        if self._attempts is not None:
            self._attempts.cancel()

    async def _try(self, wish: Wish | None, settling: Settling) -> Revived | None:
        ends = self._trouble_began + self._rules.patience
        while True:
            left = await self._wait(ends)
            attempt = Deferred.fromCoroutine(self._attempt(wish))
            try:
                revived = await attempt.addTimeout(min(left, _ATTEMPT), self._clock)
                goes_on = await self._settled(revived, settling, left)
            except NotLetIn as error:
                if _is_final(error):
                    raise CannotResume(str(error)) from error
                self._failed(error)
            except (UpstreamError, TimeoutError) as error:
                self._failed(error)
            else:
                self._revived_at = self._clock.seconds()
                return revived if goes_on else None
            if not settling.waits:
                return None

    async def _settled(self, revived: Revived, settling: Settling, left: float) -> bool:
        goes_on = False
        try:
            settled = Deferred.fromCoroutine(settling.settle(revived))
            goes_on = await settled.addTimeout(left, self._clock)
        finally:
            if not goes_on:
                revived.partner.leave()
        return goes_on

    async def _wait(self, ends: float) -> float:
        """Pause before an attempt, but before the first; how many seconds are left then."""
        pause = self._pause * (0.5 + self._jitter() / 2)
        self._pause = min(max(2 * self._pause, _FIRST_PAUSE), _LONGEST_PAUSE)
        left = ends - self._clock.seconds() - pause
        if left <= 0:
            raise CannotResume(f"no new connection within {self._rules.patience:g} seconds")
        if pause:
            await deferLater(self._clock, pause)
        return left

    def _failed(self, error: Exception) -> None:
        self.log.debug("no new connection yet: {error}", error=str(error) or "no answer in time")

    async def _attempt(self, wish: Wish | None) -> Revived:
        partner = await self._reopen()
        done = False
        try:
            restoring = Restoring(partner.connection)
            await restoring.set_up(self.ledger.setup)
            restored = None
            if wish is not None:
                restored = await restoring.select(*wish)
            done = True
            return Revived(partner, restored, restoring.client)
        finally:
            if not done:
                partner.leave()


def _is_final(error: NotLetIn) -> bool:
    """Whether it would be refused again, and each time count as a wrong password."""
    return error.refused and not (
        says_too_many(error.answer) or error.answer.upper().startswith(b"NO [UNAVAILABLE]")
    )


class FlagsQuestion(Exchange):
    """Asks for flags in the client's stead, by ``words``: the answers are news to it."""

    __slots__ = ("_comeback", "_words")

    def __init__(self, comeback: Comeback, words: bytes) -> None:
        super().__init__()
        self._comeback = comeback
        self._words = words

    def tagged_response(self, text: bytes) -> None:
        """See :class:`Exchange`. If it failed the client hears of the flags when it asks."""

    def connection_lost(self, error: UpstreamError) -> None:
        """See :class:`Exchange`. It has to be asked once more."""
        self._comeback.flags_question = self._words
