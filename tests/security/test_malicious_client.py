"""A client that lies: it can send the server nothing but its own commands, as any reads them."""

import random
import re
from collections.abc import AsyncIterator
from typing import NamedTuple

import pytest
import pytest_twisted
from twisted.internet import reactor  # noqa: TID251

from imapproxy.service import ProxyService
from tests.deadline import in_reactor, soon
from tests.house import House, port
from tests.security.commands import Command, Reader
from tests.security.recorder import RecordedSession, Recorder, legitimate
from tests.socket_client import Client, connect

# What the proxy says itself when a session is over.
_FAREWELL = (b"LOGOUT", b"UNSELECT")


class Line:
    """A proxy in front of a recording server."""

    def __init__(self, house: House, recorder: Recorder, service: ProxyService) -> None:
        self.house = house
        self.recorder = recorder
        self.service = service
        self._number = 0

    async def log_in(self, user: bytes) -> Client:
        client = await connect(reactor, port(self.service))
        assert b"t OK" in await client.ask(b"LOGIN " + user + b" pw")
        return client

    async def said(self, octets: bytes, sizes: list[int] | None = None) -> "Said":
        """What the server was told when a client has said such octets and then no more."""
        self._number += 1
        user = b"user%d" % self._number
        client = await self.log_in(user)
        session = self._session_of(user)
        before = len(session.commands)
        for piece in pieces(octets, sizes or [len(octets)]):
            client.transport.write(piece)
        client.transport.loseWriteConnection()
        await client.lost
        # What it has said is with the server before what comes next on any connection of its.
        await (await self.log_in(b"marker%d" % self._number)).ask(b"NOOP")
        assert not session.broken
        own = session.commands[0].tag.rpartition(b".")[0] + b"."
        return Said(own, session.commands[before:])

    def _session_of(self, user: bytes) -> RecordedSession:
        (session,) = [session for session in self.recorder.sessions if session.user == user]
        return session


def pieces(octets: bytes, sizes: list[int]) -> list[bytes]:
    found, at = [], 0
    while at < len(octets):
        size = max(1, sizes[len(found) % len(sizes)])
        found.append(octets[at : at + size])
        at += size
    return found


@pytest_twisted.async_yield_fixture(params=[True, False], ids=["LITERAL+", "no LITERAL+"])
async def line(request, tmp_path) -> AsyncIterator[Line]:
    house, recorder = House(tmp_path), Recorder(literal_plus=request.param)
    house.name_upstream("one", await recorder.listen(reactor))
    service = await house.start(house.listener("one"), max_bad_commands=10**6)
    yield Line(house, recorder, service)
    await soon(house.close())
    await soon(recorder.stop())


class Said(NamedTuple):
    """What a server was told of a client. ``own`` begins the proxy's own tags there."""

    own: bytes
    commands: list[Command]

    @property
    def of_the_client(self) -> list[Command]:
        """Less the proxy's farewell."""
        commands = list(self.commands)
        while commands and commands[-1].octets in _FAREWELL and self.is_own(commands[-1]):
            commands.pop()
        return commands

    def is_own(self, command: Command) -> bool:
        """Whether the tag is one that the proxy made."""
        return command.tag.startswith(self.own)


def agree(said: Said, expected: Reader) -> None:
    """The server was told what the client has said, and of it nothing was made another command."""
    told = said.of_the_client
    wanted = [each for each in expected.commands if not _is_refused_here(each)]
    if not expected.at_rest or expected.broken:
        # What the client did not say to its end is cut, and so is what the server had to read yet.
        assert len(told) <= len(wanted)
        wanted = wanted[: len(told)]
    assert [_comparable(each) for each in told] == [_comparable(each) for each in wanted]
    for mine, theirs in zip(told, wanted, strict=True):
        assert mine.tag == theirs.tag or said.is_own(mine), "a tag that nobody gave"


def _is_refused_here(command: Command) -> bool:
    verb = command.octets.split(b" ")[0].strip().upper()
    return verb in (b"STARTTLS", b"COMPRESS", b"UNAUTHENTICATE")


def _comparable(command: Command) -> tuple[bytes, bool]:
    # For a server without LITERAL+ its sign is taken away; a bare line feed is mended.
    octets = command.octets.replace(b"+}\r\n", b"}\r\n")
    return re.sub(rb"\+\}$", b"}", octets), command.refused


# Each is all that a client says behind its log-in; then it closes its sending side.
SMUGGLERS = {
    "a command in a literal": b"a APPEND x {19}\r\nb DELETE everything\r\nc NOOP\r\n",
    "in one that does not wait": b"a APPEND x {20+}\r\nb DELETE everything\n\r\nc NOOP\r\n",
    "in a literal8": b"a APPEND x ~{19}\r\nb DELETE everything\r\nc NOOP\r\n",
    "in a literal8 that does not wait": b"a APPEND x ~{8+}\r\nb NOOP\r\n\r\nc NOOP\r\n",
    "in a literal that is refused": b"a REFUSE x {10}\r\nb NOOP 7\r\nc NOOP\r\n",
    "in one that comes all the same": b"a REFUSE x {10+}\r\nb NOOP 7\r\n\r\nc NOOP\r\n",
    "in the second literal": b"a REFUSE {3+}\r\nabc {8+}\r\nb NOOP\r\n\r\nc NOOP\r\n",
    "a literal that begins in a literal": b"a X {9+}\r\n{100+}\r\n1\r\nb NOOP\r\n",
    "literals without octets": b"a X {0}\r\n {0+}\r\n ~{0}\r\n\r\nb NOOP\r\n",
    "a literal of none in all": b"a X {0+}\r\n\r\nb NOOP\r\n",
    "a size with zeros in front": b"a X {0000000000000000008+}\r\nb NOOP\r\n\r\nc NOOP\r\n",
    "a sign in front": b"a X {-1}\r\nb X {+8}\r\nc X {8 }\r\nd X { 8}\r\ne NOOP\r\n",
    "two signs": b"a X {8++}\r\nb NOOP\r\nc X {8-}\r\nd NOOP\r\n",
    "what is no literal": b"a X {}\r\nb X {x}\r\nc X {1}y\r\nd X {1} \r\ne NOOP\r\n",
    "a literal in quotes": b'a X "{8}"\r\nb X "{8+}" y\r\nc NOOP\r\n',
    "an open quote": b'a X "abc {8}\r\nb NOOP\r\nc NOOP\r\n',
    "an open quote and no wait": b'a X "abc {8+}\r\nb NOOP\r\n\r\nc NOOP\r\n',
    "a quote that is escaped": b'a X "\\" {8+}\r\nb NOOP\r\n\r\nc NOOP\r\n',
    "a quote that is not": b'a X "\\\\" {8+}\r\nb NOOP\r\n\r\nc NOOP\r\n',
    "a quote over two lines": b'a X "abc\r\nb NOOP"\r\nc NOOP\r\n',
    "a quote around a literal": b'a X "{3+}\r\nabc"\r\nb NOOP\r\n',
    "a quote behind a literal": b'a X {3+}\r\nabc "x {8+}\r\nb NOOP\r\n\r\nc NOOP\r\n',
    "bare CR": b"a NOOP\rb DELETE x\r\nc NOOP\r\n",
    "bare LF": b"a NOOP\nb NOOP\nc NOOP\r\n",
    "bare LF behind a literal's size": b"a X {8+}\nb NOOP\r\n\nc NOOP\r\n",
    "CR CR LF": b"a NOOP\r\r\nb X {3+}\r\r\nc NOOP\r\n",
    "NUL": b"a X \0\r\nb\0 NOOP\r\nc X {3+}\r\n\0\0\0\r\nd NOOP\r\n",
    "NUL in front of the size": b"a X \0{3+}\r\nabc\r\nb NOOP\r\n",
    "empty lines": b"\r\n\r\n \r\na NOOP\r\n\n",
    "no tag": b" NOOP\r\n* NOOP\r\n+ NOOP\r\n+\r\n{5}\r\na NOOP\r\n",
    "no tag and a literal": b"* X {8+}\r\nb NOOP\r\n\r\n+x {8}\r\nc NOOP\r\n",
    "a tag alone": b"a\r\nb \r\nc NOOP\r\n",
    "tags like our own": b"P1 NOOP\r\nP00000000.1 NOOP\r\nPdeadbeef.2 NOOP\r\nP NOOP\r\n",
    "the same tag twice": b"a NOOP\r\na NOOP\r\na X {3+}\r\nabc\r\na NOOP\r\n",
    "a tag of the other side": b"* OK hello\r\n* BYE\r\na OK NOOP\r\n",
    "DONE without IDLE": b"DONE\r\na DONE\r\nb NOOP\r\n",
    "IDLE without DONE": b"a IDLE\r\nb DELETE x\r\nc NOOP\r\n",
    "IDLE and a literal for DONE": b"a IDLE\r\n{8+}\r\nb NOOP\r\nDONE\r\nc NOOP\r\n",
    "IDLE twice": b"a IDLE\r\nb IDLE\r\nc IDLE\r\nDONE\r\nd NOOP\r\n",
    "DONE twice": b"a IDLE\r\nDONE\r\nDONE\r\nb NOOP\r\n",
    "IDLE in a literal": b"a X {8+}\r\nb IDLE\r\n\r\nc NOOP\r\n",
    "commands that are ours": b"a STARTTLS\r\nb COMPRESS DEFLATE\r\nc unauthenticate\r\nd NOOP\r\n",
    "and a literal behind them": b"a STARTTLS {8+}\r\nb NOOP\r\n\r\nc NOOP\r\n",
    "a second log-in": b"a LOGIN mallory pw\r\nb AUTHENTICATE PLAIN AAAA\r\nc NOOP\r\n",
    "a literal of all there is": b"a APPEND x {9223372036854775807+}\r\nb NOOP\r\nc NOOP\r\n",
    "half a command": b"a NOOP\r\nb DELETE im",
    "half a literal": b"a NOOP\r\nb APPEND x {100+}\r\nDELETE x\r\n",
    "what looks like answers": b"a X {30+}\r\na OK\r\n* BYE\r\n+ \r\nP1 OK x\r\n12\r\nb NOOP\r\n",
}


@pytest.mark.parametrize("sizes", [[100_000], [1], [7, 2]])
@pytest.mark.parametrize("smuggler", SMUGGLERS)
@in_reactor
async def test_smuggling(line: Line, smuggler, sizes):
    octets = SMUGGLERS[smuggler]
    recorded = await line.said(octets, sizes)
    agree(recorded, legitimate(octets, literal_plus=line.recorder.literal_plus))


_ENDINGS_OF_ALL = {
    "more than there are numbers": b"a X {9223372036854775808+}\r\nb NOOP\r\n",
    "as many digits as there is room for": b"a X {"
    + b"0" * 70
    + b"8+}\r\nb NOOP\r\n\r\nc NOOP\r\n",
    "the same, to be waited for": b"a X {" + b"0" * 70 + b"8}\r\nb NOOP\r\nc NOOP\r\n",
}


@pytest.mark.parametrize("ending", _ENDINGS_OF_ALL)
@in_reactor
async def test_what_servers_disagree_on_goes_to_none(line: Line, ending):
    assert (await line.said(_ENDINGS_OF_ALL[ending])).of_the_client == []


_FRAGMENTS = [
    b"\r\n", b"\n", b"\r", b"a ", b"b NOOP\r\n", b"c IDLE\r\n", b"DONE\r\n", b"d X ", b"e REFUSE ",
    b"{3}\r\n", b"{3+}\r\n", b"~{3}\r\n", b"~{8+}\r\n", b"{0+}\r\n", b"{0}\r\n", b"{12+}\r\n",
    b'"', b'""', b"\\", b'"\\"', b"abc", b"f X {8+}\r\ng NOOP\r\n\r\n", b"j STARTTLS\r\n",
    b"h REFUSE {8+}\r\ni NOOP\r\n", b"k X {3}\r\nabc\r\n", b"+ ", b"* ", b"\0",
    b"(", b")", b" ", b"{", b"}",
]  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
@in_reactor
async def test_whatever_is_said(line: Line, seed):
    chance = random.Random(seed)
    for _ in range(25):
        octets = b"".join(chance.choices(_FRAGMENTS, k=chance.randint(1, 25))) + b"\r\n"
        sizes = chance.choices([1, 2, 5, 30, 1000], k=3)
        recorded = await line.said(octets, sizes)
        try:
            agree(recorded, legitimate(octets, literal_plus=line.recorder.literal_plus))
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {octets!r} in {sizes}: {error}") from None
