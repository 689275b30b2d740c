"""What is switched off is refused as by a server that never had it, and is not told."""

import pytest

from fakeserver.extensions import Extensions
from tests.fakeserver.peers import MemoryPeer, MemoryServer

BAD = (
    ("SORT", "SORT (SUBJECT) UTF-8 ALL"),
    ("SORT=DISPLAY", "SORT (DISPLAYFROM) UTF-8 ALL"),
    ("ESORT", "SORT RETURN (ALL) (SUBJECT) UTF-8 ALL"),
    ("THREAD=REFERENCES", "THREAD REFERENCES UTF-8 ALL"),
    ("THREAD=REFS", "THREAD REFS UTF-8 ALL"),
    ("THREAD=ORDEREDSUBJECT", "THREAD ORDEREDSUBJECT UTF-8 ALL"),
    ("SEARCHRES", "SEARCH RETURN (SAVE) ALL"),
    ("SEARCHRES", "SEARCH $"),
    ("SEARCHRES", "FETCH $ (UID)"),
    ("WITHIN", "SEARCH YOUNGER 10"),
    ("WITHIN", "SEARCH OLDER 10"),
    ("MULTIAPPEND", "APPEND INBOX {1+}\r\na {1+}\r\nb"),
    ("CATENATE", "APPEND INBOX CATENATE (TEXT {1+}\r\na)"),
    ("BINARY", "APPEND INBOX ~{1+}\r\na"),
    ("BINARY", "FETCH 1 (BINARY.PEEK[1])"),
    ("BINARY", "FETCH 1 (BINARY.SIZE[1])"),
    ("OBJECTID", "FETCH 1 (EMAILID)"),
    ("OBJECTID", "FETCH 1 (THREADID)"),
    ("OBJECTID", "STATUS INBOX (MAILBOXID)"),
    ("OBJECTID", "SEARCH EMAILID M1"),
    ("SAVEDATE", "FETCH 1 (SAVEDATE)"),
    ("SAVEDATE", "SEARCH SAVEDSINCE 1-Jan-2020"),
    ("SAVEDATE", "SEARCH SAVEDATESUPPORTED"),
    ("PREVIEW", "FETCH 1 (PREVIEW)"),
    ("APPENDLIMIT", "STATUS INBOX (APPENDLIMIT)"),
    ("PARTIAL", "SEARCH RETURN (PARTIAL -1:-2) ALL"),
    ("PARTIAL", "UID FETCH 1:* (FLAGS) (PARTIAL 1:2)"),
    ("METADATA", "GETMETADATA INBOX /shared/comment"),
    ("METADATA", "SETMETADATA INBOX (/shared/comment NIL)"),
    ("CONTEXT=SEARCH", "SEARCH RETURN (UPDATE) ALL"),
    ("CONTEXT=SEARCH", "SEARCH RETURN (CONTEXT COUNT) ALL"),
    ("CONTEXT=SORT", "SORT RETURN (UPDATE) (SUBJECT) UTF-8 ALL"),
    ("NOTIFY", "NOTIFY NONE"),
    ("REPLACE", "REPLACE 1 INBOX {1+}\r\na"),
    ("CREATE-SPECIAL-USE", "CREATE a (USE (\\Sent))"),
    ("ID", "ID NIL"),
    ("ENABLE", "ENABLE CONDSTORE"),
    ("NAMESPACE", "NAMESPACE"),
    ("UNSELECT", "UNSELECT"),
    ("UIDPLUS", "UID EXPUNGE 1"),
    ("MOVE", "MOVE 1 INBOX"),
    ("MOVE", "UID MOVE 1 INBOX"),
    ("SPECIAL-USE", 'LIST (SPECIAL-USE) "" *'),
    ("LIST-EXTENDED", 'LIST (SUBSCRIBED) "" *'),
    ("LIST-EXTENDED", 'LIST "" (a b)'),
    ("LIST-EXTENDED", 'LIST "" * RETURN (SUBSCRIBED)'),
    ("LIST-STATUS", 'LIST "" * RETURN (STATUS (MESSAGES))'),
    ("STATUS=SIZE", "STATUS INBOX (SIZE)"),
    ("ESEARCH", "SEARCH RETURN (COUNT) ALL"),
    ("CONDSTORE", "SELECT INBOX (CONDSTORE)"),
    ("CONDSTORE", "FETCH 1 (MODSEQ)"),
    ("CONDSTORE", "FETCH 1 (FLAGS) (CHANGEDSINCE 1)"),
    ("CONDSTORE", "STORE 1 (UNCHANGEDSINCE 1) FLAGS ()"),
    ("CONDSTORE", "SEARCH MODSEQ 1"),
    ("CONDSTORE", "STATUS INBOX (HIGHESTMODSEQ)"),
    ("QUOTA", "GETQUOTAROOT INBOX"),
    ("QUOTASET", 'SETQUOTA "" ()'),
    ("ACL", "GETACL INBOX"),
    ("ACL", "MYRIGHTS INBOX"),
    ("COMPRESS=DEFLATE", "COMPRESS LZW"),
)


def _selected(*without: str) -> MemoryPeer:
    home = MemoryServer(extensions=Extensions.with_changes(without=without))
    home.server.add_account("demo", "pw", empty=True)
    home.server.deliver(b"Subject: a\r\n\r\n")
    peer = home.connect()
    peer.send(b"1 LOGIN demo pw\r\n2 SELECT INBOX\r\n")
    assert b"2 OK" in peer.read_all()
    return peer


@pytest.mark.parametrize(("extension", "command"), BAD, ids=[command for _, command in BAD])
def test_bad(extension: str, command: str) -> None:
    octets = b"3 " + command.encode() + b"\r\n4 NOOP\r\n"
    peer = _selected()
    peer.send(octets)
    assert b"3 BAD" not in peer.read_all()
    peer = _selected(extension)
    peer.send(octets)
    answer = peer.read_all()
    assert b"3 BAD" in answer, answer
    assert b"4 OK" in answer, answer
    peer.send(b"5 CAPABILITY\r\n")
    assert extension not in peer.read_all().decode().split()


def test_idle() -> None:
    for without, heard in (((), b"+ idling\r\n"), (("IDLE",), b"3 BAD")):
        peer = _selected(*without)
        peer.send(b"3 IDLE\r\n")
        assert peer.read_all().startswith(heard)


def test_qresync_is_not_enabled() -> None:
    peer = _selected("QRESYNC")
    peer.send(b"3 ENABLE QRESYNC CONDSTORE\r\n4 SELECT INBOX (QRESYNC (1 1))\r\n")
    answer = peer.read_all()
    assert b"* ENABLED CONDSTORE\r\n" in answer
    assert b"4 BAD" in answer


def test_literals_are_asked_for() -> None:
    peer = _selected("LITERAL+")
    peer.send(b"3 STATUS {5+}\r\n")
    assert peer.read_all().startswith(b"3 BAD")


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER", "CRAM-MD5"])
def test_mechanisms(mechanism: str) -> None:
    peer = MemoryServer(extensions=Extensions.with_changes(without=[f"AUTH={mechanism}"])).connect()
    assert mechanism.encode() not in peer.read_all()
    peer.send(b"1 AUTHENTICATE %b\r\n" % mechanism.encode())
    assert peer.read_all().startswith(b"1 NO")


def test_no_answer_along_with_authenticate() -> None:
    home = MemoryServer(extensions=Extensions.with_changes(without=["SASL-IR"]))
    home.server.add_account("demo", "pw", empty=True)
    peer = home.connect()
    peer.read_all()
    peer.send(b"1 AUTHENTICATE PLAIN AGRlbW8AcHc=\r\n")
    assert peer.read_all().startswith(b"1 BAD")


def test_parts_of_what_a_url_names() -> None:
    append = b'3 APPEND INBOX CATENATE (URL "/INBOX/;UID=1/;PARTIAL=0.3")\r\n'
    for without, heard in ((), b"3 OK"), (("URL-PARTIAL",), b"3 NO [BADURL "):
        peer = _selected(*without)
        peer.send(append)
        assert heard in peer.read_all()


def test_object_ids_are_not_told() -> None:
    peer = _selected("OBJECTID")
    peer.send(b"3 CREATE a\r\n4 SELECT a\r\n")
    answer = peer.read_all()
    assert b"4 OK" in answer
    assert b"MAILBOXID" not in answer
