"""Who is let in to what is held while the upstream cannot be reached.

Only who knows the password that the upstream has last accepted. A verifier of it is kept when that
happens (:mod:`imapproxy.offline.verifier`), and taken out when the upstream refuses that password.
"""

import hmac
import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, DeferredList, TimeoutError
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from imapproxy.cache.notes import ACCOUNT, VERIFIER, AccountNote
from imapproxy.cache.store import Store, StoreError
from imapproxy.listener.attempts import Attempts, Verdict, account_of
from imapproxy.listener.login import Partners
from imapproxy.offline.account import HeldAccount
from imapproxy.offline.figures import OfflineFigures
from imapproxy.offline.in_thread import InThread
from imapproxy.offline.verifier import Verifier, make_verifier, matches
from imapproxy.relay.partner import NotLetIn, Partner
from imapproxy.wire.capability import Capabilities
from imapproxy.wire.credentials import Credentials

# A log-in that waited so long in vain, in seconds, is one that programs give up …
_TOO_LONG = 3.0
# … and for so long nobody who is known is kept waiting once more: it goes offline at once, and the
# session tries the upstream in its own time.
_SILENCE = 30.0


class NotKnown(NotLetIn):
    """The upstream is away, and this is not the password that it has last accepted.

    The client hears that the upstream is away, which is true, and no word of the password: the
    upstream may know a newer one. It counts as a failure all the same.
    """

    def __init__(self, unreachable: NotLetIn) -> None:
        Exception.__init__(self, str(unreachable))
        self.answer = unreachable.answer
        self.refused = True
        self.is_unreachable = True

    @property
    def blames_the_password(self) -> bool:
        """See :class:`NotLetIn`: the upstream has said nothing."""
        return False


class OfflineEntrance:
    """The way in to the accounts of one upstream, told by its ``str``.

    ``name_of`` tells the name under which the mail of credentials is kept. ``now`` is the time in
    seconds of the POSIX clock.
    """

    log = Logger()

    def __init__(
        self,
        upstream: object,
        store: Store,
        name_of: Callable[[Credentials], bytes],
        clock: IReactorTime,
        in_thread: InThread,
        figures: OfflineFigures,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.figures = figures
        self._upstream = str(upstream)
        self._store = store
        self._name_of = name_of
        self._clock = clock
        self._in_thread = in_thread
        self._now = now
        # Apart from those that the upstream was asked: whoever comes with a password that is newer
        # than ours is right, and must not be held back when the upstream can be asked.
        self._attempts = Attempts()
        self._silence: NotLetIn | None = None
        self._silent_until = 0.0
        self._proven: dict[bytes, tuple[bytes, bytes]] = {}  # digest and verifier, by account
        self._making: dict[bytes, bytes] = {}  # digest of what a verifier is being made of
        self._checks: dict[bytes, Deferred[bool]] = {}
        self._under_way: set[Deferred[Any]] = set()

    # -- while the upstream is there -----------------------------------------------------------

    def accepted(self, credentials: Credentials, capabilities: Capabilities) -> None:
        """The upstream has let them in."""
        name = self._name_of(credentials)
        note = AccountNote(capabilities.encode(), self._now())
        self._store.writer.keep_note(name, ACCOUNT, note.encode())
        digest = self._digest(credentials)
        if self._is_proven(name, digest) or self._making.get(name) == digest:
            return
        self._making[name] = digest
        self._do(self._make(name, digest, credentials))

    async def _make(self, name: bytes, digest: bytes, credentials: Credentials) -> None:
        """Keep a verifier, unless another password was accepted, or this one refused, meanwhile."""
        verifier = await self._in_thread(partial(make_verifier, name, credentials.password))
        if self._making.get(name) == digest:
            del self._making[name]
            self._proven[name] = digest, verifier.encode()
            self._store.writer.keep_note(name, VERIFIER, verifier.encode())

    def refused(self, credentials: Credentials) -> None:
        """The upstream has refused them, and for the password."""
        name = self._name_of(credentials)
        digest = self._digest(credentials)
        if self._making.get(name) == digest:
            del self._making[name]
        if self._is_proven(name, digest):
            self._forget(name)
        elif self._verifier(name) is not None:
            self._do(self._forget_if_it_matches(name, credentials))

    async def _forget_if_it_matches(self, name: bytes, credentials: Credentials) -> None:
        """Anybody can have a wrong password refused; that takes no other one's verifier out."""
        kept = self._verifier(name)
        if kept is None:
            return
        verifier, octets = kept
        it_is = await self._in_thread(partial(matches, verifier, name, credentials.password))
        now = self._verifier(name)
        if it_is and now is not None and now[1] == octets:
            self._forget(name)

    def _forget(self, name: bytes) -> None:
        self._proven.pop(name, None)
        self._store.writer.keep_note(name, VERIFIER, None)

    def reached(self) -> None:
        """The upstream has answered, whatever it has said."""
        self._silence = None

    # -- while it is not -------------------------------------------------------------------------

    def unreachable(self, error: NotLetIn, seconds: float) -> None:
        """A log-in has ended with this, so many ``seconds`` after it was begun."""
        if seconds >= _TOO_LONG:
            self._silence = error
            self._silent_until = self._clock.seconds() + _SILENCE

    @property
    def silence(self) -> NotLetIn | None:
        """See :class:`imapproxy.listener.login.Entrance`."""
        return self._silence if self._clock.seconds() < self._silent_until else None

    async def admit(
        self, credentials: Credentials, unreachable: NotLetIn, max_refusals: int
    ) -> HeldAccount:
        """The account, if the password is the one that was last accepted.

        Raises ``unreachable`` where that cannot be told, :class:`NotKnown` where it is not.
        """
        name = self._name_of(credentials)
        account = self._account(name)
        kept = self._verifier(name)
        if account is None or kept is None:
            raise unreachable
        if not await self._is_right(name, credentials, kept, max_refusals):
            self.figures.not_let_in += 1
            raise NotKnown(unreachable)
        self.figures.let_in += 1
        self.log.info(
            "{upstream}: a client reads what is held: {error}",
            upstream=self._upstream,
            error=unreachable,
        )
        return account

    async def _is_right(
        self,
        name: bytes,
        credentials: Credentials,
        kept: tuple[Verifier, bytes],
        max_refusals: int,
    ) -> bool:
        digest = self._digest(credentials)
        if self._is_proven(name, digest):
            return True
        check = self._checks.get(digest)
        if check is None:
            check = self._check(name, digest, credentials, kept, max_refusals)
        # Whoever waits may leave; the check goes on, or else hanging up would make it uncounted.
        waiting: Deferred[bool] = Deferred()

        def told(right: bool | Failure) -> bool | Failure:
            waiting.callback(right)
            return right

        check.addBoth(told)
        return await waiting

    def _check(
        self,
        name: bytes,
        digest: bytes,
        credentials: Credentials,
        kept: tuple[Verifier, bytes],
        max_refusals: int,
    ) -> "Deferred[bool]":
        check = self._do(self._compare(name, digest, credentials, kept, max_refusals))
        if not check.called:
            self._checks[digest] = check

            def over(right: bool | Failure) -> bool | Failure:
                del self._checks[digest]
                return right

            check.addBoth(over)
        return check

    async def _compare(
        self,
        name: bytes,
        digest: bytes,
        credentials: Credentials,
        kept: tuple[Verifier, bytes],
        max_refusals: int,
    ) -> bool:
        account = account_of(self._upstream, credentials)
        verdict, _ = self._attempts.decide(account, digest, max_refusals, self._clock.seconds())
        if verdict is not Verdict.ASK:
            return False
        verifier, octets = kept
        self._attempts.asking(account, digest)
        right = False
        try:
            right = await self._in_thread(partial(matches, verifier, name, credentials.password))
        finally:
            if right:
                self._attempts.accepted(account, digest)
                self._proven[name] = digest, octets
            else:
                self._attempts.refused(account, digest, max_refusals, self._clock.seconds())
        return right

    def _account(self, name: bytes) -> HeldAccount | None:
        try:
            note = AccountNote.decode(self._store.reader.note(name, ACCOUNT))
        except StoreError:
            return None
        if note is None:
            return None
        offered = Capabilities.decode(note.capabilities)
        return HeldAccount(name, self._store, self._upstream, offered, note.seen)

    # -- both ------------------------------------------------------------------------------------

    async def settled(self, patience: float | None = None) -> None:
        """Done when everything that is to be kept was handed to the store.

        After ``patience`` seconds what is left is left: a verifier is made at the next log-in, too.
        """
        waiting: Deferred[None] = Deferred()

        def done(_: object) -> None:
            if not waiting.called:
                waiting.callback(None)

        DeferredList(list(self._under_way)).addCallback(done)
        if patience is not None:
            waiting.addTimeout(patience, self._clock)
        try:
            await waiting
        except TimeoutError:
            self.log.info("not all verifiers of passwords could be made before the end")

    def _do(self, work: Coroutine[Any, Any, Any]) -> "Deferred[Any]":
        doing = Deferred.fromCoroutine(work)
        if not doing.called:
            self._under_way.add(doing)

            def done(result: Any) -> Any:
                self._under_way.discard(doing)
                return result

            doing.addBoth(done)
        return doing

    def _digest(self, credentials: Credentials) -> bytes:
        return self._attempts.digest(account_of(self._upstream, credentials), credentials)

    def _is_proven(self, name: bytes, digest: bytes) -> bool:
        """Whether this process has seen that the password and the verifier belong together."""
        proven = self._proven.get(name)
        kept = self._verifier(name)
        if proven is None or kept is None or proven[1] != kept[1]:
            return False
        return hmac.compare_digest(proven[0], digest)

    def _verifier(self, name: bytes) -> tuple[Verifier, bytes] | None:
        try:
            octets = self._store.reader.note(name, VERIFIER)
        except StoreError:
            return None
        verifier = Verifier.decode(octets)
        return None if octets is None or verifier is None else (verifier, octets)


class RememberedPartners:
    """The partners of one upstream; what becomes of each log-in is told to the entrance."""

    def __init__(self, partners: Partners, entrance: OfflineEntrance, clock: IReactorTime) -> None:
        self._partners = partners
        self._entrance = entrance
        self._clock = clock

    def __str__(self) -> str:
        return str(self._partners)

    @property
    def introduced(self) -> Capabilities | None:
        """See :class:`Partners`."""
        return self._partners.introduced

    async def open(self, credentials: Credentials) -> Partner:
        """See :class:`Partners`."""
        begun = self._clock.seconds()
        try:
            partner = await self._partners.open(credentials)
        except NotLetIn as error:
            if error.is_unreachable:
                self._entrance.unreachable(error, self._clock.seconds() - begun)
            elif error.blames_the_password:
                self._entrance.reached()
                self._entrance.refused(credentials)
            raise
        self._entrance.reached()
        self._entrance.accepted(credentials, partner.capabilities)
        return partner
