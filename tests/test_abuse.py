"""Clients that ask too much, on real sockets: what the upstream hears of it, and who is let in."""

import pytest
from twisted.internet import reactor  # noqa: TID251

from tests.deadline import in_reactor
from tests.house import house, logged_in, port
from tests.logged_errors import logged_errors
from tests.socket_client import connect, connect_silently
from tests.upstream.server import Session

__all__ = ["house", "logged_errors"]


class Checking:
    """A server that takes one password; ``tried`` are all that it was given."""

    def __init__(self) -> None:
        self.tried: list[bytes] = []

    def __call__(self, session: Session, tag: bytes, command: bytes) -> None:
        verb, *arguments = command.split(b" ")
        if verb == b"LOGIN":
            self.tried.append(arguments[1])
            good = arguments[1] == b"right"
            session.say(tag + (b" OK in" if good else b" NO [AUTHENTICATIONFAILED] no"))
        elif verb == b"CAPABILITY":
            session.say(b"* CAPABILITY IMAP4rev1", tag + b" OK")
        else:
            session.say(tag + b" OK")


@in_reactor
async def test_a_wrong_password_that_is_tried_for_ever(house):
    checking = Checking()
    await house.upstream("one", checking)
    service = await house.start(house.listener("one"), max_login_failures=10, max_login_delay=0.01)
    for _ in range(3):
        client = await connect(reactor, port(service))
        for _ in range(9):
            told = await client.ask(b"LOGIN demo wrong")
            assert told.startswith(b"t NO [AUTHENTICATIONFAILED] ")
        await client.ask(b"LOGOUT")
    assert checking.tried == [b"wrong"]
    client = await connect(reactor, port(service))
    assert await client.ask(b"LOGIN demo right") == b"t OK in\r\n"


@in_reactor
async def test_one_password_after_the_other(house):
    checking = Checking()
    await house.upstream("one", checking)
    service = await house.start(
        house.listener("one"), max_login_failures=100, max_login_delay=0.01, max_refused_logins=4
    )
    known = await connect(reactor, port(service))
    assert b"t OK" in await known.ask(b"LOGIN demo right")
    client = await connect(reactor, port(service))
    told = [await client.ask(b"LOGIN demo wrong%d" % number) for number in range(8)]
    assert [line.split(b" ")[2] for line in told] == [
        *([b"[AUTHENTICATIONFAILED]"] * 4),
        *([b"[LIMIT]"] * 4),
    ]
    assert checking.tried == [b"right", b"wrong0", b"wrong1", b"wrong2", b"wrong3"]
    assert await client.ask(b"LOGIN demo right") == b"t OK in\r\n", "who is known gets in"
    # Another account is another matter.
    client = await connect(reactor, port(service))
    assert b"[AUTHENTICATIONFAILED]" in await client.ask(b"LOGIN other wrong0")


@in_reactor
async def test_a_reload_forgets_nothing(house):
    checking = Checking()
    await house.upstream("one", checking)
    service = await house.start(house.listener("one"))
    client = await connect(reactor, port(service))
    await client.ask(b"LOGIN demo wrong")
    await service.reload(house.settings(house.listener("one")))
    client = await connect(reactor, port(service))
    assert b"[AUTHENTICATIONFAILED]" in await client.ask(b"LOGIN demo wrong")
    assert checking.tried == [b"wrong"]


@in_reactor
async def test_limits_are_those_of_all_listeners_together(house):
    await house.upstream("one")
    service = await house.start(
        house.listener("one"), house.listener("one", "[::1]:0"), max_sessions=2
    )
    await logged_in(service)
    other = await connect_silently(reactor, port(service, 1), "::1")
    await other.until(b"* OK")
    third = await connect_silently(reactor, port(service))
    assert (await third.until(b"*")).startswith(b"* BYE [LIMIT] ")
    await third.lost
    await other.ask(b"LOGOUT")
    await other.lost
    await logged_in(service)


@in_reactor
async def test_one_address_does_not_take_all(house, logged_errors):
    await house.upstream("one")
    service = await house.start(house.listener("one"), max_sessions_per_address=1)
    await logged_in(service)
    second = await connect_silently(reactor, port(service))
    assert await second.until(b"*") == b"* BYE [LIMIT] too many connections from this address\r\n"
    for _ in range(3):
        other = await connect_silently(reactor, port(service))
        await other.lost
    told = "turned away, of 127.0.0.1: too many connections from this address"
    assert logged_errors.text().count(told) == 1
    other = await connect_silently(reactor, port(service), source="127.0.0.2")
    await other.until(b"* OK")


@pytest.mark.parametrize("number", [0, 1])
@in_reactor
async def test_one_account_does_not_take_all(house, number):
    await house.upstream("one")
    service = await house.start(
        house.listener("one"), house.listener("one"), max_sessions_per_account=1
    )
    await logged_in(service)
    client = await connect(reactor, port(service, number))
    assert b"t NO [LIMIT] This account" in await client.ask(b"LOGIN demo pw")
    assert b"t OK" in await client.ask(b"LOGIN other pw")
