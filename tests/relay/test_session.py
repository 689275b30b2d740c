"""The relay session: what goes up, what comes down, and who waits for whom."""

import pytest
from twisted.internet.defer import Deferred

from imapproxy.listener.limits import Limits
from imapproxy.relay.comeback import ReconnectRules
from tests.relay.conversation import Conversation


def test_a_command_keeps_its_tag():
    # Servers tell it again where nobody can rewrite it: ESEARCH, INPROGRESS, whatever comes.
    Conversation().script(r"""
        C: a1 SEARCH RETURN () ALL
        U: a1 SEARCH RETURN () ALL
        S: * ESEARCH (TAG "a1") ALL 1:3
        R: * ESEARCH (TAG "a1") ALL 1:3
        S: a1 OK Done.
        R: a1 OK Done.
    """)


@pytest.mark.parametrize("tag", ["P1", "P99", "Pop"])
def test_unless_it_could_be_one_of_the_proxys_own(tag):
    Conversation().script(rf"""
        C: {tag} NOOP
        U: P1 NOOP
        S: P1 OK Done.
        R: {tag} OK Done.
    """)


@pytest.mark.parametrize(
    "rest",
    [
        " XFROBNICATE (a [b] {c) \\Odd",
        "  noop ",
        ' SELECT "a\\"b"',
        " UID  FETCH 1:* (FLAGS)  ",
        "",
        " ",
        " \t\x01\xff",
        ' LOGIN "unterminated',
    ],
)
def test_what_follows_the_tag_is_passed_on_as_it_is(rest):
    talk = Conversation()
    talk.client.dataReceived(b"Tag.1" + rest.encode("latin-1") + b"\r\n")
    assert talk.upstream_wire.take() == b"Tag.1" + rest.encode("latin-1") + b"\r\n"


def test_a_bare_line_feed_ends_a_command_too():
    talk = Conversation()
    talk.client.dataReceived(b"a1 NOOP\na2 CHECK\n")
    assert talk.upstream_wire.take() == b"a1 NOOP\r\na2 CHECK\r\n"


def test_pipelined_commands_are_answered_as_the_upstream_answers_them():
    Conversation().script(r"""
        C. a1 NOOP\r\na1 FETCH 1 FLAGS\r\na3 CHE
        U. a1 NOOP\r\nP1 FETCH 1 FLAGS\r\n
        C: CK
        U: a3 CHECK
        S. a1 OK\r\n* 1 FETCH (FLAGS ())\r\nP1 OK\r\na3 O
        R. a1 OK\r\n* 1 FETCH (FLAGS ())\r\na1 OK\r\n
        S: K
        R: a3 OK
    """)


class TestLiterals:
    def test_the_upstream_asks_for_a_synchronizing_literal(self):
        Conversation().script(r"""
            C: a1 APPEND INBOX {5}
            U: a1 APPEND INBOX {5}
            S: + go on
            R: + go on
            C. he
            U. he
            C. llo (
            U. llo
            C: more {3}
            U:  (more {3}
            S: + and on
            R: + and on
            C: {9})
            U. {9})
            U:
            S: a1 OK
            R: a1 OK
        """)

    def test_a_literal_is_refused_before_the_client_sends_it(self):
        Conversation().script(r"""
            C: a1 APPEND Nowhere {5}
            U: a1 APPEND Nowhere {5}
            S: a1 NO [TRYCREATE] No such mailbox
            R: a1 NO [TRYCREATE] No such mailbox
            C: a2 NOOP
            U: a2 NOOP
            S: a2 OK
            R: a2 OK
        """)

    def test_a_client_that_does_not_wait_is_made_to(self):
        Conversation().script(r"""
            C: a1 APPEND INBOX {5}
            U: a1 APPEND INBOX {5}
            C. hello\r\na2 NOOP\r\n
            S: +
            R: +
            U. hello\r\na2 NOOP\r\n
            S. a1 OK\r\na2 OK\r\n
            R. a1 OK\r\na2 OK\r\n
        """)

    def test_non_synchronizing_literals_are_passed_on_at_once(self):
        Conversation().script(r"""
            C. a1 LSUB {0+}\r\n {3+}\r\na\n*\r\n
            U. a1 LSUB {0+}\r\n {3+}\r\na\n*\r\n
            S: a1 OK
            R: a1 OK
        """)

    def test_and_made_synchronizing_for_an_upstream_without_them(self):
        Conversation("IMAP4rev1").script(r"""
            C. a1 SELECT {3+}\r\nfoo {1+}\r\n!\r\na2 NOOP\r\n
            U: a1 SELECT {3}
            S: +
            U: foo {1}
            S: +
            U: !
            U: a2 NOOP
            S. a1 OK\r\na2 OK\r\n
            R. a1 OK\r\na2 OK\r\n
        """)

    def test_what_such_an_upstream_refuses_is_thrown_away(self):
        Conversation("IMAP4rev1").script(r"""
            C. a1 SELECT {3+}\r\na1
            U: a1 SELECT {3}
            S: a1 NO Too long
            R: a1 NO Too long
            C. ! NOOP {2+}\r\n\r\n\r\na2 NOOP\r\n
            U: a2 NOOP
            S: a2 OK
            R: a2 OK
        """)

    def test_an_early_answer_does_not_stop_the_octets_that_were_promised(self):
        Conversation().script(r"""
            C. a1 APPEND INBOX {6+}\r\nfoo
            U. a1 APPEND INBOX {6+}\r\nfoo
            S: a1 NO [OVERQUOTA] Full
            R: a1 NO [OVERQUOTA] Full
            C. bar\r\na2 NOOP\r\n
            U. bar\r\na2 NOOP\r\n
            S: a2 OK
            R: a2 OK
        """)

    def test_a_large_literal_is_never_gathered(self):
        talk = Conversation()
        talk.script(r"""
            C: a1 APPEND INBOX {1000000000000+}
            U: a1 APPEND INBOX {1000000000000+}
        """)
        for _ in range(20):
            talk.client.dataReceived(b"x" * 100_000)
            assert talk.upstream_wire.take() == b"x" * 100_000

    def test_a_quoted_string_must_be_closed_before_a_literal(self):
        # What is a literal to one server is garbage to another: passed on, the two sides of the
        # proxy could take different octets for commands.
        Conversation().script(r"""
            C: a1 SELECT "foo {5}
            R: a1 BAD quoted string without its closing quote
            C: a2 NOOP
            U: a2 NOOP
            S: a2 OK
            R: a2 OK
        """)

    def test_and_one_that_does_not_wait_ends_the_session(self):
        talk = Conversation()
        talk.script(r"""
            C: a1 SELECT "foo {5+}
            R: * BYE BAD quoted string without its closing quote
            U: P1 LOGOUT
        """)
        assert talk.client_wire.closed


class TestContinuations:
    def test_idle_takes_one_line(self):
        Conversation().script(r"""
            C: a1 IDLE
            U: a1 IDLE
            S: + idling
            R: + idling
            S: * 5 EXISTS
            R: * 5 EXISTS
            C. DONE\r\na2 NOOP\r\n
            U. DONE\r\na2 NOOP\r\n
            S. a1 OK\r\na2 OK\r\n
            R. a1 OK\r\na2 OK\r\n
        """)

    def test_a_client_that_says_done_at_once_is_understood(self):
        Conversation().script(r"""
            C. a1 idle\r\nDONE\r\n
            U: a1 idle
            S: +
            R: +
            U: DONE
            S: a1 OK
            R: a1 OK
        """)

    def test_without_idle_upstream_the_next_line_is_a_command(self):
        Conversation("IMAP4rev1").script(r"""
            C. a1 IDLE\r\na2 NOOP\r\n
            U: a1 IDLE
            S: a1 BAD What?
            R: a1 BAD What?
            U: a2 NOOP
            S: a2 OK
            R: a2 OK
        """)

    def test_an_unknown_command_may_ask_for_lines(self):
        Conversation().script(r"""
            C: a1 XCHAT
            U: a1 XCHAT
            S: + say something
            R: + say something
            C: no tag {5}
            U: no tag {5}
            S: + more
            R: + more
            C: *
            U: *
            S: a1 OK
            R: a1 OK
            C: a2 NOOP
            U: a2 NOOP
            S: a2 OK
            R: a2 OK
        """)

    def test_authenticate_when_logged_in_is_the_upstreams_to_refuse(self):
        Conversation().script(r"""
            C. a1 AUTHENTICATE PLAIN\r\na2 NOOP\r\n
            U: a1 AUTHENTICATE PLAIN
            S: a1 BAD Already authenticated
            R: a1 BAD Already authenticated
            U: a2 NOOP
            S: a2 OK
            R: a2 OK
        """)


class TestHopByHop:
    def test_capabilities_of_one_hop_are_left_out(self):
        Conversation().script(r"""
            C: a1 CAPABILITY
            U: a1 CAPABILITY
            S: * capability IMAP4rev1 STARTTLS AUTH=PLAIN LOGINDISABLED COMPRESS=DEFLATE IDLE x-Foo
            R: * capability IMAP4rev1 IDLE x-Foo
            S: a1 OK [CAPABILITY IMAP4rev1 auth=x LITERAL+ LOGIN-REFERRALS UIDPLUS] Done.
            R: a1 OK [CAPABILITY IMAP4rev1 LITERAL+ UIDPLUS] Done.
            S: * OK [CAPABILITY IMAP4rev1 AUTH=SCRAM-SHA-256-PLUS] more
            R: * OK [CAPABILITY IMAP4rev1] more
        """)

    @pytest.mark.parametrize("command", ["STARTTLS", "compress DEFLATE", "UNAUTHENTICATE"])
    def test_commands_of_one_hop_are_answered_here_in_turn(self, command):
        name = command.split()[0].upper()
        Conversation().script(rf"""
            C. a1 NOOP\r\na2 {command}\r\na3 NOOP\r\n
            U. a1 NOOP\r\na3 NOOP\r\n
            S: a1 OK
            R. a1 OK\r\na2 BAD {name} is not offered here\r\n
            S: a3 OK
            R: a3 OK
        """)


class TestOddClients:
    @pytest.mark.parametrize(
        "line", ["", " a1 NOOP", "* NOOP", "+1 NOOP", "(a NOOP", 'a"b NOOP', r"a1\rNOOP", r"a1\r"]
    )
    def test_a_line_without_a_tag_is_answered_untagged(self, line):
        Conversation().script(rf"""
            C: {line}
            R: * BAD This is not an IMAP command: it does not begin with a tag
            C: a2 NOOP
            U: a2 NOOP
            S: a2 OK
            R: a2 OK
        """)

    def test_a_literal_behind_no_tag_is_skipped(self):
        Conversation().script(r"""
            C. * X {4+}\r\na NO y\r\na2 NOOP\r\n
            R: * BAD This is not an IMAP command: it does not begin with a tag
            U: a2 NOOP
            S: a2 OK
            R: a2 OK
        """)

    def test_a_line_that_is_too_long_is_refused_and_the_session_goes_on(self):
        Conversation(limits=Limits(max_line=70_000)).script(rf"""
            C: a1 SEARCH {"1," * 32_000}2
            U: a1 SEARCH {"1," * 32_000}2
            C: a2 SEARCH {"1," * 40_000}2
            C: a3 NOOP
            U: a3 NOOP
            S: a1 OK
            R: a1 OK
            R: a2 BAD line longer than 70000 octets
            S: a3 OK
            R: a3 OK
        """)

    def test_half_a_command_is_never_completed(self):
        talk = Conversation()
        talk.script(r"""
            C. a1 APPEND INBOX {6+}\r\nfoo
            U. a1 APPEND INBOX {6+}\r\nfoo
        """)
        talk.client_closes()
        assert talk.upstream_wire.aborted
        talk.nothing_left()

    def test_a_client_that_leaves_is_logged_out(self):
        talk = Conversation()
        talk.client_closes()
        talk.script(r"""
            U: P1 LOGOUT
            S: * BYE
            S: P1 OK
        """)
        assert talk.upstream_wire.disconnecting

    def test_a_client_that_leaves_in_a_long_answer_is_not_waited_for(self):
        talk = Conversation()
        talk.script(r"""
            C: a1 FETCH 1:* BODY[]
            U: a1 FETCH 1:* BODY[]
        """)
        talk.client_closes()
        assert talk.upstream_wire.disconnecting
        talk.nothing_left()

    def test_an_upstream_that_ignores_logout_is_cut(self):
        talk = Conversation()
        talk.client_closes()
        talk.clock.advance(5)
        assert talk.upstream_wire.aborted

    def test_a_client_may_close_its_sending_side_and_read_on(self):
        talk = Conversation()
        talk.script(r"""
            C: a1 NOOP
            U: a1 NOOP
        """)
        talk.client.readConnectionLost()
        assert not talk.client_wire.closed
        talk.script(r"""
            S: a1 OK
            R: a1 OK
            U: P1 LOGOUT
        """)
        assert talk.client_wire.disconnecting

    def test_but_not_while_it_is_waited_for(self):
        talk = Conversation()
        talk.script(r"""
            C: a1 IDLE
            U: a1 IDLE
            S: +
            R: +
        """)
        talk.client.readConnectionLost()
        assert talk.client_wire.disconnecting


class TestResponses:
    def test_text_that_looks_like_a_literal_is_text(self):
        # Dovecot echoes the mailbox name: "NO Mailbox doesn't exist: foo {5}".
        Conversation().script(r"""
            C: a1 SELECT "foo {5}"
            U: a1 SELECT "foo {5}"
            S: * NO no mailbox foo {5}
            R: * NO no mailbox foo {5}
            S: a1 NO no mailbox foo {5}
            R: a1 NO no mailbox foo {5}
            C: a2 NOOP
            U: a2 NOOP
            S: a2 OK
            R: a2 OK
        """)

    def test_literals_may_hold_anything(self):
        body = r"a1 OK\r\n* BYE\r\n+ \xff\0 {99}\r\n* CAPABILITY AUTH=X\r\n"
        Conversation().script(rf"""
            C: a1 FETCH 1 BODY[]
            U: a1 FETCH 1 BODY[]
            S. * 1 FETCH (BODY[] {{46}}\r\n{body} X ~{{3}}\r\n
            R. * 1 FETCH (BODY[] {{46}}\r\n{body} X ~{{3}}\r\n
            S. )))"a"\r\na1 OK\r\n
            R. )))"a"\r\na1 OK\r\n
        """)

    def test_lines_that_answer_nothing_are_dropped(self):
        talk = Conversation()
        talk.script(r"""
            S: a1 OK not yours to say
            S:
            S: + nobody asked
            C: a1 NOOP
            U: a1 NOOP
            S: P2 OK
            S: a1 OK
            R: a1 OK
            S: a1 OK
        """)

    def test_and_too_many_of_them_end_the_session(self):
        talk = Conversation()
        for _ in range(17):
            talk.upstream.dataReceived(b"garbage\r\n")
        assert talk.upstream_wire.aborted
        assert talk.client_wire.take().startswith(b"* BYE [UNAVAILABLE] ")
        assert talk.client_wire.closed


class TestPartnerLost:
    def test_every_command_is_answered(self):
        talk = Conversation()
        talk.script(r"""
            C. a1 NOOP\r\na2 STARTTLS\r\na3 EXPUNGE\r\n
            U. a1 NOOP\r\na3 EXPUNGE\r\n
        """)
        talk.upstream_closes()
        lines = talk.client_wire.take().split(b"\r\n")
        assert lines[0].startswith(b"a1 NO [UNAVAILABLE] Outcome unknown: ")
        assert lines[1] == b"a2 BAD STARTTLS is not offered here"
        assert lines[2].startswith(b"a3 NO [UNAVAILABLE] Outcome unknown: ")
        assert lines[3].startswith(b"* BYE [UNAVAILABLE] imaps://upstream closed")
        assert lines[4:] == [b""]
        assert talk.client_wire.disconnecting

    def test_nothing_is_put_into_half_a_response(self):
        talk = Conversation()
        talk.script(r"""
            C: a1 FETCH 1 BODY[]
            U: a1 FETCH 1 BODY[]
            S. * 1 FETCH (BODY[] {1000}\r\nFrom:
            R. * 1 FETCH (BODY[] {1000}\r\nFrom:
        """)
        talk.upstream_closes()
        talk.nothing_left()
        assert talk.client_wire.disconnecting

    def test_the_upstreams_own_bye_is_enough(self):
        talk = Conversation()
        talk.script(r"""
            S: * BYE Autologout
            R: * BYE Autologout
        """)
        talk.upstream_closes()
        talk.nothing_left()
        assert talk.client_wire.disconnecting

    @pytest.mark.parametrize("bye", ["* BYE Bye.", None])
    def test_logout_is_answered_when_the_upstream_only_closes(self, bye):
        talk = Conversation()
        talk.script(r"""
            C: a1 LOGOUT
            U: a1 LOGOUT
        """)
        if bye:
            talk.script(f"S: {bye}\nR: {bye}")
        talk.upstream_closes()
        said_here = "" if bye else "R: * BYE Logging out\n"
        talk.script(said_here + "R: a1 OK Logout completed.")
        assert talk.client_wire.disconnecting

    def test_logout_is_answered_when_the_upstream_is_silent(self):
        talk = Conversation()
        talk.script(r"""
            C: a1 LOGOUT
            U: a1 LOGOUT
        """)
        talk.clock.advance(5)
        assert talk.upstream_wire.aborted


def test_logout_ends_both_sides():
    talk = Conversation()
    talk.script(r"""
        C. a1 LOGOUT\r\na2 NOOP\r\n
        U: a1 LOGOUT
        S. * BYE So long.\r\na1 OK\r\n
        R. * BYE So long.\r\na1 OK\r\n
    """)
    assert talk.client_wire.disconnecting
    assert talk.upstream_wire.disconnecting


class TestDrain:
    def test_an_idle_session_ends_at_once(self):
        talk = Conversation()
        talk.client.drain(5)
        talk.script(r"""
            R: * BYE imapproxy is shutting down
            U: P1 LOGOUT
        """)
        assert talk.client_wire.disconnecting

    def test_so_does_one_in_idle(self):
        talk = Conversation()
        talk.script(r"""
            C: a1 IDLE
            U: a1 IDLE
            S: +
            R: +
        """)
        talk.client.drain(5)
        talk.script("R: * BYE imapproxy is shutting down")

    def test_commands_under_way_are_finished(self):
        talk = Conversation()
        talk.script(r"""
            C: a1 FETCH 1 BODY[]
            U: a1 FETCH 1 BODY[]
            S. * 1 FETCH (BODY[] {3}\r\na
            R. * 1 FETCH (BODY[] {3}\r\na
        """)
        talk.client.drain(5)
        talk.script(r"""
            C: a2 NOOP
            S. bc)\r\na1 OK\r\n
            R. bc)\r\na1 OK\r\n
            R: * BYE imapproxy is shutting down
            U: P1 LOGOUT
        """)

    def test_but_not_for_ever(self):
        talk = Conversation()
        talk.script(r"""
            C: a1 NOOP
            U: a1 NOOP
        """)
        talk.client.drain(5)
        talk.clock.advance(5)
        talk.script("R: * BYE imapproxy is shutting down")
        assert talk.client_wire.disconnecting


class TestFlow:
    def test_commands_in_flight_are_bounded(self):
        talk = Conversation(limits=Limits(max_pipelined=2))
        talk.script(r"""
            C. a1 NOOP\r\na2 NOOP\r\na3 NOOP\r\n
            U. a1 NOOP\r\na2 NOOP\r\n
            S: a1 OK
            R: a1 OK
            U: a3 NOOP
            S. a2 OK\r\na3 OK\r\n
            R. a2 OK\r\na3 OK\r\n
        """)

    def test_a_client_that_sends_ahead_is_stopped(self):
        talk = Conversation()
        talk.client.dataReceived(b"a1 APPEND INBOX {200000}\r\n" + b"x" * 70_000)
        assert talk.client_wire.paused
        talk.upstream_wire.clear()
        talk.upstream.dataReceived(b"+\r\n")
        assert not talk.client_wire.paused
        assert talk.upstream_wire.take() == b"x" * 70_000

    def test_a_slow_client_stops_the_upstream_and_a_slow_upstream_the_client(self):
        talk = Conversation()
        talk.client_wire.producer.pauseProducing()
        assert talk.upstream_wire.paused
        talk.client_wire.producer.resumeProducing()
        assert not talk.upstream_wire.paused
        talk.upstream_wire.producer.pauseProducing()
        assert talk.client_wire.paused


class TestInputEnds:
    """``printf '…' | imapproxy stdio``: all was said before anything was answered."""

    def test_what_was_said_before_is_answered_first(self):
        talk = Conversation()
        talk.client.dataReceived(b"a1 IDLE\r\nDONE\r\na2 NOOP\r\n")
        talk.client.readConnectionLost()
        talk.script(r"""
            U: a1 IDLE
            S: +
            R: +
            U. DONE\r\na2 NOOP\r\n
            S. a1 OK\r\na2 OK\r\n
            R. a1 OK\r\na2 OK\r\n
            U: P1 LOGOUT
        """)
        assert talk.client_wire.disconnecting

    def test_also_when_the_log_in_was_under_way(self):
        talk = Conversation(logged_in=False)
        talk.waiting_login = Deferred()
        talk.client_wire.take()
        talk.client.dataReceived(b"a0 LOGIN user secret\r\na1 NOOP\r\n")
        talk.client.readConnectionLost()
        assert not talk.client_wire.closed
        talk.waiting_login.callback(None)
        talk.script(r"""
            R: a0 OK Logged in.
            U: a1 NOOP
            S: a1 OK
            R: a1 OK
            U: P1 LOGOUT
        """)
        assert talk.client_wire.disconnecting

    def test_an_answer_that_never_comes_is_not_waited_for_for_ever(self):
        talk = Conversation(reconnect=ReconnectRules(patience=0.0, silent_after=0.0))
        talk.client.dataReceived(b"a1 NOOP\r\n")
        talk.client.readConnectionLost()
        talk.client.proceed()
        assert len(talk.clock.getDelayedCalls()) == 1
        talk.clock.advance(599)
        assert not talk.client_wire.closed
        talk.clock.advance(1)
        assert talk.client_wire.disconnecting

    def test_half_a_line_is_not_waited_for(self):
        talk = Conversation()
        talk.client.dataReceived(b"a1 NO")
        talk.client.readConnectionLost()
        assert talk.client_wire.disconnecting
