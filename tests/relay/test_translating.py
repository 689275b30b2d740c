"""Commands by number that come before the client could be told that messages are gone."""

import pytest

from imapproxy.relay.client_line import read_client_line
from imapproxy.relay.translating import CannotTranslate, translate
from imapproxy.relay.view import View
from tests.relay.cached import Cached
from tests.relay.conversation import Conversation
from tests.relay.test_comeback import CHANGED, KNOWN, RECONNECT

UIDS = (11, 12, 13, 14)
GONE = (11, 13)  # 12 is message 2, 14 message 4
NO_MORE = "NO [EXPUNGEISSUED] Some of the messages are gone"


def words(command: str) -> tuple[bytes | None, bool]:
    line = read_client_line(b"t " + command.encode() + b"\r\n")
    assert line is not None
    translation = translate(line, View(UIDS), GONE)
    return translation.words, translation.all_there


@pytest.mark.parametrize(
    ("command", "said", "all_there"),
    [
        ("FETCH 2 FLAGS", b"UID FETCH 12 FLAGS", True),
        ("fetch 2:4 (FLAGS UID)", b"UID FETCH 12,14 (FLAGS UID)", False),
        ("FETCH * BODY.PEEK[HEADER]", b"UID FETCH 14 BODY.PEEK[HEADER]", True),
        ("FETCH 4,2 RFC822.SIZE", b"UID FETCH 12,14 RFC822.SIZE", True),
        ("STORE 2 +FLAGS (x)", b"UID STORE 12 +FLAGS (x)", True),
        ("STORE 1:* -FLAGS.SILENT x", b"UID STORE 12,14 -FLAGS.SILENT x", False),
        ("COPY 2,4 other", b"UID COPY 12,14 other", True),
        ('MOVE 4 "a b"', b'UID MOVE 14 "a b"', True),
        ("UID STORE 12:* FLAGS (x)", b"UID STORE 12,14 FLAGS (x)", True),
        ("UID MOVE 1:* x", b"UID MOVE 12,14 x", True),
        ("SEARCH UNSEEN", b"UID SEARCH UNSEEN", True),
        ("SEARCH CHARSET UTF-8 FROM x", b"UID SEARCH CHARSET UTF-8 FROM x", True),
        ("SEARCH 2:3", b"UID SEARCH UID 12:13", True),
        ("SEARCH NOT 4 UNSEEN", b"UID SEARCH NOT UID 14 UNSEEN", True),
        ("SEARCH OR 1 (2 SEEN)", b"UID SEARCH OR UID 11 (UID 12 SEEN)", True),
        ("UID SEARCH *", b"UID SEARCH UID 14", True),
    ],
)
def test_is_said_by_uid(command: str, said: bytes, all_there: bool) -> None:
    assert words(command) == (b" " + said + b"\r\n", all_there)


@pytest.mark.parametrize("command", ["FETCH 1 FLAGS", "STORE 3 FLAGS ()", "COPY 2:3 x", "MOVE 1 x"])
def test_of_what_is_gone_nothing_is_said(command: str) -> None:
    assert words(command) == (None, False)


@pytest.mark.parametrize(
    "command",
    [
        "FETCH 5 FLAGS",
        "FETCH 2:5 FLAGS",
        "FETCH $ FLAGS",
        "FETCH 2 BODY[]",
        "FETCH 2 (FLAGS BODY.PEEK[TEXT])",
        "FETCH 2 RFC822",
        "FETCH 2 BINARY.PEEK[1]",
        "STORE 2 (UNCHANGEDSINCE 3) FLAGS ()",
        "SEARCH $",
        "SEARCH 9",
        "SEARCH RETURN (ALL) UNSEEN",
        "SEARCH X-UNKNOWN",
        "SORT (DATE) UTF-8 ALL",
        "THREAD REFERENCES UTF-8 ALL",
        "REPLACE 2 x {3+}",
        "NOOP",
    ],
)
def test_or_not_at_all(command: str) -> None:
    with pytest.raises(CannotTranslate):
        words(command)


@pytest.fixture
def talk() -> Conversation:
    """Messages 1 and 3 have gone while there was no connection, and two have come."""
    talk = Cached().talk(reconnect=RECONNECT)
    talk.script(KNOWN)
    talk.upstream_closes()
    return talk


def ask(talk: Conversation, command: str, conversation: str) -> None:
    talk.client.dataReceived(f"a1 {command}\r\n".encode())
    talk.script(CHANGED + conversation + "    U: P5 LOGOUT")
    assert not talk.client_wire.closed


class TestTheAnswer:
    def test_has_the_numbers_that_the_client_knows(self, talk: Conversation) -> None:
        ask(
            talk,
            "FETCH 2 FLAGS",
            r"""
            U: P4 UID FETCH 12 FLAGS
            S. * 1 FETCH (UID 12 FLAGS (x))\r\n* 3 FETCH (UID 21 FLAGS ())\r\n
            S. * 1 FETCH (FLAGS (x))\r\n* 4 EXISTS\r\n* 2 EXPUNGE\r\nP4 OK [X] done\r\n
            R. * 2 FETCH (UID 12 FLAGS (x))\r\na1 OK [X] done\r\n
            """,
        )

    def test_does_not_hide_that_some_is_missing(self, talk: Conversation) -> None:
        ask(
            talk,
            "STORE 1:2 +FLAGS (x)",
            rf"""
            U: P4 UID STORE 12 +FLAGS (x)
            S. * 1 FETCH (UID 12 FLAGS (x))\r\nP4 OK done\r\n
            R. * 2 FETCH (UID 12 FLAGS (x))\r\na1 {NO_MORE}\r\n
            """,
        )

    def test_to_a_search_has_them_too(self, talk: Conversation) -> None:
        ask(
            talk,
            "SEARCH ALL",
            r"""
            U: P4 UID SEARCH ALL
            S. * SEARCH 12 20 21\r\nP4 OK done\r\n
            R. * SEARCH 2\r\na1 OK done\r\n
            """,
        )

    def test_to_a_search_for_uids_has_uids(self, talk: Conversation) -> None:
        ask(
            talk,
            "UID SEARCH 1:2",
            r"""
            U: P4 UID SEARCH UID 11:12
            S. * SEARCH 12\r\nP4 OK done\r\n
            R. * SEARCH 12\r\na1 OK done\r\n
            """,
        )

    def test_may_be_a_refusal(self, talk: Conversation) -> None:
        ask(
            talk,
            "COPY 2 x",
            r"""
            U: P4 UID COPY 12 x
            S. P4 NO [TRYCREATE] no\r\n
            R. a1 NO [TRYCREATE] no\r\n
            """,
        )

    def test_of_a_move_tells_where_it_went(self, talk: Conversation) -> None:
        ask(
            talk,
            "MOVE 2 x",
            r"""
            U: P4 UID MOVE 12 x
            S. * OK [COPYUID 9 12 1] moved\r\n* 1 EXPUNGE\r\nP4 OK done\r\n
            R. * OK [COPYUID 9 12 1] moved\r\na1 OK done\r\n
            """,
        )

    def test_of_a_copy_of_what_is_gone(self, talk: Conversation) -> None:
        talk.client.dataReceived(b"a1 COPY 1:2 x\r\n")
        talk.script(CHANGED + f"    R: a1 {NO_MORE}\n    U: P4 LOGOUT")


class TestAfterwards:
    def test_the_client_is_told_when_it_may_be(self, talk: Conversation) -> None:
        self.first(talk)
        self.told(talk)

    def told(self, talk: Conversation) -> None:
        talk.client.dataReceived(b"a2 NOOP\r\n")
        talk.clock.advance(1.0)
        talk.script(
            CHANGED
            + r"""
            R: * 3 EXPUNGE
            R: * 1 EXPUNGE
            R: * 3 EXISTS
            R: * 2 RECENT
            U: P4 FETCH 1:* (FLAGS)
            U: a2 NOOP
            S. P4 OK .\r\na2 OK .\r\n
            R. a2 OK .\r\n
        """
        )

    def first(self, talk: Conversation) -> None:
        ask(
            talk,
            "FETCH 2 FLAGS",
            r"""
            U: P4 UID FETCH 12 FLAGS
            S. * 1 FETCH (UID 12 FLAGS (x))\r\nP4 OK done\r\n
            R. * 2 FETCH (UID 12 FLAGS (x))\r\na1 OK done\r\n
            """,
        )
        talk.upstream_closes()

    def test_one_that_lets_itself_be_told_may_go_on(self, talk: Conversation) -> None:
        for _ in range(100):
            self.first(talk)
            talk.clock.advance(60.0)
        self.told(talk)
        talk.upstream_closes()
        talk.clock.advance(60.0)
        talk.client.dataReceived(b"a3 FETCH 2 FLAGS\r\n")
        talk.script(r"""
            U: P1 SELECT INBOX
            S. * 2 EXISTS\r\n* OK [UIDVALIDITY 7] .\r\n* OK [UIDNEXT 22] .\r\n
            S: P1 OK [READ-WRITE] .
            U: P2 FETCH 1:2 (UID)
            S. * 1 FETCH (UID 20)\r\n* 2 FETCH (UID 21)\r\nP2 OK .\r\n
            U: P3 UID FETCH 20 FLAGS
            S. * 1 FETCH (UID 20 FLAGS (x))\r\nP3 OK done\r\n
            R. * 2 FETCH (UID 20 FLAGS (x))\r\na3 OK done\r\n
            U: P4 LOGOUT
        """)

    def test_a_program_that_never_lets_itself_be_told_is_sent_away(
        self, talk: Conversation
    ) -> None:
        for _ in range(100):
            self.first(talk)
            talk.clock.advance(60.0)
        talk.client.dataReceived(b"a1 FETCH 2 FLAGS\r\n")
        talk.script(
            CHANGED
            + """
            R: a1 NO [UNAVAILABLE] the connection was lost: messages have gone meanwhile
            R: * BYE [UNAVAILABLE] the connection was lost: messages have gone meanwhile
            U: P4 LOGOUT
        """
        )
        assert talk.client_wire.closed


class TestLostAgain:
    def test_what_may_be_repeated_is(self, talk: Conversation) -> None:
        talk.client.dataReceived(b"a1 STORE 2 +FLAGS (x)\r\n")
        talk.script(CHANGED + "    U: P4 UID STORE 12 +FLAGS (x)")
        talk.upstream_closes()
        talk.clock.advance(1.0)
        talk.script(
            CHANGED
            + r"""
            U: P4 UID STORE 12 +FLAGS (x)
            S. P4 OK done\r\n
            R: a1 OK done
            U: P5 LOGOUT
        """
        )

    def test_what_may_not_is_unknown(self, talk: Conversation) -> None:
        talk.client.dataReceived(b"a1 COPY 2 x\r\n")
        talk.script(CHANGED + "    U: P4 UID COPY 12 x")
        talk.upstream_closes()
        talk.script("R: a1 NO [UNAVAILABLE] Outcome unknown: the connection was lost")
        talk.client.dataReceived(b"a2 LOGOUT\r\n")
        talk.script("R: * BYE Logging out\nR: a2 OK Logout completed.")


ONE_MORE = r"""
    U: P1 SELECT INBOX
    S. * 4 EXISTS\r\n* 1 RECENT\r\n* OK [UIDVALIDITY 7] .\r\n* OK [UIDNEXT 21] .\r\n
    S: P1 OK [READ-WRITE] .
    U: P2 FETCH 3:4 (UID)
    S. * 3 FETCH (UID 13)\r\n* 4 FETCH (UID 20)\r\nP2 OK .\r\n
"""


class TestMessagesThatHaveCome:
    @pytest.mark.parametrize(
        ("command", "said"),
        [
            ("STORE 1:* +FLAGS (\\Deleted)", "STORE 11:13 +FLAGS (\\Deleted)"),
            ("UID STORE 1:* FLAGS ()", "STORE 11:13 FLAGS ()"),
            ("UID MOVE * x", "MOVE 13 x"),
            ("COPY * x", "COPY 13 x"),
        ],
    )
    def test_are_not_meant_by_who_does_not_know_of_them(
        self, talk: Conversation, command: str, said: str
    ) -> None:
        talk.client.dataReceived(f"a1 {command}\r\n".encode())
        escaped = said.replace("\\", "\\\\")
        talk.script(
            ONE_MORE
            + rf"""
            U: P3 UID {escaped}
            S: P3 OK done
            R: a1 OK done
            U: P4 LOGOUT
        """
        )

    def test_are_told_to_who_only_reads(self, talk: Conversation) -> None:
        talk.client.dataReceived(b"a1 FETCH 3:* FLAGS\r\n")
        talk.script(ONE_MORE + "    R: * 4 EXISTS\n    R: * 1 RECENT\n    U: a1 FETCH 3:* FLAGS")
