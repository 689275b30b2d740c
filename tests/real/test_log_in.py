"""Logging in through the proxy to Dovecot, in every form a legacy program may choose.

The user's password holds each character that has to be quoted, or could be taken for something.
"""

import base64
import ssl

import pytest

from tests.real.dovecot import ODD_PASSWORD, ODD_USER, Dovecot
from tests.real.proxy import ListenerCertificate, Proxy
from tests.real.raw import RawClient, octets_of

USER, PASSWORD = ODD_USER.encode(), ODD_PASSWORD.encode()
QUOTED = b'"' + PASSWORD.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


@pytest.fixture(autouse=True)
def odd_account(dovecot: Dovecot) -> None:
    dovecot.odd_account()


def plain(user: bytes = USER, password: bytes = PASSWORD) -> bytes:
    return base64.b64encode(b"\0" + user + b"\0" + password)


LOG_INS: dict[str, tuple[bytes, ...]] = {
    "LOGIN, atom and quoted": (b"t LOGIN " + USER + b" " + QUOTED + b"\r\n",),
    "LOGIN, quoted": (b't login "' + USER + b'" ' + QUOTED + b"\r\n",),
    "LOGIN, bare LF": (b't login "' + USER + b'" ' + QUOTED + b"\n",),
    "LOGIN, literals": (
        b"t LOGIN {%d}\r\n" % len(USER),
        USER + b" {%d}\r\n" % len(PASSWORD),
        PASSWORD + b"\r\n",
    ),
    "LOGIN, non-synchronizing literals": (
        b"t LOGIN {%d+}\r\n%s {%d+}\r\n%s\r\n" % (len(USER), USER, len(PASSWORD), PASSWORD),
    ),
    "AUTHENTICATE PLAIN": (b"t AUTHENTICATE PLAIN\r\n", plain() + b"\r\n"),
    "AUTHENTICATE PLAIN with initial response": (b"t authenticate plain " + plain() + b"\r\n",),
    "AUTHENTICATE LOGIN": (
        b"t AUTHENTICATE LOGIN\r\n",
        base64.b64encode(USER) + b"\r\n",
        base64.b64encode(PASSWORD) + b"\r\n",
    ),
}


@pytest.mark.parametrize("segments", LOG_INS.values(), ids=LOG_INS)
def test_every_form_of_log_in(proxy: Proxy, segments: tuple[bytes, ...]) -> None:
    with RawClient(proxy.port) as client:
        answer = octets_of(client.continued(*segments))
        assert b"\r\nt OK " in b"\r\n" + answer, answer
        assert b"* LIST " in octets_of(client.ok(b'LIST "" INBOX'))
        assert octets_of(client.ok(b"LOGOUT")).startswith(b"* BYE ")
        assert client.read_to_end() == b""
    assert ODD_PASSWORD not in proxy.program.output("stderr")


@pytest.mark.parametrize("ending", [b"", b"x"])
def test_a_wrong_password_is_refused_and_another_try_is_free(proxy: Proxy, ending: bytes) -> None:
    with RawClient(proxy.port) as client:
        wrong = plain(password=PASSWORD[:-1] + ending)
        segments = (b"t AUTHENTICATE PLAIN\r\n", wrong + b"\r\n")
        assert b"t NO [AUTHENTICATIONFAILED]" in octets_of(client.continued(*segments))
        assert b"t NO [AUTHENTICATIONFAILED]" in octets_of(client.command(b"LOGIN a b"))
        client.ok(b"LOGIN " + USER + b" " + QUOTED)


def test_a_cancelled_authentication(proxy: Proxy) -> None:
    with RawClient(proxy.port) as client:
        answer = octets_of(client.continued(b"t AUTHENTICATE PLAIN\r\n", b"*\r\n"))
        assert answer.splitlines()[-1].startswith(b"t BAD")
        client.ok(b"LOGIN " + USER + b" " + QUOTED)


def test_mail_needs_a_log_in(proxy: Proxy) -> None:
    with RawClient(proxy.port) as client:
        for command in (
            b"SELECT INBOX",
            b'LIST "" *',
            b"FETCH 1 FLAGS",
            b"APPEND INBOX {3+}\r\nabc",
        ):
            answer = client.command(command)
            assert answer[-1].octets.startswith((b"t BAD", b"t NO")), answer
            assert len(answer) == 1
        assert b"* CAPABILITY IMAP4" in octets_of(client.ok(b"CAPABILITY"))


def test_commands_behind_the_log_in_wait_for_it(proxy: Proxy) -> None:
    # mbsync and others send the next command before the answer to LOGIN is there.
    with RawClient(proxy.port) as client:
        client.send(b"a LOGIN " + USER + b" " + QUOTED + b"\r\nb SELECT INBOX\r\nc NOOP\r\n")
        responses = client.read_until(lambda response: response.first_word == b"c")
        tagged = [r.octets.split()[:2] for r in responses if r.first_word != b"*"]
        assert tagged == [[b"a", b"OK"], [b"b", b"OK"], [b"c", b"OK"]]


def test_capabilities_are_those_of_the_server_less_those_of_the_hop(
    dovecot: Dovecot, proxy: Proxy
) -> None:
    found = {}
    for port in (dovecot.imap_port, proxy.port):
        with RawClient(port) as client:
            client.ok(b"LOGIN " + USER + b" " + QUOTED)
            found[port] = set(client.ok(b"CAPABILITY")[0].octets.split()[2:])
    missing = found[dovecot.imap_port] - found[proxy.port]
    assert missing <= {b"SASL-IR", b"LOGIN-REFERRALS"}
    assert found[proxy.port] <= found[dovecot.imap_port]
    for extension in (b"IDLE", b"CONDSTORE", b"QRESYNC", b"MOVE", b"LITERAL+", b"UIDPLUS"):
        assert extension in found[proxy.port]


def test_log_in_over_tls(proxy: Proxy, listener_certificate: ListenerCertificate) -> None:
    with RawClient(proxy.tls_port, listener_certificate.client_context()) as client:
        client.ok(b"LOGIN " + USER + b" " + QUOTED)


def test_the_tls_listener_shows_its_own_certificate(proxy: Proxy, dovecot: Dovecot) -> None:
    context = ssl.create_default_context(cafile=str(dovecot.ca_file))
    with pytest.raises(ssl.SSLCertVerificationError):
        RawClient(proxy.tls_port, context)
