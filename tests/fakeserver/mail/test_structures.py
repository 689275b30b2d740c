"""ENVELOPE and BODYSTRUCTURE of odd mail, as a table and against Dovecot."""

import re

import pytest

from fakeserver.mail.message import Message
from tests.fakeserver.mail.cases import ENVELOPES, STRUCTURES
from tests.fakeserver.peers import SocketPeer
from tests.real.dovecot import Dovecot

_LITERAL = re.compile(rb"\{(\d+)\}\r\n")


@pytest.mark.parametrize(("header", "envelope"), ENVELOPES)
def test_envelope(header: bytes, envelope: bytes) -> None:
    assert Message(header + b"\r\nbody").envelope == envelope


@pytest.mark.parametrize(("octets", "structure"), STRUCTURES)
def test_body_structure(octets: bytes, structure: bytes) -> None:
    assert Message(octets).body_structure == structure


def test_body_is_structure_without_extension_data() -> None:
    message = Message(b"Content-Type: text/html; charset=x\r\nContent-MD5: y\r\n\r\nz\r\n")
    assert message.body == b'("text" "html" ("charset" "x") NIL NIL "7bit" 3 1)'
    assert message.body_structure == (
        b'("text" "html" ("charset" "x") NIL NIL "7bit" 3 1 "y" NIL NIL NIL)'
    )


def test_dovecot_says_the_same(dovecot: Dovecot) -> None:
    account = dovecot.account()
    peer = SocketPeer(dovecot.imap_port)
    peer.read()
    ask(peer, f"LOGIN {account.user} {account.password}".encode())
    ask(peer, b"SELECT INBOX")
    cases = [(header + b"\r\nbody", b"ENVELOPE", value) for header, value in ENVELOPES]
    cases += [(octets, b"BODYSTRUCTURE", value) for octets, value in STRUCTURES]
    for number, (octets, item, value) in enumerate(cases, 1):
        ask(peer, b"APPEND INBOX {%d+}\r\n%b" % (len(octets), octets))
        answer = ask(peer, b"FETCH %d (%b)" % (number, item))[0]
        told = answer.partition(item + b" ")[2].removesuffix(b")\r\n")
        assert with_quotes(told) == with_quotes(value), octets
    peer.close()


def ask(peer: SocketPeer, command: bytes) -> list[bytes]:
    peer.send(b"t " + command + b"\r\n")
    responses = [peer.read()]
    while not responses[-1].startswith(b"t "):
        responses.append(peer.read())
    assert responses[-1].startswith(b"t OK"), responses
    return responses


def with_quotes(octets: bytes) -> bytes:
    """Literals as quoted strings: which of the two a server sends is its own choice."""
    found = _LITERAL.search(octets)
    if found is None:
        return octets
    end = found.end() + int(found[1])
    inner = octets[found.end() : end].replace(b"\\", rb"\\").replace(b'"', rb"\"")
    return octets[: found.start()] + b'"' + inner + b'"' + with_quotes(octets[end:])
