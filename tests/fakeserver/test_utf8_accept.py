"""UTF8=ACCEPT (RFC 6855, RFC 9755)."""

from tests.fakeserver.peers import MemoryPeer
from tests.fakeserver.talk import ask, home_with, logged_in, new_home

_MESSAGE = "Subject: ä\r\n\r\nbody".encode()


def _enabled() -> MemoryPeer:
    peer = logged_in(home_with("UTF8=ACCEPT"))
    assert ask(peer, b"ENABLE UTF8=ACCEPT")[0] == b"* ENABLED UTF8=ACCEPT\r\n"
    return peer


def test_it_is_told_where_it_is_on() -> None:
    peer = logged_in(home_with("UTF8=ACCEPT"))
    assert b" UTF8=ACCEPT" in ask(peer, b"CAPABILITY")[0]
    peer = logged_in(new_home())
    assert ask(peer, b"ENABLE UTF8=ACCEPT")[0] == b"* ENABLED\r\n"
    data = b"UTF8 (~{%d+}\r\n%b)" % (len(_MESSAGE), _MESSAGE)
    assert ask(peer, b"APPEND INBOX " + data)[-1].startswith(b"t BAD")


def test_names_are_utf8() -> None:
    peer = _enabled()
    ask(peer, 'CREATE "ä"'.encode())
    ask(peer, 'SUBSCRIBE "ä"'.encode())
    assert '* LIST (\\HasNoChildren) "." "ä"\r\n'.encode() in ask(peer, b'LIST "" *')
    assert '* LSUB () "." "ä"\r\n'.encode() in ask(peer, 'LSUB "" "ä*"'.encode())
    assert ask(peer, b"STATUS INBOX (RECENT)")[-1].startswith(b"t OK")


def test_octets_that_are_no_utf8() -> None:
    assert ask(_enabled(), b'STATUS "\xff" (MESSAGES)')[-1].startswith(b"t BAD")


def test_headers_in_utf8_have_to_be_enabled() -> None:
    literal = b"{%d+}\r\n%b" % (len(_MESSAGE), _MESSAGE)
    peer = logged_in(home_with("UTF8=ACCEPT"))
    assert ask(peer, b"APPEND INBOX " + literal)[-1].startswith(b"t NO")
    body_alone = "Subject: a\r\n\r\nä".encode()
    assert ask(peer, b"APPEND INBOX {%d+}\r\n%b" % (len(body_alone), body_alone))[-1].startswith(
        b"t OK"
    )
    peer = _enabled()
    assert ask(peer, b"APPEND INBOX UTF8 (~" + literal + b")")[-1].startswith(b"t OK")
    assert ask(peer, b"APPEND INBOX CATENATE (UTF8 (~" + literal + b"))")[-1].startswith(b"t OK")
    ask(peer, b"SELECT INBOX")
    assert _MESSAGE in ask(peer, b"FETCH 1 BODY.PEEK[]")[0]
    assert _MESSAGE in ask(peer, b"FETCH 2 BODY.PEEK[]")[0]


def test_search_has_no_charset() -> None:
    peer = _enabled()
    ask(peer, b"SELECT INBOX")
    assert ask(peer, b"SEARCH CHARSET UTF-8 ALL")[-1].startswith(b"t BAD")
    assert ask(peer, 'SEARCH SUBJECT "ä"'.encode())[-1].startswith(b"t OK")


def test_utf8_only() -> None:
    peer = logged_in(home_with("UTF8=ONLY", "UTF8=ACCEPT"))
    told = ask(peer, b"CAPABILITY")[0].split()
    assert b"UTF8=ONLY" in told
    assert b"UTF8=ACCEPT" not in told
    for command in (b"SELECT INBOX", b'LIST "" *', b"STATUS INBOX (MESSAGES)", b"NAMESPACE"):
        assert ask(peer, command)[-1].startswith(b"t NO [CANNOT] "), command
    for command in (b"NOOP", b"CAPABILITY", b"ID NIL"):
        assert ask(peer, command)[-1].startswith(b"t OK "), command
    assert ask(peer, b"ENABLE UTF8=ONLY")[0] == b"* ENABLED\r\n"
    assert ask(peer, b"ENABLE UTF8=ACCEPT")[0] == b"* ENABLED UTF8=ACCEPT\r\n"
    ask(peer, 'CREATE "ä"'.encode())
    assert '* LIST (\\HasNoChildren) "." "ä"\r\n'.encode() in ask(peer, b'LIST "" *')
    # Modified UTF-7 is a name like any other.
    ask(peer, b'CREATE "&AOQ-"')
    assert b'* LIST (\\HasNoChildren) "." &AOQ-\r\n' in ask(peer, b'LIST "" *')
