"""What a client notices of a partner that is lost: as little as can be."""

import pytest
from twisted.internet.task import Clock

from imapproxy.cache.memory_store import MemoryStore
from imapproxy.relay.cached_account import CachedAccount
from imapproxy.relay.comeback import ReconnectRules
from imapproxy.relay.freshness import Freshness
from imapproxy.relay.partner import NotLetIn
from imapproxy.upstream.errors import LoginRefused, UpstreamUnavailable
from tests.relay.conversation import Conversation

RECONNECT = ReconnectRules(patience=30.0)
ANSWER = (
    r"* 3 EXISTS\r\n* OK [UIDVALIDITY 7] .\r\n* OK [UIDNEXT 20] .\r\n* OK [HIGHESTMODSEQ 5] .\r\n"
)
SELECTED = rf"""
    C: s SELECT INBOX
    U: s SELECT INBOX
    S. {ANSWER}s OK [READ-WRITE] .\r\n
    R. {ANSWER}s OK [READ-WRITE] .\r\n
"""
KNOWN = (
    SELECTED
    + r"""
    C: f UID FETCH 1:* FLAGS
    U: f UID FETCH 1:* FLAGS
    S. * 1 FETCH (UID 11 FLAGS ())\r\n* 2 FETCH (UID 12 FLAGS ())\r\n* 3 FETCH (UID 13 FLAGS ())\r\n
    S: f OK .
    R. * 1 FETCH (UID 11 FLAGS ())\r\n* 2 FETCH (UID 12 FLAGS ())\r\n* 3 FETCH (UID 13 FLAGS ())\r\n
    R: f OK .
"""
)
SAME_AGAIN = rf"""
    U: P1 SELECT INBOX
    S. {ANSWER}P1 OK [READ-WRITE] .\r\n
"""
# UIDs 11 and 13 are gone, 20 and 21 have come.
CHANGED = r"""
    U: P1 SELECT INBOX
    S. * 3 EXISTS\r\n* 2 RECENT\r\n* OK [UIDVALIDITY 7] .\r\n* OK [UIDNEXT 22] .\r\n
    S: P1 OK [READ-WRITE] .
    U: P2 FETCH 3:3 (UID)
    S. * 3 FETCH (UID 21)\r\nP2 OK .\r\n
    U: P3 FETCH 1:3 (UID)
    S. * 1 FETCH (UID 12)\r\n* 2 FETCH (UID 20)\r\n* 3 FETCH (UID 21)\r\nP3 OK .\r\n
"""
GONE_AND_COME = r"""
    R: * 3 EXPUNGE
    R: * 1 EXPUNGE
    R: * 3 EXISTS
    R: * 2 RECENT
"""
CLOSED = "imaps://upstream closed the connection"


@pytest.fixture
def talk():
    account = CachedAccount(b"imaps://upstream user", MemoryStore(Clock()), Freshness())
    return Conversation(account=account, reconnect=RECONNECT)


@pytest.fixture
def uncached():
    return Conversation(reconnect=RECONNECT)


class TestBetweenCommands:
    def test_nothing_is_said_and_nothing_asked_until_the_next_command(self, talk):
        talk.script(KNOWN)
        talk.upstream_closes()
        assert len(talk.credentials) == 1
        talk.nothing_left()
        assert not talk.client_wire.closed
        talk.client.dataReceived(b"a1 NOOP\r\n")
        assert len(talk.credentials) == 2 and talk.credentials[0] == talk.credentials[1]

    def test_the_next_command_goes_to_another_connection(self, talk):
        talk.script(KNOWN)
        talk.upstream_closes()
        talk.client.dataReceived(b"a1 NOOP\r\n")
        talk.script(
            SAME_AGAIN
            + r"""
            U: a1 NOOP
            S: a1 OK done
            R: a1 OK done
            C: a2 STORE 2 +FLAGS (x)
            U: a2 STORE 2 +FLAGS (x)
            S: a2 OK done
            R: a2 OK done
        """
        )

    def test_a_command_with_a_literal_waits_whole(self, talk):
        talk.script(KNOWN)
        talk.upstream_closes()
        talk.client.dataReceived(b"a1 APPEND x {3}\r\n")
        talk.script(
            SAME_AGAIN
            + r"""
            U: a1 APPEND x {3}
            S: + go on
            R: + go on
            C: abc
            U: abc
            S: a1 OK done
            R: a1 OK done
        """
        )

    def test_without_a_mailbox_nothing_has_to_be_known(self, uncached):
        uncached.upstream_closes()
        uncached.client.dataReceived(b'a1 LIST "" *\r\n')
        uncached.script(r"""
            U: a1 LIST "" *
            S. * LIST () "/" INBOX\r\na1 OK .\r\n
            R. * LIST () "/" INBOX\r\na1 OK .\r\n
        """)

    def test_another_select_needs_not_the_first_again(self, talk):
        talk.script(KNOWN)
        talk.upstream_closes()
        talk.client.dataReceived(b"a1 SELECT other\r\n")
        talk.script(r"""
            U: a1 SELECT other
            S: a1 NO there is none
            R: a1 NO there is none
            C: a2 SELECT INBOX
            U: a2 SELECT INBOX
            S: a2 OK .
            R: a2 OK .
        """)

    def test_a_log_out_needs_nobody(self, talk):
        talk.script(KNOWN)
        talk.upstream_closes()
        talk.script(r"""
            C: a1 LOGOUT
            R: * BYE Logging out
            R: a1 OK Logout completed.
        """)
        assert len(talk.credentials) == 1
        assert talk.client_wire.closed

    def test_a_bye_of_the_server_is_not_the_clients(self, talk):
        talk.script(KNOWN)
        talk.script("S: * BYE idle for too long")
        talk.upstream_closes()
        talk.client.dataReceived(b"a1 NOOP\r\n")
        talk.script(SAME_AGAIN + "    U: a1 NOOP")

    def test_a_server_that_says_bye_and_stays_is_cut(self, talk):
        talk.script(KNOWN)
        talk.script("S: * BYE idle for too long")
        talk.clock.advance(5.0)
        assert talk.upstream_wire.aborted

    def test_who_was_introduced_is_introduced_again(self, talk):
        talk.script(r"""
            C. i ID NIL\r\ne ENABLE UTF8=ACCEPT\r\n
            U. i ID NIL\r\ne ENABLE UTF8=ACCEPT\r\n
            S. * ID NIL\r\ni OK .\r\n* ENABLED UTF8=ACCEPT\r\ne OK .\r\n
            R. * ID NIL\r\ni OK .\r\n* ENABLED UTF8=ACCEPT\r\ne OK .\r\n
        """)
        talk.upstream_closes()
        talk.client.dataReceived(b"a1 NOOP\r\n")
        talk.script(r"""
            U: P1 ID NIL
            S. * ID NIL\r\nP1 OK .\r\n
            U: P2 ENABLE UTF8=ACCEPT
            S. * ENABLED UTF8=ACCEPT\r\nP2 OK .\r\n
            U: a1 NOOP
            S: a1 OK .
            R: a1 OK .
        """)


class TestWhatHasChanged:
    def test_is_told_with_a_command_that_allows_it(self, talk):
        talk.script(KNOWN)
        talk.upstream_closes()
        talk.client.dataReceived(b"a1 NOOP\r\n")
        talk.script(
            CHANGED
            + GONE_AND_COME
            + r"""
            U: P4 FETCH 1:* (FLAGS)
            U: a1 NOOP
            S. * 1 FETCH (FLAGS (\\Seen))\r\n* 2 FETCH (FLAGS ())\r\n* 3 FETCH (FLAGS ())\r\n
            R. * 1 FETCH (FLAGS (\\Seen))\r\n* 2 FETCH (FLAGS ())\r\n* 3 FETCH (FLAGS ())\r\n
            S: P4 OK .
            S: a1 OK .
            R: a1 OK .
        """
        )

    def test_flags_wait_until_the_client_asks_for_news(self, talk):
        talk.script(KNOWN)
        talk.upstream_closes()
        talk.client.dataReceived(b"a1 UID FETCH 12 BODY.PEEK[]\r\n")
        talk.script(
            CHANGED
            + GONE_AND_COME
            + r"""
            U: a1 UID FETCH 12 BODY.PEEK[]
            S. * 1 FETCH (UID 12 BODY[] "x")\r\na1 OK .\r\n
            R. * 1 FETCH (UID 12 BODY[] "x")\r\na1 OK .\r\n
            C: a2 CHECK
            U: P4 FETCH 1:* (FLAGS)
            U: a2 CHECK
        """
        )

    def test_the_view_goes_on_from_there(self, talk):
        talk.script(KNOWN)
        talk.upstream_closes()
        talk.client.dataReceived(b"a1 NOOP\r\n")
        talk.script(
            CHANGED
            + GONE_AND_COME
            + "    U: P4 FETCH 1:* (FLAGS)\n    U: a1 NOOP\n    S: P4 OK .\n"
            "    S: a1 OK .\n    R: a1 OK ."
        )
        talk.upstream_closes()
        talk.client.dataReceived(b"a2 FETCH 3 BODY.PEEK[]\r\n")
        talk.clock.advance(1.0)
        talk.script(r"""
            U: P1 SELECT INBOX
            S. * 3 EXISTS\r\n* OK [UIDVALIDITY 7] .\r\n* OK [UIDNEXT 22] .\r\n
            S: P1 OK [READ-WRITE] .
            U: a2 FETCH 3 BODY.PEEK[]
            S. * 3 FETCH (UID 21 BODY[] "x")\r\na2 OK .\r\n
            R. * 3 FETCH (UID 21 BODY[] "x")\r\na2 OK .\r\n
        """)

    @pytest.mark.parametrize(
        "command",
        [
            "FETCH 2 BODY.PEEK[]",
            "FETCH 4 FLAGS",
            "FETCH 2 MODSEQ",
            "STORE 2 (UNCHANGEDSINCE 5) FLAGS ()",
            "SEARCH RETURN (COUNT) ALL",
            "SORT (DATE) UTF-8 ALL",
            "THREAD REFERENCES UTF-8 ALL",
            "UID SEARCH X-UNKNOWN 2",
            "UID SEARCH {3}",
        ],
    )
    def test_a_command_by_number_that_cannot_be_translated_ends_the_session(self, talk, command):
        talk.script(KNOWN)
        talk.upstream_closes()
        talk.client.dataReceived(f"a1 {command}\r\n".encode())
        talk.script(
            CHANGED
            + """
            R: a1 NO [UNAVAILABLE] the connection was lost: messages have gone meanwhile
            R: * BYE [UNAVAILABLE] the connection was lost: messages have gone meanwhile
            U: P4 LOGOUT
        """
        )
        assert talk.client_wire.closed

    def test_nothing_that_went_may_be_told_of_by_number(self, talk):
        talk.script(KNOWN)
        talk.upstream_closes()
        talk.client.dataReceived(b"a1 STORE 2 +FLAGS (x)\r\n")
        talk.script(r"""
            U: P1 SELECT INBOX
            S. * 4 EXISTS\r\n* 1 RECENT\r\n* OK [UIDVALIDITY 7] .\r\n* OK [UIDNEXT 21] .\r\n
            S: P1 OK [READ-WRITE] .
            U: P2 FETCH 3:4 (UID)
            S. * 3 FETCH (UID 13)\r\n* 4 FETCH (UID 20)\r\nP2 OK .\r\n
            R. * 4 EXISTS\r\n* 1 RECENT\r\n
            U: a1 STORE 2 +FLAGS (x)
            S: a1 OK .
            R: a1 OK .
        """)

    def test_by_uid_to_who_wants_it_so(self, talk):
        talk.script(r"""
            C: e ENABLE QRESYNC
            U: e ENABLE QRESYNC
            S. * ENABLED QRESYNC\r\ne OK .\r\n
            R. * ENABLED QRESYNC\r\ne OK .\r\n
        """)
        talk.script(KNOWN)
        talk.upstream_closes()
        talk.client.dataReceived(b"a1 NOOP\r\n")
        talk.script(r"""
            U: P1 ENABLE QRESYNC
            S. * ENABLED QRESYNC\r\nP1 OK .\r\n
            U: P2 SELECT INBOX
            S. * 1 EXISTS\r\n* OK [UIDVALIDITY 7] .\r\n* OK [UIDNEXT 20] .\r\n
            S. * OK [HIGHESTMODSEQ 9] .\r\nP2 OK [READ-WRITE] .\r\n
            U: P3 FETCH 1:1 (UID)
            S. * 1 FETCH (UID 12)\r\nP3 OK .\r\n
            R: * VANISHED 11,13
            U: P4 FETCH 1:* (UID FLAGS) (CHANGEDSINCE 5)
            U: a1 NOOP
        """)


class TestCommandsInFlight:
    @pytest.mark.parametrize(
        "command",
        [
            "NOOP",
            "CHECK",
            "FETCH 2 BODY.PEEK[]",
            "UID FETCH 12 (X-UNKNOWN)",
            "SEARCH UNSEEN",
            "STATUS other (MESSAGES)",
            'LIST "" *',
            "NAMESPACE",
            "STORE 2 FLAGS.SILENT (x)",
            "UID STORE 12 FLAGS (x)",
            "STORE 2 +FLAGS (x)",
            "UID STORE 12 -FLAGS.SILENT (x)",
            "CAPABILITY",
        ],
    )
    def test_are_said_again(self, talk, command):
        talk.script(KNOWN)
        talk.script(f"C: a1 {command}\nU: a1 {command}")
        talk.upstream_closes()
        talk.script(SAME_AGAIN + f"    U: a1 {command}\n    S: a1 OK done\n    R: a1 OK done")
        talk.script("C: a2 NOOP\nU: a2 NOOP\nS: a2 OK done\nR: a2 OK done")

    @pytest.mark.parametrize(
        "command",
        [
            "COPY 2 x",
            "UID MOVE 12 x",
            "CREATE x",
            "DELETE x",
            "RENAME x y",
            "STORE 2 +X-GM-LABELS (x)",
            "STORE 2 (UNCHANGEDSINCE 5) FLAGS (x)",
        ],
    )
    def test_never_where_that_could_do_it_twice(self, talk, command):
        if "UNCHANGEDSINCE" in command:
            talk.script("C: e ENABLE CONDSTORE\nU: e ENABLE CONDSTORE\nS: e OK .\nR: e OK .")
        talk.script(KNOWN)
        talk.script(f"C: a1 {command}\nU: a1 {command}")
        talk.upstream_closes()
        talk.script(f"R: a1 NO [UNAVAILABLE] Outcome unknown: {CLOSED}")
        assert not talk.client_wire.closed
        assert len(talk.credentials) == 1
        talk.client.dataReceived(b"a2 NOOP\r\n")
        assert len(talk.credentials) == 2

    def test_a_whole_append_is_not_repeated(self, talk):
        talk.script(KNOWN)
        talk.script("C: a1 APPEND x {3+}\nC: abc\nU: a1 APPEND x {3+}\nU: abc")
        talk.upstream_closes()
        talk.script(f"R: a1 NO [UNAVAILABLE] Outcome unknown: {CLOSED}")

    def test_half_an_append_is_forgotten(self, talk):
        talk.script(KNOWN)
        talk.script("C. a1 APPEND x {3+}\\r\\na\nU. a1 APPEND x {3+}\\r\\na")
        talk.upstream_closes()
        talk.script(f"R: a1 NO [UNAVAILABLE] Not done: {CLOSED}\nC. bc\\r\\n")
        talk.client.dataReceived(b"a2 NOOP\r\n")
        talk.script(SAME_AGAIN + "    U: a2 NOOP\n    S: a2 OK .\n    R: a2 OK .")

    def test_a_literal_that_nobody_asked_for_yet(self, talk):
        talk.script(KNOWN)
        talk.script("C: a1 APPEND x {3}\nU: a1 APPEND x {3}")
        talk.upstream_closes()
        talk.script(f"R: a1 NO [UNAVAILABLE] Not done: {CLOSED}")
        talk.client.dataReceived(b"a2 NOOP\r\n")
        talk.script(SAME_AGAIN + "    U: a2 NOOP\n    S: a2 OK .\n    R: a2 OK .")

    def test_what_was_told_in_part_is_not_told_again(self, talk):
        talk.script(KNOWN)
        talk.script(r"""
            C: a1 FETCH 1:3 BODY.PEEK[]
            U: a1 FETCH 1:3 BODY.PEEK[]
            S: * 1 FETCH (UID 11 BODY[] "x")
            R: * 1 FETCH (UID 11 BODY[] "x")
        """)
        talk.upstream_closes()
        talk.script(f"R: a1 NO [UNAVAILABLE] Outcome unknown: {CLOSED}")
        assert not talk.client_wire.closed

    def test_half_a_response_is_the_end(self, talk):
        talk.script(KNOWN)
        talk.script(r"""
            C: a1 UID FETCH 11 BODY.PEEK[]
            U: a1 UID FETCH 11 BODY.PEEK[]
            S. * 1 FETCH (UID 11 BODY[] {100000}\r\nFrom:
            R. * 1 FETCH (UID 11 BODY[] {100000}\r\nFrom:
        """)
        talk.upstream_closes()
        talk.nothing_left()
        assert talk.client_wire.closed

    def test_all_are_answered_in_order(self, talk):
        talk.script(KNOWN)
        talk.script(r"""
            C. a1 NOOP\r\na2 DELETE x\r\na3 STARTTLS\r\na4 LIST "" *\r\n
            U. a1 NOOP\r\na2 DELETE x\r\na4 LIST "" *\r\n
        """)
        talk.upstream_closes()
        talk.script(
            SAME_AGAIN
            + rf"""
            U. a1 NOOP\r\na4 LIST "" *\r\n
            S: a1 OK one
            R: a1 OK one
            R: a2 NO [UNAVAILABLE] Outcome unknown: {CLOSED}
            R: a3 BAD STARTTLS is not offered here
            S: a4 OK four
            R: a4 OK four
        """
        )

    def test_a_command_that_ends_every_connection_is_given_up(self, talk):
        talk.script("C: a1 LIST bomb *\nU: a1 LIST bomb *")
        for _ in range(2):
            talk.upstream_closes()
            talk.clock.advance(1.0)
            talk.script("U: a1 LIST bomb *")
        talk.upstream_closes()
        talk.script(f"R: a1 NO [UNAVAILABLE] Outcome unknown: {CLOSED}")

    def test_a_select_is_said_again(self, talk):
        talk.script("C: s SELECT INBOX\nU: s SELECT INBOX")
        talk.upstream_closes()
        talk.script(rf"""
            U: s SELECT INBOX
            S. {ANSWER}s OK [READ-WRITE] .\r\n
            R. {ANSWER}s OK [READ-WRITE] .\r\n
        """)

    def test_the_client_is_not_read_meanwhile(self, talk):
        talk.script(KNOWN)
        talk.script("C: a1 NOOP\nU: a1 NOOP")
        talk.upstream_closes()
        talk.client.dataReceived(b"a2 NOOP\r\n")
        talk.script(SAME_AGAIN + r"    U. a1 NOOP\r\na2 NOOP\r\n")


class TestIdle:
    def idle(self, talk):
        talk.script("C: i IDLE\nU: i IDLE\nS: + idling\nR: + idling")

    def test_it_goes_on(self, talk):
        talk.script(KNOWN)
        self.idle(talk)
        talk.upstream_closes()
        talk.client.dataReceived(b"DONE\r\n")
        talk.script(
            SAME_AGAIN
            + r"""
            U: i IDLE
            S: + idling again
            U: DONE
            S: i OK done
            R: i OK done
        """
        )

    def test_what_has_changed_is_told_at_once(self, talk):
        talk.script(KNOWN)
        self.idle(talk)
        talk.upstream_closes()
        talk.script(
            CHANGED
            + GONE_AND_COME
            + r"""
            U: P4 FETCH 1:* (FLAGS)
            U: i IDLE
            S: P4 OK .
            S: + idling
            S: * 4 EXISTS
            R: * 4 EXISTS
        """
        )

    def test_one_that_is_over_is_answered(self, talk):
        talk.script(KNOWN)
        self.idle(talk)
        talk.script("C: DONE\nU: DONE")
        talk.upstream_closes()
        talk.script(SAME_AGAIN + "    U: i NOOP\n    S: i OK .\n    R: i OK .")

    def test_one_that_had_not_begun(self, talk):
        talk.script(KNOWN)
        talk.script("C: i IDLE\nU: i IDLE")
        talk.upstream_closes()
        talk.script(SAME_AGAIN + "    U: i IDLE\n    S: + idling\n    R: + idling")


class TestTheEnd:
    def ends(self, talk, reason):
        assert (
            talk.client_wire.take().split(b"\r\n")[-2].startswith(b"* BYE [UNAVAILABLE] " + reason)
        )
        assert talk.client_wire.closed

    def test_another_uid_validity(self, talk):
        talk.script(KNOWN)
        talk.upstream_closes()
        talk.client.dataReceived(b"a1 NOOP\r\n")
        talk.script(r"""
            U: P1 SELECT INBOX
            S. * 3 EXISTS\r\n* OK [UIDVALIDITY 8] .\r\n* OK [UIDNEXT 20] .\r\n
            S: P1 OK [READ-WRITE] .
            R. a1 NO [UNAVAILABLE] the connection was lost:\x20
            R: the UIDVALIDITY of the mailbox has changed
            R. * BYE [UNAVAILABLE] the connection was lost:\x20
            R: the UIDVALIDITY of the mailbox has changed
            U: P2 LOGOUT
        """)

    def test_uids_that_were_never_known(self, talk):
        talk.script(SELECTED)
        talk.upstream_closes()
        talk.client.dataReceived(b"a1 NOOP\r\n")
        talk.script(r"""
            U: P1 SELECT INBOX
            S. * 4 EXISTS\r\n* OK [UIDVALIDITY 7] .\r\n* OK [UIDNEXT 21] .\r\n
            S: P1 OK [READ-WRITE] .
            R. a1 NO [UNAVAILABLE] the connection was lost:\x20
            R: which messages the mailbox had is not known
            R. * BYE [UNAVAILABLE] the connection was lost:\x20
            R: which messages the mailbox had is not known
            U: P2 LOGOUT
        """)

    def test_but_not_where_nothing_can_have_changed(self, talk):
        talk.script(SELECTED)
        talk.upstream_closes()
        talk.client.dataReceived(b"a1 NOOP\r\n")
        talk.script(SAME_AGAIN + "    U: a1 NOOP")

    def test_half_a_response_that_was_not_told_yet(self, talk):
        talk.script(KNOWN)
        talk.script(r"""
            S: * 4 EXISTS
            R: * 4 EXISTS
            U: P1 FETCH 4:4 (UID)
            S. * 1 FETCH (X-NEWS {100000}\r\nFrom:
        """)
        talk.upstream_closes()
        talk.script(f"R: * BYE [UNAVAILABLE] {CLOSED}")
        assert talk.client_wire.closed

    def test_a_mailbox_of_which_nothing_is_known(self, uncached):
        uncached.script(SELECTED)
        uncached.upstream_closes()
        self.ends(uncached, CLOSED.encode())
        assert len(uncached.credentials) == 1

    @pytest.mark.parametrize(
        "command", ["NOTIFY NONE", "XYZZY", "UID SEARCH RETURN (SAVE) ALL", "FETCH 1 MODSEQ"]
    )
    def test_what_cannot_be_set_up_again(self, talk, command):
        talk.script(KNOWN)
        talk.script(f"C: a1 {command}\nU: a1 {command}\nS: a1 OK .\nR: a1 OK .")
        talk.upstream_closes()
        self.ends(talk, CLOSED.encode())

    def test_a_bye_that_cannot_be_helped(self, talk):
        talk.script("C: a1 XYZZY\nU: a1 XYZZY\nS: * BYE see you")
        talk.upstream_closes()
        talk.script("R: * BYE see you")
        assert talk.client_wire.closed

    def test_the_password_is_not_taken_any_more(self, talk):
        talk.script(KNOWN)
        talk.upstream_closes()
        talk.refusal = NotLetIn(LoginRefused(b"NO", b"[AUTHENTICATIONFAILED] no"))
        talk.client.dataReceived(b"a1 NOOP\r\n")
        self.ends(talk, b"the connection was lost: ")
        assert len(talk.credentials) == 2

    def test_a_server_that_stays_away(self, talk):
        talk.script(KNOWN)
        talk.upstream_closes()
        talk.refusal = NotLetIn(UpstreamUnavailable("nobody there"))
        talk.client.dataReceived(b"a1 NOOP\r\n")
        for _ in range(300):
            talk.clock.advance(0.1)
        assert talk.client_wire.value().startswith(b"a1 NO [UNAVAILABLE] ")
        self.ends(talk, b"the connection was lost: no new connection within 30 seconds")
        assert 6 <= len(talk.credentials) <= 20
        assert not talk.clock.getDelayedCalls() or talk.client_wire.closed

    def test_a_server_that_comes_back(self, talk):
        talk.script(KNOWN)
        talk.upstream_closes()
        talk.refusal = NotLetIn(UpstreamUnavailable("nobody there"))
        talk.client.dataReceived(b"a1 NOOP\r\n")
        talk.clock.advance(0.1)
        talk.refusal = None
        talk.clock.advance(0.5)
        talk.script(SAME_AGAIN + "    U: a1 NOOP")

    def test_a_client_that_goes_meanwhile(self, talk):
        talk.script(KNOWN)
        talk.script("C: a1 NOOP\nU: a1 NOOP")
        talk.upstream_closes()
        talk.client_closes()
        talk.script("U: P1 SELECT INBOX")
        assert talk.upstream_wire.closed

    def test_the_proxy_is_told_to_stop_meanwhile(self, talk):
        talk.script(KNOWN)
        talk.script("C: a1 NOOP\nU: a1 NOOP")
        talk.upstream_closes()
        talk.client.drain(5.0)
        talk.script(r"""
            U: P1 SELECT INBOX
            R: a1 NO [UNAVAILABLE] Outcome unknown: imapproxy is shutting down
            R: * BYE [UNAVAILABLE] imapproxy is shutting down
        """)
        assert talk.client_wire.closed

    def test_and_a_command_that_waits_is_answered_then(self, talk):
        talk.script(KNOWN)
        talk.upstream_closes()
        talk.script("C: a1 NOOP\nU: P1 SELECT INBOX")
        talk.client.drain(5.0)
        talk.script(r"""
            R: a1 NO [UNAVAILABLE] imapproxy is shutting down
            R: * BYE [UNAVAILABLE] imapproxy is shutting down
        """)
        assert talk.client_wire.closed
