"""Whether a command was done whose answer was lost: found out, or said to be unknown."""

import pytest

from tests.relay.cached import Cached
from tests.relay.conversation import Conversation
from tests.relay.test_comeback import ANSWER, CLOSED, KNOWN, RECONNECT, SAME_AGAIN

UNKNOWN = "NO [UNAVAILABLE] Outcome unknown: the connection was lost"
LOST_AT_ONCE = f"NO [UNAVAILABLE] Outcome unknown: {CLOSED}"
MESSAGE = r"Subject: x\r\nMessage-ID: <a@b>\r\n\r\nx\r\n"
SIZE = len(MESSAGE.replace("\\r\\n", "12"))
# Another message is there, and nothing has gone.
ONE_MORE = r"""
    U: P1 SELECT INBOX
    S. * 4 EXISTS\r\n* 1 RECENT\r\n* OK [UIDVALIDITY 7] .\r\n* OK [UIDNEXT 21] .\r\n
    S: P1 OK [READ-WRITE] .
    U: P2 FETCH 3:4 (UID)
    S. * 3 FETCH (UID 13)\r\n* 4 FETCH (UID 20)\r\nP2 OK .\r\n
"""


@pytest.fixture
def talk() -> Conversation:
    talk = Cached().talk(reconnect=RECONNECT)
    talk.script(KNOWN)
    return talk


def lose(talk: Conversation, command: str) -> None:
    talk.script(f"C: a1 {command}\nU: a1 {command}")
    talk.upstream_closes()


def is_there(talk: Conversation) -> None:
    """The session goes on."""
    talk.script("C: a9 NOOP\nU: a9 NOOP\nS: a9 OK .\nR: a9 OK .")


class TestExpunge:
    @pytest.mark.parametrize(
        ("command", "criteria"),
        [("EXPUNGE", "DELETED"), ("UID EXPUNGE 11:12", "UID 11:12 DELETED")],
    )
    def test_was_done_if_nothing_is_left_to_do(
        self, talk: Conversation, command: str, criteria: str
    ) -> None:
        lose(talk, command)
        talk.script(rf"""
            U: P1 SELECT INBOX
            S. * 2 EXISTS\r\n* OK [UIDVALIDITY 7] .\r\n* OK [UIDNEXT 20] .\r\n
            S. * OK [HIGHESTMODSEQ 5] .\r\nP1 OK [READ-WRITE] .\r\n
            U: P2 FETCH 1:2 (UID)
            S. * 1 FETCH (UID 11)\r\n* 2 FETCH (UID 13)\r\nP2 OK .\r\n
            U: P3 UID SEARCH {criteria}
            S. * SEARCH\r\nP3 OK .\r\n
            R: * 2 EXPUNGE
            R: a1 OK Expunge completed.
        """)
        is_there(talk)

    @pytest.mark.parametrize(
        "answer",
        [
            r"* SEARCH 12\r\nP2 OK .\r\n",
            r"P2 OK I say nothing\r\n",
            r"P2 NO not now\r\n",
            r"P2 BAD what\r\n",
        ],
    )
    def test_else_nobody_knows(self, talk: Conversation, answer: str) -> None:
        lose(talk, "EXPUNGE")
        talk.script(
            SAME_AGAIN
            + rf"""
            U: P2 UID SEARCH DELETED
            S. {answer}
            R: a1 {UNKNOWN}
        """
        )
        is_there(talk)

    def test_it_is_asked_again_if_the_connection_is_lost_again(self, talk: Conversation) -> None:
        lose(talk, "EXPUNGE")
        talk.script(SAME_AGAIN + "    U: P2 UID SEARCH DELETED")
        talk.upstream_closes()
        talk.clock.advance(1.0)
        talk.script(
            SAME_AGAIN
            + r"""
            U: P2 UID SEARCH DELETED
            S. * SEARCH\r\nP2 OK .\r\n
            R: a1 OK Expunge completed.
        """
        )

    def test_behind_what_may_not_be_done_nobody_knows(self, talk: Conversation) -> None:
        talk.script(r"""
            C. a0 UID STORE 12 +FLAGS (\\Deleted)\r\na1 EXPUNGE\r\n
            U. a0 UID STORE 12 +FLAGS (\\Deleted)\r\na1 EXPUNGE\r\n
        """)
        talk.upstream_closes()
        talk.script(
            SAME_AGAIN
            + rf"""
            U: a0 UID STORE 12 +FLAGS (\\Deleted)
            S: a0 OK .
            R: a0 OK .
            R: a1 {LOST_AT_ONCE}
        """
        )

    def test_where_nothing_may_be_changed_nobody_asks(self) -> None:
        talk = Cached().talk(reconnect=RECONNECT)
        talk.script(KNOWN.replace("SELECT", "EXAMINE").replace("READ-WRITE", "READ-ONLY"))
        lose(talk, "EXPUNGE")
        talk.script(f"R: a1 {LOST_AT_ONCE}")


class TestStore:
    def test_of_flags_is_said_again(self, talk: Conversation) -> None:
        lose(talk, "STORE 2 +FLAGS (x)")
        talk.script(SAME_AGAIN + "    U: a1 STORE 2 +FLAGS (x)\n    S: a1 OK .\n    R: a1 OK .")

    @pytest.mark.parametrize("flags", ["+FLAGS", "FLAGS"])
    def test_but_not_behind_one_that_was_said_later(self, talk: Conversation, flags: str) -> None:
        talk.script(rf"""
            C. a1 STORE 2 {flags} (x)\r\na2 UID STORE 12 -FLAGS (x)\r\n
            U. a1 STORE 2 {flags} (x)\r\na2 UID STORE 12 -FLAGS (x)\r\n
            S: a2 OK it was faster
            R: a2 OK it was faster
        """)
        talk.upstream_closes()
        talk.script(f"R: a1 {LOST_AT_ONCE}")


def append(talk: Conversation, message: str = MESSAGE, mailbox: str = "INBOX") -> None:
    size = len(message.replace("\\r\\n", "12"))
    talk.script(rf"""
        C. a1 APPEND {mailbox} (\\Seen) {{{size}+}}\r\n{message}\r\n
        U. a1 APPEND {mailbox} (\\Seen) {{{size}+}}\r\n{message}\r\n
    """)
    talk.upstream_closes()


class TestAppend:
    ASKED = 'UID SEARCH UID 20:* HEADER Message-ID "<a@b>"'

    @pytest.mark.parametrize("mailbox", ["INBOX", "inbox", '"INBOX"'])
    def test_was_done_if_the_message_is_there(self, talk: Conversation, mailbox: str) -> None:
        append(talk, mailbox=mailbox)
        talk.script(
            ONE_MORE
            + rf"""
            U: P3 {self.ASKED}
            S. * SEARCH 20\r\nP3 OK .\r\n
            U: P4 UID FETCH 20 (UID RFC822.SIZE)
            S. * 4 FETCH (UID 20 RFC822.SIZE {SIZE})\r\nP4 OK .\r\n
            R. * 4 EXISTS\r\n* 1 RECENT\r\n
            R: a1 OK Append completed.
        """
        )

    def test_with_its_uid_where_servers_tell_that(self, talk: Conversation) -> None:
        talk.capabilities = type(talk.capabilities)(["IMAP4rev1", "LITERAL+", "UIDPLUS"])
        append(talk)
        talk.script(
            ONE_MORE
            + rf"""
            U: P3 {self.ASKED}
            S. * SEARCH 20\r\nP3 OK .\r\n
            U: P4 UID FETCH 20 (UID RFC822.SIZE)
            S. * 4 FETCH (UID 20 RFC822.SIZE {SIZE})\r\nP4 OK .\r\n
            R. * 4 EXISTS\r\n* 1 RECENT\r\n
            R: a1 OK [APPENDUID 7 20] Append completed.
        """
        )

    def test_of_another_size_is_another(self, talk: Conversation) -> None:
        append(talk)
        talk.script(
            ONE_MORE
            + rf"""
            U: P3 {self.ASKED}
            S. * SEARCH 20\r\nP3 OK .\r\n
            U: P4 UID FETCH 20 (UID RFC822.SIZE)
            S. * 4 FETCH (UID 20 RFC822.SIZE 999)\r\nP4 OK .\r\n
            R. * 4 EXISTS\r\n* 1 RECENT\r\n
            R: a1 {UNKNOWN}
        """
        )

    @pytest.mark.parametrize("found", ["", " 13", " 20 21"])
    def test_none_or_an_old_one_or_several_tell_nothing(
        self, talk: Conversation, found: str
    ) -> None:
        append(talk)
        talk.script(
            SAME_AGAIN
            + rf"""
            U: P2 {self.ASKED}
            S. * SEARCH{found}\r\nP2 OK .\r\n
            R: a1 {UNKNOWN}
        """
        )

    @pytest.mark.parametrize(
        "message",
        [
            r"Subject: x\r\n\r\nMessage-ID: <a@b>\r\n",
            r"Message-ID: <a@b>\r\nMessage-ID: <a@b>\r\n\r\n",
            r"Message-ID: <a b@c>\r\n\r\n",
            r"Message-ID:\r\n <a@b>\r\n\r\n",
            r"Message-ID: <a@b>\r\n",
        ],
    )
    def test_without_a_plain_message_id_nobody_asks(self, talk: Conversation, message: str) -> None:
        append(talk, message)
        talk.script(f"R: a1 {LOST_AT_ONCE}")

    def test_nor_of_another_mailbox(self, talk: Conversation) -> None:
        append(talk, mailbox="Sent")
        talk.script(f"R: a1 {LOST_AT_ONCE}")

    def test_nor_of_two_messages(self, talk: Conversation) -> None:
        talk.script(rf"""
            C. a1 APPEND INBOX {{{SIZE}+}}\r\n{MESSAGE} {{{SIZE}+}}\r\n{MESSAGE}\r\n
            U. a1 APPEND INBOX {{{SIZE}+}}\r\n{MESSAGE} {{{SIZE}+}}\r\n{MESSAGE}\r\n
        """)
        talk.upstream_closes()
        talk.script(f"R: a1 {LOST_AT_ONCE}")

    def test_nor_of_the_same_message_again(self, talk: Conversation) -> None:
        size = rf"{{{SIZE}+}}\r\n{MESSAGE}\r\n"
        talk.script(rf"""
            C. a0 APPEND INBOX {size}
            U. a0 APPEND INBOX {size}
            S: a0 OK .
            R: a0 OK .
        """)
        append(talk)
        talk.script(f"R: a1 {LOST_AT_ONCE}")

    def test_nor_of_the_same_message_again_and_another(self, talk: Conversation) -> None:
        size = rf"{{{SIZE}+}}\r\n{MESSAGE}"
        talk.script(rf"""
            C. a0 APPEND INBOX {size}\r\n
            U. a0 APPEND INBOX {size}\r\n
            S: a0 OK .
            R: a0 OK .
            C. a1 APPEND INBOX {size} {size}\r\n
            U. a1 APPEND INBOX {size} {size}\r\n
        """)
        talk.upstream_closes()
        talk.script(f"R: a1 {LOST_AT_ONCE}")

    def test_of_two_that_are_the_same_nobody_knows(self, talk: Conversation) -> None:
        size = rf"{{{SIZE}+}}\r\n{MESSAGE}\r\n"
        talk.script(rf"""
            C. a0 APPEND INBOX {size}a1 APPEND INBOX {size}
            U. a0 APPEND INBOX {size}a1 APPEND INBOX {size}
        """)
        talk.upstream_closes()
        talk.script(f"""
            R: a0 {LOST_AT_ONCE}
            R: a1 {LOST_AT_ONCE}
        """)

    def test_where_the_uids_behind_are_not_known_nobody_asks(self) -> None:
        talk = Cached().talk(reconnect=RECONNECT)
        answer = ANSWER.replace(r"* OK [UIDNEXT 20] .\r\n", "")
        talk.script(rf"""
            C: s SELECT INBOX
            U: s SELECT INBOX
            S. {answer}s OK [READ-WRITE] .\r\n
            R. {answer}s OK [READ-WRITE] .\r\n
        """)
        append(talk)
        talk.script(f"R: a1 {LOST_AT_ONCE}")
