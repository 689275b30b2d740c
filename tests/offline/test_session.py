"""An offline session, told as conversations."""

from array import array
from itertools import pairwise

import pytest
from twisted.internet.defer import Deferred

from imapproxy.cache.notes import MailboxNote, mailbox_key
from imapproxy.cache.store import Mailbox, UidList
from imapproxy.listener.limits import Limits
from imapproxy.wire.mailbox import WireMailbox
from tests.offline.talk import AWAY, REFUSED, large_mailbox, offline, read_mail, selected
from tests.relay.cached import ACCOUNT
from tests.relay.conversation import Conversation, Wire
from tests.relay.failing_store import FailingStore

ALL = rb"""
    R: * 1 FETCH (FLAGS (\\Seen) UID 11 RFC822.SIZE 5)
    R: * 2 FETCH (FLAGS () UID 12 RFC822.SIZE 6)
    R: * 3 FETCH (FLAGS ($x) UID 13 RFC822.SIZE 7)
""".decode()


class TestReading:
    def test_select(self):
        offline().script(r"""
            C: a1 SELECT inbox
            R: * FLAGS (\\Seen $x)
            R: * OK [PERMANENTFLAGS ()] Nothing can be changed offline
            R: * 3 EXISTS
            R: * 0 RECENT
            R: * OK [UIDVALIDITY 7] UIDs valid
            R: * OK [UIDNEXT 20] Predicted next UID
            R: * OK Offline: this is how the mailbox was less than a minute ago
            R: a1 OK [READ-ONLY] Opened, offline
            C: a2 CLOSE
            R: a2 OK No mailbox is selected
            C: a3 FETCH 1 FLAGS
            R: a3 BAD No mailbox is selected
        """)

    @pytest.mark.parametrize(
        "again", ["SELECT Work.Old", "EXAMINE nowhere", "SELECT INBOX (CONDSTORE)"]
    )
    def test_a_mailbox_that_cannot_be_opened_leaves_none_open(self, again):
        talk = selected()
        talk.client.dataReceived(f"a1 {again}\r\na2 FETCH 1 UID\r\n".encode())
        told = talk.client_wire.take()
        assert told.startswith(b"a1 NO [UNAVAILABLE] Offline: ")
        assert told.endswith(b"a2 BAD No mailbox is selected\r\n")

    def test_fetch_in_the_servers_own_shape(self):
        talk = selected()
        talk.script("C: a1 FETCH 1:* (UID FLAGS RFC822.SIZE)" + ALL + "R: a1 OK Fetch completed.")
        talk.clock.advance(0)
        talk.script(r"""
            C: a2 UID FETCH 12 (RFC822.SIZE)
            R: * 2 FETCH (UID 12 RFC822.SIZE 6)
            R: a2 OK Fetch completed.
        """)
        talk.clock.advance(0)
        talk.script(r"""
            C: a3 FETCH 2 (BODY[] FLAGS)
            R. * 2 FETCH (BODY[] {14}\r\nSubject: b\r\n\r\n FLAGS ())\r\n
            R: a3 OK Fetch completed.
        """)

    def test_what_is_not_held_is_said_to_be_so(self):
        selected().script(r"""
            C: a1 FETCH 1:3 (BODY.PEEK[])
            R. * 2 FETCH (BODY[] {14}\r\nSubject: b\r\n\r\n)\r\n
            R: a1 NO [UNAVAILABLE] Offline: 2 of 3 messages are not held
        """)

    @pytest.mark.parametrize(
        ("command", "answer"),
        [
            ("FETCH 4 FLAGS", "BAD there is no message of that number"),
            ("FETCH 1:* MODSEQ", "NO [UNAVAILABLE] Offline: MODSEQ is not known here"),
            ("FETCH 1 (FLAGS) (CHANGEDSINCE 1)", "NO [UNAVAILABLE] Offline: this is not kept here"),
            ("FETCH 1 WHAT", "NO [UNAVAILABLE] Offline: "),
            ("FETCH 1", "BAD "),
            ("UID FETCH 14:19 FLAGS", "OK Fetch completed."),
            ("UID FETCH 1 FLAGS", "OK Fetch completed."),
        ],
    )
    def test_numbers_and_requests_that_there_are_not(self, command, answer):
        talk = selected()
        talk.client.dataReceived(f"a1 {command}\r\n".encode())
        assert talk.client_wire.take().startswith(f"a1 {answer}".encode())

    def test_search(self):
        talk = selected()
        for search, found in (
            ("UNSEEN", " 2 3"),
            ("UID 12:*", " 2 3"),
            ("KEYWORD $X", " 3"),
            ("1", " 1"),
        ):
            talk.script(f"C: a SEARCH {search}\nR: * SEARCH{found}\nR: a OK Search completed.")
            talk.clock.advance(0)
        talk.script("C: a UID SEARCH LARGER 5\nR: * SEARCH 12 13\nR: a OK Search completed.")
        talk.clock.advance(0)
        talk.script("C: a SEARCH NEW\nR: * SEARCH\nR: a OK Search completed.")

    def test_a_search_is_never_answered_with_less_than_there_is(self):
        talk = selected()
        talk.script(r"""
            C: a1 SEARCH SUBJECT b
            R: a1 NO [UNAVAILABLE] Offline: of 2 messages not enough is held to search them by this
        """)
        talk.clock.advance(0)
        talk.script("C: a2 SEARCH 2 SUBJECT b\nR: * SEARCH 2\nR: a2 OK Search completed.")

    def test_a_long_search_takes_turns(self):
        talk = selected(large_mailbox())
        talk.client.dataReceived(b"a1 SEARCH UID 13:14\r\na2 NOOP\r\n")
        assert talk.client_wire.take() == b""
        talk.clock.pump([0] * 3)
        assert talk.client_wire.take().startswith(
            b"* SEARCH 3 4\r\na1 OK Search completed.\r\na2 OK"
        )

    def test_who_leaves_a_search_stops_it(self):
        talk = selected(large_mailbox())
        talk.client.dataReceived(b"a1 SEARCH ALL\r\n")
        talk.client_closes()
        assert not talk.clock.getDelayedCalls()

    @pytest.mark.parametrize("search", ["RETURN (COUNT) ALL", "OLDER 5", "CHARSET KOI8-R ALL"])
    def test_a_search_that_the_server_alone_can_do(self, search):
        talk = selected()
        talk.client.dataReceived(f"a1 SEARCH {search}\r\n".encode())
        assert talk.client_wire.take().startswith(b"a1 NO [")

    def test_status(self):
        offline().script(r"""
            C: a1 STATUS inbox (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN)
            R: * STATUS inbox (MESSAGES 3 RECENT 0 UIDNEXT 20 UIDVALIDITY 7 UNSEEN 2)
            R: a1 OK Status told
            C: a2 STATUS INBOX (SIZE)
            R: a2 NO [UNAVAILABLE] Offline: STATUS SIZE is not known here
            C: a3 STATUS Work.Old (MESSAGES)
            R: a3 NO [UNAVAILABLE] Offline: this mailbox was never opened
        """)

    def test_list(self):
        offline().script(r"""
            C: a1 LIST "" *
            R. * LIST (\\HasNoChildren) "." INBOX\r\n* LIST () "." Work.Old\r\n
            R. * LIST (\\Noselect) "." {3}\r\na"b\r\n
            R: a1 OK This is the list that was kept
            C: a2 LIST "" "%"
            R. * LIST (\\HasNoChildren) "." INBOX\r\n* LIST (\\Noselect) "." "a\\"b"\r\n
            R: * LIST (\\Noselect) "." Work
            R: a2 OK This is the list that was kept
            C: a3 LIST Work. *
            R: * LIST () "." Work.Old
            R: a3 OK This is the list that was kept
            C: a4 LIST "" ""
            R: * LIST (\\Noselect) "." ""
            R: a4 OK This is the list that was kept
            C: a5 LSUB "" *
            R: a5 NO [UNAVAILABLE] Offline: this list was never asked for
            C: a6 NAMESPACE
            R: a6 NO [UNAVAILABLE] Offline: this list was never asked for
            C: a7 LIST (SUBSCRIBED) "" *
            R: a7 NO [UNAVAILABLE] Offline: this list was never asked for
        """)

    def test_the_rest(self):
        selected().script(r"""
            C: a1 CAPABILITY
            R: * CAPABILITY IMAP4rev1 LITERAL+ ID UNSELECT IDLE NAMESPACE
            R: a1 OK Capabilities are listed
            C: a2 NOOP
            R: a2 OK Nothing has happened
            C: a3 ID NIL
            R: * ID ("name" "imapproxy" "version" "0")
            R: a3 OK That is who I am
            C: a4 IDLE
            R: + Idling, offline
            C: done
            R: a4 OK Idled
            C: a5 IDLE
            R: + Idling, offline
            C: a6 LOGOUT {3}
            R: a5 BAD DONE was expected
            C: a7 ENABLE CONDSTORE
            R: a7 NO [UNAVAILABLE] Offline: this command is for the server alone
            C: a8 WHAT {3+}
            C: abc
            R: a8 NO [UNAVAILABLE] Offline: this command is for the server alone
            C: a9 LOGIN a b
            R: a9 BAD You are logged in already
            C: b1 UNSELECT
            R: b1 OK No mailbox is selected
            C: b2 LOGOUT
            R: * BYE Logging out
            R: b2 OK Logged out
        """)


class TestSilence:
    """The upstream did not answer a moment ago."""

    def arrived(self) -> Conversation:
        talk = offline()
        talk.house.entrance.silence = AWAY
        talk.client_closes()
        talk.credentials.clear()
        talk.client_wire = Wire()
        talk.client = talk.house.buildProtocol()
        talk.client.makeConnection(talk.client_wire)
        talk.client_wire.take()
        return talk

    def test_who_is_known_does_not_wait(self):
        talk = self.arrived()
        talk.client.dataReceived(b"a LOGIN user secret\r\n")
        assert b"a OK" in talk.client_wire.take()
        assert not talk.credentials
        talk.clock.advance(5)
        assert talk.credentials, "but the session tries it in its own time"

    def test_who_is_not_waits_for_the_upstream(self):
        talk = self.arrived()
        talk.refusal = None
        talk.client.dataReceived(b"a LOGIN user wrong\r\n")
        assert talk.client_wire.take() == b"a OK Logged in.\r\n"


class TestWriting:
    @pytest.mark.parametrize(
        "command",
        [
            *(r"STORE 1 +FLAGS (\\Seen)", "UID STORE 11 FLAGS ()", "COPY 1 INBOX", "EXPUNGE"),
            *(
                "CREATE a",
                "DELETE a",
                "RENAME a b",
                "SUBSCRIBE a",
                "UID MOVE 11 a",
                "uid expunge 1",
            ),
        ],
    )
    def test_it_is_refused(self, command):
        selected().script(f"""
            C: a1 {command}
            R: a1 NO [UNAVAILABLE] Offline: nothing can be changed
        """)

    def test_a_message_is_not_asked_for(self):
        talk = selected()
        talk.script("""
            C: a1 APPEND INBOX {5}
            R: a1 NO [UNAVAILABLE] Offline: nothing can be changed
            C: a2 NOOP
            R: a2 OK Nothing has happened
        """)

    def test_one_that_comes_all_the_same_is_skipped(self):
        selected().script(r"""
            C: a1 APPEND INBOX {5+}
            R: a1 NO [UNAVAILABLE] Offline: nothing can be changed
            C. a2 NO {3+}\r\nabc\r\n
            C: a3 NOOP
            R: a3 OK Nothing has happened
        """)


class TestFraming:
    @pytest.mark.parametrize("size", [1, 3, 7, 1000])
    def test_however_it_is_cut(self, size):
        said = (
            b"a1 SELECT {5}\r\nINBOX\r\na2 SEARCH SUBJECT {1+}\r\nz 1:2\r\n"
            b"a3 IDLE\r\nDONE\r\na4 APPEND x {3+}\r\n{9}\r\na5 FETCH 1:* (UID)\r\na6 LOGOUT\r\n"
        )
        talk = offline()
        for at in range(0, len(said), size):
            talk.client.dataReceived(said[at : at + size])
        talk.clock.pump([0] * 9)
        told = talk.client_wire.take()
        tags = [line[:2] for line in told.split(b"\r\n") if line[:1] in b"ab" and line]
        assert tags == [b"a1", b"a2", b"a3", b"a4", b"a5", b"a6"]
        assert talk.client_wire.closed

    def test_a_command_that_is_too_long(self):
        talk = selected()
        talk.script("""
            C: a1 SEARCH SUBJECT {70000}
            R: a1 BAD Command too long
            C: a2 NOOP
            R: a2 OK Nothing has happened
        """)

    def test_what_is_no_command(self):
        talk = selected()
        talk.client.dataReceived(b"\xff\xfe\r\n\r\na1 \r\n(\r\n")
        told = talk.client_wire.take().split(b"\r\n")[:-1]
        assert len(told) == 4
        assert all(b" BAD " in line for line in told)

    def test_a_line_without_end(self):
        talk = offline(limits=Limits(max_line=1000))
        talk.client.dataReceived(b"a1 " + b"x" * 2000 + b"\r\na2 NOOP\r\n")
        assert b"a1 BAD line longer" in talk.client_wire.value()
        assert b"a2 OK" in talk.client_wire.take()


class TestEnds:
    def test_the_client_leaves(self):
        talk = selected()
        talk.client.dataReceived(b"a1 FETCH 1:* (UID)\r\n")
        talk.client_closes()
        assert talk.figures.sessions == 0
        assert not talk.clock.getDelayedCalls()

    def test_it_says_no_more(self):
        talk = selected()
        talk.client.dataReceived(b"a1 FETCH 1 (UID)\r\n")
        talk.client.readConnectionLost()
        talk.clock.advance(0)
        assert talk.client_wire.take().endswith(b"a1 OK Fetch completed.\r\n")
        assert talk.client_wire.closed

    def test_the_proxy_ends(self):
        talk = selected()
        talk.house.drain()
        talk.script("R: * BYE imapproxy is shutting down")
        assert talk.client_wire.closed
        talk.client_closes()

    def test_in_the_middle_of_an_answer(self):
        talk = selected()
        talk.client.pauseProducing = lambda: None
        talk.client_wire.producer.pauseProducing()  # the client does not read
        talk.client.dataReceived(b"a1 FETCH 1:* (UID)\r\na2 NOOP\r\n")
        talk.house.drain()
        assert not talk.client_wire.closed
        talk.client_wire.producer.resumeProducing()
        talk.clock.advance(0)
        told = talk.client_wire.take()
        assert told.endswith(b"a1 OK Fetch completed.\r\n* BYE imapproxy is shutting down\r\n")


class TestBackOnline:
    def test_the_next_command_is_the_servers(self):
        talk = offline()
        talk.clock.advance(5)
        assert len(talk.credentials) == 2
        talk.refusal = None
        talk.script("C: a1 CREATE a\nR: a1 NO [UNAVAILABLE] Offline: nothing can be changed")
        talk.clock.advance(10)
        assert talk.figures.sessions == 0
        talk.script(r"""
            C: a2 CREATE a
            U: a2 CREATE a
            S: a2 OK Created.
            R: a2 OK Created.
        """)

    def test_pauses_grow(self):
        talk = offline()
        asked = []
        for second in range(400):
            talk.clock.advance(1)
            if len(talk.credentials) > len(asked) + 1:
                asked.append(second)
        pauses = [later - sooner for sooner, later in pairwise(asked)]
        assert 2 <= asked[0] <= 5
        assert max(pauses) <= 61
        assert min(pauses[4:]) >= 29

    def test_not_in_the_middle_of_a_command(self):
        talk = offline()
        talk.refusal = None
        talk.client.dataReceived(b"a1 LIST {0}\r\n")
        talk.script("R: + OK")
        talk.clock.advance(5)
        talk.script(r"""
            C:  NoSuchPattern
            R: a1 OK This is the list that was kept
            C: a2 NOOP
            U: a2 NOOP
        """)

    def test_a_literal_that_is_being_skipped_is_no_command_of_the_servers(self):
        talk = offline()
        talk.refusal = None
        talk.client.dataReceived(b"a1 APPEND x {9+}\r\n")
        talk.clock.advance(5)
        talk.client.dataReceived(b"a2 NOOP\r\n\r\na3 NOOP\r\n")
        assert talk.upstream_wire.take() == b"a3 NOOP\r\n"

    def test_in_idle_it_waits_for_the_end(self):
        talk = offline()
        talk.script("C: a1 IDLE\nR: + Idling, offline")
        talk.refusal = None
        talk.clock.advance(5)
        talk.script("""
            C: DONE
            R: a1 OK Idled
            C: a2 NOOP
            U: a2 NOOP
        """)

    def test_with_a_mailbox_it_ends(self):
        talk = selected()
        talk.refusal = None
        talk.clock.advance(5)
        assert talk.upstream_wire.take().endswith(b" LOGOUT\r\n")
        talk.script("R: * BYE [UNAVAILABLE] The server can be reached again: connect again")
        assert talk.client_wire.closed
        assert talk.figures.sessions == 0

    def test_behind_the_answer_that_is_under_way(self):
        talk = selected()
        talk.client_wire.producer.pauseProducing()
        talk.client.dataReceived(b"a1 FETCH 1:* (UID)\r\na2 NOOP\r\n")
        talk.refusal = None
        talk.clock.advance(5)
        assert talk.client_wire.take() == b""
        talk.client_wire.producer.resumeProducing()
        talk.clock.advance(0)
        told = talk.client_wire.take()
        assert b"a1 OK Fetch completed.\r\n* BYE [UNAVAILABLE] " in told
        assert b"a2" not in told

    def test_behind_a_search_that_is_under_way(self):
        talk = selected(large_mailbox())
        talk.waiting_login = Deferred()
        talk.refusal = None
        talk.clock.advance(5)
        talk.client.dataReceived(b"a1 SEARCH 1100:*\r\na2 NOOP\r\n")
        talk.waiting_login.callback(None)
        assert talk.client_wire.take() == b""
        talk.clock.pump([0] * 5)
        told = talk.client_wire.take()
        assert told.startswith(b"* SEARCH 1100 1101 ")
        assert b"1200\r\na1 OK Search completed.\r\n* BYE [UNAVAILABLE] " in told
        assert b"a2" not in told

    def test_a_client_that_did_not_read_is_read_again(self):
        talk = offline()
        talk.client_wire.producer.pauseProducing()
        assert talk.client_wire.paused
        talk.refusal = None
        talk.clock.advance(5)
        assert talk.figures.sessions == 0
        assert not talk.client_wire.paused

    def test_the_password_is_refused(self):
        talk = selected()
        talk.refusal = REFUSED
        talk.clock.advance(5)
        talk.script(
            "R: * BYE [AUTHENTICATIONFAILED] The server does not take this password any more"
        )
        assert talk.client_wire.closed

    def test_the_session_ends_while_it_asks(self):
        talk = offline()
        talk.waiting_login = Deferred()
        talk.clock.advance(5)
        talk.client_closes()
        assert talk.waiting_login.called  # cancelled

    def test_a_connection_that_is_lost_before_it_is_used(self):
        talk = offline()
        talk.refusal = None
        talk.script("C: a1 IDLE\nR: + Idling, offline")
        talk.clock.advance(5)
        talk.upstream_closes()
        talk.refusal = AWAY
        talk.script("""
            C: DONE
            R: a1 OK Idled
            C: a2 CREATE a
            R: a2 NO [UNAVAILABLE] Offline: nothing can be changed
        """)
        talk.refusal = None
        talk.clock.advance(60)
        talk.script("C: a3 NOOP\nU: a3 NOOP")


class TestAStoreThatCannotBeRead:
    @pytest.mark.parametrize(
        ("command", "answer"),
        [
            ("SELECT INBOX", b"a NO [UNAVAILABLE] Offline: the cache cannot be read\r\n"),
            ('LIST "" "%"', b"a NO [UNAVAILABLE] Offline: the cache cannot be read\r\n"),
            ("FETCH 1:3 FLAGS", b"a NO [UNAVAILABLE] Offline: 3 of 3 messages are not held\r\n"),
            ("FETCH 1:3 BODY[]", b"a NO [UNAVAILABLE] Offline: 3 of 3 messages are not held\r\n"),
            ("SEARCH SEEN", b"a NO [UNAVAILABLE] Offline: of 3 messages not enough is held"),
            ("SEARCH TEXT a", b"a NO [UNAVAILABLE] Offline: of 3 messages not enough is held"),
            ("STATUS INBOX (UNSEEN)", b"a NO [UNAVAILABLE] Offline: the cache cannot be read\r\n"),
            ("SEARCH 2", b"* SEARCH 2\r\na OK"),
            ("FETCH 2 UID", b"* 2 FETCH (UID 12)\r\na OK"),
        ],
    )
    def test_it_is_not_made_up(self, command, answer):
        store = FailingStore(read_mail())
        talk = offline(store)
        talk.client.dataReceived(b"s SELECT INBOX\r\n")
        assert b"s OK" in talk.client_wire.take()
        store.fail(times=1000)
        talk.client.dataReceived(f"a {command}\r\n".encode())
        assert talk.client_wire.take().startswith(answer)


class TestMailboxes:
    """What is known of a mailbox: a note that it was opened, and the list of its messages."""

    def opened(self, exists: int, *, listed: bool, mailbox_id: bytes = b"") -> bytes:
        store = read_mail()
        mailbox = Mailbox(ACCOUNT, b"Box", mailbox_id, 9)
        note = MailboxNote(9, mailbox_id, exists, b"()", 0.0)
        store.writer.keep_note(ACCOUNT, mailbox_key(WireMailbox(b"Box")), note.encode())
        if listed:
            store.writer.keep_uid_list(mailbox, UidList(8, array("I", [3, 7])))
        talk = offline(store)
        talk.client.dataReceived(b"a SELECT Box\r\n")
        told: bytes = talk.client_wire.take()
        return told

    def test_an_empty_one_has_no_list(self):
        told = self.opened(0, listed=False)
        assert b"* 0 EXISTS\r\n" in told
        assert b"[UIDNEXT 1]" in told
        assert b"a OK [READ-ONLY]" in told

    def test_messages_that_were_never_told_of(self):
        told = self.opened(2, listed=False)
        assert told.startswith(b"a NO [UNAVAILABLE] Offline: which messages this mailbox has")

    def test_the_list_is_the_newer_of_the_two(self):
        assert b"* 2 EXISTS\r\n" in self.opened(0, listed=True)

    def test_one_that_has_an_id(self):
        told = self.opened(2, listed=True, mailbox_id=b"F1")
        assert b"[UIDVALIDITY 9]" in told
        assert b" days ago\r\n" in told
