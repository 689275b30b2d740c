"""One client that floods, on real sockets: the others get their turn."""

from twisted.internet import reactor  # noqa: TID251
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from tests.deadline import in_reactor
from tests.house import house, logged_in, port
from tests.socket_client import Client, connect

__all__ = ["house"]


@implementer(IPushProducer)
class Flood:
    """Sends one command after the other, as fast as they are taken; counts the answers."""

    _PIPELINED = 1000

    def __init__(self, client: Client, command: bytes) -> None:
        self._client = client
        self._commands = b"f %b\r\n" % command * self._PIPELINED
        self.answers = 0
        client.dataReceived = self._count
        client.transport.registerProducer(self, True)
        self.resumeProducing()

    def resumeProducing(self) -> None:
        self._paused = False
        self._say_more()

    def pauseProducing(self) -> None:
        self._paused = True

    def stopProducing(self) -> None:
        self._paused = True

    def _say_more(self) -> None:
        while not self._paused:
            self._client.transport.write(self._commands)

    def _count(self, data: bytes) -> None:
        self.answers += data.count(b"f OK ")

    def stop(self) -> None:
        self._client.transport.unregisterProducer()
        self._client.transport.abortConnection()


async def answers_between(flood: Flood, client: Client, command: bytes) -> list[int]:
    """How many of the flood's commands were answered while each of another client's was."""
    between = []
    for _ in range(30):
        before = flood.answers
        await client.ask(command)
        between.append(flood.answers - before)
    return between


# A command of the other client takes a handful of the reactor's turns on its way; in each of them
# the flood may have as many of its own answered as it is given a turn.
_AT_MOST = 10 * 64


@in_reactor
async def test_commands_that_are_relayed(house):
    await house.upstream("one")
    service = await house.start(house.listener("one"))
    client = await logged_in(service)
    flood = Flood(await logged_in(service), b"NOOP")
    await flooded_and_not_slowed(flood, client)


@in_reactor
async def test_commands_before_the_log_in(house):
    await house.upstream("one")
    service = await house.start(house.listener("one"))
    client = await logged_in(service)
    flood = Flood(await connect(reactor, port(service)), b"NOOP")
    await flooded_and_not_slowed(flood, client)


async def flooded_and_not_slowed(flood: Flood, client: Client) -> None:
    while not flood.answers:
        await client.ask(b"NOOP")
    between = await answers_between(flood, client, b"NOOP")
    flood.stop()
    assert min(between) > 0, "the flood had stopped"
    assert max(between) <= _AT_MOST


# As many turns, and in each of them a read of the socket on either side.
_OCTETS_AT_MOST = 10 * 2 * 64 * 1024


@in_reactor
async def test_answers_without_an_end(house):
    """A message of any size to one client: it passes in pieces, and the others in between."""
    server = await house.upstream("one")
    service = await house.start(house.listener("one"))
    client, greedy = await logged_in(service), await logged_in(service)
    greedy.say(b"f SLOW")
    session, _ = await house.slow
    heard = Octets(greedy)
    session.say(b"* 1 FETCH (BODY[] {%d}" % 2**40)
    session.transport.registerProducer(Endless(session.transport), True)
    between = []
    for _ in range(30):
        before = heard.count
        assert await client.ask(b"NOOP") == b"t OK one\r\n"
        between.append(heard.count - before)
    assert sum(between) > _OCTETS_AT_MOST / 4, "it had stopped"
    assert max(between) <= _OCTETS_AT_MOST
    session.transport.unregisterProducer()
    greedy.transport.abortConnection()
    await session.gone
    assert len(server.sessions) >= 2


class Octets:
    """Counts what a client hears, and keeps nothing of it."""

    def __init__(self, client: Client) -> None:
        self.count = 0
        client.dataReceived = self._count

    def _count(self, data: bytes) -> None:
        self.count += len(data)


@implementer(IPushProducer)
class Endless:
    """Writes as long as it may."""

    def __init__(self, transport) -> None:
        self._transport = transport
        self._paused = False
        reactor.callLater(0, self.resumeProducing)

    def resumeProducing(self) -> None:
        self._paused = False
        while not self._paused:
            self._transport.write(b"x" * 65536)

    def pauseProducing(self) -> None:
        self._paused = True

    def stopProducing(self) -> None:
        self._paused = True


@in_reactor
async def test_all_are_served_alike(house):
    await house.upstream("one")
    service = await house.start(house.listener("one"))
    client, *others = [await logged_in(service) for _ in range(41)]
    crowd = [Flood(other, b"NOOP") for other in others]
    while max(flood.answers for flood in crowd) < 2000:
        await client.ask(b"NOOP")
    answers = sorted(flood.answers for flood in crowd)
    for flood in crowd:
        flood.stop()
    assert answers[0] >= answers[-1] / 2
