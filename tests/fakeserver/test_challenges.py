"""CRAM-MD5 (RFC 2195) and SCRAM-SHA-256 (RFC 7677), from the client's side."""

import base64
import hashlib
import hmac
import imaplib
from collections.abc import Callable

import pytest

from fakeserver.threaded import ThreadedServer
from tests.fakeserver.peers import MemoryServer, Peer, SocketPeer
from tests.fakeserver.talk import ask, greeted, home_with, home_without, new_home
from tests.real.dovecot import Dovecot

Tamper = Callable[[bytes], bytes]


def same(message: bytes) -> bytes:
    return message


def challenge(peer: Peer) -> bytes:
    line = peer.read()
    assert line.startswith(b"+ "), line
    return base64.b64decode(line[2:])


def respond(peer: Peer, message: bytes) -> None:
    peer.send(base64.b64encode(message) + b"\r\n")


def cram_md5(peer: Peer, user: bytes, password: bytes) -> bytes:
    """Log in; the tagged reply."""
    peer.send(b"t AUTHENTICATE CRAM-MD5\r\n")
    digest = hmac.digest(password, challenge(peer), "md5").hex()
    respond(peer, user + b" " + digest.encode())
    return peer.read()


def scram(
    peer: Peer,
    user: bytes,
    password: bytes,
    *,
    header: bytes = b"n,,",
    final: Tamper = same,
    initial: bool = False,
) -> bytes:
    """Log in, and see that the server knows the password too; the tagged reply."""
    first = b"n=%b,r=fyko+d2lbbFgONRv9qkxdawL" % user.replace(b"=", b"=3D").replace(b",", b"=2C")
    if initial:
        encoded = base64.b64encode(header + first)
        peer.send(b"t AUTHENTICATE SCRAM-SHA-256 " + encoded + b"\r\n")
    else:
        peer.send(b"t AUTHENTICATE SCRAM-SHA-256\r\n")
        assert challenge(peer) == b""
        respond(peer, header + first)
    line = peer.read()
    if not line.startswith(b"+ "):
        return line
    server_first = base64.b64decode(line[2:])
    values = dict(part.split(b"=", 1) for part in server_first.split(b","))
    assert values[b"r"].startswith(b"fyko+d2lbbFgONRv9qkxdawL")
    assert int(values[b"i"]) >= 4096
    salt = base64.b64decode(values[b"s"])
    salted = hashlib.pbkdf2_hmac("sha256", password, salt, int(values[b"i"]))
    without_proof = b"c=%b,r=%b" % (base64.b64encode(header), values[b"r"])
    message = b",".join((first, server_first, without_proof))
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    signature = hmac.digest(hashlib.sha256(client_key).digest(), message, "sha256")
    proof = bytes(one ^ other for one, other in zip(client_key, signature, strict=True))
    respond(peer, final(without_proof + b",p=" + base64.b64encode(proof)))
    line = peer.read()
    if not line.startswith(b"+ "):
        return line
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    expected = base64.b64encode(hmac.digest(server_key, message, "sha256"))
    assert base64.b64decode(line[2:]) == b"v=" + expected
    respond(peer, b"")
    return peer.read()


def home() -> MemoryServer:
    home = new_home()
    home.server.add_account("odd=,ü", "p ü=,", empty=True)
    return home


@pytest.mark.parametrize("log_in", [cram_md5, scram])
def test_right_and_wrong(log_in: Callable[[Peer, bytes, bytes], bytes]) -> None:
    server = home()
    assert log_in(greeted(server), b"demo", b"pw").startswith(b"t OK [CAPABILITY ")
    assert log_in(greeted(server), b"demo", b"no").startswith(b"t NO [AUTHENTICATIONFAILED]")
    assert log_in(greeted(server), b"nobody", b"pw").startswith(b"t NO [AUTHENTICATIONFAILED]")
    odd, password = "odd=,ü".encode(), "p ü=,".encode()
    assert log_in(greeted(server), odd, password).startswith(b"t OK")
    assert "p ü" not in server.server.transcript.text()


@pytest.mark.parametrize("log_in", [cram_md5, scram])
def test_dovecot(
    log_in: Callable[[Peer, bytes, bytes], bytes], dovecot_with_plugins: Dovecot
) -> None:
    account = dovecot_with_plugins.account()
    for password, condition in ((account.password, b"t OK"), ("wrong", b"t NO")):
        peer = SocketPeer(dovecot_with_plugins.imap_port)
        peer.read()
        reply = log_in(peer, account.user.encode(), password.encode())
        while reply.startswith(b"* "):
            reply = peer.read()
        assert reply.startswith(condition), reply
        peer.close()


def test_imaplib(imap_server: ThreadedServer) -> None:
    with imaplib.IMAP4(imap_server.host, imap_server.port) as client:
        assert client.login_cram_md5(imap_server.user, imap_server.password)[0] == "OK"


def test_scram_with_an_initial_response() -> None:
    assert scram(greeted(home()), b"demo", b"pw", initial=True).startswith(b"t OK")
    assert scram(greeted(home()), b"demo", b"pw", header=b"y,,").startswith(b"t OK")
    assert scram(greeted(home()), b"demo", b"pw", header=b"n,a=demo,").startswith(b"t OK")


@pytest.mark.parametrize("header", [b"p=tls-unique,,", b"n,a=other,", b"x,,", b"", b"n,"])
def test_scram_headers_that_are_refused(header: bytes) -> None:
    assert scram(greeted(home()), b"demo", b"pw", header=header).startswith(b"t NO ")


@pytest.mark.parametrize(
    "final",
    [
        lambda message: b"",
        lambda message: message.replace(b",r=", b",r=x"),
        lambda message: message.replace(b"c=", b"c=x"),
        lambda message: message[:-4],
        lambda message: message.replace(b",p=", b",q="),
    ],
)
def test_scram_last_messages_that_are_refused(final: Tamper) -> None:
    assert scram(greeted(home()), b"demo", b"pw", final=final).startswith(b"t NO ")


def test_either_can_be_given_up() -> None:
    for name in (b"CRAM-MD5", b"SCRAM-SHA-256"):
        peer = greeted(home())
        peer.send(b"t AUTHENTICATE " + name + b"\r\n")
        challenge(peer)
        peer.send(b"*\r\n")
        assert peer.read().startswith(b"t BAD ")
        peer.send(b"t AUTHENTICATE " + name + b"\r\n")
        challenge(peer)
        peer.send(b"no base64!\r\n")
        assert peer.read().startswith(b"t BAD ")


def test_cram_md5_has_no_initial_response() -> None:
    assert ask(greeted(home()), b"AUTHENTICATE CRAM-MD5 YQ==")[-1].startswith(b"t BAD ")


def test_allowed_where_no_password_may_be_sent() -> None:
    server = home_with("LOGINDISABLED")
    told = ask(greeted(server), b"CAPABILITY")[0].split()
    assert b"AUTH=SCRAM-SHA-256" in told
    assert b"AUTH=PLAIN" not in told
    assert scram(greeted(server), b"demo", b"pw").startswith(b"t OK")


def test_switched_off() -> None:
    server = home_without("AUTH=CRAM-MD5", "AUTH=SCRAM-SHA-256")
    for name in (b"CRAM-MD5", b"SCRAM-SHA-256"):
        assert ask(greeted(server), b"AUTHENTICATE " + name)[-1].startswith(b"t NO ")
    assert b"AUTH=SCRAM" not in ask(greeted(server), b"CAPABILITY")[0]
