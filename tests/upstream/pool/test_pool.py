"""What the pool does with connections: who gets which, and what is said on them meanwhile."""

import pytest

from imapproxy.upstream.errors import LoginRefused, NoFreeConnection, TurnedAway
from imapproxy.upstream.pool.rules import PoolRules
from imapproxy.upstream.request import Request
from tests.upstream.pool.talk import PoolTalk
from tests.upstream.talk import failure, result, waits


class TestParking:
    def test_a_connection_goes_to_the_next_session(self):
        talk = PoolTalk()
        first = talk.gets()
        assert first.stays
        first.leave()
        assert talk.pool.parked == 1
        second = talk.gets()
        assert second.connection is first.connection
        assert talk.pool.parked == 0
        talk.end_of(second).hears()

    def test_a_mailbox_that_was_selected_is_left_first(self):
        talk = PoolTalk()
        lease = talk.gets()
        end = talk.end_of(lease)
        end.runs(b"SELECT INBOX")
        lease.leave()
        end.hears(b"P2 UNSELECT")
        assert talk.pool.parked == 0
        # Who comes now waits for it: that is less than a new log-in takes.
        waiting = talk.asks()
        assert waits(waiting)
        end.says(b"* 5 EXISTS", b"P2 OK done")
        assert result(waiting).connection is end.connection
        assert len(talk.ends) == 1

    def test_without_unselect_inbox_is_examined_and_closed(self):
        talk = PoolTalk(capabilities="IMAP4rev1")
        lease = talk.gets()
        end = talk.end_of(lease)
        end.runs(b"SELECT Drafts")
        lease.leave()
        end.hears(b"P2 EXAMINE INBOX")
        end.says(b"* FLAGS ()", b"* 3 EXISTS", b"* 1 RECENT", b"P2 OK [READ-ONLY] done")
        end.hears(b"P3 CLOSE")
        end.says(b"P3 OK done")
        assert talk.pool.parked == 1

    @pytest.mark.parametrize("answer", [b"NO never", b"OK [READ-WRITE] done", b"OK done"])
    def test_close_is_never_said_to_a_mailbox_that_may_be_written_to(self, answer):
        talk = PoolTalk(capabilities="IMAP4rev1")
        lease = talk.gets()
        end = talk.end_of(lease)
        end.runs(b"SELECT Drafts")
        lease.leave()
        end.hears(b"P2 EXAMINE INBOX")
        end.says(b"P2 " + answer)
        end.hears(b"P3 LOGOUT")
        assert talk.pool.parked == 0

    @pytest.mark.parametrize("answer", [b"NO never", b"BAD what?"])
    def test_a_mailbox_that_cannot_be_left(self, answer):
        talk = PoolTalk()
        lease = talk.gets()
        end = talk.end_of(lease)
        end.runs(b"SELECT INBOX")
        lease.leave()
        end.hears(b"P2 UNSELECT")
        waiting = talk.asks()
        end.says(b"P2 " + answer)
        end.hears(b"P3 LOGOUT")
        assert result(waiting).connection is not end.connection

    def test_a_server_that_takes_too_long_to_leave_a_mailbox(self):
        talk = PoolTalk()
        lease = talk.gets()
        end = talk.end_of(lease)
        end.runs(b"SELECT INBOX")
        lease.leave()
        waiting = talk.asks()
        talk.clock.advance(10)
        assert result(waiting).connection is not end.connection
        assert end.closed

    @pytest.mark.parametrize(
        "command", [b"ENABLE CONDSTORE", b'ID ("name" "x")', b"NOTIFY NONE", b"XYZZY"]
    )
    def test_what_leaves_a_trace_is_not_parked(self, command):
        talk = PoolTalk()
        lease = talk.gets()
        end = talk.end_of(lease)
        end.runs(command)
        assert not lease.stays
        lease.leave()
        end.hears(b"P2 LOGOUT")
        assert talk.pool.parked == 0

    def test_the_trace_of_one_session_is_not_the_next_ones(self):
        talk = PoolTalk()
        talk.gets().leave()
        lease = talk.gets()
        talk.end_of(lease).runs(b"ENABLE CONDSTORE")
        assert not lease.stays

    def test_a_failed_select_may_or_may_not_have_left_the_mailbox(self):
        talk = PoolTalk()
        lease = talk.gets()
        end = talk.end_of(lease)
        end.runs(b"SELECT INBOX")
        end.runs(b"SELECT nothing", b"NO there is none")
        assert not lease.stays

    def test_a_command_in_flight_is_not_parked(self):
        talk = PoolTalk()
        lease = talk.gets()
        Request(lease.connection, [b" NOOP\r\n"], "sync").send()
        assert lease.stays
        lease.leave()
        assert talk.end_of(lease).closed
        assert talk.pool.parked == 0

    @pytest.mark.parametrize("octets", [b"* 1 FETCH (FLAGS ())\r\n* 2 FE", b"* 1 FETCH (X {9}\r\n"])
    def test_half_a_response_is_not_parked(self, octets):
        talk = PoolTalk()
        lease = talk.gets()
        talk.end_of(lease).connection.dataReceived(octets)
        lease.leave()
        assert talk.pool.parked == 0

    def test_a_connection_that_said_something_odd_is_not_parked(self):
        talk = PoolTalk()
        lease = talk.gets()
        talk.end_of(lease).says(b"x9 OK this answers nothing")
        lease.leave()
        assert talk.pool.parked == 0

    def test_a_session_that_was_held_back_leaves_a_connection_that_reads(self):
        talk = PoolTalk()
        lease = talk.gets()
        end = talk.end_of(lease)
        end.wire.registerProducer(object(), True)
        end.wire.pauseProducing()
        lease.leave()
        assert not end.wire.paused
        assert end.wire.producer is None


class TestWhatTheNextOneHears:
    def test_the_same_as_the_first(self):
        talk = PoolTalk()
        talk.untagged = (b"* CAPABILITY IMAP4rev1 X\r\n",)
        talk.ok = b"OK [CAPABILITY IMAP4rev1 X] Logged in\r\n"
        first = talk.gets()
        said = first.logged_in
        first.leave()
        assert talk.gets().logged_in == said

    def test_but_no_alert_again(self):
        talk = PoolTalk()
        talk.untagged = (b"* OK [ALERT] Down at noon\r\n", b"* CAPABILITY IMAP4rev1\r\n")
        talk.ok = b"OK [ALERT] Nearly full\r\n"
        first = talk.gets()
        assert first.logged_in.untagged == talk.untagged
        assert first.logged_in.ok == talk.ok
        first.leave()
        second = talk.gets()
        assert second.logged_in.untagged == (b"* CAPABILITY IMAP4rev1\r\n",)
        assert second.logged_in.ok == b"OK Logged in.\r\n"


class TestWhoseItIs:
    def test_another_password_is_the_servers_to_refuse(self):
        talk = PoolTalk()
        talk.gets().leave()
        talk.refusal = LoginRefused(b"NO", b"[AUTHENTICATIONFAILED] no")
        assert failure(talk.asks(password=b"guess"), LoginRefused) is talk.refusal
        assert talk.pool.parked == 1

    def test_another_password_gets_another_connection(self):
        talk = PoolTalk()
        first = talk.gets()
        first.leave()
        assert talk.gets(password=b"new").connection is not first.connection

    def test_another_account_never_gets_it(self):
        talk = PoolTalk()
        first = talk.gets(b"alice", b"same")
        first.leave()
        assert talk.gets(b"bob", b"same").connection is not first.connection

    def test_nor_does_another_upstream(self):
        talk = PoolTalk()
        first = talk.gets()
        first.leave()
        # The same address with other certificates, pins or limits is another one.
        assert talk.gets(upstream=talk.new_upstream()).connection is not first.connection


class TestWaiting:
    def test_it_is_closed_after_a_while(self):
        talk = PoolTalk(PoolRules(idle_timeout=300))
        talk.gets().leave()
        talk.clock.advance(299)
        assert talk.pool.parked == 1
        talk.clock.advance(1)
        assert talk.pool.parked == 0
        talk.ends[0].hears(b"P1 LOGOUT")
        talk.ends[0].says(b"* BYE", b"P1 OK")
        talk.ends[0].goes()
        assert talk.clock.getDelayedCalls() == []

    def test_it_is_closed_when_the_server_should_hear_the_password_again(self):
        talk = PoolTalk(PoolRules(idle_timeout=300, max_age=1000))
        lease = talk.gets()
        talk.clock.advance(900)
        lease.leave()
        assert talk.pool.parked == 1
        talk.clock.advance(100)
        assert talk.pool.parked == 0

    def test_an_old_one_is_not_parked_at_all(self):
        talk = PoolTalk(PoolRules(max_age=1000))
        lease = talk.gets()
        talk.clock.advance(1000)
        assert not lease.stays
        lease.leave()
        assert talk.pool.parked == 0

    def test_its_age_is_that_of_its_log_in(self):
        talk = PoolTalk(PoolRules(max_age=100, idle_timeout=60, probe_after=60))
        for _ in range(3):
            talk.gets().leave()
            talk.clock.advance(33)
        assert len(talk.ends) == 1
        lease = talk.gets()
        talk.clock.advance(1)
        assert not lease.stays

    def test_no_more_than_so_many_of_an_account(self):
        talk = PoolTalk(PoolRules(per_account=2))
        leases = [talk.gets() for _ in range(3)]
        for lease in leases:
            lease.leave()
        assert talk.pool.parked == 2
        talk.ends[2].hears(b"P1 LOGOUT")

    def test_no_more_than_so_many_in_all_and_the_oldest_goes(self):
        talk = PoolTalk(PoolRules(in_all=2))
        for user in (b"alice", b"bob", b"carol"):
            talk.gets(user).leave()
        assert talk.pool.parked == 2
        talk.ends[0].hears(b"P1 LOGOUT")

    @pytest.mark.parametrize(
        "line",
        [b"* BYE idle for too long", b"* OK [ALERT] Down at noon", b"* 3 EXISTS", b"* 1 FETCH ()"],
    )
    def test_one_that_speaks_is_closed(self, line):
        talk = PoolTalk()
        talk.gets().leave()
        talk.ends[0].says(line)
        assert talk.pool.parked == 0
        assert talk.gets().connection is not talk.ends[0].connection

    def test_one_that_says_what_is_no_response_is_not_given_out(self):
        talk = PoolTalk()
        talk.gets().leave()
        talk.ends[0].says(b"+ what?")
        assert talk.gets().connection is not talk.ends[0].connection

    def test_one_that_is_lost_is_forgotten(self):
        talk = PoolTalk()
        talk.gets().leave()
        talk.ends[0].goes()
        assert talk.pool.parked == 0
        assert talk.clock.getDelayedCalls() == []
        assert talk.gets().connection is talk.ends[1].connection


class TestProbing:
    RULES = PoolRules(probe_after=30)

    def test_a_young_one_is_given_out_as_it_is(self):
        talk = PoolTalk(self.RULES)
        talk.gets().leave()
        talk.clock.advance(30)
        talk.end_of(talk.gets()).hears()

    def test_an_older_one_has_to_answer(self):
        talk = PoolTalk(self.RULES)
        talk.gets().leave()
        talk.clock.advance(31)
        waiting = talk.asks()
        assert waits(waiting)
        talk.ends[0].hears(b"P1 NOOP")
        talk.ends[0].says(b"P1 OK yes")
        assert result(waiting).connection is talk.ends[0].connection

    @pytest.mark.parametrize(
        "lines", [[b"P1 NO"], [b"P1 BAD"], [b"* 3 EXISTS", b"P1 OK"], [b"* BYE"]]
    )
    def test_one_that_answers_oddly_is_replaced(self, lines):
        talk = PoolTalk(self.RULES)
        talk.gets().leave()
        talk.clock.advance(31)
        waiting = talk.asks()
        talk.ends[0].says(*lines)
        talk.clock.advance(3)
        assert result(waiting).connection is talk.ends[1].connection
        assert talk.ends[0].closed

    def test_one_that_does_not_answer_is_replaced_soon(self):
        talk = PoolTalk(self.RULES)
        talk.gets().leave()
        talk.clock.advance(31)
        waiting = talk.asks()
        talk.clock.advance(3)
        assert result(waiting).connection is talk.ends[1].connection
        assert talk.ends[0].wire.aborted

    def test_one_that_is_lost_meanwhile_is_replaced(self):
        talk = PoolTalk(self.RULES)
        talk.gets().leave()
        talk.clock.advance(31)
        waiting = talk.asks()
        talk.ends[0].goes()
        assert result(waiting).connection is talk.ends[1].connection

    def test_a_client_that_leaves_meanwhile(self):
        talk = PoolTalk(self.RULES)
        talk.gets().leave()
        talk.clock.advance(31)
        waiting = talk.asks()
        waiting.addErrback(lambda _: None)
        waiting.cancel()
        assert talk.ends[0].closed


class TestLimits:
    def test_who_is_one_too_many_waits_for_a_place(self):
        talk = PoolTalk(max_connections=2)
        leases = [talk.gets(), talk.gets()]
        waiting = [talk.asks(), talk.asks()]
        assert all(map(waits, waiting))
        leases[1].leave()
        assert result(waiting[0]).connection is leases[1].connection
        assert waits(waiting[1])
        leases[0].leave()
        assert result(waiting[1]).connection is leases[0].connection
        assert len(talk.ends) == 2

    def test_a_place_is_free_when_the_connection_is_gone(self):
        talk = PoolTalk(max_connections=1)
        lease = talk.gets()
        talk.ends[0].runs(b"ENABLE CONDSTORE")
        waiting = talk.asks()
        lease.leave()
        assert waits(waiting)
        talk.ends[0].goes()
        assert result(waiting).connection is talk.ends[1].connection

    def test_a_parked_one_makes_room(self):
        talk = PoolTalk(max_connections=1)
        talk.gets().leave()
        waiting = talk.asks(password=b"new")
        talk.ends[0].hears(b"P1 LOGOUT")
        assert waits(waiting)
        talk.ends[0].goes()
        assert result(waiting).connection is talk.ends[1].connection

    def test_a_log_in_that_fails_makes_room(self):
        talk = PoolTalk(max_connections=1)
        talk.logging_in = []
        trying, waiting = talk.asks(password=b"guess"), talk.asks()
        assert len(talk.logging_in) == 1
        talk.refusal = LoginRefused(b"NO", b"no")
        talk.logging_in.pop().callback(None)
        failure(trying, LoginRefused)
        talk.refusal = None
        talk.logging_in.pop().callback(None)
        assert result(waiting).connection is talk.ends[0].connection

    def test_a_client_that_gives_up_makes_room(self):
        talk = PoolTalk(max_connections=1)
        talk.logging_in = []
        trying, waiting = talk.asks(), talk.asks()
        trying.addErrback(lambda _: None)
        trying.cancel()
        assert len(talk.logging_in) == 2
        talk.logging_in.pop().callback(None)
        assert result(waiting).connection is talk.ends[0].connection

    def test_a_client_that_gives_up_waiting(self):
        talk = PoolTalk(max_connections=1)
        lease = talk.gets()
        waiting, patient = talk.asks(), talk.asks()
        waiting.addErrback(lambda _: None)
        waiting.cancel()
        lease.leave()
        assert result(patient).connection is lease.connection

    def test_nobody_waits_for_ever(self):
        talk = PoolTalk(PoolRules(wait=20), max_connections=1)
        talk.gets()
        waiting = talk.asks()
        talk.clock.advance(20)
        error = failure(waiting, NoFreeConnection)
        assert str(error) == (
            "imaps://upstream: all connections that this account may have (1) are in use, and none "
            "came free within 20 seconds"
        )
        assert "close a mail program" in error.advice
        assert "max_connections" in error.advice

    def test_other_accounts_have_places_of_their_own(self):
        talk = PoolTalk(max_connections=1)
        talk.gets(b"alice")
        talk.gets(b"bob")
        assert len(talk.ends) == 2


class TestServersThatRefuse:
    TOO_MANY = LoginRefused(b"NO", b"[ALERT] Too many simultaneous connections")

    def test_who_is_refused_waits_for_one_of_ours(self):
        talk = PoolTalk()
        lease = talk.gets()
        talk.refusal = self.TOO_MANY
        waiting = talk.asks()
        assert waits(waiting)
        lease.leave()
        assert result(waiting).connection is lease.connection

    def test_a_parked_one_is_closed_for_who_is_refused(self):
        talk = PoolTalk()
        talk.gets().leave()
        talk.refusal = TurnedAway("turned us away", b"Too many connections")
        waiting = talk.asks(password=b"new")
        talk.ends[0].hears(b"P1 LOGOUT")
        talk.refusal = None
        talk.ends[0].goes()
        assert result(waiting).connection is talk.ends[1].connection

    def test_the_limit_that_was_met_is_remembered_for_a_while(self):
        talk = PoolTalk()
        talk.gets()
        talk.refusal = self.TOO_MANY
        waiting = talk.asks()
        talk.refusal = None
        later = talk.asks()
        assert waits(later)
        talk.clock.advance(20)
        error = failure(waiting, NoFreeConnection)
        assert "max_connections" not in error.advice
        failure(later, NoFreeConnection)
        talk.clock.advance(40)
        talk.gets()

    def test_where_none_is_ours_the_server_has_the_last_word(self):
        talk = PoolTalk()
        talk.refusal = self.TOO_MANY
        assert failure(talk.asks(), LoginRefused) is self.TOO_MANY

    def test_a_server_that_still_counts_the_one_before(self):
        talk = PoolTalk(max_connections=1)
        lease = talk.gets()
        talk.ends[0].runs(b"ENABLE CONDSTORE")
        waiting = talk.asks()
        lease.leave()
        talk.refusal = self.TOO_MANY
        talk.ends[0].goes()
        talk.clock.advance(0.5)
        assert waits(waiting)
        talk.refusal = None
        talk.clock.advance(0.5)
        assert result(waiting).connection is talk.ends[1].connection

    def test_but_not_for_long(self):
        talk = PoolTalk(max_connections=1)
        lease = talk.gets()
        talk.ends[0].runs(b"ENABLE CONDSTORE")
        waiting = talk.asks()
        lease.leave()
        talk.refusal = self.TOO_MANY
        talk.ends[0].goes()
        talk.clock.pump([0.5] * 10)
        assert failure(waiting, LoginRefused) is self.TOO_MANY
        assert talk.clock.getDelayedCalls() == []

    def test_other_refusals_are_told_at_once(self):
        talk = PoolTalk()
        talk.gets()
        talk.refusal = LoginRefused(b"NO", b"[AUTHENTICATIONFAILED] no")
        failure(talk.asks(), LoginRefused)


class TestTheEnd:
    def test_all_that_is_parked_logs_out(self):
        talk = PoolTalk()
        talk.gets(b"alice").leave()
        talk.gets(b"bob").leave()
        over = talk.pool.close()
        for end in talk.ends:
            end.hears(b"P1 LOGOUT")
            assert waits(over)
            end.says(b"* BYE", b"P1 OK")
            end.goes()
        result(over)
        assert talk.clock.getDelayedCalls() == []

    def test_a_server_that_does_not_answer_is_left_after_a_while(self):
        talk = PoolTalk()
        talk.gets().leave()
        talk.pool.close()
        talk.clock.advance(5)
        assert talk.ends[0].wire.aborted

    def test_or_at_once(self):
        talk = PoolTalk()
        talk.gets().leave()
        talk.pool.close()
        talk.pool.cut()
        assert talk.ends[0].wire.aborted

    def test_nothing_is_parked_any_more(self):
        talk = PoolTalk()
        lease, tidied = talk.gets(), talk.gets()
        talk.end_of(tidied).runs(b"SELECT INBOX")
        tidied.leave()
        talk.pool.close()
        assert not lease.stays
        lease.leave()
        talk.end_of(lease).hears(b"P1 LOGOUT")
        talk.end_of(tidied).hears(b"P2 UNSELECT")
        talk.end_of(tidied).says(b"P2 OK")
        talk.end_of(tidied).hears(b"P3 LOGOUT")

    def test_an_upstream_that_is_no_longer_configured(self):
        talk = PoolTalk()
        other = talk.new_upstream()
        lease = talk.gets()
        talk.gets().leave()
        talk.gets(upstream=other).leave()
        talk.pool.retire(talk.upstream)
        assert talk.pool.parked == 1
        assert not lease.stays
        lease.leave()
        assert talk.pool.parked == 1
        assert talk.gets(upstream=other).connection is talk.ends[2].connection
