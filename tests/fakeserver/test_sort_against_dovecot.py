"""SORT and THREAD of odd mail made by chance: the fake server answers what Dovecot does."""

import random

import pytest

from tests.fakeserver.peers import MemoryServer, Peer, SocketPeer
from tests.real.dovecot import Dovecot

_SUBJECTS = (  # noqa: SIM905 - one to a line would be a page
    "hello|Re: hello|Fwd: hello|[fwd: hello]|hello (fwd)|re: [list] hello|[list] hello|other||Re:"
    "|[a]|[a][b] re[2]: x|x|  Y  z|=?utf-8?q?caf=C3=A9?=|Caf_|cafz|RE: Re: fw : x|[x] (fwd)|re"
    "|re: re|[fwd: [fwd: x]]|[FWD:x]  |a_b|aab|a[b|[x|(fwd)|re[x] [y]: z|[fwd: ]|xRe: y"
    "|[fwd: x] (fwd)|[blob] [fwd: x]|Re: [fwd: x]|re:\tx\r\n y"
).split("|")
_ADDRESSES = (  # noqa: SIM905
    'Fred <fred@x.example>|"A B" <zed@y.example>|bob@x.example|=?utf-8?q?=C3=89tienne?= <e@x.y>|'
    "group: a@b.example, d@e.example;|<@r:q@w.example>||(comment) q@w.example|Group:;|UPPER@x.y"
).split("|")
_CRITERIA = ("ARRIVAL", "CC", "DATE", "FROM", "SIZE", "SUBJECT", "TO", "DISPLAYFROM", "DISPLAYTO")
_COMMANDS = (
    *(f"SORT ({criterion}) UTF-8 ALL" for criterion in _CRITERIA),
    "UID SORT RETURN (ALL MIN MAX COUNT) (SIZE REVERSE FROM) UTF-8 ALL",
    "SORT (REVERSE SUBJECT DATE) UTF-8 ALL",
    *(f"THREAD {name} UTF-8 ALL" for name in ("REFERENCES", "ORDEREDSUBJECT", "REFS")),
)


def _message(chance: random.Random, count: int) -> tuple[str, bytes]:
    """A date of arrival, and a message that answers others of ``count``."""

    def some_id() -> str:
        return f"<m{chance.randrange(count)}@x>"

    def some_time() -> str:
        return f"{chance.randrange(24):02}:00:00"

    lines = []
    if chance.random() < 0.85:
        lines.append(f"Message-ID: {some_id()}".replace("<m1", chance.choice(["<m1", '<"m1"'])))
    references = [some_id() for _ in range(chance.choice((0, 0, 1, 1, 2, 3)))]
    if references:
        lines.append(f"References: {' '.join(references)}")
    if chance.random() < 0.4:
        lines.append(f"In-Reply-To: {some_id()} <zz@y>")
    if chance.random() < 0.9:
        lines.append(f"Subject: {chance.choice(_SUBJECTS)}")
    if chance.random() < 0.9:
        zone = chance.choice(("+0000", "-0500", "+0900"))
        lines.append(f"Date: {chance.randrange(1, 28)} Jan 2020 {some_time()} {zone}")
    lines += [
        f"{name}: {chance.choice(_ADDRESSES)}"
        for name in ("From", "To", "Cc")
        if chance.random() < 0.8
    ]
    body = "x" * chance.randrange(5)
    arrived = f"{chance.randrange(1, 28):02}-Jan-2020 {some_time()} +0000"
    return arrived, "\r\n".join((*lines, "", body, "")).encode()


def _answers(
    peer: Peer, user: str, password: str, messages: list[tuple[str, bytes]]
) -> dict[str, bytes]:
    def command(text: bytes) -> bytes:
        peer.send(b"a " + text + b"\r\n")
        responses = []
        while not (response := peer.read()).startswith(b"a "):
            assert response, text
            responses.append(response)
        assert response.startswith(b"a OK"), (text, response)
        return b"".join(responses).rstrip()

    peer.read()
    command(f"LOGIN {user} {password}".encode())
    for arrived, octets in messages:
        command(b'APPEND INBOX "%b" {%d+}\r\n%b' % (arrived.encode(), len(octets), octets))
    command(b"SELECT INBOX")
    return {text: command(text.encode()) for text in _COMMANDS}


@pytest.mark.parametrize("seed", range(6))
def test_random_mail(seed: int, dovecot: Dovecot) -> None:
    chance = random.Random(seed)
    messages = [_message(chance, 25) for _ in range(25)]
    home = MemoryServer()
    home.server.add_account("demo", "pw", empty=True)
    ours = _answers(home.connect(), "demo", "pw", messages)
    account = dovecot.account()
    peer = SocketPeer(dovecot.imap_port)
    theirs = _answers(peer, account.user, account.password, messages)
    peer.close()
    assert ours == theirs
