"""LIST, LSUB and NAMESPACE with a time to live: what is answered from here, and what drops it."""

import pytest

from imapproxy.relay.account_lists import AccountLists, Lists
from imapproxy.relay.comeback import ReconnectRules
from tests.relay.cached import SELECT, Cached

TTL = 60.0
LIST = r"""
    C: l1 LIST "" "*"
    U: l1 LIST "" "*"
    S. * LIST (\\HasNoChildren) "." INBOX\r\n* LIST () "." Sent\r\nl1 OK List done.\r\n
    R. * LIST (\\HasNoChildren) "." INBOX\r\n* LIST () "." Sent\r\nl1 OK List done.\r\n
"""
LIST_AGAIN = r"""
    C: l2 LIST "" "*"
    R. * LIST (\\HasNoChildren) "." INBOX\r\n* LIST () "." Sent\r\nl2 OK List done.\r\n
"""
LIST_ASKED = r"""
    C: l2 LIST "" "*"
    U: l2 LIST "" "*"
    S: l2 OK .
    R: l2 OK .
"""


@pytest.fixture
def listed() -> Cached:
    return Cached(list_ttl=TTL)


def test_a_list_is_answered_again(listed):
    talk = listed.talk()
    talk.script(LIST)
    talk.script(LIST_AGAIN)


def test_it_is_off_by_default(live):
    talk = live.talk()
    talk.script(LIST)
    talk.script(LIST_ASKED)


def test_it_is_asked_again_when_its_time_is_over(listed):
    talk = listed.talk()
    talk.script(LIST)
    talk.clock.advance(TTL)
    talk.script(LIST_AGAIN)
    talk.clock.advance(0.5)
    talk.script(LIST_ASKED)


def test_the_time_counts_from_the_question(listed):
    talk = listed.talk()
    talk.script(r"""
        C: l1 LSUB "" *
        U: l1 LSUB "" *
    """)
    talk.clock.advance(TTL / 2)
    talk.script(r"""
        S. * LSUB () "." INBOX\r\nl1 OK .\r\n
        R. * LSUB () "." INBOX\r\nl1 OK .\r\n
    """)
    talk.clock.advance(TTL / 2 + 0.5)
    talk.script(r"""
        C: l2 LSUB "" *
        U: l2 LSUB "" *
    """)


@pytest.mark.parametrize(
    ("command", "response"),
    [
        ('LSUB "" "*"', r'* LSUB () "." INBOX'),
        ("NAMESPACE", r'* NAMESPACE (("" ".")) NIL NIL'),
        ('LIST (SUBSCRIBED) "" "*" RETURN (SPECIAL-USE)', r'* LIST (\\Sent) "." Sent'),
    ],
)
def test_other_lists_are_kept_by_all_of_their_words(listed, command, response):
    talk = listed.talk()
    talk.script(rf"""
        C: l1 {command}
        U: l1 {command}
        S. {response}\r\nl1 OK .\r\n
        R. {response}\r\nl1 OK .\r\n
        C: l2 {command}
        R. {response}\r\nl2 OK .\r\n
        C: l3 {command.lower()}
        U: l3 {command.lower()}
    """)


def test_another_session_of_the_account_is_answered_too(listed):
    listed.talk().script(LIST)
    listed.talk().script(LIST_AGAIN)


@pytest.mark.parametrize(
    "command",
    [
        "CREATE New",
        "DELETE Sent",
        "RENAME Sent Old",
        "SUBSCRIBE Sent",
        "UNSUBSCRIBE Sent",
        "SETACL Sent joe lr",
        "COPY 1 Sent",
        "UID MOVE 1 Sent",
        "ENABLE CONDSTORE",
        "STORE 1 +X-GM-LABELS (New)",
        "XWHATEVER",
    ],
)
def test_what_may_change_it_drops_it_in_all_sessions(listed, command):
    first, second = listed.talk(), listed.talk()
    first.script(LIST)
    second.script(rf"""
        C: c1 {command}
        U: c1 {command}
    """)
    first.script(LIST_ASKED)  # nobody knows whether the upstream has done it yet …
    first.script(LIST_ASKED)  # … so that nothing is kept meanwhile
    second.script(r"""
        S: c1 OK .
        R: c1 OK .
    """)
    first.script(LIST_ASKED)
    first.script(r"""
        C: l3 LIST "" "*"
        R: l3 OK .
    """)


@pytest.mark.parametrize(
    "command", ["NOOP", "STATUS Sent (MESSAGES)", "UID SEARCH ALL", "STORE 1 +FLAGS (\\\\Seen)"]
)
def test_what_does_not_change_it_leaves_it(listed, command):
    first, second = listed.talk(), listed.talk()
    first.script(LIST)
    second.script(rf"""
        C: c1 {command}
        U: c1 {command}
        S: c1 OK .
        R: c1 OK .
    """)
    first.script(LIST_AGAIN)


def test_what_was_asked_before_a_change_is_not_kept(listed):
    first, second = listed.talk(), listed.talk()
    first.script(r"""
        C: l1 LIST "" "*"
        U: l1 LIST "" "*"
    """)
    second.script(r"""
        C: c1 CREATE New
        U: c1 CREATE New
        S: c1 OK .
        R: c1 OK .
    """)
    first.script(r"""
        S: l1 OK .
        R: l1 OK .
    """)
    first.script(LIST_ASKED)


def test_a_change_of_which_the_end_is_not_known_ends_with_its_session(listed):
    first, second = listed.talk(), listed.talk()
    second.script(r"""
        C: c1 CREATE New
        U: c1 CREATE New
    """)
    second.client_closes()
    first.script(LIST)
    first.script(LIST_AGAIN)


def test_a_change_is_over_with_the_connection_that_was_told_of_it(listed):
    first, second = listed.talk(), listed.talk(reconnect=ReconnectRules(patience=30.0))
    second.script(r"""
        C: c1 CREATE New
        U: c1 CREATE New
    """)
    second.upstream_closes()
    second.script("R: c1 NO [UNAVAILABLE] Outcome unknown: imaps://upstream closed the connection")
    assert not second.client_wire.closed
    first.script(LIST)
    first.script(LIST_AGAIN)


@pytest.mark.parametrize("line", [r'* LIST () "." New', "* STATUS Sent (MESSAGES 7)"])
def test_news_of_mailboxes_drop_it(listed, line):
    first, second = listed.talk(), listed.talk()
    first.script(LIST)
    second.script(rf"""
        C: i1 IDLE
        U: i1 IDLE
        S: + idling
        R: + idling
        S: {line}
        R: {line}
    """)
    first.script(LIST_ASKED)


def test_the_answer_to_another_list_is_no_news(listed):
    first, second = listed.talk(), listed.talk()
    first.script(LIST)
    second.script(r"""
        C: x1 LIST "" INBOX RETURN (STATUS (MESSAGES))
        U: x1 LIST "" INBOX RETURN (STATUS (MESSAGES))
        S. * LIST () "." INBOX\r\n* STATUS INBOX (MESSAGES 1)\r\nx1 OK .\r\n
        R. * LIST () "." INBOX\r\n* STATUS INBOX (MESSAGES 1)\r\nx1 OK .\r\n
        C: x2 LIST "" INBOX RETURN (STATUS (MESSAGES))
        U: x2 LIST "" INBOX RETURN (STATUS (MESSAGES))
    """)
    first.script(LIST_AGAIN)


@pytest.mark.parametrize(
    ("responses", "end"),
    [
        ("", "NO Not now."),
        ("", "OK [ALERT] Look here."),
        (r"* OK [ALERT] Look here.\r\n", "OK ."),
        (r'* LIST () "." {3}\r\nNew\r\n', "OK ."),
        (r'* LIST () "." {3}\r\nNew* LIST () NIL x\r\n', "OK ."),
        (r"* STATUS INBOX (MESSAGES 1)\r\n", "OK ."),
    ],
)
def test_only_a_whole_answer_without_anything_else_is_kept(listed, responses, end):
    talk = listed.talk()
    talk.script(rf"""
        C: l1 LIST "" "*"
        U: l1 LIST "" "*"
        S. {responses}l1 {end}\r\n
        R. {responses}l1 {end}\r\n
    """)
    talk.script(LIST_ASKED)


def test_news_of_messages_are_told_once(listed):
    talk = listed.talk()
    talk.script(SELECT)
    talk.script(r"""
        C: l1 LIST "" "*"
        U: l1 LIST "" "*"
        S. * LIST () "." INBOX\r\n* 4 EXISTS\r\nl1 OK .\r\n
        R. * LIST () "." INBOX\r\n* 4 EXISTS\r\nl1 OK .\r\n
        C: l2 LIST "" "*"
        R. * LIST () "." INBOX\r\nl2 OK .\r\n
    """)


def test_news_come_though_all_is_answered_from_here(listed):
    talk = listed.talk()
    talk.script(SELECT)
    talk.script(LIST)
    talk.script(LIST_AGAIN)
    talk.clock.advance(30.0)
    talk.script("U: P1 FETCH 1:1 (UID)")


def test_with_others_in_flight_the_upstream_is_asked(listed):
    talk = listed.talk()
    talk.script(LIST)
    talk.script(r"""
        C: n1 NOOP
        U: n1 NOOP
        C: l2 LIST "" "*"
        U: l2 LIST "" "*"
        C: l3 NAMESPACE
        U: l3 NAMESPACE
        S. n1 OK .\r\n* LIST () "." X\r\nl2 OK .\r\n* NAMESPACE NIL NIL NIL\r\nl3 OK .\r\n
        R. n1 OK .\r\n* LIST () "." X\r\nl2 OK .\r\n* NAMESPACE NIL NIL NIL\r\nl3 OK .\r\n
        C: l4 NAMESPACE
        U: l4 NAMESPACE
        S: l4 OK .
        R: l4 OK .
    """)
    talk.script(LIST_AGAIN)


def test_answers_that_cannot_be_told_apart_are_not_kept(listed):
    script = r"""
        C: l1 LIST "" a
        U: l1 LIST "" a
        C: l2 LIST "" b
        U: l2 LIST "" b
        S. * LIST () "." a\r\n* LIST () "." b\r\nl1 OK .\r\nl2 OK .\r\n
        R. * LIST () "." a\r\n* LIST () "." b\r\nl1 OK .\r\nl2 OK .\r\n
    """
    talk = listed.talk()
    talk.script(script)
    talk.script(script)
    listed.talk().script(r"""
        C: l2 LIST "" b
        U: l2 LIST "" b
    """)


def test_a_list_that_tells_what_changes_is_not_kept(listed):
    script = r"""
        C: l1 LIST "" "*" RETURN (STATUS (MESSAGES))
        U: l1 LIST "" "*" RETURN (STATUS (MESSAGES))
        S. * LIST (\\NoSelect) "." x\r\nl1 OK .\r\n
        R. * LIST (\\NoSelect) "." x\r\nl1 OK .\r\n
    """
    talk = listed.talk()
    talk.script(script)
    talk.script(script)


def test_a_session_that_is_told_other_names_is_apart(listed):
    first, second = listed.talk(), listed.talk()
    second.script(r"""
        C: e1 ENABLE UTF8=ACCEPT
        U: e1 ENABLE UTF8=ACCEPT
        S: e1 OK .
        R: e1 OK .
    """)
    first.script(LIST)
    second.script(LIST_ASKED)
    second.script(LIST_ASKED)
    first.script(LIST_AGAIN)


def test_a_literal_is_left_to_the_upstream(listed):
    talk = listed.talk()
    script = r"""
        C: l1 LIST "" {1+}
        U: l1 LIST "" {1+}
        C: *
        U: *
        S: l1 OK .
        R: l1 OK .
    """
    talk.script(script)
    talk.script(script)


def test_an_account_has_so_many_answers_at_most():
    lists = AccountLists()
    for number in range(20):
        lists.keep(b" LIST %d" % number, (1.0, b"", b"OK .\r\n"), 0)
    kept = [n for n in range(20) if lists.answer(b" LIST %d" % n, b"a", 0.0)]
    assert kept == list(range(4, 20))


def test_an_account_has_so_many_octets_at_most():
    lists = AccountLists()
    for number in range(3):
        lists.keep(b" LIST %d" % number, (1.0, b"x" * 400_000, b"OK .\r\n"), 0)
    assert lists.answer(b" LIST 0", b"a", 0.0) is None
    assert lists.answer(b" LIST 1", b"a", 0.0) is not None


def test_so_many_accounts_are_remembered_at_most():
    lists = Lists()
    open_session = lists.of(b"first")
    lists.of(b"second").keep(b" LIST", (1.0, b"", b"OK .\r\n"), 0)
    assert lists.of(b"second").answer(b" LIST", b"a", 0.0)
    for number in range(40):
        lists.of(b"%d" % number)
    assert lists.of(b"first") is open_session
    assert lists.of(b"second").answer(b" LIST", b"a", 0.0) is None
