"""CONTEXT=SEARCH (RFC 5267): tags, and how many there may be."""

from tests.fakeserver.talk import ask, logged_in, new_home


def test_a_tag_is_used_once() -> None:
    peer = logged_in(new_home())
    ask(peer, b"SELECT INBOX")
    assert ask(peer, b"SEARCH RETURN (UPDATE) ALL")[-1].startswith(b"t OK")
    assert ask(peer, b"UID SEARCH RETURN (UPDATE) ALL")[-1].startswith(b"t BAD")
    ask(peer, b"SELECT INBOX")
    assert ask(peer, b"SEARCH RETURN (UPDATE) ALL")[-1].startswith(b"t OK")


def test_too_many() -> None:
    peer = logged_in(new_home())
    ask(peer, b"SELECT INBOX")
    peer.send(b"".join(b"u%d SEARCH RETURN (UPDATE COUNT) ALL\r\n" % n for n in range(21)))
    answer = peer.read_all()
    assert answer.count(b" COUNT 0\r\n") == 21
    assert b'* NO [NOUPDATE "u20"] ' in answer
    assert b"u20 OK" in answer
    assert ask(peer, b'CANCELUPDATE "u0" "u1"')[-1].startswith(b"t OK")
    assert ask(peer, b"SEARCH RETURN (UPDATE COUNT) ALL")[1].startswith(b"t OK")
