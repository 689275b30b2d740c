"""A connection that the network forgets without a word, on real sockets."""

from collections.abc import AsyncIterator

import pytest_twisted
from twisted.internet import reactor  # noqa: TID251
from twisted.internet.defer import Deferred

from imapproxy.config import ReconnectConfig
from tests.deadline import in_reactor, soon
from tests.forwarder import Forwarder
from tests.house import House, house, logged_in
from tests.logged_errors import logged_errors
from tests.upstream.server import Session

__all__ = ["house", "logged_errors"]

# Nobody else's time-out ends what these tests have to see ended; this one is due in any case.
RULES = ReconnectConfig(patience=3600.0, dead_after=3600.0, silent_after=1.0)


class Beyond:
    """The server behind the forwarder. ``idles_elsewhere`` fires when an IDLE comes by another
    connection than the first came by.
    """

    def __init__(self) -> None:
        self.idles_elsewhere: Deferred[Session] = Deferred()
        self._first: Session | None = None
        self._idling = b""

    def answer(self, session: Session, tag: bytes, command: bytes) -> None:
        if tag == b"DONE":
            session.say(self._idling + b" OK done")
        elif command == b"IDLE":
            self._idling = tag
            session.say(b"+ idling")
            self._first = self._first or session
            if session is not self._first and not self.idles_elsewhere.called:
                self.idles_elsewhere.callback(session)
        else:
            session.say(tag + b" OK done")


@pytest_twisted.async_yield_fixture
async def forwarder(house: House) -> AsyncIterator[Forwarder]:
    beyond = Beyond()
    server = await house.upstream("far", beyond.answer)
    server.beyond = beyond
    forwarder = Forwarder(reactor, server.port)
    house.name_upstream("near", await forwarder.listen())
    yield forwarder
    await soon(forwarder.stop())


@in_reactor
async def test_a_command_is_answered_by_another_connection(
    house: House, forwarder: Forwarder
) -> None:
    service = await house.start(house.listener("near"), reconnect=RULES)
    client = await logged_in(service)
    assert b"a OK" in await client.ask(b"NOOP", b"a")
    before = len(house.servers[0].sessions)
    forwarder.forget()
    assert b"b OK" in await client.ask(b"NOOP", b"b")
    assert len(house.servers[0].sessions) > before
    forwarder.forget()
    assert b"c OK" in await client.ask(b"NOOP", b"c")


@in_reactor
async def test_an_idle_goes_on_with_another_connection(house: House, forwarder: Forwarder) -> None:
    beyond = house.servers[0].beyond
    service = await house.start(house.listener("near"), reconnect=RULES)
    client = await logged_in(service)
    client.say(b"i IDLE")
    await client.until(b"+ ")
    forwarder.forget()
    session = await beyond.idles_elsewhere
    session.say(b"* OK news")
    await client.until(b"* OK news")
    client.say(b"DONE")
    assert b"i OK" in await client.until(b"i ")
