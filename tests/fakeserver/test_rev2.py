"""IMAP4rev2 (RFC 9051): what a conversation cannot show."""

from fakeserver.extensions import Extensions
from tests.fakeserver.peers import MemoryServer
from tests.fakeserver.talk import ask, greeted, home_without, logged_in, new_home

_ONLY_REV2 = Extensions(("IMAP4rev2", "AUTH=PLAIN"))


def test_switched_off_it_cannot_be_enabled() -> None:
    peer = logged_in(home_without("IMAP4rev2"))
    assert ask(peer, b"ENABLE IMAP4rev2") == [b"* ENABLED\r\n", b"t OK Enabled.\r\n"]
    assert ask(peer, b"CHECK")[-1].startswith(b"t BAD No mailbox")
    assert b"rev2" not in ask(peer, b"CAPABILITY")[0]


def test_without_what_it_includes_there_is_none() -> None:
    for name in ("ESEARCH", "LIST-EXTENDED", "UIDPLUS", "ENABLE", "LITERAL+"):
        assert "IMAP4rev2" not in Extensions.with_changes(without=[name]), name


def test_a_server_that_speaks_nothing_else() -> None:
    home = new_home(extensions=_ONLY_REV2)
    home.server.deliver(b"Subject: a\r\n\r\n")
    peer = logged_in(home)
    assert ask(peer, b"CAPABILITY")[0] == b"* CAPABILITY IMAP4rev2\r\n"
    selected = b"".join(ask(peer, b"SELECT INBOX"))
    assert b"RECENT" not in selected
    assert b'* LIST (\\HasNoChildren) "." INBOX\r\n' in selected
    assert ask(peer, b"SEARCH ALL")[0] == b'* ESEARCH (TAG "t") ALL 1\r\n'
    assert ask(peer, b'LSUB "" *')[-1].startswith(b"t BAD")
    assert ask(peer, b"NAMESPACE")[-1].startswith(b"t OK")
    assert ask(peer, b"UNSELECT")[-1].startswith(b"t OK")
    assert ask(peer, b'LIST "" (INBOX %)')[-1].startswith(b"t BAD")
    assert ask(peer, b'LIST () "" % RETURN (CHILDREN)')[-1].startswith(b"t OK")


def test_short_literals_need_no_asking_there() -> None:
    peer = logged_in(new_home(extensions=_ONLY_REV2))
    assert ask(peer, b"STATUS {5+}\r\nINBOX (MESSAGES)")[-1].startswith(b"t OK")
    peer.send(b"t APPEND INBOX {4097+}\r\n")
    assert b"* BYE" in peer.read_all()


def test_enabled_when_a_mailbox_is_selected() -> None:
    home = new_home()
    home.server.deliver(b"Subject: a\r\n\r\n")
    peer = logged_in(home)
    assert b"* 1 RECENT\r\n" in ask(peer, b"SELECT INBOX")
    ask(peer, b"ENABLE IMAP4rev2")
    assert ask(peer, b"FETCH 1 (FLAGS)") == [
        b"* 1 FETCH (FLAGS ())\r\n",
        b"t OK Fetch completed.\r\n",
    ]


def test_names_that_are_no_names() -> None:
    peer = logged_in(new_home())
    ask(peer, b"ENABLE IMAP4rev2")
    for name in (b"\xff", "a\u2028b".encode(), "a\u0085b".encode()):
        assert ask(peer, b'CREATE "%b"' % name)[-1].startswith(
            b"t BAD Error in IMAP command CREATE"
        )
        assert ask(peer, b"STATUS {%d+}\r\n%b (MESSAGES)" % (len(name), name))[-1].startswith(
            b"t BAD"
        )
    peer.send(b't APPEND "\xff" {3}\r\n')
    assert peer.read().startswith(b"+ ")
    peer.send(b"abc\r\n")
    assert peer.read().startswith(b"t BAD")


def test_no_utf8_before_it_is_enabled() -> None:
    peer = logged_in(new_home())
    assert ask(peer, 'CREATE "ä"'.encode())[-1].startswith(b"t NO [CANNOT]")
    assert ask(peer, b"CREATE &AOQ-")[-1].startswith(b"t OK")
    assert b'"." &AOQ-\r\n' in ask(peer, b'LIST "" "&*"')[0]


def test_tls_and_login_are_as_before() -> None:
    home = MemoryServer(extensions=_ONLY_REV2)
    peer = greeted(home)
    assert ask(peer, b"AUTHENTICATE PLAIN AGRlbW8AcHc=")[-1].startswith(b"t NO")
