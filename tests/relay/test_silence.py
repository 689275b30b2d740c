"""A partner that owes an answer and says nothing is given up, in IDLE as well."""

import pytest

from imapproxy.relay.comeback import ReconnectRules
from tests.relay.cached import Cached
from tests.relay.conversation import Conversation
from tests.relay.test_comeback import KNOWN, SAME_AGAIN

SECONDS = 60.0
RULES = ReconnectRules(patience=30.0, silent_after=SECONDS)
SAYS_NOTHING = "imaps://upstream owes an answer and says nothing for 60 seconds"


@pytest.fixture
def talk() -> Conversation:
    talk = Cached().talk(reconnect=RULES)
    talk.script(KNOWN)
    return talk


def wait(talk: Conversation, seconds: float) -> None:
    for _ in range(int(seconds)):
        talk.clock.advance(1.0)


class TestAnAnswerThatIsDue:
    def test_ends_the_connection_when_nothing_comes(self, talk: Conversation) -> None:
        silent, wire = talk.upstream, talk.upstream_wire
        talk.script("C: a1 SEARCH ALL\nU: a1 SEARCH ALL")
        wait(talk, SECONDS)
        assert str(silent.error) == SAYS_NOTHING
        assert wire.aborted
        talk.script(SAME_AGAIN + "    U: a1 SEARCH ALL\n    S: a1 OK .\n    R: a1 OK .")

    def test_is_waited_for(self, talk: Conversation) -> None:
        wait(talk, SECONDS * 0.9)
        talk.script("C: a1 SEARCH ALL\nU: a1 SEARCH ALL")
        wait(talk, SECONDS * 3 / 4 - 1)
        talk.script("S: a1 OK .\nR: a1 OK .")

    def test_is_waited_for_as_long_as_anything_comes(self, talk: Conversation) -> None:
        talk.script("C: a1 SEARCH ALL\nU: a1 SEARCH ALL")
        for _ in range(10):
            wait(talk, SECONDS / 2)
            talk.script("S: * OK Hang in there\nR: * OK Hang in there")
        talk.script("S: a1 OK .\nR: a1 OK .")

    def test_each_command_has_its_time(self, talk: Conversation) -> None:
        for number in range(10):
            talk.script(f"C: a{number} NOOP\nU: a{number} NOOP")
            wait(talk, SECONDS / 3)
            talk.script(f"S: a{number} OK .\nR: a{number} OK .")

    def test_so_is_the_answer_to_a_literal(self, talk: Conversation) -> None:
        silent = talk.upstream
        talk.script("C: a1 APPEND x {3}\nU: a1 APPEND x {3}")
        wait(talk, SECONDS)
        assert str(silent.error) == SAYS_NOTHING
        assert talk.client_wire.take().startswith(b"a1 NO [UNAVAILABLE] ")

    def test_and_without_a_way_back_the_session_ends(self) -> None:
        rules = ReconnectRules(patience=0.0, silent_after=SECONDS)
        talk = Conversation(reconnect=rules)
        talk.script("C: a1 NOOP\nU: a1 NOOP")
        wait(talk, SECONDS)
        talk.script(f"""
            R: a1 NO [UNAVAILABLE] Outcome unknown: {SAYS_NOTHING}
            R: * BYE [UNAVAILABLE] {SAYS_NOTHING}
        """)
        assert talk.client_wire.closed

    def test_unless_that_is_switched_off(self) -> None:
        talk = Conversation(reconnect=ReconnectRules(patience=30.0, silent_after=0.0))
        talk.script("C: a1 NOOP\nU: a1 NOOP")
        wait(talk, 10_000)
        talk.script("S: a1 OK .\nR: a1 OK .")


class TestNothingIsDue:
    def test_between_commands(self, talk: Conversation) -> None:
        wait(talk, 20 * SECONDS)
        talk.script("C: a1 NOOP\nU: a1 NOOP\nS: a1 OK .\nR: a1 OK .")

    def test_while_the_client_says_its_literal(self, talk: Conversation) -> None:
        talk.script("C. a1 APPEND x {3+}\\r\\na\nU. a1 APPEND x {3+}\\r\\na")
        wait(talk, 20 * SECONDS)
        talk.script("C. bc\\r\\n\nU. bc\\r\\n\nS: a1 OK .\nR: a1 OK .")

    def test_while_the_client_takes_nothing(self, talk: Conversation) -> None:
        talk.script("C: a1 SEARCH ALL\nU: a1 SEARCH ALL")
        talk.client_wire.producer.pauseProducing()
        wait(talk, 20 * SECONDS)
        talk.client_wire.producer.resumeProducing()
        talk.script("S: a1 OK .\nR: a1 OK .")

    def test_when_the_session_is_over(self, talk: Conversation) -> None:
        talk.script("C: a1 NOOP\nU: a1 NOOP")
        talk.client_closes()
        talk.upstream_wire.take()
        talk.upstream_closes()
        assert not talk.clock.getDelayedCalls()


IDLE = "C: i IDLE\nU: i IDLE\nS: + idling\nR: + idling"


class TestIdle:
    def test_is_said_anew_after_a_silence(self, talk: Conversation) -> None:
        talk.script(IDLE)
        wait(talk, SECONDS)
        talk.script(r"""
            U: DONE
            S: * 2 RECENT
            S: i OK done
            R: * 2 RECENT
            U: i IDLE
            S: + idling again
            S: * 1 RECENT
            R: * 1 RECENT
            C: DONE
            U: DONE
            S: i OK done
            R: i OK done
        """)

    def test_again_and_again(self, talk: Conversation) -> None:
        talk.script(IDLE)
        for _ in range(5):
            wait(talk, SECONDS)
            talk.script("U: DONE\nS: i OK done\nU: i IDLE\nS: + idling")
        talk.script("C: DONE\nU: DONE\nS: i OK done\nR: i OK done\nC: a NOOP\nU: a NOOP")

    def test_and_who_does_not_answer_that_is_given_up(self, talk: Conversation) -> None:
        talk.script(IDLE)
        silent = talk.upstream
        wait(talk, SECONDS)
        talk.script("U: DONE")
        wait(talk, SECONDS * 3 / 4)
        assert str(silent.error) == SAYS_NOTHING
        talk.script(
            SAME_AGAIN
            + r"""
            U: i IDLE
            S: + idling
            C: DONE
            U: DONE
            S: i OK done
            R: i OK done
        """
        )

    def test_the_clients_done_may_meet_ours(self, talk: Conversation) -> None:
        talk.script(IDLE)
        wait(talk, SECONDS)
        talk.script(r"""
            U: DONE
            C: DONE
            C: a1 NOOP
            U: a1 NOOP
            S: i OK done
            R: i OK done
            S: a1 OK .
            R: a1 OK .
        """)

    def test_the_clients_done_may_come_before_the_next_idle_stands(
        self, talk: Conversation
    ) -> None:
        talk.script(IDLE)
        wait(talk, SECONDS)
        talk.script(r"""
            U: DONE
            S: i OK done
            U: i IDLE
            C: DONE
            S: + idling
            U: DONE
            S: i OK done
            R: i OK done
        """)

    def test_a_server_that_speaks_is_left_alone(self, talk: Conversation) -> None:
        talk.script(IDLE)
        for _ in range(10):
            wait(talk, SECONDS / 2)
            talk.script("S: * OK Still here\nR: * OK Still here")

    def test_a_server_that_will_not_idle_any_more(self, talk: Conversation) -> None:
        talk.script(IDLE)
        wait(talk, SECONDS)
        talk.script("U: DONE\nS: i NO it is late\nR: i NO it is late\nC: a NOOP\nU: a NOOP")
