"""Who is let in to what is held: verifiers come and go, and guessing is bounded."""

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock

from imapproxy.cache.memory_store import MemoryStore
from imapproxy.cache.notes import VERIFIER
from imapproxy.listener import offline_entrance
from imapproxy.listener.offline_entrance import NotKnown, OfflineEntrance, RememberedPartners
from imapproxy.offline.figures import OfflineFigures
from imapproxy.offline.verifier import Cost, Verifier, make_verifier
from imapproxy.relay.partner import NotLetIn
from imapproxy.upstream.errors import LoginRefused, Unreachable, UpstreamError
from imapproxy.wire.capability import Capabilities
from imapproxy.wire.credentials import Credentials
from imapproxy.wire.secret import Secret

AWAY = NotLetIn(Unreachable("away"))
OFFERED = Capabilities(["IMAP4rev1", "IDLE"])
MOST = 3  # wrong passwords


def anna(password: bytes = b"right") -> Credentials:
    return Credentials(b"anna", Secret(password))


class Thread:
    """Does what it is told when it is told to :meth:`work`; at once unless it is ``slow``."""

    def __init__(self) -> None:
        self.slow = False
        self.done = 0
        self._waiting: list = []

    def __call__(self, work):
        outcome: Deferred = Deferred()
        self._waiting.append((work, outcome))
        if not self.slow:
            self.work()
        return outcome

    def work(self) -> None:
        waiting, self._waiting = self._waiting, []
        for work, outcome in waiting:
            self.done += 1
            outcome.callback(work())


class House:
    """One store, and the entrances of processes that share it."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.store = MemoryStore(Clock())
        self.thread = Thread()
        self.entrance = self.process()

    def process(self) -> OfflineEntrance:
        return OfflineEntrance(
            "imaps://x",
            self.store,
            lambda credentials: b"imaps://x " + credentials.user,
            self.clock,
            self.thread,
            OfflineFigures(),
            now=lambda: 1000.0,
        )

    def ask(self, credentials: Credentials, entrance: OfflineEntrance | None = None) -> Deferred:
        admitting = (entrance or self.entrance).admit(credentials, AWAY, MOST)
        return Deferred.fromCoroutine(admitting)

    def admits(self, credentials: Credentials, entrance: OfflineEntrance | None = None) -> bool:
        outcome: list = []
        self.ask(credentials, entrance).addBoth(outcome.append)
        (told,) = outcome
        if hasattr(told, "trap"):
            told.trap(NotLetIn)
            assert told.value.answer == AWAY.answer
            return False
        assert told.name == b"imaps://x " + credentials.user
        assert (told.offered, told.seen) == (OFFERED, 1000.0)
        return True

    @property
    def verifier(self) -> bytes | None:
        return self.store.reader.note(b"imaps://x anna", VERIFIER)


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> House:
    def cheap(account: bytes, password: Secret) -> Verifier:
        return make_verifier(account, password, Cost(2, 1, 1))

    monkeypatch.setattr(offline_entrance, "make_verifier", cheap)
    return House()


class TestVerifiers:
    def test_one_is_made_of_what_was_accepted(self, house):
        assert not house.admits(anna())
        house.entrance.accepted(anna(), OFFERED)
        assert house.admits(anna())
        assert house.admits(anna(), house.process())
        assert not house.admits(Credentials(b"bert", Secret(b"right")))

    def test_it_is_made_once(self, house):
        house.entrance.accepted(anna(), OFFERED)
        first = house.verifier
        for _ in range(5):
            house.entrance.accepted(anna(), OFFERED)
        assert (house.thread.done, house.verifier) == (1, first)

    def test_it_is_made_once_also_if_it_takes_long(self, house):
        house.thread.slow = True
        for _ in range(5):
            house.entrance.accepted(anna(), OFFERED)
        house.thread.work()
        assert house.thread.done == 1
        assert house.verifier is not None

    def test_it_is_made_again_when_somebody_has_taken_it_out(self, house):
        house.entrance.accepted(anna(), OFFERED)
        house.store.writer.keep_note(b"imaps://x anna", VERIFIER, None)
        assert not house.admits(anna())
        house.entrance.accepted(anna(), OFFERED)
        assert house.admits(anna())

    def test_the_newest_password_counts(self, house):
        house.entrance.accepted(anna(), OFFERED)
        house.entrance.accepted(anna(b"newer"), OFFERED)
        for entrance in (house.entrance, house.process()):
            assert house.admits(anna(b"newer"), entrance)
            assert not house.admits(anna(), entrance)

    def test_one_that_is_overtaken_is_not_kept(self, house):
        house.thread.slow = True
        house.entrance.accepted(anna(), OFFERED)
        house.entrance.accepted(anna(b"newer"), OFFERED)
        house.thread.work()
        house.thread.slow = False
        assert house.admits(anna(b"newer"))
        assert not house.admits(anna())

    def test_another_process_has_accepted_another_one(self, house):
        house.entrance.accepted(anna(), OFFERED)
        house.process().accepted(anna(b"newer"), OFFERED)
        assert not house.admits(anna())
        assert house.admits(anna(b"newer"))

    def test_what_was_refused_goes(self, house):
        house.entrance.accepted(anna(), OFFERED)
        house.entrance.refused(anna())
        assert house.verifier is None
        assert not house.admits(anna())

    def test_also_in_a_process_that_has_not_seen_it(self, house):
        house.entrance.accepted(anna(), OFFERED)
        house.process().refused(anna())
        assert house.verifier is None
        assert not house.admits(anna())

    def test_refusing_another_password_changes_nothing(self, house):
        house.entrance.accepted(anna(), OFFERED)
        house.entrance.refused(anna(b"wrong"))
        house.process().refused(anna(b"wrong"))
        assert house.admits(anna())

    def test_what_is_refused_while_it_is_being_made_is_not_kept(self, house):
        house.thread.slow = True
        house.entrance.accepted(anna(), OFFERED)
        house.entrance.refused(anna())
        house.thread.work()
        assert house.verifier is None

    def test_a_note_that_is_no_verifier(self, house):
        house.entrance.accepted(anna(), OFFERED)
        house.store.writer.keep_note(b"imaps://x anna", VERIFIER, b"nonsense")
        assert not house.admits(anna())
        house.entrance.refused(anna())

    def test_a_verifier_of_another_account(self, house):
        bert = Credentials(b"bert", Secret(b"right"))
        house.entrance.accepted(anna(), OFFERED)
        house.entrance.accepted(bert, OFFERED)
        house.store.writer.keep_note(b"imaps://x bert", VERIFIER, house.verifier)
        assert not house.admits(bert, house.process())

    def test_what_is_under_way_is_waited_for(self, house):
        house.thread.slow = True
        house.entrance.accepted(anna(), OFFERED)
        settled = Deferred.fromCoroutine(house.entrance.settled())
        assert not settled.called
        house.thread.work()
        assert settled.called
        assert house.verifier is not None


class TestGuessing:
    def test_comes_to_an_end(self, house):
        house.entrance.accepted(anna(), OFFERED)
        done = house.thread.done
        other = house.process()
        for number in range(50):
            assert not house.admits(anna(b"%d" % number), other)
        assert house.thread.done - done == MOST

    def test_the_right_one_has_to_wait_then_unless_it_was_seen(self, house):
        house.entrance.accepted(anna(), OFFERED)
        other = house.process()
        for number in range(MOST):
            house.admits(anna(b"%d" % number), other)
            house.admits(anna(b"%d" % number))
        assert not house.admits(anna(), other)
        assert house.admits(anna())
        house.clock.advance(16 * 60)
        assert house.admits(anna(), other)

    def test_the_same_wrong_one_is_not_tried_again(self, house):
        house.entrance.accepted(anna(), OFFERED)
        done = house.thread.done
        for _ in range(9):
            assert not house.admits(anna(b"wrong"))
        assert house.thread.done - done == 1

    def test_it_counts_as_a_failure_of_the_client_and_is_not_the_passwords(self, house):
        house.entrance.accepted(anna(), OFFERED)
        failure: list = []
        house.ask(anna(b"wrong")).addErrback(failure.append)
        error = failure[0].value
        assert isinstance(error, NotKnown)
        assert error.refused
        assert not error.blames_the_password
        assert house.entrance.figures.not_let_in == 1

    def test_without_a_verifier_it_is_no_failure(self, house):
        failure: list = []
        house.ask(anna(b"wrong")).addErrback(failure.append)
        assert failure[0].value is AWAY
        assert house.entrance.figures.not_let_in == 0

    def test_hanging_up_does_not_help(self, house):
        house.entrance.accepted(anna(), OFFERED)
        other = house.process()
        house.thread.slow = True
        for number in range(MOST):
            asking = house.ask(anna(b"%d" % number), other)
            asking.addErrback(lambda failure: failure.trap(CancelledError))
            asking.cancel()
        house.thread.work()
        house.thread.slow = False
        assert not house.admits(anna(), other), "they were counted"

    def test_many_at_one_time_are_checked_once(self, house):
        house.entrance.accepted(anna(), OFFERED)
        other = house.process()
        done = house.thread.done
        house.thread.slow = True
        asking = [house.ask(anna(), other) for _ in range(5)]
        asking[2].addErrback(lambda failure: failure.trap(CancelledError))
        asking[2].cancel()
        house.thread.work()
        told: list = []
        for one in (*asking[:2], *asking[3:]):
            one.addCallback(told.append)
        assert [account.name for account in told] == [b"imaps://x anna"] * 4
        assert house.thread.done - done == 1


class Partners:
    """``outcome`` is what becomes of a log-in."""

    introduced = None

    def __init__(self, outcome: object) -> None:
        self.outcome = outcome

    async def open(self, credentials: Credentials) -> object:
        if isinstance(self.outcome, UpstreamError):
            raise NotLetIn(self.outcome)
        return self.outcome


class Slow(Partners):
    """Each log-in takes ``seconds``."""

    def __init__(self, house: House, outcome: object, seconds: float) -> None:
        super().__init__(outcome)
        self._house = house
        self._seconds = seconds

    async def open(self, credentials: Credentials) -> object:
        self._house.clock.advance(self._seconds)
        return await super().open(credentials)


class Accepted:
    capabilities = OFFERED


class TestOutcomes:
    def opened(self, house: House, outcome: object) -> None:
        partners = RememberedPartners(Partners(outcome), house.entrance, house.clock)
        opening = Deferred.fromCoroutine(partners.open(anna()))
        opening.addErrback(lambda failure: failure.trap(NotLetIn))

    @pytest.mark.parametrize(
        ("answer", "stays"),
        [
            (b"[AUTHENTICATIONFAILED] no", False),
            (b"no", False),
            (b"[EXPIRED] no", False),
            (b"[UNAVAILABLE] later", True),
            (b"[LIMIT] no", True),
            (b"[ALERT] Too many simultaneous connections. (Failure)", True),
        ],
    )
    def test_a_refusal_takes_the_verifier_if_it_is_about_the_password(self, house, answer, stays):
        self.opened(house, Accepted())
        assert house.verifier is not None
        self.opened(house, LoginRefused(b"NO", answer))
        assert (house.verifier is not None) is stays

    def test_so_does_nothing_else(self, house):
        self.opened(house, Accepted())
        self.opened(house, Unreachable("away"))
        self.opened(house, UpstreamError("odd"))
        assert house.verifier is not None


class TestSilence:
    """A network that swallows everything keeps a program waiting once, and not each time."""

    def opened(self, house: House, outcome: object, seconds: float) -> None:
        partners = RememberedPartners(Slow(house, outcome, seconds), house.entrance, house.clock)
        opening = Deferred.fromCoroutine(partners.open(anna()))
        opening.addErrback(lambda failure: failure.trap(NotLetIn))

    def test_is_remembered_for_a_while(self, house):
        self.opened(house, Unreachable("away"), 20.0)
        assert str(house.entrance.silence) == "away"
        house.clock.advance(29)
        assert house.entrance.silence is not None
        house.clock.advance(1)
        assert house.entrance.silence is None

    def test_who_is_told_so_at_once_has_not_waited(self, house):
        self.opened(house, Unreachable("refused"), 0.1)
        assert house.entrance.silence is None

    @pytest.mark.parametrize("outcome", [Accepted(), LoginRefused(b"NO", b"no")])
    def test_an_answer_ends_it(self, house, outcome):
        self.opened(house, Unreachable("away"), 20.0)
        self.opened(house, outcome, 0.1)
        assert house.entrance.silence is None

    def test_a_slow_answer_is_none(self, house):
        self.opened(house, LoginRefused(b"NO", b"no"), 20.0)
        assert house.entrance.silence is None
