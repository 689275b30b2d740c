"""Logging in upstream with prudence: what was refused is not asked again at once."""

from collections import defaultdict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from math import ceil
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from imapproxy.listener.attempts import Account, Attempts, Decision, Verdict, account_of
from imapproxy.listener.login import Partners
from imapproxy.relay.partner import NotLetIn, Partner
from imapproxy.wire.capability import Capabilities
from imapproxy.wire.credentials import Credentials

_PATIENCE = 30.0  # seconds for the answer to a log-in whose client has left


class Withheld(NotLetIn):
    """The upstream was not asked."""

    def __init__(self, decision: Decision) -> None:
        seconds = ceil(decision.seconds)
        if decision.verdict is Verdict.REFUSED_BEFORE:
            code, reason = "AUTHENTICATIONFAILED", "the server has refused this password"
        else:
            code, reason = "LIMIT", "the server has refused too many passwords of this account"
        Exception.__init__(self, f"not asked: {reason}")
        sentence = f"NO [{code}] {reason}; imapproxy asks it again in {seconds} seconds"
        self.answer = sentence.encode()
        self.refused = True
        self.is_unreachable = False

    @property
    def blames_the_password(self) -> bool:
        """See :class:`NotLetIn`: this time the upstream has said nothing."""
        return False


@dataclass(slots=True)
class Outcomes:
    """How the log-ins at one upstream have ended since the start.

    ``refused``: the upstream did not take them; ``not_asked``: it was not asked; ``unavailable``:
    it could not be, or did not look at the password.
    """

    let_in: int = 0
    refused: int = 0
    not_asked: int = 0
    unavailable: int = 0


class _Question:
    """A log-in that is put to the upstream. It goes on when its client leaves.

    Otherwise nobody would know what the upstream thinks of a password, and who hangs up in time
    could try as many as he likes. A partner that nobody waits for any more is let go.
    """

    def __init__(self, clock: IReactorTime, opening: Coroutine[Any, Any, Partner]) -> None:
        self._clock = clock
        self._patience: IDelayedCall | None = None  # once the client has left
        self.partner: Deferred[Partner] = Deferred(self._client_left)
        self._opening = Deferred.fromCoroutine(opening)

    def begin(self, ended: Callable[["_Question"], None]) -> Deferred[Partner]:
        """The partner, for the client that waits for it. ``ended`` is told when all is over."""

        def over(outcome: object) -> object:
            ended(self)
            return outcome

        self._opening.addCallbacks(self._opened, self._failed).addBoth(over)
        return self.partner

    def stop(self) -> None:
        """Wait for its answer no longer."""
        self._opening.cancel()

    def _client_left(self, _: Deferred[Partner]) -> None:
        self._patience = self._clock.callLater(_PATIENCE, self.stop)

    def _opened(self, partner: Partner) -> None:
        if self._nobody_waits():
            partner.leave()
        else:
            self.partner.callback(partner)

    def _failed(self, failure: Failure) -> None:
        if self._nobody_waits():
            failure.trap(NotLetIn, CancelledError)
        else:
            self.partner.errback(failure)

    def _nobody_waits(self) -> bool:
        if self._patience is not None and self._patience.active():
            self._patience.cancel()
        return self._patience is not None


class Prudence:
    """All log-ins of a service go through here, to whatever upstream.

    Of several that ask the same at one time only one is passed on until its outcome is known.
    """

    log = Logger()

    def __init__(self, clock: IReactorTime, attempts: Attempts | None = None) -> None:
        self._clock = clock
        self._attempts = Attempts() if attempts is None else attempts
        self._outcomes: defaultdict[str, Outcomes] = defaultdict(Outcomes)
        self._questions: set[_Question] = set()
        self._waiting: dict[bytes, list[Deferred[NotLetIn | None]]] = {}

    async def open(
        self, partners: Partners, credentials: Credentials, max_refusals: int
    ) -> Partner:
        """Log in, if that is wise. Raises :class:`NotLetIn`, :class:`Withheld` among them."""
        account = account_of(partners, credentials)
        digest = self._attempts.digest(account, credentials)
        while True:
            now = self._clock.seconds()
            decision = self._attempts.decide(account, digest, max_refusals, now)
            if decision.verdict is not Verdict.WAIT:
                break
            await self._outcome_of(digest)
        if decision.verdict is not Verdict.ASK:
            self.outcomes_at(account.upstream).not_asked += 1
            withheld = Withheld(decision)
            self.log.info("{upstream}: a log-in was {error}", upstream=partners, error=withheld)
            raise withheld
        self._attempts.asking(account, digest)
        asking = self._ask(partners.open(credentials), account, digest, max_refusals)
        question = _Question(self._clock, asking)
        self._questions.add(question)
        return await question.begin(self._questions.discard)

    def outcomes_at(self, upstream: str) -> Outcomes:
        """What became of the log-ins at one upstream, told by its ``str``."""
        return self._outcomes[upstream]

    def stop(self) -> None:
        """Give up what nobody waits for any more."""
        for question in list(self._questions):
            question.stop()

    async def _outcome_of(self, digest: bytes) -> None:
        """Wait for who asks the same. Raises :class:`NotLetIn` if there was no answer to it."""
        waiting: Deferred[NotLetIn | None] = Deferred()
        self._waiting.setdefault(digest, []).append(waiting)
        error = await waiting
        if error is not None:
            raise error

    async def _ask(
        self,
        opening: Coroutine[Any, Any, Partner],
        account: Account,
        digest: bytes,
        max_refusals: int,
    ) -> Partner:
        """Open, and remember the outcome."""
        attempts, outcomes = self._attempts, self.outcomes_at(account.upstream)
        unanswered: NotLetIn | None = None
        try:
            partner = await opening
            attempts.accepted(account, digest)
            outcomes.let_in += 1
            return partner
        except NotLetIn as error:
            if error.blames_the_password:
                attempts.refused(account, digest, max_refusals, self._clock.seconds())
                outcomes.refused += 1
            else:
                unanswered = error
                outcomes.unavailable += 1
            raise
        except CancelledError:
            attempts.abandoned(account, digest, max_refusals, self._clock.seconds())
            raise
        finally:
            attempts.unanswered(account, digest)
            for waiting in self._waiting.pop(digest, ()):
                waiting.callback(unanswered)


class PrudentPartners:
    """The partners of one upstream, had with prudence."""

    def __init__(self, partners: Partners, prudence: Prudence, max_refusals: int) -> None:
        self._partners = partners
        self._prudence = prudence
        self._max_refusals = max_refusals

    def __str__(self) -> str:
        return str(self._partners)

    @property
    def introduced(self) -> Capabilities | None:
        """See :class:`Partners`."""
        return self._partners.introduced

    def open(self, credentials: Credentials) -> Coroutine[Any, Any, Partner]:
        """See :class:`Partners`."""
        return self._prudence.open(self._partners, credentials, self._max_refusals)
