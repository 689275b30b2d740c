"""Log-ins that the upstream is asked for, and those that wait for others or are withheld."""

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock

from imapproxy.listener.prudence import Prudence, PrudentPartners
from imapproxy.relay.partner import NotLetIn, Partner
from imapproxy.upstream.connection import UpstreamConnection
from imapproxy.upstream.errors import LoginRefused, UpstreamUnavailable
from imapproxy.wire.capability import Capabilities
from imapproxy.wire.credentials import Credentials
from imapproxy.wire.secret import Secret
from tests.relay.conversation import Wire
from tests.upstream.talk import failure, result, waits


class Upstream:
    """Is asked; each question is answered by ``let_in`` or ``refuse``, oldest first."""

    introduced = Capabilities(["X"])

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.questions: list[tuple[bytes, Deferred[Partner]]] = []
        self.asked: list[bytes] = []
        self.cancelled: list[bytes] = []
        self.wires: list[Wire] = []

    def __str__(self) -> str:
        return "imaps://imap.example.com"

    async def open(self, credentials: Credentials) -> Partner:
        password = credentials.password.reveal()
        question: Deferred[Partner] = Deferred(lambda _: self.cancelled.append(password))
        self.asked.append(password)
        self.questions.append((password, question))
        return await question

    def let_in(self) -> None:
        connection = UpstreamConnection(self.clock, str(self))
        self.wires.append(Wire())
        connection.makeConnection(self.wires[-1])
        _, question = self.questions.pop(0)
        question.callback(Partner(connection, Capabilities(), (), b"OK\r\n"))

    def refuse(self, text: bytes = b"Wrong.", status: bytes = b"NO") -> None:
        self.fail(LoginRefused(status, text))

    def fail(self, error: Exception) -> None:
        _, question = self.questions.pop(0)
        question.errback(NotLetIn(error))


class Clients:
    """Clients of one account that log in."""

    def __init__(self, max_refusals: int = 3) -> None:
        self.clock = Clock()
        self.upstream = Upstream(self.clock)
        self.prudence = Prudence(self.clock)
        self._partners = PrudentPartners(self.upstream, self.prudence, max_refusals)

    def log_in(self, password: str) -> "Deferred[Partner]":
        credentials = Credentials(b"demo", Secret(password.encode()))
        return Deferred.fromCoroutine(self._partners.open(credentials))

    def refused(self, password: str, text: bytes = b"Wrong.") -> None:
        """One that the upstream is asked for, and refuses."""
        attempt = self.log_in(password)
        self.upstream.refuse(text)
        failure(attempt, NotLetIn)


@pytest.fixture
def clients() -> Clients:
    return Clients()


def test_it_says_what_the_upstream_does(clients):
    attempt = clients.log_in("pw")
    clients.upstream.let_in()
    assert isinstance(result(attempt), Partner)
    attempt = clients.log_in("no")
    clients.upstream.refuse(b"[ALERT] Go away.")
    assert failure(attempt, NotLetIn).answer == b"NO [ALERT] Go away."
    assert str(clients._partners) == "imaps://imap.example.com"
    assert clients._partners.introduced is clients.upstream.introduced


def test_a_wrong_password_is_not_asked_twice(clients, logged_errors):
    clients.refused("opensesame")
    clients.clock.advance(2.5)
    error = failure(clients.log_in("opensesame"), NotLetIn)
    assert error.answer == (
        b"NO [AUTHENTICATIONFAILED] the server has refused this password; "
        b"imapproxy asks it again in 58 seconds"
    )
    assert error.refused
    assert clients.upstream.asked == [b"opensesame"]
    told = "imaps://imap.example.com: a log-in was not asked: the server has refused this password"
    assert told in logged_errors.text()
    assert "opensesame" not in logged_errors.text()
    clients.clock.advance(58)
    clients.refused("opensesame")


def test_there_is_a_limit_to_wrong_passwords(clients):
    for password in ("a", "b", "c"):
        clients.refused(password)
    error = failure(clients.log_in("right"), NotLetIn)
    assert error.answer.startswith(b"NO [LIMIT] the server has refused too many passwords of this")
    assert error.answer.endswith(b"again in 900 seconds")
    clients.clock.advance(900)
    waits(clients.log_in("right"))
    assert clients.upstream.asked[-1] == b"right"


def test_who_is_known_gets_in_whatever_others_try(clients):
    clients.log_in("right")
    clients.upstream.let_in()
    for password in ("a", "b", "c"):
        clients.refused(password)
    attempts = [clients.log_in("right") for _ in range(5)]
    assert len(clients.upstream.questions) == 5, "at once, none after the other"
    for _ in attempts:
        clients.upstream.let_in()
    assert all(isinstance(result(attempt), Partner) for attempt in attempts)


@pytest.mark.parametrize(
    ("text", "again"),
    [
        (b"[UNAVAILABLE] Later.", True),
        (b"[inuse] Later.", True),
        (b"[LIMIT] Later.", True),
        (b"[ALERT] Too many simultaneous connections. (Failure)", True),
        (b"[AUTHENTICATIONFAILED] No [LIMIT]", False),
        (b"[ALERT] No.", False),
        (b"No [LIMIT] in here.", False),
        (b"[EXPIRED] Too old.", False),
    ],
)
def test_not_every_no_is_about_the_password(clients, text, again):
    clients.refused("pw", text)
    attempt = clients.log_in("pw")
    assert waits(attempt) is again
    attempt.addErrback(lambda _: None)


def test_bad_is_a_refusal_too(clients):
    attempt = clients.log_in("pw")
    clients.upstream.refuse(b"What?", b"BAD")
    failure(attempt, NotLetIn)
    failure(clients.log_in("pw"), NotLetIn)
    assert len(clients.upstream.asked) == 1


class TestAtOneTime:
    def test_all_are_let_in_when_one_is(self, clients):
        attempts = [clients.log_in("pw") for _ in range(4)]
        assert len(clients.upstream.questions) == 1
        clients.upstream.let_in()
        assert len(clients.upstream.questions) == 3
        for _ in range(3):
            clients.upstream.let_in()
        assert len({result(attempt).connection for attempt in attempts}) == 4

    def test_none_is_asked_again_when_one_is_refused(self, clients):
        attempts = [clients.log_in("pw") for _ in range(4)]
        clients.upstream.refuse()
        for attempt in attempts:
            assert failure(attempt, NotLetIn).refused
        assert len(clients.upstream.asked) == 1

    def test_all_hear_it_when_the_upstream_is_away(self, clients):
        attempts = [clients.log_in("pw") for _ in range(4)]
        clients.upstream.fail(UpstreamUnavailable("away"))
        for attempt in attempts:
            assert failure(attempt, NotLetIn).answer == b"NO [UNAVAILABLE] away"
        assert len(clients.upstream.asked) == 1
        assert waits(clients.log_in("pw")), "and the next one tries anew"

    def test_different_passwords_do_not_wait_but_count(self, clients):
        attempts = [clients.log_in(password) for password in "abcd"]
        assert clients.upstream.asked == [b"a", b"b", b"c"]
        assert b"[LIMIT]" in failure(attempts.pop(), NotLetIn).answer
        for attempt in attempts:
            clients.upstream.refuse()
            failure(attempt, NotLetIn)

    def test_who_waits_may_leave(self, clients):
        first, second, third = (clients.log_in("pw") for _ in range(3))
        second.cancel()
        failure(second, CancelledError)
        clients.upstream.let_in()
        clients.upstream.let_in()
        assert result(first) != result(third)
        assert not clients.upstream.questions


class TestLeaving:
    """Whoever hangs up before the answer has asked all the same."""

    def test_the_answer_is_remembered(self, clients):
        attempt = clients.log_in("pw")
        attempt.cancel()
        failure(attempt, CancelledError)
        assert not clients.upstream.cancelled
        clients.upstream.refuse()
        assert not clients.clock.getDelayedCalls()
        assert failure(clients.log_in("pw"), NotLetIn).refused
        assert len(clients.upstream.asked) == 1

    def test_a_partner_that_nobody_wants_is_let_go(self, clients):
        attempt = clients.log_in("pw")
        attempt.cancel()
        failure(attempt, CancelledError)
        clients.upstream.let_in()
        assert clients.upstream.wires[0].take() == b"P1 LOGOUT\r\n"

    def test_who_comes_back_waits_for_the_answer(self, clients):
        clients.log_in("pw").addErrback(lambda _: None).cancel()
        again = clients.log_in("pw")
        assert len(clients.upstream.questions) == 1
        clients.upstream.refuse()
        assert failure(again, NotLetIn).refused

    def test_the_answer_is_not_waited_for_for_ever(self, clients):
        for _ in range(3):
            attempt = clients.log_in("pw")
            attempt.cancel()
            failure(attempt, CancelledError)
            clients.clock.advance(30)
        assert clients.upstream.cancelled == [b"pw"] * 3
        assert b"[LIMIT]" in failure(clients.log_in("pw"), NotLetIn).answer

    def test_at_the_end_nothing_is_left(self, clients):
        attempt = clients.log_in("pw")
        attempt.cancel()
        failure(attempt, CancelledError)
        clients.prudence.stop()
        assert clients.upstream.cancelled == [b"pw"]
        assert not clients.clock.getDelayedCalls()
        assert not clients.prudence._questions
        assert not clients.prudence._waiting
