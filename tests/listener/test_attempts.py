"""Which log-ins the upstream is asked to check, as a table."""

import pytest

from imapproxy.listener.attempts import WINDOW, Account, Attempts, Verdict, account_of
from imapproxy.wire.credentials import Credentials
from imapproxy.wire.secret import Secret

_UPSTREAM = "imaps://imap.example.com"
_MOST = 3


def credentials(password: str, user: str = "demo", authorization: str = "") -> Credentials:
    return Credentials(user.encode(), Secret(password.encode()), authorization.encode())


class Ledger:
    """Attempts of one account, told as they happen."""

    def __init__(self, attempts: Attempts | None = None) -> None:
        self.attempts = attempts if attempts is not None else Attempts()

    def decide(self, now: float, password: str, user: str = "demo"):
        given = credentials(password, user)
        account = account_of(_UPSTREAM, given)
        return self.attempts.decide(account, self.attempts.digest(account, given), _MOST, now)

    def tell(self, now: float, password: str, outcome: str, user: str = "demo") -> None:
        given = credentials(password, user)
        account = account_of(_UPSTREAM, given)
        digest = self.attempts.digest(account, given)
        self.attempts.asking(account, digest)
        if outcome == "accepted":
            self.attempts.accepted(account, digest)
        elif outcome == "refused":
            self.attempts.refused(account, digest, _MOST, now)
        elif outcome == "abandoned":
            self.attempts.abandoned(account, digest, _MOST, now)
        elif outcome == "unanswered":
            self.attempts.unanswered(account, digest)


# What has happened: (time, password, outcome); then what is decided at a time on a password.
_ASK, _WAIT = Verdict.ASK, Verdict.WAIT
_BEFORE, _MANY = Verdict.REFUSED_BEFORE, Verdict.TOO_MANY_REFUSED


@pytest.mark.parametrize(
    ("history", "now", "password", "verdict", "seconds"),
    [
        ([], 0, "a", _ASK, 0),
        # The same password is refused for a minute, then for two, four …, never more than an hour.
        ([(0, "a", "refused")], 1, "a", _BEFORE, 59),
        ([(0, "a", "refused")], 59.5, "a", _BEFORE, 0.5),
        ([(0, "a", "refused")], 60, "a", _ASK, 0),
        ([(0, "a", "refused"), (60, "a", "refused")], 61, "a", _BEFORE, 119),
        ([(0, "a", "refused"), (60, "a", "refused")], 180, "a", _ASK, 0),
        ([(3600 * hour, "a", "refused") for hour in range(50)], 49 * 3600, "a", _BEFORE, 3600),
        ([(3600 * hour, "a", "refused") for hour in range(5000)], 5000 * 3600, "a", _ASK, 0),
        # Another one is tried at once, until there were too many.
        ([(0, "a", "refused")], 1, "b", _ASK, 0),
        ([(0, "a", "refused"), (1, "b", "refused")], 2, "c", _ASK, 0),
        ([(at, str(at), "refused") for at in range(3)], 3, "x", _MANY, WINDOW - 3),
        ([(at, str(at), "refused") for at in range(3)], WINDOW - 0.5, "x", _MANY, 0.5),
        ([(at, str(at), "refused") for at in range(3)], WINDOW, "x", _ASK, 0),
        ([(at, str(at), "refused") for at in range(9)], 9, "x", _MANY, WINDOW - 3),
        # The one that is known to be good always is.
        ([(0, "x", "accepted"), *((1, str(at), "refused") for at in range(9))], 2, "x", _ASK, 0),
        ([(0, "x", "accepted"), (1, "x", "refused")], 2, "x", _BEFORE, 59),
        ([(0, "x", "accepted"), (1, "y", "accepted"), (2, "x", "refused")], 3, "y", _ASK, 0),
        # That somebody got in does not make the others' refusals undone.
        (
            [*((at, str(at), "refused") for at in range(3)), (3, "x", "accepted")],
            4,
            "y",
            _MANY,
            WINDOW - 4,
        ),
        ([(0, "a", "refused"), (1, "x", "accepted")], 2, "a", _BEFORE, 58),
        # A password that was made the right one.
        ([(0, "a", "refused"), (60, "a", "accepted")], 61, "a", _ASK, 0),
        # What is being asked is not asked a second time, and counts as refused for the others.
        ([(0, "a", "asking")], 1, "a", _WAIT, 0),
        ([(0, "a", "asking")], 1, "b", _ASK, 0),
        ([(0, "a", "asking"), (0, "b", "asking"), (0, "c", "refused")], 1, "d", _MANY, WINDOW - 1),
        ([(0, "a", "asking"), (0, "b", "asking"), (0, "c", "asking")], 1, "d", _MANY, WINDOW),
        ([(0, "x", "accepted"), (0, "x", "asking")], 1, "x", _ASK, 0),
        # An upstream that is away has said nothing of the password.
        ([(at, str(at), "unanswered") for at in range(9)], 9, "x", _ASK, 0),
        ([(0, "a", "unanswered")], 1, "a", _ASK, 0),
        # Nobody knows what became of one that was not waited for.
        ([(at, "a", "abandoned") for at in range(2)], 2, "a", _ASK, 0),
        ([(at, "a", "abandoned") for at in range(3)], 3, "a", _MANY, WINDOW - 3),
    ],
)
def test_what_is_decided(history, now, password, verdict, seconds):
    ledger = Ledger()
    for at, tried, outcome in history:
        ledger.tell(at, tried, outcome)
    decision = ledger.decide(now, password)
    assert decision.verdict is verdict
    assert decision.seconds == pytest.approx(seconds)


@pytest.mark.parametrize("passwords", [["a"], ["a", "b"], [str(number) for number in range(50)]])
def test_however_often_a_client_tries_the_upstream_hears_of_it_no_more_than_so_often(passwords):
    ledger = Ledger()
    asked = []
    for second in range(4 * int(WINDOW)):
        password = passwords[second % len(passwords)]
        if ledger.decide(second, password).verdict is Verdict.ASK:
            ledger.tell(second, password, "refused")
            asked.append(second)
    for first in asked:
        assert len([at for at in asked if first <= at < first + WINDOW]) <= _MOST
    assert len(asked) >= 4, "and yet it is asked from time to time"


def test_accounts_are_kept_apart_but_not_by_spelling():
    ledger = Ledger()
    for at in range(3):
        ledger.tell(at, str(at), "refused")
    assert ledger.decide(3, "x", "other").verdict is Verdict.ASK
    assert ledger.decide(3, "x", " DEMO ").verdict is Verdict.TOO_MANY_REFUSED
    elsewhere = account_of("imaps://other.example", credentials("x"))
    assert ledger.attempts.decide(elsewhere, b"", _MOST, 3).verdict is Verdict.ASK
    for_another = account_of(_UPSTREAM, credentials("x", authorization="boss"))
    assert ledger.attempts.decide(for_another, b"", _MOST, 3).verdict is Verdict.ASK


def test_a_digest_tells_nothing_and_is_not_ambiguous():
    attempts = Attempts()
    account = Account(_UPSTREAM, b"demo", b"")
    digests = {
        attempts.digest(account, credentials(password, user, authorization))
        for user, password, authorization in [
            ("demo", "pw", ""),
            ("demop", "w", ""),
            ("demo", "", "pw"),
            ("Demo", "pw", ""),
        ]
    }
    assert len(digests) == 4
    assert all(len(digest) == 32 for digest in digests)
    mine, theirs = (each.digest(account, credentials("pw")) for each in (attempts, Attempts()))
    assert mine != theirs, "another process has another key"


def test_the_table_is_bounded():
    ledger = Ledger(Attempts(most_accounts=10))
    for number in range(100):
        ledger.tell(number, "a", "refused", f"user{number}")
    assert len(ledger.attempts) == 10
    assert ledger.decide(100, "a", "user99").verdict is Verdict.REFUSED_BEFORE
    assert ledger.decide(100, "a", "user0").verdict is Verdict.ASK
    for _ in range(100):
        ledger.tell(100, "a", "refused", "user99")
    (record,) = [ledger.attempts._records[account_of(_UPSTREAM, credentials("a", "user99"))]]
    assert len(record.refusals) <= _MOST
    assert len(record.refused) <= _MOST
