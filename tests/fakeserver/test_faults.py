"""Faults on demand: what, when, for whom."""

import pytest

from fakeserver.faults import (
    GREETING,
    Action,
    CloseAfter,
    CloseAt,
    CloseBefore,
    Delay,
    Fault,
    FaultPlan,
    Fragment,
    Inject,
    Reply,
    Stall,
    TruncateLiteral,
)
from tests.fakeserver.messages import MESSAGES
from tests.fakeserver.peers import MemoryPeer, MemoryServer
from tests.fakeserver.talk import ask, greeted, logged_in, new_home

NOOP_DONE = b"t OK NOOP completed.\r\n"


def selected(home: MemoryServer) -> MemoryPeer:
    home.server.deliver(MESSAGES["simple"])
    peer = logged_in(home)
    ask(peer, b"SELECT INBOX")
    return peer


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (Reply("NO", "Later.", "UNAVAILABLE"), b"t NO [UNAVAILABLE] Later.\r\n"),
        (Reply("BAD", "What?"), b"t BAD What?\r\n"),
        (Reply("OK", "Nothing was done."), b"t OK Nothing was done.\r\n"),
    ],
)
def test_another_reply(reply: Reply, told: bytes) -> None:
    home = new_home()
    home.server.fault(reply, command="NOOP")
    peer = logged_in(home)
    assert ask(peer, b"NOOP") == [told]
    assert ask(peer, b"NOOP") == [NOOP_DONE]


def test_bye() -> None:
    home = new_home()
    home.server.fault(Reply("BYE", "Too much.", "UNAVAILABLE"), command="NOOP")
    peer = logged_in(home)
    peer.send(b"a NOOP\r\nb NOOP\r\n")
    assert peer.read_all() == b"* BYE [UNAVAILABLE] Too much.\r\n"
    assert peer.closed


def test_delay_and_stall() -> None:
    home = new_home()
    home.server.fault(Delay(5), command="NOOP")
    home.server.fault(Stall(), command="CHECK")
    peer = selected(home)
    peer.send(b"t NOOP\r\n")
    home.clock.advance(4.9)
    assert peer.read() == b""
    home.clock.advance(0.2)
    assert peer.read() == NOOP_DONE
    peer.send(b"a CHECK\r\nb NOOP\r\n")
    home.clock.advance(1000)
    assert peer.read_all() == b""
    assert not peer.closed


@pytest.mark.parametrize(
    ("action", "told"),
    [
        (CloseBefore(), b""),
        (CloseAt(0), b""),
        (CloseAt(5), b"* 1 F"),
        (TruncateLiteral(3), b"* 1 FETCH (BODY[] {45}\r\nSub"),
        (CloseAfter(), b"* 1 FETCH (BODY[] {45}\r\n%b)\r\na OK Fetch completed.\r\n"),
    ],
)
def test_the_connection_ends(action: Action, told: bytes) -> None:
    home = new_home()
    home.server.fault(action, command="FETCH")
    peer = selected(home)
    peer.send(b"a FETCH 1 BODY.PEEK[]\r\nb NOOP\r\n")
    assert peer.read_all() == told.replace(b"%b", MESSAGES["simple"])
    assert peer.closed


def test_fragments_are_writes_of_their_own() -> None:
    home = new_home()
    home.server.fault(Fragment(7), command="NOOP")
    peer = logged_in(home)
    written: list[bytes] = []
    write = peer.transport.write
    peer.transport.write = lambda data: (written.append(data), write(data))[1]  # type: ignore[method-assign]
    assert ask(peer, b"NOOP") == [NOOP_DONE]
    assert written == [b"t OK NO", b"OP comp", b"leted.\r", b"\n"]


def test_what_nobody_asked_for() -> None:
    home = new_home()
    home.server.fault(
        Inject(b"* 9 EXISTS\r\n"), Inject(b"garbage\r\n", before_tagged=True), command="CAPABILITY"
    )
    peer = logged_in(home)
    responses = ask(peer, b"CAPABILITY")
    assert responses[0] == b"* 9 EXISTS\r\n"
    assert responses[1].startswith(b"* CAPABILITY ")
    assert responses[2] == b"garbage\r\n"


def test_the_greeting_is_a_reply_too() -> None:
    home = new_home()
    home.server.fault(Reply("BYE", "Not now."), command=GREETING)
    peer = home.connect()
    assert peer.read_all() == b"* BYE Not now.\r\n"
    assert peer.closed
    greeted(home)


def test_which_command_of_whom() -> None:
    plan = FaultPlan([Fault((Stall(),), command="FETCH", user="a", connection=2, nth=2, times=2)])
    asked = [
        ("FETCH", "a", 2, False),
        ("FETCH", "b", 2, False),
        ("FETCH", "a", 1, False),
        ("UID FETCH", "a", 2, False),
        ("FETCH", "a", 2, True),
        ("FETCH", "a", 2, True),
        ("FETCH", "a", 2, False),
    ]
    for command, user, connection, due in asked:
        assert plan.actions_for(command, user, connection).stalls is due


def test_a_fault_of_every_command_is_not_one_of_the_greeting() -> None:
    plan = FaultPlan([Fault((Stall(),), times=None)])
    assert not plan.actions_for(GREETING, "", 1).stalls
    assert plan.actions_for("NOOP", "", 1).stalls
    plan.clear()
    assert not plan.actions_for("NOOP", "", 1).stalls
