"""What was copied, moved, renamed and deleted, and what the cache makes of it."""

from array import array

import pytest

from imapproxy.cache.store import Mailbox, UidList
from tests.relay.cached import ACCOUNT, FETCH_ENVELOPES, SELECT

SELECT_TRASH = r"""
    C: t SELECT Trash
    U: t SELECT Trash
    S. * 1 EXISTS\r\n* OK [UIDVALIDITY 9] .\r\n* OK [UIDNEXT 5] .\r\nt OK .\r\n
    R. * 1 EXISTS\r\n* OK [UIDVALIDITY 9] .\r\n* OK [UIDNEXT 5] .\r\nt OK .\r\n
"""
TRASH = Mailbox(ACCOUNT, b"Trash", b"", 9)
INBOX = Mailbox(ACCOUNT, b"INBOX", b"", 7)


@pytest.fixture
def envelopes(live):
    """A session that has fetched the envelopes of INBOX."""
    talk = live.talk()
    talk.script(SELECT)
    talk.script(FETCH_ENVELOPES)
    return talk


def held(cached, mailbox):
    return cached.store.reader.held(mailbox, ["ENVELOPE"], (), 1, 2**32 - 1).tolist()


def test_a_copy_is_not_fetched_again(live, envelopes):
    envelopes.script(r"""
        C: c UID COPY 11,13 Trash
        U: c UID COPY 11,13 Trash
        S: c OK [COPYUID 9 11,13 4:5] .
        R: c OK [COPYUID 9 11,13 4:5] .
    """)

    assert held(live, TRASH) == [4, 5]
    assert held(live, INBOX) == [11, 12, 13]


def test_what_was_moved_is_served_where_it_is_now(live, envelopes):
    envelopes.script(r"""
        C: m UID MOVE 12 Trash
        U: m UID MOVE 12 Trash
        S. * OK [COPYUID 9 12 4] .\r\n* 2 EXPUNGE\r\nm OK .\r\n
        R. * OK [COPYUID 9 12 4] .\r\n* 2 EXPUNGE\r\nm OK .\r\n
    """)
    envelopes.script(SELECT_TRASH)
    envelopes.script(r"""
        C: f UID FETCH 4 (FLAGS)
        U: f UID FETCH 4 (FLAGS)
        S. * 1 FETCH (FLAGS () UID 4)\r\nf OK .\r\n
        R. * 1 FETCH (FLAGS () UID 4)\r\nf OK .\r\n
        C: e FETCH 1 (UID ENVELOPE)
        R: * 1 FETCH (UID 4 ENVELOPE (b))
        R: e OK Fetch completed.
    """)

    assert held(live, INBOX) == [11, 13]


def test_the_tagged_response_of_a_move_tells_it_too(live, envelopes):
    envelopes.script(r"""
        C: m MOVE 1:2 trash
        U: m MOVE 1:2 trash
        S. m OK [COPYUID 9 11:12 8,7] .\r\n
        R. m OK [COPYUID 9 11:12 8,7] .\r\n
    """)

    assert held(live, TRASH._replace(name=b"trash")) == [7, 8]


@pytest.mark.parametrize(
    "answer",
    [
        "NO [COPYUID 9 11 4] .",
        "OK [COPYUID 9 11:12 4] .",
        "OK [COPYUID 9 11 4:4294967295] .",
        "OK [COPYUID 9 1:4294967295 1:4294967295] .",
        "OK [COPYUID 9 11:* 4:*] .",
        "OK [COPYUID x] .",
        "OK .",
    ],
)
def test_what_was_not_copied_for_sure_is_not(live, envelopes, answer):
    envelopes.script(f"""
        C: c UID COPY 11 Trash
        U: c UID COPY 11 Trash
        S: c {answer}
        R: c {answer}
    """)

    assert held(live, TRASH) == []


def test_of_two_moves_at_once_the_untagged_response_tells_nothing(live, envelopes):
    envelopes.script(r"""
        C: m1 UID MOVE 11 Trash
        U: m1 UID MOVE 11 Trash
        C: m2 UID MOVE 12 Other
        U: m2 UID MOVE 12 Other
        S. * OK [COPYUID 9 11 4] .\r\nm1 OK .\r\nm2 OK .\r\n
        R. * OK [COPYUID 9 11 4] .\r\nm1 OK .\r\nm2 OK .\r\n
    """)

    assert held(live, TRASH) == []


def test_a_copy_to_a_name_that_is_a_literal_is_one(live, envelopes):
    envelopes.script(r"""
        C: c UID COPY 11 {5}
        U: c UID COPY 11 {5}
        S: + .
        R: + .
        C: Trash
        U: Trash
        S: c OK [COPYUID 9 11 4] .
        R: c OK [COPYUID 9 11 4] .
    """)

    assert held(live, TRASH) == [4]


def test_the_source_is_what_was_selected_when_the_command_was_given(live, envelopes):
    envelopes.script(r"""
        C. c UID COPY 11 Trash\r\nt SELECT Trash\r\n
        U. c UID COPY 11 Trash\r\nt SELECT Trash\r\n
        S. c OK [COPYUID 9 11 4] .\r\n
        R. c OK [COPYUID 9 11 4] .\r\n
        S. * 0 EXISTS\r\n* OK [UIDVALIDITY 9] .\r\nt OK .\r\n
        R. * 0 EXISTS\r\n* OK [UIDVALIDITY 9] .\r\nt OK .\r\n
    """)

    assert held(live, TRASH) == [4]


def test_where_mailboxes_are_known_by_id_nobody_says_which_the_target_is(live):
    talk = live.talk(has_emailid=True)
    talk.script(SELECT)
    live.store.writer.keep_attributes(INBOX, 11, {"ENVELOPE": b"(a)"})
    talk.script(r"""
        C: c UID COPY 11 Trash
        U: c UID COPY 11 Trash
        S: c OK [COPYUID 9 11 4] .
        R: c OK [COPYUID 9 11 4] .
    """)

    assert held(live, TRASH) == []


@pytest.fixture
def trash(live):
    """A mailbox of which something is held, and that is selected."""
    live.store.writer.keep_uid_list(TRASH, UidList(5, array("I", [4])))
    live.store.writer.keep_attributes(TRASH, 4, {"ENVELOPE": b"(a)"})
    return live


def test_a_renamed_mailbox_keeps_what_it_has(trash):
    talk = trash.talk()
    talk.script(SELECT)
    talk.script(r"""
        C: r RENAME Trash "Old trash"
        U: r RENAME Trash "Old trash"
        S: r OK .
        R: r OK .
    """)

    assert held(trash, TRASH) == []
    assert held(trash, TRASH._replace(name=b"Old trash")) == [4]


@pytest.mark.parametrize("command", ["RENAME Trash Old", "DELETE Trash"])
def test_what_the_upstream_refuses_changes_nothing(trash, command):
    talk = trash.talk()
    talk.script(f"""
        C: r {command}
        U: r {command}
        S: r NO .
        R: r NO .
    """)

    assert held(trash, TRASH) == [4]


def test_of_a_deleted_mailbox_nothing_is_kept(trash):
    talk = trash.talk()
    talk.script(r"""
        C: d DELETE "Trash"
        U: d DELETE "Trash"
        S: d OK .
        R: d OK .
    """)

    assert held(trash, TRASH) == []


SERVED = r"""
    C: e FETCH 1 (UID)
    R: * 1 FETCH (UID 4)
    R: e OK Fetch completed.
"""
RELAYED = r"""
    C: e FETCH 1 (UID)
    U: e FETCH 1 (UID)
    S: e NO [NONEXISTENT] .
    R: e NO [NONEXISTENT] .
"""


@pytest.mark.parametrize(
    ("command", "then"),
    [
        ("RENAME Trash Old", RELAYED),
        ("RENAME Tra Old", RELAYED),  # an inferior, if "s" separates names
        ("RENAME Other Trash", RELAYED),
        ("DELETE Trash", RELAYED),
        ("RENAME Trash2 Old", SERVED),
        ("DELETE Other", SERVED),
    ],
)
def test_the_name_of_the_selected_mailbox_is_not_believed_any_more(trash, command, then):
    trash.store.writer.keep_shape(ACCOUNT, b"FETCH (UID)", (b"UID",))
    talk = trash.talk()
    talk.script(SELECT_TRASH)
    talk.script(SERVED)
    talk.script(f"""
        C: r {command}
        U: r {command}
        S: r OK .
        R: r OK .
    """)
    talk.script(then)


def test_a_deleted_mailbox_whose_name_is_a_literal_is_not_kept(trash):
    talk = trash.talk()
    talk.script(SELECT)
    talk.script(r"""
        C. d DELETE {5+}\r\nTr
        U. d DELETE {5+}\r\nTr
        C. ash\r\n
        U. ash\r\n
        S: d OK .
        R: d OK .
    """)

    assert held(trash, TRASH) == []


def test_a_mailbox_is_renamed_by_literals(trash):
    talk = trash.talk()
    talk.script(r"""
        C: r RENAME {5}
        U: r RENAME {5}
        S: + .
        R: + .
        C: Trash {3+}
        U: Trash {3+}
        C: Old
        U: Old
        S: r OK .
        R: r OK .
    """)

    assert held(trash, TRASH) == []
    assert held(trash, TRASH._replace(name=b"Old")) == [4]


def test_the_literal_of_the_next_command_is_its_own(trash):
    talk = trash.talk()
    talk.script(r"""
        C. d DELETE {5+}\r\nTrash\r\na APPEND x {3+}\r\nabc\r\n
        U. d DELETE {5+}\r\nTrash\r\na APPEND x {3+}\r\nabc\r\n
        S. d OK .\r\na OK .\r\n
        R. d OK .\r\na OK .\r\n
    """)

    assert held(trash, TRASH) == []


def test_what_is_refused_before_its_literal_changes_nothing(trash):
    talk = trash.talk()
    talk.script(r"""
        C: d DELETE {5}
        U: d DELETE {5}
        S: d NO .
        R: d NO .
        C: n NOOP
        U: n NOOP
        S: n OK .
        R: n OK .
    """)

    assert held(trash, TRASH) == [4]


@pytest.mark.parametrize(
    ("name", "then"), [("Other", SERVED), ("Trash", RELAYED), ("x" * 70_000, RELAYED)]
)
def test_only_a_name_that_is_too_long_may_be_any(trash, name, then):
    trash.store.writer.keep_shape(ACCOUNT, b"FETCH (UID)", (b"UID",))
    talk = trash.talk()
    talk.script(SELECT_TRASH)
    talk.script(rf"""
        C. d DELETE {{{len(name)}+}}\r\n{name}\r\n
        U. d DELETE {{{len(name)}+}}\r\n{name}\r\n
        S: d OK .
        R: d OK .
    """)
    talk.script(then)
