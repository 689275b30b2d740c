"""ACL (RFC 4314): what the conversations with Dovecot do not reach."""

import pytest

from fakeserver.store.rights import (
    ALL_RIGHTS,
    changeable,
    effective_rights,
    encode_rights,
    parse_rights,
)
from imapproxy.wire.flags import Flag
from tests.fakeserver.peers import MemoryPeer, MemoryServer
from tests.fakeserver.talk import ask, home_without, logged_in, new_home


def two_users(*without: str) -> tuple[MemoryServer, MemoryPeer, MemoryPeer]:
    """A server; demo and ``bob@x.example``, whose name has the delimiter in it, are logged in."""
    home = home_without(*without)
    home.server.add_account("bob@x.example", "pw", empty=True)
    return home, logged_in(home), logged_in(home, "bob@x.example")


def last(peer: MemoryPeer, command: bytes) -> bytes:
    return ask(peer, command)[-1]


def test_letters() -> None:
    assert parse_rights(b"lrc") == frozenset("lrkx")
    assert parse_rights(b"d") == frozenset("et")
    assert encode_rights(frozenset("xl")) == b"lxc"
    assert encode_rights(frozenset("t")) == b"td"
    assert parse_rights(encode_rights(ALL_RIGHTS)) == ALL_RIGHTS
    for wrong in (b"lry", b"L", b"l r", b"\xe9"):
        with pytest.raises(ValueError, match=r"."):
            parse_rights(wrong)


def test_what_is_given_and_taken() -> None:
    acl = {b"anyone": frozenset("lrs"), b"bob": frozenset("i"), b"-bob": frozenset("s")}
    assert effective_rights(acl, b"bob", b"demo") == frozenset("lri")
    assert effective_rights(acl, b"eve", b"demo") == frozenset("lrs")
    assert effective_rights({}, b"demo", b"demo") == frozenset("la")
    assert effective_rights({b"-anyone": frozenset("lr")}, b"eve", b"demo") == frozenset()


def test_flags_that_rights_are_for() -> None:
    flags = [Flag(rb"\Seen"), Flag(rb"\Deleted"), Flag(rb"\Flagged"), Flag(b"word")]
    assert changeable(flags, frozenset("s")) == flags[:1]
    assert changeable(flags, frozenset("t")) == flags[1:2]
    assert changeable(flags, frozenset("w")) == flags[2:]


def test_names_with_the_delimiter() -> None:
    _, demo, bob = two_users()
    assert last(bob, b"CREATE a").startswith(b"t OK")
    assert last(bob, b"SETACL a demo lrswipkxtea").startswith(b"t OK")
    name = b"user.bob@x.example.a"
    assert ask(demo, b"MYRIGHTS " + name)[0] == b"* MYRIGHTS %b lrwstipekxacd\r\n" % name
    assert last(demo, b"SETACL %b eve r" % name).startswith(b"t OK")
    assert b" eve r" in ask(bob, b"GETACL a")[0]
    assert last(demo, b"CREATE %b.b" % name).startswith(b"t OK")
    assert last(demo, b"RENAME %b.b %b.c" % (name, name)).startswith(b"t OK")
    assert last(demo, b"RENAME %b.c mine" % name).startswith(b"t NO [CANNOT]")
    assert last(demo, b"DELETE %b.c" % name).startswith(b"t OK")
    assert last(demo, b"DELETE " + name).startswith(b"t OK")
    assert last(bob, b"SELECT a").startswith(b"t NO")


def test_rename_below_oneself_takes_the_right_there() -> None:
    _, demo, bob = two_users()
    ask(bob, b"CREATE a")
    ask(bob, b"CREATE b")
    ask(bob, b"SETACL a demo lrx")
    ask(bob, b"SETACL b demo lr")
    before = b"user.bob@x.example."
    assert last(demo, b"RENAME %ba %bb.c" % (before, before)).startswith(b"t NO [NOPERM]")
    ask(bob, b"SETACL b demo +k")
    assert last(demo, b"RENAME %ba %bb.c" % (before, before)).startswith(b"t OK")


def test_messages_go_from_one_user_to_the_other() -> None:
    home, demo, bob = two_users()
    home.server.deliver(b"Subject: a\r\n\r\n", flags=[rb"\Flagged"])
    ask(bob, b"SETACL INBOX demo lrit")
    ask(demo, b"SELECT INBOX")
    assert last(demo, b"COPY 1 user.bob@x.example.INBOX").startswith(b"t OK [COPYUID")
    assert last(demo, b"MOVE 1 user.bob@x.example.INBOX").startswith(b"t OK")
    assert len(home.server.mailbox().messages) == 0
    copies = home.server.mailbox(user="bob@x.example").messages
    assert [sorted(one.flags) for one in copies] == [[], []]
    url = b'"/user.bob@x.example.INBOX/;UID=1"'
    assert last(demo, b"APPEND INBOX CATENATE (URL " + url + b")").startswith(b"t OK")
    ask(bob, b"SETACL INBOX demo -r")
    answer = last(demo, b"APPEND INBOX CATENATE (URL " + url + b")")
    assert answer.startswith(b"t NO [BADURL ")


def test_uids_are_not_told_to_who_may_not_read() -> None:
    home, demo, bob = two_users()
    home.server.deliver(b"Subject: a\r\n\r\n")
    ask(demo, b"SELECT INBOX")
    for rights, told in ((b"li", False), (b"lri", True)):
        ask(bob, b"SETACL INBOX demo " + rights)
        name = b"user.bob@x.example.INBOX"
        assert (b"[APPENDUID" in last(demo, b"APPEND %b {1+}\r\nx" % name)) is told
        assert (b"[COPYUID" in last(demo, b"COPY 1 " + name)) is told
        home.server.deliver(b"Subject: b\r\n\r\n")
        assert any(b"[COPYUID" in one for one in ask(demo, b"MOVE 1 " + name)) is told
        ask(demo, b"NOOP")


def test_quota_is_that_of_whom_the_mailbox_belongs_to() -> None:
    home, demo, bob = two_users()
    home.server.account("bob@x.example").quota = {"MESSAGE": 0}
    ask(bob, b"SETACL INBOX demo lri")
    name = b"user.bob@x.example.INBOX"
    assert last(demo, b"APPEND %b {1+}\r\nx" % name).startswith(b"t NO [OVERQUOTA]")
    assert last(demo, b"APPEND INBOX {1+}\r\nx").startswith(b"t OK")
    assert last(demo, b"GETQUOTAROOT " + name).startswith(b"t NO [NOPERM]")


def test_shared_mailboxes() -> None:
    home = new_home()
    home.server.add_shared_mailbox("news.local")
    home.server.add_shared_mailbox("secret", "")
    peer = logged_in(home)
    assert ask(peer, b"NAMESPACE")[0] == b'* NAMESPACE (("" ".")) NIL (("shared." "."))\r\n'
    listed = b"".join(ask(peer, b'LIST "" "*"'))
    assert b'(\\HasNoChildren) "." shared.news.local\r\n' in listed
    assert b"secret" not in listed
    assert last(peer, b"SELECT shared.news.local").startswith(b"t OK [READ-WRITE]")
    assert last(peer, b"SELECT shared.secret").startswith(b"t NO")
    assert last(peer, b"APPEND shared.news.local {1+}\r\nx").startswith(b"t NO [NOPERM]")
    assert last(peer, b"CREATE shared.other").startswith(b"t NO [NOPERM]")
    home.server.restore(home.server.snapshot())
    assert last(logged_in(home), b"SELECT shared.news.local").startswith(b"t OK")


def test_rights_that_a_test_gives() -> None:
    home, _, bob = two_users()
    home.server.set_rights("bob@x.example", "lr")
    assert last(bob, b"SELECT user.demo.INBOX").startswith(b"t OK [READ-ONLY]")
    home.server.set_rights("anyone", "i")
    assert last(bob, b"APPEND user.demo.INBOX {1+}\r\nx").startswith(b"t OK")
    with pytest.raises(ValueError, match="y"):
        home.server.set_rights("anyone", "y")


@pytest.mark.parametrize(
    "command",
    [b"GETACL INBOX", b"SETACL INBOX a lr", b"DELETEACL INBOX a", b"LISTRIGHTS INBOX a",
     b"MYRIGHTS INBOX"],
)  # fmt: skip
def test_switched_off(command: bytes) -> None:
    home, demo, bob = two_users("ACL")
    assert last(demo, command).startswith(b"t BAD")
    assert ask(demo, b"NAMESPACE")[0] == b'* NAMESPACE (("" ".")) NIL NIL\r\n'
    told = ask(demo, b"CAPABILITY")[0]
    assert b" ACL" not in told
    assert b"RIGHTS=" not in told
    # A name is a name then.
    assert last(demo, b"CREATE user.bob@x.example.a").startswith(b"t OK")
    assert last(bob, b"SELECT a").startswith(b"t NO")
    assert home.server.mailbox("user.bob@x.example.a").owner == b"demo"


def test_identifiers_that_are_none() -> None:
    peer = logged_in(new_home())
    for identifier in (b'""', b"-", b'"%b"' % (b"x" * 300), b"{1+}\r\n\x01"):
        assert last(peer, b"SETACL INBOX %b lr" % identifier).startswith(b"t BAD"), identifier
