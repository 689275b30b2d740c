"""Whatever the two sides say, in whatever pieces: no exception, bounds kept, one answer each."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from imapproxy.listener.limits import Limits
from imapproxy.wire.framing import CommandFramer, Line, Octets
from tests.relay.conversation import Conversation

_LIMITS = Limits(max_line=200, max_pipelined=5)

_fragments = st.one_of(
    st.binary(max_size=30),
    st.sampled_from(
        [
            b"\r\n", b"\n", b"a1 ", b"a1 NOOP\r\n", b"P1 OK\r\n", b"P2 BAD\r\n", b"* OK x\r\n",
            b"* BYE\r\n", b"+ \r\n", b"+", b"{3}\r\n", b"{0+}\r\n", b"{12+}\r\n", b"~{2}\r\n",
            b"* 1 FETCH (BODY[] {4}\r\n", b")\r\n", b'"', b"\\", b"a2 IDLE\r\n", b"DONE\r\n",
            b"a3 LOGOUT\r\n", b"a4 AUTHENTICATE X\r\n", b"a5 STARTTLS\r\n",
            b"{99999999999999999999}\r\n",
            b"* CAPABILITY", b" [CAPABILITY ", b"P3 OK [CAPABILITY AUTH=X] \r\n", b"x" * 250,
        ]
    ),
)  # fmt: skip
_sides = st.tuples(st.sampled_from(["client", "upstream"]), st.lists(_fragments, max_size=6))


@given(st.lists(_sides, max_size=20), st.booleans())
@settings(max_examples=400, deadline=None)
def test_nothing_said_breaks_the_session(turns, literal_plus):
    talk = Conversation("IMAP4rev1 LITERAL+" if literal_plus else "IMAP4rev1", _LIMITS)
    for side, pieces in turns:
        data = b"".join(pieces)
        if side == "client" and not talk.client_wire.closed:
            talk.client.dataReceived(data)
        elif side == "upstream" and talk.upstream.error is None:
            talk.upstream.dataReceived(data)
    talk.upstream_closes()
    talk.client_closes()
    assert not talk.clock.getDelayedCalls(), "a timer was left behind"


_commands = st.one_of(
    st.sampled_from([b"NOOP", b"noop  ", b"XFOO (", b"", b"STARTTLS", b"IDLE\r\nDONE"]),
    st.binary(max_size=12).map(lambda octets: b"APPEND x {%d}\r\n%b" % (len(octets), octets)),
    st.binary(max_size=12).map(lambda octets: b"APPEND x {%d+}\r\n%b z" % (len(octets), octets)),
    st.binary(max_size=12).map(
        lambda octets: b"LSUB {%d+}\r\n%b {%d}\r\n%b" % (len(octets), octets, len(octets), octets)
    ),
)


def _chunked(data: bytes, sizes: list[int]) -> list[bytes]:
    chunks, at = [], 0
    while at < len(data):
        size = sizes[len(chunks) % len(sizes)]
        chunks.append(data[at : at + size])
        at += size
    return chunks


class _Server:
    """Reads what the partner is told as any server would, and answers it."""

    def __init__(self, talk: Conversation, refuses: list[bool]) -> None:
        self._talk = talk
        self._framer = CommandFramer()
        self._refuses = refuses
        self._tag = b""
        self._idling = False
        self.literals: list[bytes] = []
        self.answered = 0

    def answer(self) -> bool:
        """Answer what has come; whether anything was said."""
        self._framer.feed(self._talk.upstream_wire.take())
        said = b""
        while (fragment := self._framer.next_fragment()) is not None:
            said += self._fragment(fragment)
            if said:
                break
        if said:
            self._talk.upstream.dataReceived(said)
        return bool(said)

    def _fragment(self, fragment: object) -> bytes:
        if isinstance(fragment, Octets):
            self.literals.append(fragment.data)
            return b""
        assert isinstance(fragment, Line), fragment
        if not self._tag:
            self._tag, _, rest = fragment.data.partition(b" ")
            self._tag = self._tag.rstrip(b"\r\n")
            if rest.strip().upper() == b"IDLE":
                self._idling = True
                return b"+ idling\r\n"
        if fragment.literal is None or (fragment.literal.synchronizing and self._refused()):
            if fragment.literal is not None:
                self._framer.refuse_literal()
            tag, self._tag = self._tag, b""
            self.answered += 1
            return b"* 1 FETCH (X {3}\r\n\r\n\xff)\r\n" + tag + b" OK [CAPABILITY X] done {3}\r\n"
        if fragment.literal.synchronizing:
            self._framer.accept_literal()
            return b"+ go on\r\n"
        return b""

    def _refused(self) -> bool:
        return bool(self._refuses) and self._refuses.pop(0)


@given(
    st.lists(_commands, min_size=1, max_size=8),
    st.lists(st.integers(1, 40), min_size=1, max_size=8),
    st.booleans(),
)
@settings(max_examples=300, deadline=None)
def test_every_command_is_answered_once_and_in_any_chunking_the_same(commands, sizes, plus):
    said = b"".join(b"a%d %b\r\n" % (n, command) for n, command in enumerate(commands))
    whole = _answers(said, [len(said)], plus=plus)
    assert _answers(said, sizes, plus=plus) == whole
    tagged = Counter(line.split(b" ")[0] for line in whole.split(b"\r\n") if line.startswith(b"a"))
    assert tagged == {b"a%d" % n: 1 for n in range(len(commands))}


def _answers(said: bytes, sizes: list[int], *, plus: bool) -> bytes:
    talk = Conversation("IMAP4rev1 LITERAL+" if plus else "IMAP4rev1", _LIMITS)
    server = _Server(talk, [])
    heard = b""
    for chunk in _chunked(said, sizes):
        talk.client.dataReceived(chunk)
        while server.answer():
            pass
        heard += talk.client_wire.take()
    return heard
