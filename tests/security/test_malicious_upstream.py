"""A server that lies: it cannot bring the proxy down, and none but its own sessions hear of it."""

import pytest
from twisted.internet import reactor  # noqa: TID251
from twisted.internet.defer import Deferred

from imapproxy.service import ProxyService
from tests.deadline import in_reactor
from tests.house import House, port
from tests.security.responses import Broken, responses, tagged
from tests.socket_client import Client, connect
from tests.upstream.server import Session

_MB = 1024 * 1024


class Evil:
    """A server that is good to everybody, but answers ATTACK with what it was given."""

    def __init__(self) -> None:
        self.attack = b""
        self.attacked: Deferred[Session] = Deferred()

    def __call__(self, session: Session, tag: bytes, command: bytes) -> None:
        verb, _, rest = command.partition(b" ")
        if verb == b"LOGIN":
            session.user = rest.split(b" ")[0]
            session.say(tag + b" OK " + session.user)
        elif verb == b"CAPABILITY":
            session.say(b"* CAPABILITY IMAP4rev1", tag + b" OK")
        elif verb == b"ATTACK":
            own = session.received.partition(b".")[0] + b"."  # begins the proxy's own tags
            session.transport.write(self.attack.replace(b"TAG", tag).replace(b"OWN", own))
            self.attacked.callback(session)
        elif verb == b"LOGOUT":
            session.say(b"* BYE", tag + b" OK")
        else:
            session.say(b"* OK for " + session.user, tag + b" OK " + session.user)


async def user(service: ProxyService, name: bytes) -> Client:
    client = await connect(reactor, port(service))
    assert b"t OK" in await client.ask(b"LOGIN " + name + b" pw")
    return client


async def is_well(client: Client, name: bytes) -> None:
    """Nothing but its own comes to this client."""
    told = await client.ask(b"NOOP")
    assert told == b"* OK for " + name + b"\r\nt OK " + name + b"\r\n"
    assert client.heard == b""


# What is said, and whether the connection can go on behind it.
_ENDS = {
    "a literal beyond all numbers": b"* 1 FETCH (BODY[] {99999999999999999999}\r\n",
    "one more than the greatest": b"* 1 FETCH (BODY[] {9223372036854775808}\r\n",
    "thousands of digits": b"* 1 FETCH (BODY[] {" + b"9" * 5000 + b"}\r\n" * 20,
    "no end of a line": b"* OK " + b"x" * (33 * _MB),
    "no end of a numbered line": b"* 1 FETCH (" + b"x" * (33 * _MB),
    "empty lines": b"\r\n" * 100,
    "lines of no response": b"hello\r\n" * 100,
    "a web server": b"HTTP/1.0 400 Bad Request\r\n" + b"Header: x\r\n" * 30 + b"\r\n",
    "random octets": bytes((number * 37 + number // 256) % 256 for number in range(10_000)),
    "tags that nobody gave": b"".join(b"a%d OK\r\n" % number for number in range(100)),
    "tags like the proxy's own": b"".join(b"P%08x.1 OK\r\n" % number for number in range(100)),
    "continuation requests": b"+ go on\r\n" * 100 + b"TAG NO\r\nx\r\n" + b"y\r\n" * 100,
}
_GOES_ON = {
    "messages never asked for": b"* 1 FETCH (UID 7 BODY[] {3}\r\nabc)\r\nTAG OK\r\n",
    "UIDs that go backwards": b"* 1 FETCH (UID 7)\r\n* 2 FETCH (UID 3)\r\nTAG OK\r\n",
    "fewer messages": b"* 5 EXISTS\r\n* 2 EXISTS\r\n* 9 EXPUNGE\r\nTAG OK\r\n",
    "numbers beyond 32 bits": b"* 99999999999999999999999 EXISTS\r\n* 0 EXPUNGE\r\nTAG OK\r\n",
    "depth": b"* 1 FETCH (BODYSTRUCTURE " + b"(" * 100_000 + b")" * 100_000 + b")\r\nTAG OK\r\n",
    "depth in a list": b'* LIST () "/" ' + b"(" * 100_000 + b"\r\nTAG OK\r\n",
    "what looks like its end": b"* 1 FETCH (BODY[] {13}\r\nTAG OK fake\r\n)\r\nTAG OK\r\n",
    "what looks like another's": b"* 1 FETCH (BODY[] {9}\r\nt OK x\r\nx)\r\nTAG OK\r\n",
    "answers to what the proxy will say next": b"OWN3 OK\r\nOWN4 OK x\r\nOWN5 NO\r\nTAG OK\r\n",
    "two answers": b"TAG OK one\r\nTAG NO two\r\n",
    "other capabilities": b"* CAPABILITY IMAP4rev1 STARTTLS COMPRESS=DEFLATE\r\nTAG OK\r\n",
    "a literal in a status": b"* OK text {1000}\r\nTAG OK text {1000}\r\n",
    "NUL and bare CR": b"* OK a\0b\rc\r\nTAG OK\r\n",
    "bare LF": b"* OK a\n* OK b\nTAG OK\n",
    "a literal of nothing": b"* 1 FETCH (BODY[] {0}\r\n)\r\nTAG OK\r\n",
    "a quoted string that is open": b'* LIST () "/" "{5}\r\nhello\r\nTAG OK\r\n',
    "a few lines of no response": b"hello\r\n\r\n+ \r\nTAG OK\r\n",
    "PREAUTH and a second greeting": b"* PREAUTH hello\r\n* OK hello\r\nTAG OK\r\n",
    "a million small responses": b"* 1 EXISTS\r\n" * 200_000 + b"TAG OK\r\n",
}


async def attacked(house: House, attack: bytes) -> tuple[ProxyService, Client, Client, bytes]:
    """The service, the client whose server attacks, a bystander, and what the former has heard."""
    evil = Evil()
    await house.upstream("one", evil)
    service = await house.start(house.listener("one"))
    victim, bystander = await user(service, b"victim"), await user(service, b"bystander")
    evil.attack = attack
    victim.say(b"t ATTACK")
    await evil.attacked
    await is_well(bystander, b"bystander")
    return service, victim, bystander, evil.attack


@pytest.mark.parametrize("attack", _ENDS)
@in_reactor
async def test_what_cannot_be_believed_ends_that_session_alone(house, attack):
    service, victim, bystander, _ = await attacked(house, _ENDS[attack])
    await victim.lost
    whole, _ = heard(victim)
    answers = tagged(victim.heard, b"t")
    assert len(answers) <= 1
    assert not any(answer.startswith(b"OK") for answer in answers), "never a made-up OK"
    if not victim.heard.startswith(b"* 1 FETCH"):
        assert whole[-1].startswith(b"* BYE [UNAVAILABLE] ")
    await is_well(bystander, b"bystander")
    await is_well(await user(service, b"victim"), b"victim")


@pytest.mark.parametrize("attack", _GOES_ON)
@in_reactor
async def test_what_is_odd_is_passed_on_to_that_session_alone(house, attack):
    service, victim, bystander, _ = await attacked(house, _GOES_ON[attack])
    victim.say(b"u NOOP")
    said = await victim.until(b"u OK victim")
    assert responses(said)[1] == b""
    assert len(tagged(said, b"t")) == 1
    assert len(tagged(said, b"u")) == 1
    await is_well(bystander, b"bystander")
    await is_well(victim, b"victim")
    await is_well(await user(service, b"third"), b"third")


def heard(client: Client) -> tuple[list[bytes], bytes]:
    """What a client has heard; at least the last line, where a lying server's octets are in it."""
    try:
        return responses(client.heard)
    except Broken:
        return [client.heard[client.heard.rstrip(b"\r\n").rfind(b"\n") + 1 :]], b""


@pytest.mark.parametrize("size", [2**63 - 1, 10**15, 2**32 + 5])
@in_reactor
async def test_a_literal_that_never_ends(house, size):
    """Lawful as far as it goes: it is streamed, and nothing is kept of it."""
    announced = b"* 1 FETCH (BODY[] {%d}\r\n" % size
    service, victim, bystander, _ = await attacked(house, announced + b"TAG OK\r\n* BYE\r\n" * 1000)
    assert await victim.until(b"FETCH") == announced
    await victim.until(b"t OK\r\n* BYE\r\n" * 1000)
    victim.say(b"u NOOP")
    await is_well(bystander, b"bystander")
    victim.transport.abortConnection()
    await victim.lost
    await is_well(await user(service, b"victim"), b"victim")


@in_reactor
async def test_a_flood_to_a_client_that_does_not_read(house):
    """The server fills no memory of ours: it is not read any further."""
    evil = Evil()
    await house.upstream("one", evil)
    service = await house.start(house.listener("one"))
    victim, bystander = await user(service, b"victim"), await user(service, b"bystander")
    victim.transport.pauseProducing()
    evil.attack = b"* 1 FETCH (BODY[] {100000000}\r\n"
    victim.say(b"t ATTACK")
    session = await evil.attacked
    # It writes until its own buffer stays full: whoever reads has stopped.
    for _ in range(30):
        session.transport.write(b"x" * _MB)
        await is_well(bystander, b"bystander")
    unsent = len(session.transport.transport.dataBuffer) if _is_tls(session) else 0
    assert unsent + _buffered(session) > 5 * _MB
    victim.transport.abortConnection()
    await session.gone
    await is_well(bystander, b"bystander")


def _is_tls(session: Session) -> bool:
    return hasattr(session.transport, "transport")


def _buffered(session: Session) -> int:
    tcp = session.transport.transport if _is_tls(session) else session.transport
    return sum(map(len, tcp._tempDataBuffer))
