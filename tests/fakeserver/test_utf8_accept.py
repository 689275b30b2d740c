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


_FOREIGN = """\
From: Jörn <joern@a.example>
To: Ann <änn@b.example>, bob@b.example
Cc: Größe: c@b.example, d@b.example;
Subject: ä
X-Other: ä
Content-Type: multipart/mixed; boundary=b; x=ä

--b
Content-Type: text/plain; charset=utf-8
Content-Disposition: inline; filename="ä.txt"; size=1

ä
--b
Content-Type: message/rfc822

Subject: ö

body
--b--
""".replace("\n", "\r\n").encode()

_SURROGATE = """\
From: =?utf-8?b?SsO2cm4=?= <joern@a.example>
To: =?utf-8?b?QW5uIDzDpG5uQGIuZXhhbXBsZT4=?= <internationalized-address@eai.invalid>,
 bob@b.example
Cc: =?utf-8?b?R3LDtsOfZQ==?=: c@b.example,
 d@b.example;
Subject: =?utf-8?b?w6Q=?=
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain; charset=utf-8
Content-Disposition: inline; size=1

ä
--b
Content-Type: message/rfc822

Subject: =?utf-8?b?w7Y=?=

body
--b--
""".replace("\n", "\r\n").encode()


def test_others_see_surrogates() -> None:
    home = home_with("UTF8=ACCEPT")
    for mail in (b"Subject: a\r\n\r\n", _FOREIGN, "Subject: a\r\n\r\nä".encode()):
        home.server.deliver(mail)
    peer = logged_in(home)
    ask(peer, b"SELECT INBOX")
    told = ask(peer, b"FETCH 1:* (BODY.PEEK[] RFC822.SIZE)")
    size = b"RFC822.SIZE %d BODY[] {%d}\r\n" % (len(_SURROGATE), len(_SURROGATE))
    assert told[1] == b"* 2 FETCH (" + size + _SURROGATE + b")\r\n"
    assert told[2].endswith("ä)\r\n".encode())
    assert told[3].startswith(b"* OK [DOWNGRADED 2] ")
    assert b"J\xc3\xb6rn" not in ask(peer, b"FETCH 2 ENVELOPE")[0]
    assert ask(peer, b"FETCH 1,3 ENVELOPE")[2].startswith(b"t OK")
    assert ask(peer, b"FETCH 2 (UID FLAGS)")[1].startswith(b"t OK")
    ask(peer, b"ENABLE UTF8=ACCEPT")
    assert _FOREIGN in ask(peer, b"FETCH 2 BODY.PEEK[]")[0]


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
