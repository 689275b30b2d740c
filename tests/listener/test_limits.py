"""Before log-in: how much of everything a client gets, and what is left when it goes."""

import pytest
from twisted.internet.defer import Deferred

from imapproxy.listener.limits import Limits
from imapproxy.relay.partner import NotLetIn
from imapproxy.upstream.errors import UpstreamUnavailable
from tests.listener.arriving import GREETING, arrive, refuse
from tests.relay.conversation import Conversation


class TestLimits:
    def test_time(self):
        talk = arrive(Limits(login_timeout=60))
        talk.client.dataReceived(b"a1 NOOP\r\n" * 10)
        talk.client_wire.take()
        talk.clock.advance(59)
        talk.nothing_left()
        talk.clock.advance(1)
        assert talk.client_wire.take() == b"* BYE No log-in within 60 seconds\r\n"
        assert talk.client_wire.closed

    def test_time_while_the_upstream_is_dialled(self):
        talk = arrive()
        cancelled = []
        talk.waiting_login = Deferred(cancelled.append)
        talk.client.dataReceived(b"a1 LOGIN demo pw\r\n")
        talk.clock.advance(60)
        talk.script(r"""
            R: a1 NO [UNAVAILABLE] The server did not answer within 60 seconds
            R: * BYE No log-in within 60 seconds
        """)
        assert cancelled

    def test_after_the_log_in_there_is_none(self):
        talk = Conversation(limits=Limits(login_timeout=60))
        talk.clock.advance(600)
        talk.nothing_left()

    def test_a_literal_that_is_waited_for(self):
        arrive(Limits(max_login_octets=50)).script(r"""
            C: a1 LOGIN {51}
            R: a1 BAD literal of 51 octets, 50 are allowed here
            C: a2 LOGIN {3}
            R: + OK
            C: abc {999}
            R: a2 BAD literal of 999 octets, 50 are allowed here
            C: a3 NOOP
            R: a3 OK Nothing done.
        """)

    @pytest.mark.parametrize("first", ["", "{1+}\\r\\nx "])
    def test_a_literal_that_comes_anyway(self, first):
        talk = arrive(Limits(max_login_octets=50))
        talk.script(rf"""
            C: a1 LOGIN {first}{{51+}}
            R: a1 BAD literal of 51 octets, 50 are allowed here
            R: * BYE imapproxy closes the connection
        """)
        assert talk.client_wire.closed

    def test_many_small_literals(self):
        talk = arrive(Limits(max_login_octets=100))
        talk.client.dataReceived(b"a1 X" + b" {9+}\r\n123456789" * 20)
        said = talk.client_wire.take()
        assert said == (
            b"a1 BAD Command too long before log-in\r\n* BYE imapproxy closes the connection\r\n"
        )

    def test_a_line_without_an_end_is_not_kept(self):
        talk = arrive(Limits(max_login_octets=1000, max_line=1_000_000))
        for _ in range(100):
            talk.client.dataReceived(b"x" * 1000)
            assert talk.client._framer.buffered <= 2000
        talk.client_wire.take()
        talk.script("C:\nC: a2 NOOP\nR: a2 OK Nothing done.")

    def test_after_the_log_in_lines_may_be_longer(self):
        talk = Conversation(limits=Limits(max_login_octets=100, max_line=1000))
        talk.client.dataReceived(b"a1 SEARCH" + b" x" * 400 + b"\r\n")
        assert len(talk.upstream_wire.take()) > 800

    def test_failed_log_ins(self):
        talk = arrive(Limits(max_login_failures=2))
        refuse(talk)
        talk.script(r"""
            C: a1 LOGIN demo a
            R: a1 NO [AUTHENTICATIONFAILED] Wrong.
            C. a2 LOGIN demo b\r\na3 LOGIN demo c\r\n
            R: a2 NO [AUTHENTICATIONFAILED] Wrong.
            R: * BYE Too many log-ins failed
        """)
        assert talk.client_wire.closed
        assert len(talk.credentials) == 2

    def test_an_upstream_that_is_away_is_no_failure_of_the_client(self):
        talk = arrive(Limits(max_login_failures=1))
        talk.refusal = NotLetIn(UpstreamUnavailable("away"))
        for number in range(3):
            talk.script(f"C: a{number} LOGIN demo a\nR: a{number} NO [UNAVAILABLE] away")
        assert not talk.client_wire.closed

    def test_bad_commands(self):
        talk = arrive(Limits(max_bad_commands=2))
        talk.script(r"""
            C. a1 X\r\na2 AUTHENTICATE Y\r\na3 LOGIN\r\na4 X\r\n
            R: a1 BAD Log in first, with LOGIN or AUTHENTICATE PLAIN
            R: a2 NO [CANNOT] this mechanism is not offered; use PLAIN or LOGIN
            R: a3 BAD expected a space
            R: * BYE imapproxy closes the connection
        """)

    def test_clients_that_are_not_logged_in(self):
        talk = arrive(Limits(max_unauthenticated=1))
        other = Conversation(logged_in=False)
        other.client_wire.take()
        second = talk.house.buildProtocol()
        second.makeConnection(other.client_wire)
        assert other.client_wire.take() == b"* BYE [LIMIT] too many clients are not logged in\r\n"
        assert other.client_wire.closed
        second.dataReceived(b"a1 LOGIN demo pw\r\n")
        other.nothing_left()
        talk.script("C: a1 LOGIN demo pw\nR: a1 OK Logged in.")
        third, wire = _one_more(talk)
        assert wire.take() == GREETING
        assert talk.house.sessions == 3
        third.connectionLost()
        assert talk.house.sessions == 2

    def test_clients_in_all(self):
        talk = Conversation(limits=Limits(max_sessions=1))
        _, wire = _one_more(talk)
        assert wire.take().startswith(b"* BYE [LIMIT]")
        assert wire.closed

    def test_what_is_sent_ahead_of_the_partner(self):
        talk = arrive()
        talk.waiting_login = Deferred()
        talk.client.dataReceived(b"a1 LOGIN demo pw\r\n")
        for number in range(2000):
            if not talk.client_wire.paused:
                talk.client.dataReceived(b"b%d SELECT %b\r\n" % (number, b"x" * 1000))
        assert talk.client_wire.paused
        assert talk.client._framer.buffered < 70_000
        talk.waiting_login.callback(None)
        assert not talk.client_wire.paused


class TestDelay:
    """The answer to a failed log-in is held back, longer each time."""

    LIMITS = Limits(max_login_failures=100, login_timeout=1000)

    @staticmethod
    def fail(talk: Conversation, times: int) -> float:
        """Fail to log in; how long all the answers have taken together."""
        start = talk.clock.seconds()
        for number in range(times):
            talk.client.dataReceived(b"a%d LOGIN demo wrong\r\n" % number)
            while not (answer := talk.client_wire.take()):
                talk.clock.advance(0.25)
            assert answer == b"a%d NO [AUTHENTICATIONFAILED] Wrong.\r\n" % number
        return talk.clock.seconds() - start

    def test_it_grows(self):
        talk = arrive(self.LIMITS)
        refuse(talk)
        delays = [self.fail(talk, 1) for _ in range(8)]
        assert delays[:4] == [0, 0, 0, 0.5]
        assert delays == sorted(delays)
        assert delays[-1] > 4

    def test_it_has_a_bound(self):
        talk = arrive(Limits(max_login_failures=100, login_timeout=1000, max_login_delay=1.5))
        refuse(talk)
        assert [self.fail(talk, 1) for _ in range(7)] == [0, 0, 0, 0.5, 1, 1.5, 1.5]

    def test_it_is_the_accounts_on_whatever_connection(self):
        talk = arrive(self.LIMITS)
        refuse(talk)
        self.fail(talk, 5)
        other, wire = _one_more(talk)
        wire.take()
        other.dataReceived(b"b1 LOGIN DEMO wrong\r\nb2 NOOP\r\n")
        assert wire.take() == b""
        talk.clock.advance(2)
        assert wire.take() == b"b1 NO [AUTHENTICATIONFAILED] Wrong.\r\nb2 OK Nothing done.\r\n"

    def test_it_is_the_addresss_for_whatever_account(self):
        talk = arrive(self.LIMITS)
        refuse(talk)
        for number in range(10):
            talk.script(f"C: a LOGIN u{number} x\nR: a NO [AUTHENTICATIONFAILED] Wrong.")
        talk.script("C: a LOGIN another x")
        talk.clock.advance(0.5)
        talk.script("R: a NO [AUTHENTICATIONFAILED] Wrong.")

    def test_success_is_never_held_back(self):
        talk = arrive(self.LIMITS)
        refuse(talk)
        self.fail(talk, 6)
        talk.refusal = None
        talk.script("C: a LOGIN demo right\nR: a OK Logged in.")

    def test_nor_is_an_upstream_that_is_away(self):
        talk = arrive(self.LIMITS)
        talk.refusal = NotLetIn(UpstreamUnavailable("away"))
        for _ in range(20):
            talk.script("C: a LOGIN demo x\nR: a NO [UNAVAILABLE] away")

    def test_what_is_pipelined_waits(self):
        talk = arrive(Limits(max_login_failures=4))
        refuse(talk)
        self.fail(talk, 3)
        talk.client.dataReceived(b"a LOGIN demo x\r\nb LOGIN demo x\r\n")
        talk.clock.advance(0.5)
        talk.script("R: a NO [AUTHENTICATIONFAILED] Wrong.\nR: * BYE Too many log-ins failed")
        assert len(talk.credentials) == 4

    @pytest.mark.parametrize("end", ["drain", "time-out", "leave", "half"])
    def test_while_it_is_held_back(self, end):
        talk = arrive(Limits(login_timeout=60))
        refuse(talk)
        if end == "time-out":
            talk.clock.advance(59.75)
        self.fail(talk, 3)
        talk.client.dataReceived(b"a LOGIN demo x\r\n")
        if end == "leave":
            talk.client_closes()
        elif end == "half":
            talk.client.readConnectionLost()
            assert not talk.client_wire.closed
            talk.clock.advance(0.5)
        elif end == "drain":
            talk.house.drain()
        else:
            talk.clock.advance(0.25)
        said = {
            "drain": b"a NO [AUTHENTICATIONFAILED] Wrong.\r\n* BYE imapproxy closes the connection",
            "time-out": b"a NO [AUTHENTICATIONFAILED] Wrong.\r\n* BYE No log-in within 60 seconds",
            "half": b"a NO [AUTHENTICATIONFAILED] Wrong.",
            "leave": b"",
        }
        assert talk.client_wire.take().removesuffix(b"\r\n") == said[end]
        assert talk.client_wire.closed or end == "leave"
        if end != "leave":
            talk.client_closes()
        assert not talk.clock.getDelayedCalls()


class TestSessionsOfAnAccount:
    def test_one_too_many(self):
        talk = arrive(Limits(max_sessions_per_account=1))
        talk.script("C: a LOGIN demo x\nR: a OK Logged in.")
        other, wire = _one_more(talk)
        wire.take()
        other.dataReceived(b"b1 LOGIN demo x\r\n")
        assert wire.take() == b"b1 NO [LIMIT] This account has as many sessions as it may have\r\n"
        assert len(talk.credentials) == 1
        talk.client_closes()
        other.dataReceived(b"b2 LOGIN demo x\r\n")
        assert wire.take() == b"b2 OK Logged in.\r\n"

    def test_a_log_in_that_fails_makes_room(self):
        talk = arrive(Limits(max_sessions_per_account=1))
        refuse(talk)
        talk.script("C: a LOGIN demo x\nR: a NO [AUTHENTICATIONFAILED] Wrong.")
        talk.refusal = None
        talk.script("C: a LOGIN demo y\nR: a OK Logged in.")

    def test_who_asks_again_and_again_is_sent_away(self):
        talk = arrive(Limits(max_sessions_per_account=1, max_bad_commands=2))
        talk.script("C: a LOGIN demo x\nR: a OK Logged in.")
        other, wire = _one_more(talk)
        wire.take()
        other.dataReceived(b"b LOGIN demo x\r\n" * 5)
        said = wire.take()
        assert said.count(b"b NO [LIMIT]") == 3
        assert said.endswith(b"* BYE imapproxy closes the connection\r\n")


def _one_more(talk: Conversation):
    other = Conversation(logged_in=False)
    other.client_wire.take()
    connection = talk.house.buildProtocol()
    connection.makeConnection(other.client_wire)
    return connection, other.client_wire


class TestLeaving:
    def test_while_the_upstream_is_dialled(self):
        talk = arrive()
        cancelled = []
        talk.waiting_login = Deferred(cancelled.append)
        talk.client.dataReceived(b"a1 LOGIN demo pw\r\na2 NOOP\r\n")
        talk.client_closes()
        assert cancelled
        assert not talk.clock.getDelayedCalls()
        assert talk.house.sessions == 0

    @pytest.mark.parametrize(
        "said",
        [
            b"",
            b"a1 LOG",
            b"a1 LOGIN demo {5}\r\n",
            b"a1 LOGIN {9+}\r\nabc",
            b"a1 AUTHENTICATE PLAIN\r\n",
        ],
    )
    def test_in_the_middle_of_something(self, said):
        talk = arrive()
        talk.client.dataReceived(said)
        talk.client_closes()
        assert not talk.clock.getDelayedCalls()
        assert talk.house.sessions == 0

    @pytest.mark.parametrize("said", [b"", b"a1 LOG", b"a1 NOOP\r\n", b"a1 LOGIN demo {5}\r\n"])
    def test_only_the_sending_side(self, said):
        talk = arrive()
        talk.client.dataReceived(said)
        talk.client.readConnectionLost()
        assert talk.client_wire.closed
        assert not talk.credentials

    def test_only_the_sending_side_while_the_upstream_is_dialled(self):
        talk = arrive()
        talk.waiting_login = Deferred()
        talk.client.dataReceived(b"a1 LOGIN demo pw\r\na2 NOOP\r\n")
        talk.client.readConnectionLost()
        assert not talk.client_wire.closed
        talk.waiting_login.callback(None)
        tag = talk.upstream_wire.take().split(b" ")[0]
        talk.upstream.dataReceived(tag + b" OK done\r\n")
        assert talk.client_wire.take() == b"a1 OK Logged in.\r\na2 OK done\r\n"
        assert talk.client_wire.closed

    def test_only_the_sending_side_behind_a_login_that_is_refused(self):
        talk = arrive()
        talk.waiting_login = Deferred()
        refuse(talk)
        talk.client.dataReceived(b"a1 LOGIN demo pw\r\n")
        talk.client.readConnectionLost()
        talk.waiting_login.callback(None)
        assert talk.client_wire.take() == b"a1 NO [AUTHENTICATIONFAILED] Wrong.\r\n"
        assert talk.client_wire.closed


class TestDrain:
    def test_who_has_not_logged_in_is_told(self):
        talk = arrive()
        gone = talk.house.drain()
        assert talk.client_wire.take() == b"* BYE imapproxy closes the connection\r\n"
        assert talk.client_wire.closed
        assert not gone.called
        again = talk.house.drain()
        talk.client_closes()
        assert gone.called
        assert again.called

    def test_newcomers_are_turned_away(self):
        talk = arrive()
        talk.house.drain()
        _, wire = _one_more(talk)
        assert wire.take() == b"* BYE imapproxy is shutting down\r\n"

    def test_while_the_upstream_is_dialled(self):
        talk = arrive()
        cancelled = []
        talk.waiting_login = Deferred(cancelled.append)
        talk.client.dataReceived(b"a1 LOGIN demo pw\r\n")
        talk.house.drain()
        assert talk.client_wire.take() == b"* BYE imapproxy closes the connection\r\n"
        assert cancelled

    def test_who_does_not_read_is_cut_off(self):
        talk = Conversation(limits=Limits(drain_grace=5))
        talk.house.drain()
        assert not talk.client_wire.aborted
        talk.clock.advance(6)
        assert talk.client_wire.aborted

    def test_nobody_is_there(self):
        talk = arrive()
        talk.client_closes()
        assert talk.house.drain().called
