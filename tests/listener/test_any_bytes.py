"""Before log-in: whatever comes, in whatever pieces."""

import base64
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from imapproxy.listener.limits import Limits
from imapproxy.relay.partner import NotLetIn
from imapproxy.upstream.errors import LoginRefused
from tests.relay.conversation import Conversation

_LIMITS = Limits(max_login_octets=200, max_bad_commands=5, max_login_failures=3)

_fragments = st.one_of(
    st.binary(max_size=20),
    st.sampled_from(
        [
            b"\r\n", b"\n", b"\r", b"a1 ", b" ", b'"', b"\\", b"{3}\r\n", b"{0+}\r\n",
            b"{300+}\r\n", b"~{2}\r\n", b"{99999999999999999999}\r\n", b"a2 LOGIN ",
            b"a3 AUTHENTICATE PLAIN\r\n", b"a4 AUTHENTICATE LOGIN ", b"AGEAYg==\r\n",
            b"*\r\n", b"=\r\n", b"a5 CAPABILITY\r\n",
            b"a6 STARTTLS\r\n", b"a7 ID NIL\r\n", b"a8 LOGOUT\r\n", b"demo pw\r\n", b"x" * 250,
        ]
    ),
)  # fmt: skip


@given(st.lists(st.lists(_fragments, max_size=6).map(b"".join), max_size=15), st.booleans())
@settings(max_examples=400, deadline=None)
def test_nothing_breaks_it_and_nothing_is_kept(chunks, refused):
    talk = Conversation(limits=_LIMITS, logged_in=False)
    if refused:
        talk.refusal = NotLetIn(LoginRefused(b"NO", b"Wrong."))
    for chunk in chunks:
        if not talk.client_wire.closed:
            talk.client.dataReceived(chunk)
            if not (talk.credentials or talk.client_wire.closed):
                assert talk.client._framer.buffered <= 200 + 2
    said = talk.client_wire.take()
    assert said.count(b"\n") == said.count(b"\r\n") == said.count(b"\r")
    talk.client_closes()
    talk.upstream_closes()
    assert not talk.clock.getDelayedCalls(), "a timer was left behind"


_octets = st.binary(max_size=12).filter(lambda octets: b"\0" not in octets)


def _literal(octets: bytes) -> bytes:
    return b"{%d+}\r\n%b" % (len(octets), octets)


_commands = st.one_of(
    st.sampled_from([b"NOOP", b"noop  ", b"XFOO (", b"", b"STARTTLS", b"CAPABILITY", b"ID NIL"]),
    st.sampled_from([b"AUTHENTICATE X", b"AUTHENTICATE PLAIN\r\n*", b"AUTHENTICATE LOGIN\r\n!"]),
    st.tuples(_octets, _octets).map(lambda pair: b"LOGIN " + b" ".join(map(_literal, pair))),
    _octets.map(lambda octets: b"XFOO " + _literal(octets) + b" {3+}\r\n\r\n{"),
    _octets.map(lambda octets: b"AUTHENTICATE LOGIN\r\n%b\r\n*" % base64.b64encode(octets)),
)


@given(st.lists(_commands, min_size=1, max_size=8), st.lists(st.integers(1, 40), min_size=1))
@settings(max_examples=300, deadline=None)
def test_every_command_is_answered_once_and_in_any_chunking_the_same(commands, sizes):
    said = b"".join(b"t%d %b\r\n" % (number, command) for number, command in enumerate(commands))
    whole = _answers(said, [len(said)])
    assert _answers(said, sizes) == whole
    tagged = Counter(line.split(b" ")[0] for line in whole.split(b"\r\n") if line[:1] == b"t")
    assert tagged == {b"t%d" % number: 1 for number in range(len(commands))}


def _answers(said: bytes, sizes: list[int]) -> bytes:
    limits = Limits(max_bad_commands=1000, max_login_failures=1000, max_login_delay=0.0)
    talk = Conversation(limits=limits, logged_in=False)
    talk.refusal = NotLetIn(LoginRefused(b"NO", b"Wrong."))
    at = number = 0
    while at < len(said):
        size = sizes[number % len(sizes)]
        talk.client.dataReceived(said[at : at + size])
        at += size
        number += 1
    return talk.client_wire.take()
