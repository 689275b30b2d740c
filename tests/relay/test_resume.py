"""What has changed while a connection was lost, and what of it the client is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imapproxy.relay.resume import (
    CannotResume,
    Changes,
    Inquiry,
    Known,
    changes,
    check_same_mailbox,
    flags_question,
    inquiry,
    news,
    nothing_went,
)
from imapproxy.relay.view import View
from imapproxy.upstream.selected import Selected as Told


def known(*uids, uid_next=20, mod_seq=5, mailbox_id=b""):
    return Known(View(uids), 7, uid_next, mod_seq, mailbox_id)


def told(exists, *, uid_validity=7, uid_next=20, mod_seq=5):
    return Told(exists, 0, (), None, uid_validity, uid_next, None, mod_seq, False)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (known(11, 12), told(2), Inquiry.NOTHING),
        (known(11, 0), told(2), Inquiry.NOTHING),  # whatever their UIDs are, they are the same
        (known(), told(0), Inquiry.NOTHING),
        (known(), told(0, uid_next=25), Inquiry.NOTHING),  # came and went
        (known(), told(1, uid_next=25), Inquiry.ALL),
        (known(11, 12), told(2, uid_next=21), Inquiry.TAIL),
        (known(11, 12), told(3, uid_next=21), Inquiry.TAIL),
        (known(11, 12), told(1), Inquiry.ALL),
        (known(11, 12), told(1, uid_next=21), Inquiry.ALL),
        (known(11, 12), told(2, uid_next=None), Inquiry.TAIL),
        (known(11, 12, uid_next=0), told(2, uid_next=None), Inquiry.TAIL),
    ],
)
def test_what_has_to_be_asked(before, after, expected):
    assert inquiry(before, after) is expected


@pytest.mark.parametrize("after", [told(1), told(2, uid_next=21), told(3)])
def test_what_was_never_known_cannot_be_compared(after):
    with pytest.raises(CannotResume):
        inquiry(known(11, 0), after)


@pytest.mark.parametrize(
    ("before", "after", "mailbox_id", "is_same"),
    [
        (known(), told(0), b"", True),
        (known(), told(0, uid_validity=8), b"", False),
        (known(), told(0, uid_validity=None), b"", False),
        (known(mailbox_id=b"a"), told(0), b"a", True),
        (known(mailbox_id=b"a"), told(0), b"b", False),
        (known(mailbox_id=b"a"), told(0), b"", True),
    ],
)
def test_whether_it_is_the_same_mailbox(before, after, mailbox_id, is_same):
    if is_same:
        check_same_mailbox(before, after, mailbox_id)
    else:
        with pytest.raises(CannotResume):
            check_same_mailbox(before, after, mailbox_id)


@pytest.mark.parametrize(
    ("tail", "expected"), [([12], True), ([12, 20], True), ([20, 21], False), ([], False)]
)
def test_whether_all_stand_where_they_stood(tail, expected):
    assert nothing_went(View([11, 12]), tail) is expected


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ([], [], Changes((), (), ())),
        ([11, 12], [11, 12, 20], Changes((), (), (20,))),
        ([11, 12, 13], [12], Changes((3, 1), (11, 13), ())),
        ([11, 12, 13], [12, 20, 21], Changes((3, 1), (11, 13), (20, 21))),
        ([11], [], Changes((1,), (11,), ())),
    ],
)
def test_the_difference(old, new, expected):
    assert changes(old, new) == expected


@pytest.mark.parametrize(
    ("old", "new"), [([11, 13], [11, 12, 13]), ([11], [10]), ([11], [11, 11]), ([11], [12, 11])]
)
def test_a_server_that_contradicts_itself(old, new):
    with pytest.raises(CannotResume):
        changes(old, new)


uids = st.lists(st.integers(1, 40), unique=True).map(sorted)


@given(old=uids, stays=st.sets(st.integers(1, 40)), arrived=st.integers(0, 3))
def test_who_follows_the_news_knows_the_mailbox(old, stays, arrived):
    new = [uid for uid in old if uid in stays] + [41 + n for n in range(arrived)]
    found = changes(old, new)
    client = list(old)
    exists = len(client)
    for line in news(len(old), found, len(new), 0, qresync=False).split(b"\r\n")[:-1]:
        number, kind = line.split()[1:3]
        if kind == b"EXPUNGE":
            del client[int(number) - 1]
            exists -= 1
        elif kind == b"EXISTS":
            exists = int(number)
    assert exists == len(new)
    assert client + list(found.arrived) == new


def test_news_by_uid():
    found = changes([11, 12, 13], [13])
    assert news(3, found, 1, 0, qresync=True) == b"* VANISHED 11:12\r\n"


def test_what_came_while_it_was_looked_at_is_told_too():
    assert news(2, changes([1, 2], [1, 2]), 3, 1, qresync=False) == b"* 3 EXISTS\r\n* 1 RECENT\r\n"


@pytest.mark.parametrize(
    ("before", "after", "condstore", "expected"),
    [
        (known(1), told(1), False, b""),
        (known(1), told(1), True, b""),
        (known(1), told(0, mod_seq=6), False, b""),
        (known(1), told(1, mod_seq=6), False, b" FETCH 1:* (FLAGS)\r\n"),
        (known(1, mod_seq=0), told(1, mod_seq=None), False, b" FETCH 1:* (FLAGS)\r\n"),
        (known(1), told(20_000, mod_seq=6), False, b""),
        (known(1), told(1, mod_seq=6), True, b" FETCH 1:* (UID FLAGS) (CHANGEDSINCE 5)\r\n"),
        (known(1, mod_seq=0), told(1, mod_seq=6), True, b" FETCH 1:* (UID FLAGS MODSEQ)\r\n"),
    ],
)
def test_what_is_asked_about_flags(before, after, condstore, expected):
    assert flags_question(before, after, condstore=condstore) == expected
