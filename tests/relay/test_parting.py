"""The end of a session whose partner stays for another one."""

import pytest

from tests.relay.conversation import Conversation


class Keeping:
    """``left`` counts how often the session has said that it is over."""

    def __init__(self, stays: bool = True) -> None:
        self.stays = stays
        self.left = 0

    def leave(self) -> None:
        self.left += 1


@pytest.fixture
def keeping() -> Keeping:
    return Keeping()


@pytest.fixture
def talk(keeping: Keeping) -> Conversation:
    return Conversation(parting=keeping)


@pytest.mark.parametrize("word", ["LOGOUT", "logout"])
def test_log_out_is_answered_here(talk: Conversation, keeping: Keeping, word: str) -> None:
    talk.script(f"""
        C: a1 {word}
        R: * BYE Logging out
        R: a1 OK Logout completed.
    """)
    assert talk.client_wire.closed
    assert not talk.upstream_wire.closed
    assert keeping.left == 1


def test_not_where_the_partner_does_not_stay() -> None:
    keeping = Keeping(stays=False)
    talk = Conversation(parting=keeping)
    talk.script(r"""
        C: a1 LOGOUT
        U: a1 LOGOUT
        S: * BYE and farewell
        S: a1 OK gone
        R: * BYE and farewell
        R: a1 OK gone
    """)
    assert talk.upstream_wire.closed
    assert keeping.left == 0


@pytest.mark.parametrize("rest", ["LOGOUT now", "LOGOUT {3}", " LOGOUT"])
def test_what_is_no_proper_log_out_is_the_upstreams_to_judge(
    talk: Conversation, keeping: Keeping, rest: str
) -> None:
    talk.script(f"""
        C: a1 {rest}
        U: a1 {rest}
        S: a1 BAD what?
        R: a1 BAD what?
    """)


def test_commands_before_it_are_answered_first(talk: Conversation, keeping: Keeping) -> None:
    talk.script(r"""
        C. a1 NOOP\r\na2 CHECK\r\na3 LOGOUT\r\na4 NOOP\r\n
        U. a1 NOOP\r\na2 CHECK\r\n
        S: a1 OK one
        R: a1 OK one
    """)
    assert keeping.left == 0
    talk.script(r"""
        S: * 4 EXISTS
        S: a2 OK two
        R: * 4 EXISTS
        R: a2 OK two
        R: * BYE Logging out
        R: a3 OK Logout completed.
    """)
    assert keeping.left == 1


def test_a_partner_that_is_lost_meanwhile(talk: Conversation, keeping: Keeping) -> None:
    talk.script(r"""
        C. a1 NOOP\r\na2 LOGOUT\r\n
        U: a1 NOOP
    """)
    talk.upstream_closes()
    talk.script(r"""
        R: a1 NO [UNAVAILABLE] Outcome unknown: imaps://upstream closed the connection
        R: * BYE Logging out
        R: a2 OK Logout completed.
    """)
    assert talk.client_wire.closed


def test_a_client_that_goes_without_a_word(talk: Conversation, keeping: Keeping) -> None:
    talk.client_closes()
    talk.nothing_left()
    assert keeping.left == 1
    assert not talk.upstream_wire.closed


def test_a_client_that_logs_out_and_goes_is_left_once(talk: Conversation, keeping: Keeping) -> None:
    talk.client.dataReceived(b"a1 LOGOUT\r\n")
    talk.client_closes()
    assert keeping.left == 1


def test_half_a_command_is_nobodys_inheritance(talk: Conversation, keeping: Keeping) -> None:
    talk.client.dataReceived(b"a1 APPEND INBOX {10+}\r\nhel")
    talk.client_closes()
    assert talk.upstream_wire.aborted
    assert keeping.left == 0


def test_the_proxy_is_told_to_stop_behind_a_log_out(talk: Conversation, keeping: Keeping) -> None:
    talk.script(r"""
        C. a1 NOOP\r\na2 LOGOUT\r\n
        U: a1 NOOP
    """)
    talk.client.drain(5.0)
    talk.script(r"""
        S: a1 OK one
        R: a1 OK one
        R: * BYE Logging out
        R: a2 OK Logout completed.
    """)
    assert keeping.left == 1
