"""METADATA (RFC 5464): bounds, and whose values are whose."""

from fakeserver.store.annotations import MAX_COUNT, MAX_SIZE
from tests.fakeserver.talk import ask, logged_in, new_home


def test_values_that_are_too_large() -> None:
    peer = logged_in(new_home())
    value = b"{%d+}\r\n%b" % (MAX_SIZE + 1, b"x" * (MAX_SIZE + 1))
    answer = ask(peer, b"SETMETADATA INBOX (/shared/a x /shared/b " + value + b")")
    assert answer[-1].startswith(b"t BAD")
    answer = ask(peer, b'SETMETADATA INBOX (/shared/a "x" /shared/b ' + value + b")")
    assert answer[-1].startswith(b"t NO [METADATA MAXSIZE %d]" % MAX_SIZE)
    assert len(ask(peer, b"GETMETADATA INBOX (DEPTH infinity) /shared")) == 1


def test_too_many_values() -> None:
    peer = logged_in(new_home())
    for number in range(MAX_COUNT):
        assert ask(peer, b'SETMETADATA "" (/shared/%d "x")' % number)[-1].startswith(b"t OK")
    assert ask(peer, b'SETMETADATA "" (/shared/more "x")')[-1].startswith(
        b"t NO [METADATA TOOMANY]"
    )
    assert ask(peer, b'SETMETADATA "" (/shared/1 "y")')[-1].startswith(b"t OK")
    assert ask(peer, b'SETMETADATA "" (/shared/none NIL)')[-1].startswith(b"t OK")


def test_private_values_are_of_one_user() -> None:
    home = new_home()
    home.server.add_account("other", "pw", empty=True)
    mine, others = logged_in(home), logged_in(home, "other")
    ask(others, b"ENABLE METADATA")
    ask(mine, b'SETMETADATA "" (/private/comment "mine" /shared/comment "all")')
    ask(mine, b'SETMETADATA INBOX (/private/comment "mine" /shared/comment "all")')
    assert ask(others, b"NOOP")[:-1] == [b'* METADATA "" /shared/comment\r\n']
    found = ask(others, b'GETMETADATA "" (/private/comment /shared/comment)')
    assert found[:-1] == [b'* METADATA "" (/private/comment NIL /shared/comment "all")\r\n']


def test_rights_on_a_mailbox() -> None:
    home = new_home()
    home.server.add_account("other", "pw", empty=True)
    mine, others = logged_in(home), logged_in(home, "other")
    ask(mine, b'SETMETADATA INBOX (/shared/comment "all")')
    # Section 3.3: "l" and any one of "r", "s", "w", "i" and "p".
    for rights, heard in ((b"p", b"NO"), (b"l", b"NO [NOPERM]"), (b"lp", b"OK"), (b"lr", b"OK")):
        ask(mine, b"SETACL INBOX other " + rights)
        told = ask(others, b"GETMETADATA user.demo.INBOX /shared/comment")
        assert told[-1].startswith(b"t " + heard), rights


def test_octets_of_any_value() -> None:
    peer = logged_in(new_home())
    assert ask(peer, b"SETMETADATA INBOX (/shared/a ~{3+}\r\na\0b)")[-1].startswith(b"t OK")
    assert ask(peer, b"GETMETADATA INBOX /shared/a")[0] == (
        b"* METADATA INBOX (/shared/a ~{3}\r\na\0b)\r\n"
    )


def test_snapshots_keep_them() -> None:
    home = new_home()
    peer = logged_in(home)
    ask(peer, b'SETMETADATA "" (/shared/a "x")')
    ask(peer, b'SETMETADATA INBOX (/shared/a "x")')
    snapshot = home.server.snapshot()
    ask(peer, b'SETMETADATA "" (/shared/a "y")')
    ask(peer, b'SETMETADATA INBOX (/shared/a "y")')
    home.server.restore(snapshot)
    for name in (b'""', b"INBOX"):
        assert b'"x"' in ask(peer, b"GETMETADATA " + name + b" /shared/a")[0]
