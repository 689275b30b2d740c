"""A whole session in memory, with a cache: whatever both sides say, the house stands.

An input is a series of turns, parted by two NULs: ``C`` or ``S`` and what that side says, ``T`` and
time passes, ``E`` and the client says no more.
"""

from twisted.internet.task import Clock

from imapproxy.cache.memory_store import MemoryStore
from imapproxy.listener.limits import Limits
from imapproxy.relay.cached_account import CachedAccount
from imapproxy.relay.freshness import Freshness
from tests.relay.conversation import Conversation

_PART = b"\0\0"
_SELECTED = (
    b"* 3 EXISTS\r\n* OK [UIDVALIDITY 7] .\r\n* OK [UIDNEXT 20] .\r\ns OK [READ-WRITE] .\r\n"
)

SEEDS = (
    _PART.join((b"Ca NOOP\r\n", b"Sa OK\r\n", b"Cb LOGOUT\r\n", b"S* BYE\r\nb OK\r\n")),
    _PART.join((b"Ca APPEND x {3}\r\n", b"S+ go on\r\n", b"Cabc\r\n", b"Sa OK\r\n")),
    _PART.join((b"Ca IDLE\r\n", b"S+ idling\r\n* 1 EXISTS\r\n", b"CDONE\r\n", b"Sa OK\r\n", b"E")),
    _PART.join(
        (
            *(b"Cs SELECT INBOX\r\n", b"S" + _SELECTED, b"Ca FETCH 1:3 (UID ENVELOPE)\r\n"),
            *(b"S* 1 FETCH (UID 11 ENVELOPE (a))\r\n* 2 FETCH (UID 12 ENVELOPE (b))\r\n",),
            *(b"S* 3 FETCH (UID 13 ENVELOPE (c))\r\na OK\r\n", b"Cb FETCH 1:3 (UID ENVELOPE)\r\n"),
            *(b"T", b"Cc FETCH 1:3 (UID FLAGS ENVELOPE)\r\n", b"S* 1 EXPUNGE\r\nc OK\r\n"),
        )
    ),
    _PART.join(
        (
            *(b"Cs SELECT INBOX\r\n", b"S" + _SELECTED, b"Ca FETCH 2 (UID BODY[])\r\n"),
            *(b"S* 2 FETCH (UID 12 BODY[] {5}\r\nhello)\r\na OK\r\n", b"Cb FETCH 1:3 BODY[]\r\n"),
        )
    ),
    _PART.join(
        (b"Ca X {3+}\r\nabc {2}\r\n", b"Sa NO\r\n", b"Cb STARTTLS\r\nc NOOP\r\n", b"S* BYE\r\n")
    ),
)
WORDS = (
    *(_PART + b"C", _PART + b"S", _PART + b"T", _PART + b"E", b"\r\n", b"a ", b"b ", b"s ", b"* "),
    *(
        b"NOOP\r\n",
        b"IDLE\r\n",
        b"DONE\r\n",
        b"+ \r\n",
        b"OK\r\n",
        b"NO\r\n",
        b"BAD\r\n",
        b"* BYE\r\n",
    ),
    *(
        b"{3}\r\n",
        b"{3+}\r\n",
        b"{0+}\r\n",
        b"FETCH 1:* (UID ENVELOPE)\r\n",
        b"UID FETCH 12 BODY[]\r\n",
    ),
    *(b"* 1 EXPUNGE\r\n", b"* 4 EXISTS\r\n", b"* 1 FETCH (UID 11)\r\n", b"* VANISHED 11\r\n"),
    *(b"SELECT INBOX\r\n", b"UNSELECT\r\n", b"STORE 1 FLAGS ()\r\n", b"LOGOUT\r\n", b"P1 OK\r\n"),
    *(
        b"* OK [UIDVALIDITY 8] .\r\n",
        b"ENABLE QRESYNC\r\n",
        b"* ENABLED X\r\n",
        b"EXPUNGE\r\n",
        b"\n",
    ),
)


def check(octets: bytes) -> None:
    """See above."""
    for cached in (False, True):
        talk = _talk(cached)
        for turn in octets.split(_PART):
            _take(talk, turn[:1], turn[1:])
        talk.upstream_closes()
        talk.client_closes()
        assert not talk.clock.getDelayedCalls(), "a timer was left behind"


def _talk(cached: bool) -> Conversation:
    limits = Limits(max_line=500, max_pipelined=5)
    if not cached:
        return Conversation(limits=limits)
    store = MemoryStore(Clock())
    account = CachedAccount(
        b"upstream user", store, Freshness(exact=False, news_interval=30.0), False
    )
    return Conversation(limits=limits, account=account)


def _take(talk: Conversation, side: bytes, said: bytes) -> None:
    if side == b"C" and not talk.client_wire.closed:
        talk.client.dataReceived(said)
    elif side == b"S" and talk.upstream.error is None:
        talk.upstream.dataReceived(said)
    elif side == b"E" and not talk.client_wire.closed:
        talk.client.readConnectionLost()
    elif side == b"T":
        talk.clock.advance(31)
