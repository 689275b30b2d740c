"""APPENDLIMIT (RFC 7889)."""

from fakeserver.extensions import Extensions
from fakeserver.host import Limits
from tests.fakeserver.peers import MemoryPeer, MemoryServer


def _logged_in(*without: str) -> MemoryPeer:
    extensions = Extensions.with_changes(without=without)
    home = MemoryServer(limits=Limits(append=10), extensions=extensions)
    home.server.add_account("demo", "pw", empty=True)
    peer = home.connect()
    peer.send(b"1 LOGIN demo pw\r\n")
    assert b"1 OK" in peer.read_all()
    return peer


def test_the_limit_is_told() -> None:
    peer = _logged_in()
    peer.send(b"2 CAPABILITY\r\n3 STATUS INBOX (APPENDLIMIT)\r\n")
    answer = peer.read_all()
    assert b" APPENDLIMIT=10 " in answer
    assert b"* STATUS INBOX (APPENDLIMIT 10)\r\n" in answer


def test_too_big_is_refused_before_it_is_sent() -> None:
    peer = _logged_in()
    peer.send(b"2 APPEND INBOX {11}\r\n")
    assert peer.read_all().startswith(b"2 NO [TOOBIG] ")
    peer.send(b"3 APPEND INBOX {10}\r\n")
    assert peer.read_all().startswith(b"+ ")
    peer.send(b"0123456789\r\n")
    assert peer.read_all().startswith(b"3 OK ")


def test_too_big_without_asking() -> None:
    peer = _logged_in()
    peer.send(b"2 APPEND INBOX {11+}\r\n0123456789a\r\n3 NOOP\r\n")
    answer = peer.read_all()
    assert answer.startswith(b"2 NO [TOOBIG] ")
    assert b"3 OK" in answer


def test_too_big_in_pieces() -> None:
    peer = _logged_in()
    peer.send(b"2 APPEND INBOX CATENATE (TEXT {6+}\r\n012345 TEXT {5+}\r\n6789a)\r\n")
    assert peer.read_all().startswith(b"2 NO [TOOBIG] ")


def test_several_messages_none_of_them_too_big() -> None:
    peer = _logged_in()
    peer.send(b"2 APPEND INBOX {6+}\r\n012345 {11+}\r\n0123456789a\r\n")
    assert peer.read_all().startswith(b"2 NO [TOOBIG] ")
    peer.send(b"3 APPEND INBOX {6+}\r\n012345 {10+}\r\n0123456789\r\n4 STATUS INBOX (MESSAGES)\r\n")
    answer = peer.read_all()
    assert b"3 OK" in answer
    assert b"(MESSAGES 2)" in answer


def test_switched_off_there_is_no_limit() -> None:
    peer = _logged_in("APPENDLIMIT")
    peer.send(b"2 APPEND INBOX {11}\r\n")
    assert peer.read_all().startswith(b"+ ")
