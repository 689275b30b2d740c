"""AUTHENTICATE: every mechanism, right and wrong, with and without an initial response."""

import base64

import pytest

from tests.fakeserver.talk import ask, greeted, home_without, new_home

PLAIN = b"\0demo\0pw"
XOAUTH2 = b"user=demo\x01auth=Bearer pw\x01\x01"
OAUTHBEARER = b"n,a=demo,\x01host=localhost\x01port=143\x01auth=Bearer pw\x01\x01"
RESPONSES = [("PLAIN", PLAIN), ("XOAUTH2", XOAUTH2), ("OAUTHBEARER", OAUTHBEARER)]


@pytest.mark.parametrize(("mechanism", "response"), RESPONSES)
def test_initial_response(mechanism: str, response: bytes) -> None:
    peer = greeted(new_home())
    command = b"AUTHENTICATE %b %b" % (mechanism.encode(), base64.b64encode(response))
    assert ask(peer, command)[-1].startswith(b"t OK [CAPABILITY IMAP4rev1 ")


@pytest.mark.parametrize(("mechanism", "response"), RESPONSES)
def test_response_to_a_challenge(mechanism: str, response: bytes) -> None:
    peer = greeted(new_home())
    peer.send(b"t AUTHENTICATE %b\r\n" % mechanism.encode())
    assert peer.read() == b"+ \r\n"
    peer.send(base64.b64encode(response) + b"\r\n")
    assert peer.read().startswith(b"t OK [CAPABILITY IMAP4rev1 ")


def test_login_asks_twice() -> None:
    peer = greeted(new_home())
    peer.send(b"t AUTHENTICATE LOGIN\r\n")
    assert peer.read() == b"+ VXNlcm5hbWU6\r\n"
    peer.send(base64.b64encode(b"demo") + b"\r\n")
    assert peer.read() == b"+ UGFzc3dvcmQ6\r\n"
    peer.send(base64.b64encode(b"pw") + b"\r\n")
    assert peer.read().startswith(b"t OK ")


@pytest.mark.parametrize("response", [b"\0demo\0wrong", b"\0demo", b"", b"other\0demo\0pw"])
def test_wrong_plain(response: bytes) -> None:
    peer = greeted(new_home())
    encoded = base64.b64encode(response) or b"="
    reply = ask(peer, b"AUTHENTICATE PLAIN " + encoded)[-1]
    assert reply == b"t NO [AUTHENTICATIONFAILED] Authentication failed.\r\n"


@pytest.mark.parametrize("mechanism", [b"XOAUTH2", b"OAUTHBEARER"])
def test_a_wrong_token_is_explained_first(mechanism: bytes) -> None:
    peer = greeted(new_home())
    peer.send(b"t AUTHENTICATE %b %b\r\n" % (mechanism, base64.b64encode(b"n,,\x01x=y\x01\x01")))
    challenge = peer.read()
    assert base64.b64decode(challenge[2:]).startswith(b'{"status":"invalid_token"')
    peer.send(b"AQ==\r\n")
    assert peer.read() == b"t NO [AUTHENTICATIONFAILED] Authentication failed.\r\n"


@pytest.mark.parametrize("line", [b"*", b"!", b"YQ", b"\xff", b"x" * 100_000])
def test_what_is_no_base64(line: bytes) -> None:
    peer = greeted(new_home())
    peer.send(b"t AUTHENTICATE PLAIN\r\n")
    peer.read()
    peer.send(line + b"\r\n")
    assert peer.read().startswith(b"t BAD ")
    assert ask(peer, b"NOOP") == [b"t OK NOOP completed.\r\n"]


def test_without_sasl_ir() -> None:
    peer = greeted(home_without("SASL-IR"))
    assert ask(peer, b"AUTHENTICATE PLAIN AGRlbW8AcHc=")[-1].startswith(b"t BAD ")


def test_a_mechanism_that_is_switched_off() -> None:
    peer = greeted(home_without("AUTH=PLAIN"))
    assert ask(peer, b"AUTHENTICATE PLAIN AGRlbW8AcHc=")[-1].startswith(b"t NO ")


def test_preauth() -> None:
    home = new_home(preauth="demo")
    peer = home.connect()
    greeting = peer.read()
    assert greeting.startswith(b"* PREAUTH [CAPABILITY IMAP4rev1 ")
    assert b"AUTH=" not in greeting
    assert ask(peer, b"SELECT INBOX")[-1].startswith(b"t OK ")
