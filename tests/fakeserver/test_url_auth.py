"""URLAUTH (RFC 4467): who may have what by a URL."""

import datetime

from fakeserver.extensions import Extensions
from tests.fakeserver.peers import MemoryPeer, MemoryServer
from tests.fakeserver.talk import ask, home_with, logged_in, new_home

_RUMP = b"imap://demo@localhost/INBOX/;uid=1/;section=TEXT"


def _home() -> MemoryServer:
    home = home_with("URLAUTH")
    home.server.deliver(b"Subject: a\r\n\r\nbody")
    for user in ("fred", "submit"):
        home.server.add_account(user, "pw", empty=True)
    return home


def _authorized(peer: MemoryPeer, rump: bytes) -> bytes:
    told = ask(peer, b'GENURLAUTH "%b" INTERNAL' % rump)
    assert told[0].startswith(b'* GENURLAUTH "%b:internal:' % rump), told
    return told[0].split(b'"')[1]


def _fetched(peer: MemoryPeer, url: bytes) -> bytes:
    begins = b"* URLFETCH " + url + b" "
    answer = ask(peer, b'URLFETCH "%b"' % url)[0]
    assert answer.startswith(begins), answer
    return answer[len(begins) :].strip()


def test_a_url_for_one_user() -> None:
    home = _home()
    url = _authorized(logged_in(home), _RUMP + b";urlauth=user+fred")
    assert _fetched(logged_in(home, "fred"), url) == b'"body"'
    assert _fetched(logged_in(home), url) == b"NIL"
    forged = url[:-1] + (b"0" if url[-1:] != b"0" else b"1")
    assert _fetched(logged_in(home, "fred"), forged) == b"NIL"


def test_a_url_for_submission_and_one_for_everybody() -> None:
    home = _home()
    owner = logged_in(home)
    url = _authorized(owner, _RUMP + b";urlauth=submit+fred")
    assert _fetched(logged_in(home, "submit"), url) == b'"body"'
    assert _fetched(logged_in(home, "fred"), url) == b"NIL"
    assert _fetched(logged_in(home, "fred"), _authorized(owner, _RUMP + b";URLAUTH=authuser")) == (
        b'"body"'
    )


def test_a_key_that_is_reset() -> None:
    home = _home()
    owner = logged_in(home)
    url = _authorized(owner, _RUMP + b";urlauth=authuser")
    assert ask(owner, b"RESETKEY INBOX INTERNAL")[-1].startswith(b"t OK [URLMECH INTERNAL]")
    assert _fetched(owner, url) == b"NIL"
    url = _authorized(owner, _RUMP + b";urlauth=authuser")
    assert ask(owner, b"RESETKEY")[-1].startswith(b"t OK")
    assert _fetched(owner, url) == b"NIL"
    assert ask(owner, b"RESETKEY none")[-1].startswith(b"t NO")


def test_a_url_that_expires() -> None:
    home = _home()
    home.server.freeze_clock(datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC))
    owner = logged_in(home)
    url = _authorized(owner, _RUMP + b";expire=2026-01-02T00:00:00Z;urlauth=authuser")
    assert _fetched(owner, url) == b'"body"'
    home.server.freeze_clock(datetime.datetime(2026, 1, 3, tzinfo=datetime.UTC))
    assert _fetched(owner, url) == b"NIL"


def test_urls_that_cannot_be_authorized() -> None:
    peer = logged_in(_home())
    for url in (
        b"imap://fred@localhost/INBOX/;uid=1;urlauth=authuser",
        b"imap://demo@localhost/none/;uid=1;urlauth=authuser",
        b"imap://localhost/INBOX/;uid=1;urlauth=authuser",
        b"imap://demo@localhost/INBOX/;uid=1;urlauth=user+nobody",
        b"imap://demo@localhost/INBOX/;uid=1;urlauth=other",
        b"imap://demo@localhost/INBOX/;uid=1;expire=never;urlauth=authuser",
        b"imap://demo@localhost/INBOX/;uid=0;urlauth=authuser",
        _RUMP,
    ):
        assert ask(peer, b'GENURLAUTH "%b" INTERNAL' % url)[-1].startswith(b"t BAD"), url
    assert ask(peer, b'GENURLAUTH "%b;urlauth=authuser" OTHER' % _RUMP)[-1].startswith(b"t BAD")
    assert ask(peer, b'URLFETCH "what"')[0] == b"* URLFETCH what NIL\r\n"


def test_it_is_told_where_it_is_on() -> None:
    peer = logged_in(_home())
    assert b" URLAUTH" in ask(peer, b"CAPABILITY")[0]
    assert any(line.startswith(b"* OK [URLMECH INTERNAL]") for line in ask(peer, b"SELECT INBOX"))
    peer = logged_in(new_home(extensions=Extensions()))
    assert ask(peer, b'URLFETCH "x"')[-1].startswith(b"t BAD")
    assert ask(peer, b"RESETKEY")[-1].startswith(b"t BAD")
