"""Scripts: what a client is answered, and where it is told that it left the script."""

import pytest

from fakeserver.conversation import parse_conversations
from fakeserver.replay_script import Mismatch, ReplayScript, Said

SCRIPT = """
S: * OK ready
C: a1 LOGIN (hidden)
S: a1 OK in
C: a2 APPEND INBOX {4}
S: + go on
C: ab
C:
S: a2 OK done
C: a3 IDLE
S: + idling
S: * 1 EXISTS
C: DONE
S: a3 OK done
C: a4 FETCH <...> FLAGS
S: * 1 FETCH (FLAGS ())
S: a4 OK done
C: a5 LOGOUT
S: * BYE
S: a5 OK done
"""


def play(script: ReplayScript, *sent: bytes) -> list[bytes]:
    return [b"".join(said.octets for said in script.feed(octets)) for octets in sent]


def fresh(text: str = SCRIPT) -> ReplayScript:
    return ReplayScript(parse_conversations(text)[0].entries)


def test_whole() -> None:
    script = fresh()
    heard = play(
        script,
        b"", b"X1 LOGIN demo pw\r\n", b"X2 APPEND INBOX {4}\r\n", b"ab\r\n\r\n", b"X3 IDLE\r\n",
        b"DONE\r\n", b"X4 FETCH 1:* FLAGS\r\nX5 LOGOUT\r\n",
    )  # fmt: skip
    assert heard == [
        b"* OK ready\r\n", b"X1 OK in\r\n", b"+ go on\r\n", b"X2 OK done\r\n",
        b"+ idling\r\n* 1 EXISTS\r\n", b"X3 OK done\r\n",
        b"* 1 FETCH (FLAGS ())\r\nX4 OK done\r\n* BYE\r\nX5 OK done\r\n",
    ]  # fmt: skip
    assert script.is_over


def test_octet_by_octet() -> None:
    script = fresh()
    sent = b"X1 LOGIN demo pw\r\nX2 APPEND INBOX {4}\r\nab\r\n\r\nX3 IDLE\r\nDONE\r\n"
    heard = b"".join(play(script, b"", *(bytes([octet]) for octet in sent)))
    assert heard.endswith(b"X3 OK done\r\n")


def test_credentials_as_literals() -> None:
    script = fresh()
    heard = play(script, b"", b"X1 LOGIN {4}\r\n", b"demo {2+}\r\npw\r\n")
    assert heard == [b"* OK ready\r\n", b"+ OK\r\n", b"X1 OK in\r\n"]


def test_sasl() -> None:
    script = fresh("C: a AUTHENTICATE PLAIN\nS: + \nC: (hidden)\nS: a OK in\nC: b NOOP\nS: b OK\n")
    heard = play(script, b"1 AUTHENTICATE PLAIN\r\n", b"AGEAYg==\r\n", b"2 NOOP\r\n")
    assert heard == [b"+ \r\n", b"1 OK in\r\n", b"2 OK\r\n"]


def test_starttls() -> None:
    script = fresh("S: * OK\nC: a STARTTLS\nS: a OK begin\nC: b NOOP\nS: b OK\n")
    assert list(script.feed(b"1 STARTTLS\r\n"))[1:] == [Said(b"1 OK begin\r\n", starts_tls=True)]


@pytest.mark.parametrize(
    ("sent", "mistake"),
    [
        (b"X1 NOOP\r\n", r"was to say b'a1 LOGIN \(hidden\).* and said b'X1 NOOP"),
        (b"X1 LOGIN a b\r\nX2 APPEND Sent {4}\r\n", r"was to say b'APPEND INBOX .*'APPEND Sent"),
    ],
)
def test_another_client(sent: bytes, mistake: str) -> None:
    with pytest.raises(Mismatch, match=mistake):
        list(fresh().feed(sent))
