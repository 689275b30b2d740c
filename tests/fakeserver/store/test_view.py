r"""A session's view of a mailbox: numbering, \Recent, and what it is told when."""

import datetime

from fakeserver.mail.message import Message
from fakeserver.store.mailbox import Mailbox
from fakeserver.store.view import Arrived, FlagsChanged, Gone, KeywordsChanged, RecentCount, View
from imapproxy.wire.flags import SEEN
from imapproxy.wire.mailbox import INBOX
from imapproxy.wire.sequence_set import SequenceSet

NOON = datetime.datetime(2020, 1, 1, 12, tzinfo=datetime.UTC)


def mailbox_with(count: int) -> Mailbox:
    mailbox = Mailbox(INBOX, 1, lambda: NOON)
    for number in range(count):
        mailbox.append(Message(b"Subject: %d\r\n\r\n" % number))
    return mailbox


def test_expunge_is_told_from_the_last_to_the_first() -> None:
    mailbox = mailbox_with(4)
    view = View(mailbox, read_only=True)
    mailbox.expunge([mailbox.messages[0], mailbox.messages[2]])
    assert view.exists == 4
    assert view.take_news(may_expunge=False) == []
    assert view.take_news(may_expunge=True) == [Gone((3, 1), (1, 3)), RecentCount(2)]
    assert [message.uid for message in view.messages] == [2, 4]


def test_a_message_that_came_and_went_was_never_there() -> None:
    mailbox = mailbox_with(1)
    view = View(mailbox, read_only=False)
    mailbox.expunge([mailbox.append(Message(b"x"))])
    assert view.take_news(may_expunge=True) == []
    assert view.exists == 1


def test_expunged_messages_keep_their_number_until_told() -> None:
    mailbox = mailbox_with(2)
    view = View(mailbox, read_only=False)
    mailbox.expunge([mailbox.messages[0]])
    mailbox.append(Message(b"new"))
    assert view.take_news(may_expunge=False) == [Arrived(3), RecentCount(3)]
    first = view.by_numbers(SequenceSet.decode(b"1"))
    assert first is not None
    assert first[0][1].content.octets == b"Subject: 0\r\n\r\n"
    assert view.is_gone(first[0][1])


def test_recent_belongs_to_the_first_that_is_told() -> None:
    mailbox = mailbox_with(1)
    looking = View(mailbox, read_only=True)
    first, second = View(mailbox, read_only=False), View(mailbox, read_only=False)
    assert (looking.recent, first.recent, second.recent) == ({1}, {1}, set())
    mailbox.append(Message(b"x"))
    assert second.take_news(may_expunge=True) == [Arrived(2), RecentCount(1)]
    assert first.take_news(may_expunge=True) == [Arrived(2)]
    assert mailbox.recent == 0


def test_flags_and_keywords_of_others_are_told() -> None:
    mailbox = mailbox_with(2)
    view = View(mailbox, read_only=False)
    message = mailbox.messages[1]
    mailbox.set_flags(message, mailbox.own_flags([rb"\SEEN", b"Key"]))
    assert view.take_news(may_expunge=False) == [KeywordsChanged(), FlagsChanged(2, message)]
    assert view.take_news(may_expunge=True) == []
    assert mailbox.own_flags([b"KEY"]) == {b"Key"}
    assert SEEN in message.flags


def test_numbers_that_are_not_there_are_a_mistake_and_uids_are_not() -> None:
    view = View(mailbox_with(2), read_only=False)
    assert view.by_numbers(SequenceSet.decode(b"2:3")) is None
    assert [number for number, _ in view.by_uids(SequenceSet.decode(b"2:3,9:*"))] == [2]
    empty = View(mailbox_with(0), read_only=False)
    assert empty.by_numbers(SequenceSet.decode(b"1:*")) is None
    assert empty.by_uids(SequenceSet.decode(b"1:*")) == []
