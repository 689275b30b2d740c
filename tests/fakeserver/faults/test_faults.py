"""Each fault: what the client hears of it, and nothing else."""

import pytest

from fakeserver.faults import (
    GREETING,
    Action,
    CloseAfter,
    CloseAt,
    CloseBefore,
    Delay,
    DuplicateExists,
    Fragment,
    Garbage,
    Inject,
    ReorderUntagged,
    Reply,
    Stall,
    StallAt,
    TruncateLiteral,
    WrongLiteralSize,
)
from fakeserver.host import Limits
from tests.fakeserver.peers import MemoryPeer, MemoryServer

MAIL = b"Subject: x\r\n\r\nhello\r\n"
FETCHED = b"* 1 FETCH (BODY[] {%d}\r\n%b)\r\n" % (len(MAIL), MAIL)
DONE = b"f OK Fetch completed.\r\n"
FETCH = b"f FETCH 1 BODY.PEEK[]\r\n"


@pytest.fixture
def home() -> MemoryServer:
    home = MemoryServer()
    home.server.add_account("demo", "pw", empty=True)
    home.server.add_account("other", "pw", empty=True)
    home.server.deliver(MAIL)
    return home


def selected(home: MemoryServer, user: str = "demo") -> MemoryPeer:
    peer = home.connect()
    peer.send(b"a LOGIN %b pw\r\nb SELECT INBOX\r\n" % user.encode())
    assert peer.read_all().endswith(b"b OK [READ-WRITE] Select completed.\r\n")
    return peer


@pytest.mark.parametrize(
    ("actions", "heard", "closed"),
    [
        ([Reply("NO", "No.", "UNAVAILABLE")], b"f NO [UNAVAILABLE] No.\r\n", False),
        ([Reply("BAD", "Bad.")], b"f BAD Bad.\r\n", False),
        ([Reply("BYE", "Bye.", "X-ANY 1")], b"* BYE [X-ANY 1] Bye.\r\n", True),
        ([Stall()], b"", False),
        ([StallAt(5)], b"* 1 F", False),
        ([CloseBefore()], b"", True),
        ([CloseAt(5)], b"* 1 F", True),
        ([CloseAt(len(FETCHED))], FETCHED, True),
        ([CloseAfter()], FETCHED + DONE, True),
        ([TruncateLiteral(3)], FETCHED[: FETCHED.index(MAIL)] + MAIL[:3], True),
        ([WrongLiteralSize(2)], FETCHED.replace(b"{21}", b"{23}") + DONE, False),
        ([WrongLiteralSize(-30)], FETCHED.replace(b"{21}", b"{0}") + DONE, False),
        ([Garbage(b"???\r\n")], b"???\r\n" + FETCHED + DONE, False),
        ([Inject(b"* 9 EXISTS\r\n")], b"* 9 EXISTS\r\n" + FETCHED + DONE, False),
        ([Inject(b"* 9 EXISTS\r\n", True)], FETCHED + b"* 9 EXISTS\r\n" + DONE, False),
        ([Fragment(3)], FETCHED + DONE, False),
        ([Fragment(3), CloseAt(8)], FETCHED[:8], True),
    ],
    ids=repr,
)
def test_of_a_reply(home: MemoryServer, actions: list[Action], heard: bytes, closed: bool) -> None:
    peer = selected(home)
    home.server.fault(*actions, command="fetch")
    peer.send(FETCH)
    assert peer.read_all() == heard
    assert peer.closed is closed


def test_fragments_are_written_one_by_one(
    home: MemoryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer = selected(home)
    written: list[bytes] = []
    monkeypatch.setattr(peer.transport, "write", written.append)
    home.server.fault(Fragment(4), command="NOOP")
    peer.send(b"n NOOP\r\n")
    assert written[:2] == [b"n OK", b" NOO"]
    assert b"".join(written) == b"n OK NOOP completed.\r\n"


def test_delay(home: MemoryServer) -> None:
    peer = selected(home)
    home.server.fault(Delay(2.5), command="NOOP")
    peer.send(b"n NOOP\r\nm NOOP\r\n")
    home.clock.advance(2.4)
    assert peer.read_all() == b""
    home.clock.advance(0.2)
    assert peer.read_all() == b"n OK NOOP completed.\r\nm OK NOOP completed.\r\n"


def test_untagged_responses_in_another_order(home: MemoryServer) -> None:
    home.server.deliver(MAIL)
    peer = selected(home)
    home.server.fault(ReorderUntagged(), command="FETCH")
    peer.send(b"f FETCH 1:2 (UID)\r\n")
    assert peer.read_all() == b"* 2 FETCH (UID 2)\r\n* 1 FETCH (UID 1)\r\n" + DONE


def test_exists_twice_and_in_idle(home: MemoryServer) -> None:
    peer = selected(home)
    home.server.fault(DuplicateExists(), command="NOOP")
    home.server.deliver(MAIL)
    peer.send(b"n NOOP\r\n")
    assert peer.read_all().count(b"* 2 EXISTS\r\n") == 2
    home.server.fault(DuplicateExists(), command="IDLE")
    peer.send(b"i IDLE\r\n")
    assert peer.read_all() == b"+ idling\r\n"
    home.server.deliver(MAIL)
    assert peer.read_all().startswith(b"* 3 EXISTS\r\n* 3 EXISTS\r\n")


def test_whose_and_when(home: MemoryServer) -> None:
    home.server.fault(Reply("NO"), command="NOOP", user="other", nth=2, times=2)
    mine, other = selected(home), selected(home, "other")
    for peer, replies in ((mine, "OOOO"), (other, "ONNO")):
        peer.send(b"n NOOP\r\n" * 4)
        told = peer.read_all().splitlines()
        assert "".join(line.decode()[2] for line in told) == replies


def test_of_one_connection(home: MemoryServer) -> None:
    home.server.fault(Reply("NO"), connection=2, times=None)
    first, second = home.connect(), home.connect()
    for peer, reply in ((first, b"n OK"), (second, b"n NO")):
        peer.read()
        peer.send(b"n NOOP\r\n")
        assert peer.read().startswith(reply)


def test_of_the_greeting(home: MemoryServer) -> None:
    home.server.fault(Reply("BYE", "Not today."), command=GREETING)
    peer = home.connect()
    assert peer.read_all() == b"* BYE Not today.\r\n"
    assert peer.closed


def test_connections_are_limited() -> None:
    home = MemoryServer(limits=Limits(connections=2))
    first, second, third = home.connect(), home.connect(), home.connect()
    assert [peer.closed for peer in (first, second)] == [False, False]
    assert third.read_all() == b"* BYE [UNAVAILABLE] Too many connections.\r\n"
    second.close()
    assert home.connect().read().startswith(b"* OK")


def test_connections_of_a_user_are_limited() -> None:
    home = MemoryServer(limits=Limits(connections_per_user=1))
    home.server.add_account("demo", "pw")
    first, second = home.connect(), home.connect()
    for peer, reply in ((first, b"a OK"), (second, b"a NO [LIMIT]")):
        peer.read()
        peer.send(b"a LOGIN demo pw\r\n")
        assert peer.read().startswith(reply)
    first.close()
    second.send(b"a LOGIN demo pw\r\n")
    assert second.read().startswith(b"a OK")
