"""IDLE, and the end of a connection in good order."""

import pytest

from imapproxy.upstream.errors import CommandRefused, UpstreamUnavailable
from imapproxy.wire import responses
from tests.upstream.talk import Talk, failure, result, waits


class TestIdle:
    def test_news_come_to_observers_until_done_is_said(self):
        talk = Talk()
        news = []
        talk.client.observers.append(news.append)
        idle = talk.client.idle()
        assert waits(idle.idling)
        talk.script("C: P1 IDLE\nS: + idling\nS: * 4 EXISTS")
        assert result(idle.idling) is True
        done = idle.end()
        talk.script("C: DONE\nS: P1 OK")
        assert result(done) == b""
        assert news == [responses.Exists(4)]

    def test_done_is_not_said_before_the_server_idles(self):
        talk = Talk()
        idle = talk.client.idle()
        done = idle.end()
        talk.script("C: P1 IDLE\nS: + idling\nC: DONE\nS: P1 OK")
        result(done)

    @pytest.mark.parametrize("early", [True, False])
    def test_a_refused_idle_is_told_and_done_never_said(self, early):
        talk = Talk()
        idle = talk.client.idle()
        done = idle.end() if early else None
        talk.script("C: P1 IDLE\nS: P1 BAD what?")
        assert result(idle.idling) is False
        failure(done or idle.end(), CommandRefused)
        talk.expect_nothing()

    def test_an_idle_that_the_server_ends_needs_no_done(self):
        talk = Talk()
        idle = talk.client.idle()
        talk.script("C: P1 IDLE\nS: + idling\nS: P1 OK enough")
        assert result(idle.end()) == b"enough"
        talk.expect_nothing()

    def test_other_commands_wait_for_done(self):
        talk = Talk()
        idle, noop = talk.client.idle(), talk.client.noop()
        talk.script("C: P1 IDLE\nS: + idling")
        idle.end()
        talk.script("C: DONE\nC: P2 NOOP\nS: P1 OK\nS: P2 OK")
        result(noop)

    def test_a_lost_connection_ends_it(self):
        talk = Talk()
        idle = talk.client.idle()
        talk.lose()
        assert result(idle.idling) is False
        failure(idle.end(), UpstreamUnavailable)


class TestLogout:
    def test_logout_closes_and_waits_for_the_end(self):
        talk = Talk()
        gone = talk.client.logout()
        talk.script("C: P1 LOGOUT\nS: * BYE\nS: P1 OK")
        assert talk.wire.disconnecting
        assert waits(gone)
        talk.lose()
        result(gone)
        assert not talk.clock.getDelayedCalls()

    def test_a_server_that_does_not_answer_is_left_all_the_same(self):
        talk = Talk()
        gone = talk.client.logout()
        talk.clock.advance(5)
        assert talk.wire.disconnecting
        talk.clock.advance(5)
        assert talk.wire.aborted
        talk.lose()
        result(gone)

    def test_the_connection_may_be_lost_first(self):
        talk = Talk()
        gone = talk.client.logout()
        talk.lose()
        result(gone)
        assert not talk.clock.getDelayedCalls()
