"""NOTIFY (RFC 5465): what is done behind the protocol, and rights that come and go."""

from tests.fakeserver.messages import MESSAGES
from tests.fakeserver.peers import MemoryPeer, MemoryServer
from tests.fakeserver.talk import ask, logged_in, new_home

_SIMPLE = MESSAGES["simple"]


def _notified(home: MemoryServer, groups: bytes) -> MemoryPeer:
    peer = logged_in(home)
    assert ask(peer, b"NOTIFY SET " + groups)[-1].startswith(b"t OK")
    return peer


def test_mailboxes_are_watched_behind_a_restore() -> None:
    home = new_home()
    home.server.account().create(b"a")
    snapshot = home.server.snapshot()
    peer = _notified(home, b"(personal (MessageNew MessageExpunge FlagChange MailboxName))")
    home.server.account().create(b"b")
    assert peer.read_all() == b'* LIST (\\HasNoChildren) "." b\r\n'
    home.server.restore(snapshot)
    told = peer.read_all()
    assert b'* LIST (\\NonExistent) "." b\r\n' in told
    assert b"* STATUS a (UIDVALIDITY " in told
    home.server.deliver(_SIMPLE, "a")
    assert peer.read_all() == b"* STATUS a (UIDNEXT 2 MESSAGES 1)\r\n"


def test_another_uid_validity_is_told() -> None:
    home = new_home()
    home.server.account().create(b"a")
    peer = _notified(home, b"(mailboxes (a) (MessageNew MessageExpunge FlagChange))")
    value = home.server.bump_uid_validity("a")
    told = b"* STATUS a (UIDVALIDITY %d UIDNEXT 1 MESSAGES 0)\r\n" % value
    assert peer.read_all() == told
    home.server.deliver(_SIMPLE, "a")
    assert peer.read_all() == b"* STATUS a (UIDNEXT 2 MESSAGES 1)\r\n"


def _with_ann() -> MemoryServer:
    home = new_home()
    home.server.add_account("ann", "pw", empty=True)
    home.server.account("ann").create(b"ours")
    return home


def test_rights_make_mailboxes_come_and_go() -> None:
    home = _with_ann()
    peer = _notified(home, b"(subtree user.ann (MessageNew MessageExpunge MailboxName))")
    home.server.set_rights("demo", "lr", "ours", user="ann")
    assert b'* LIST (\\HasNoChildren) "." user.ann.ours\r\n' in peer.read_all()
    home.server.deliver(_SIMPLE, "ours", user="ann")
    assert peer.read_all() == b"* STATUS user.ann.ours (UIDNEXT 2 MESSAGES 1)\r\n"
    home.server.set_rights("demo", "", "ours", user="ann")
    assert b'* LIST (\\NonExistent) "." user.ann.ours\r\n' in peer.read_all()
    home.server.deliver(_SIMPLE, "ours", user="ann")
    assert peer.read_all() == b""


def test_no_access_is_told_to_who_wants_messages_alone() -> None:
    home = _with_ann()
    home.server.set_rights("demo", "lr", "ours", user="ann")
    peer = _notified(home, b"(mailboxes (user.ann.ours) (MessageNew MessageExpunge))")
    ann = logged_in(home, "ann")
    ask(ann, b"DELETEACL ours demo")
    assert peer.read_all() == b'* LIST (\\NoAccess) "." user.ann.ours\r\n'
    ask(ann, b"SETACL ours demo lr")
    ask(ann, b"DELETE ours")
    assert peer.read_all() == b""


def test_what_may_be_listed_and_not_read_is_told_at_once() -> None:
    home = _with_ann()
    home.server.set_rights("demo", "l", "ours", user="ann")
    peer = logged_in(home)
    told = ask(
        peer, b"NOTIFY SET STATUS (mailboxes (user.ann.ours INBOX) (MessageNew MessageExpunge))"
    )
    assert told[0] == b'* LIST (\\NoAccess \\HasNoChildren) "." user.ann.ours\r\n'
    assert told[1].startswith(b"* STATUS INBOX (")
    assert told[2].startswith(b"t OK")
    home.server.deliver(_SIMPLE, "ours", user="ann")
    assert peer.read_all() == b""
