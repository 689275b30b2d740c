"""The server's own interface: what tests do to the mail from within."""

import datetime
import email.message

import pytest

from fakeserver.store.errors import NoSuchMailbox
from tests.fakeserver.messages import MESSAGES
from tests.fakeserver.talk import ask, logged_in, new_home

SIMPLE = MESSAGES["simple"]


def test_sessions_hear_of_what_is_done_from_within() -> None:
    home = new_home()
    peer = logged_in(home)
    ask(peer, b"SELECT INBOX")
    peer.send(b"a IDLE\r\n")
    peer.read()
    uid = home.server.deliver(SIMPLE).uid
    assert peer.read_all() == b"* 1 EXISTS\r\n* 1 RECENT\r\n"
    home.server.set_flags(uid, [rb"\Seen"])
    assert peer.read_all() == b"* 1 FETCH (FLAGS (\\Seen \\Recent))\r\n"
    home.server.expunge([uid])
    assert peer.read_all() == b"* 1 EXPUNGE\r\n* 0 RECENT\r\n"


def test_deliver_keeps_octets_date_and_flags() -> None:
    home = new_home()
    moment = datetime.datetime(2001, 2, 3, 4, 5, 6, tzinfo=datetime.UTC)
    home.server.deliver(b"a\nb\0c", flags=[rb"\Flagged"], internal_date=moment)
    message = home.server.mailbox().messages[0]
    assert message.content.octets == b"a\nb\0c"
    assert (message.internal_date, message.flags) == (moment, {rb"\Flagged"})
    # A literal cannot carry NUL.
    peer = logged_in(home)
    ask(peer, b"SELECT INBOX")
    assert ask(peer, b"FETCH 1 BODY.PEEK[]")[0] == b"* 1 FETCH (BODY[] {5}\r\na\nb\x80c)\r\n"


def test_deliver_takes_messages_of_the_standard_library() -> None:
    home = new_home()
    message = email.message.EmailMessage()
    message["Subject"] = "hello"
    message.set_content("world\n")
    assert home.server.deliver(message).content.octets.startswith(b"Subject: hello\r\n")


def test_expunge_without_uids_takes_what_is_deleted() -> None:
    home = new_home()
    home.server.deliver(SIMPLE)
    home.server.deliver(SIMPLE, flags=[rb"\Deleted"])
    home.server.expunge()
    assert [message.uid for message in home.server.mailbox().messages] == [1]
    with pytest.raises(KeyError, match="no message with UID 2 in INBOX"):
        home.server.expunge([2])


def test_bump_uid_validity() -> None:
    home = new_home()
    home.server.deliver(SIMPLE)
    home.server.deliver(SIMPLE)
    home.server.expunge([1])
    before = home.server.mailbox().uid_validity
    peer = logged_in(home)
    ask(peer, b"SELECT INBOX")
    after = home.server.bump_uid_validity()
    assert after > before
    assert ask(peer, b"NOOP")[0].startswith(b"* BYE ")
    again = logged_in(home)
    assert any(b"[UIDVALIDITY %d]" % after in line for line in ask(again, b"SELECT INBOX"))
    assert ask(again, b"FETCH 1 UID")[0] == b"* 1 FETCH (UID 1)\r\n"


def test_snapshot_and_restore() -> None:
    home = new_home()
    home.server.deliver(SIMPLE, flags=[b"key"])
    account = home.server.account()
    account.create(b"a.b")
    account.subscribe(b"a.b")
    snapshot = home.server.snapshot()
    for _ in range(2):
        peer = logged_in(home)
        ask(peer, b"SELECT INBOX")
        ask(peer, b"STORE 1 FLAGS (\\Deleted)")
        ask(peer, b"EXPUNGE")
        ask(peer, b"DELETE a.b")
        ask(peer, b"UNSUBSCRIBE a.b")
        home.server.restore(snapshot)
        assert list(account.mailboxes) == [b"INBOX", b"a.b"]
        assert list(account.subscriptions) == [b"a.b"]
        message = home.server.mailbox().messages[0]
        assert (message.uid, message.flags, message.content.octets) == (1, {b"key"}, SIMPLE)
        assert home.server.mailbox().first_recent == 1


def test_a_frozen_clock() -> None:
    home = new_home()
    moment = datetime.datetime(2001, 2, 3, 4, 5, 6, tzinfo=datetime.UTC)
    home.server.freeze_clock(moment)
    assert home.server.deliver(SIMPLE).internal_date == moment
    home.server.freeze_clock(None)
    assert home.server.deliver(SIMPLE).internal_date > moment


def test_names_are_text() -> None:
    home = new_home()
    home.server.account().create(b"&AOQ-")
    home.server.deliver(SIMPLE, "ä")
    assert len(home.server.mailbox("ä").messages) == 1
    with pytest.raises(NoSuchMailbox, match="Mailbox doesn't exist: nope"):
        home.server.mailbox("nope")
