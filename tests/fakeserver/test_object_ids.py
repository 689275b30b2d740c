"""OBJECTID (RFC 8474): which identifiers stay, and which are shared."""

import re

from tests.fakeserver.peers import MemoryPeer, MemoryServer


def logged_in(home: MemoryServer) -> MemoryPeer:
    home.server.add_account("demo", "pw", empty=True)
    peer = home.connect()
    say(peer, b"LOGIN demo pw")
    return peer


def say(peer: MemoryPeer, command: bytes) -> bytes:
    """Give a command that has to succeed; all that is answered."""
    peer.read_all()
    peer.send(b"a " + command + b"\r\n")
    answer = peer.read_all()
    assert b"a OK" in answer, answer
    return answer


def mailbox_id(answer: bytes) -> bytes:
    found = re.search(rb"MAILBOXID \(([A-Za-z0-9_-]{1,255})\)", answer)
    assert found is not None, answer
    return found[1]


def test_mailbox_id_stays_when_the_mailbox_is_renamed() -> None:
    peer = logged_in(MemoryServer())
    made = mailbox_id(say(peer, b"CREATE a"))
    assert mailbox_id(say(peer, b"SELECT a")) == made
    say(peer, b"RENAME a b")
    assert mailbox_id(say(peer, b"STATUS b (MAILBOXID)")) == made
    say(peer, b"DELETE b")
    assert mailbox_id(say(peer, b"CREATE a")) != made


def test_mailbox_id_is_another_after_a_new_uid_validity() -> None:
    home = MemoryServer()
    peer = logged_in(home)
    before = mailbox_id(say(peer, b"STATUS INBOX (MAILBOXID)"))
    home.server.bump_uid_validity()
    assert mailbox_id(say(peer, b"STATUS INBOX (MAILBOXID)")) != before


def test_renaming_inbox_leaves_inbox_its_id() -> None:
    peer = logged_in(MemoryServer())
    before = mailbox_id(say(peer, b"STATUS INBOX (MAILBOXID)"))
    say(peer, b"RENAME INBOX old")
    assert mailbox_id(say(peer, b"STATUS INBOX (MAILBOXID)")) == before
    assert mailbox_id(say(peer, b"STATUS old (MAILBOXID)")) != before


def test_mailbox_ids_of_two_accounts_differ() -> None:
    home = MemoryServer()
    one = home.server.add_account("one", "pw").find(b"INBOX")
    other = home.server.add_account("other", "pw").find(b"INBOX")
    assert one.object_id != other.object_id


def test_snapshots_keep_ids() -> None:
    home = MemoryServer()
    peer = logged_in(home)
    made = mailbox_id(say(peer, b"CREATE a"))
    home.server.restore(home.server.snapshot())
    assert mailbox_id(say(peer, b"STATUS a (MAILBOXID)")) == made


def test_copies_share_their_email_id() -> None:
    peer = logged_in(MemoryServer())
    say(peer, b"APPEND INBOX {3+}\r\none {3+}\r\ntwo")
    say(peer, b"CREATE a")
    say(peer, b"SELECT INBOX")
    ids = re.findall(rb"EMAILID \((\w+)\)", say(peer, b"FETCH 1:2 EMAILID"))
    assert len(set(ids)) == 2
    say(peer, b"MOVE 2 a")
    say(peer, b"COPY 1 a")
    assert b"* SEARCH 1\r\n" in say(peer, b"SEARCH EMAILID " + ids[0])
    say(peer, b"SELECT a")
    assert re.findall(rb"EMAILID \((\w+)\)", say(peer, b"FETCH 1:2 EMAILID")) == ids[::-1]


def test_a_thread_shares_its_thread_id() -> None:
    peer = logged_in(MemoryServer())
    for header in (
        b"Message-ID: <1@x>",
        b"Message-ID: <2@x>\r\nIn-Reply-To: <1@x>",
        b"Message-ID: <3@x>\r\nReferences: <1@x> <2@x>",
        b"Message-ID: <4@x>",
        b"Subject: without",
    ):
        say(peer, b"APPEND INBOX {%d+}\r\n%b\r\n\r\n" % (len(header) + 4, header))
    say(peer, b"SELECT INBOX")
    ids = re.findall(rb"THREADID \((\w+)\)", say(peer, b"FETCH 1:5 THREADID"))
    assert len(set(ids[:3])) == 1
    assert len(set(ids)) == 3
    assert b"* SEARCH 1 2 3\r\n" in say(peer, b"SEARCH THREADID " + ids[0])
