"""Whatever comes in, in whatever pieces: no exception, no hang, one reply to each command."""

import re
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from fakeserver.host import Limits
from tests.fakeserver.messages import MESSAGES
from tests.fakeserver.peers import MemoryPeer, MemoryServer
from tests.fakeserver.talk import greeted, logged_in, new_home

LIMITS = Limits(bad_commands=10**6, line=1000, literal=2000, command=3000)

WORDS = (
    b"FETCH UID STORE SEARCH SELECT EXAMINE INBOX LIST LSUB STATUS APPEND COPY MOVE EXPUNGE CLOSE",
    b"CREATE DELETE RENAME a.b a b.c NOOP IDLE DONE LOGIN demo pw ENABLE CONDSTORE QRESYNC RETURN",
    b"1 1:* * 2,4 0 FLAGS +FLAGS.SILENT (\\Seen) (\\Deleted key) BODY[] BODY.PEEK[1.2.MIME]<0.5>",
    b"(UID ENVELOPE BODYSTRUCTURE) (MODSEQ) (CHANGEDSINCE 1) (QRESYNC (1 1)) ALL NOT OR SUBJECT x",
    b'() ( ) "" "a\\\\b" {3}\r\nabc {3+}\r\nabc {0} ~{1}\r\nx (MESSAGES) % $ NIL SORT THREAD',
    b"AUTHENTICATE PLAIN = CAPABILITY ID LOGOUT STARTTLS UNSELECT NAMESPACE MODSEQ 5 CHARSET utf-8",
)
words = st.sampled_from(b" ".join(WORDS).split(b" "))
lines = st.lists(words, max_size=7).map(lambda some: b"t " + b" ".join(some) + b"\r\n")
garbage = st.binary(max_size=60)
octets = st.lists(st.one_of(lines, lines, garbage), max_size=12).map(b"".join)
cuts = st.lists(st.integers(0, 400), max_size=6)


def pieces(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({min(place, len(data)) for place in places} | {len(data)})
    return [data[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def home() -> MemoryServer:
    made = new_home(limits=LIMITS)
    for message in MESSAGES.values():
        made.server.deliver(message)
    return made


def says(peer: MemoryPeer, data: bytes, places: list[int]) -> bytes:
    heard = b""
    for piece in pieces(data, places):
        peer.send(piece)
        heard += peer.read_all()
        assert peer.protocol.buffered < 5000 or peer.closed
    return heard


@settings(deadline=None, max_examples=300)
@given(data=octets, places=cuts)
def test_before_a_login(data: bytes, places: list[int]) -> None:
    says(greeted(home()), data, places)


@settings(deadline=None, max_examples=300)
@given(data=octets, places=cuts)
def test_with_a_mailbox_selected(data: bytes, places: list[int]) -> None:
    peer = logged_in(home())
    says(peer, b"s SELECT INBOX\r\n" + data, places)


@settings(deadline=None, max_examples=200)
@given(data=octets, places=cuts)
def test_pieces_make_no_difference(data: bytes, places: list[int]) -> None:
    one, other = logged_in(home()), logged_in(home())
    data = b"s SELECT INBOX\r\n" + data
    assert _masked(says(one, data, [])) == _masked(says(other, data, places))


def _masked(heard: bytes) -> bytes:
    """Without what tells the time."""
    return re.sub(rb"(UIDVALIDITY|COPYUID|APPENDUID) \d+", rb"\1", heard)


commands = st.lists(words, min_size=1, max_size=6).filter(
    lambda some: (
        not any(word.startswith((b"{", b"~", b"IDLE", b"LOGOUT", b"AUTH")) for word in some)
    )
)


@settings(deadline=None, max_examples=300)
@given(asked=st.lists(commands, max_size=8))
def test_each_command_gets_exactly_one_tagged_reply(asked: list[list[bytes]]) -> None:
    peer = logged_in(home())
    tagged = [b"t%d " % number + b" ".join(some) for number, some in enumerate(asked)]
    heard = says(peer, b"s SELECT INBOX\r\n" + b"\r\n".join([*tagged, b""]), [])
    replies = Counter(re.findall(rb"^(t\d+) (?:OK|NO|BAD) ", heard, re.MULTILINE))
    assert replies == Counter(line.split()[0] for line in tagged)
