"""A server that writes down which commands it was given, as its own strict reader reads them."""

import re
from typing import Any

from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import Protocol, ServerFactory
from twisted.protocols.tls import TLSMemoryBIOFactory

from tests.security.commands import Command, Reader
from tests.upstream import certificates


def verb_of(said: bytes) -> bytes:
    """The name of the command, in upper case."""
    words = said.split(b" ", 2)
    return words[1].split(b"\r\n")[0].upper() if len(words) > 1 else b""


def takes(said: bytes) -> bool:
    """Literals of REFUSE are not wanted."""
    return verb_of(said) != b"REFUSE"


def goes_on(said: bytes) -> bool:
    """IDLE takes one line more (RFC 2177)."""
    return re.fullmatch(rb"[^ ]+ +IDLE *", said, re.IGNORECASE) is not None


class RecordedSession(Protocol):
    """One connection."""

    transport: Any

    def __init__(self, recorder: "Recorder") -> None:
        self._recorder = recorder
        self._reader = Reader(takes, goes_on, "literal" if recorder.literal_plus else "nothing")
        self._answered = 0
        self._continued = 0
        self._complained = 0
        self.user = b""

    def connectionMade(self) -> None:
        self._recorder.sessions.append(self)
        self.transport.write(b"* OK [CAPABILITY " + self._recorder.capabilities + b"] hello\r\n")

    @property
    def commands(self) -> list[Command]:
        return self._reader.commands

    @property
    def broken(self) -> bool:
        return self._reader.broken

    def dataReceived(self, data: bytes) -> None:
        # Octet by octet: what is answered when is then the same in whatever pieces they come.
        for octet in data:
            self._reader.feed(bytes((octet,)))
            self._answer()

    def _answer(self) -> None:
        while self._answered < len(self.commands):
            command = self.commands[self._answered]
            self._answered += 1
            self.transport.write(self._answer_to(command))
        while self._complained < self._reader.odd:
            self._complained += 1
            self.transport.write(b"* BAD what?\r\n")
        while self._continued < self._reader.continuations:
            self._continued += 1
            self.transport.write(b"+ go on\r\n")

    def _answer_to(self, command: Command) -> bytes:
        if not command.tag:
            return self._idle_tag + b" OK idled\r\n"
        if command.refused:
            return command.tag + b" NO not that\r\n"
        verb = command.octets.split(b" ")[0].upper()
        if goes_on(command.tag + b" " + command.octets):
            self._idle_tag = command.tag
            return b""
        if verb == b"LOGIN":
            self.user = command.octets.split(b" ")[1]
        said = b"* CAPABILITY " + self._recorder.capabilities if verb == b"CAPABILITY" else b""
        said = b"* BYE" if verb == b"LOGOUT" else said
        return said + (b"\r\n" if said else b"") + command.tag + b" OK done\r\n"


class Recorder(ServerFactory):
    """Listens on loopback with a good certificate. ``sessions`` are all there were."""

    noisy = False

    def __init__(self, *, literal_plus: bool) -> None:
        self.literal_plus = literal_plus
        self.capabilities = b"IMAP4rev1 IDLE UNSELECT" + (b" LITERAL+" if literal_plus else b"")
        self.sessions: list[RecordedSession] = []
        self._port: IListeningPort | None = None

    async def listen(self, reactor: Any) -> int:
        tls = certificates.issued("localhost").server_tls()
        factory = TLSMemoryBIOFactory(tls, False, self, reactor)
        factory.noisy = False
        self._port = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(factory)
        return self._port.getHost().port

    def buildProtocol(self, addr: object) -> RecordedSession:
        return RecordedSession(self)

    async def stop(self) -> None:
        if self._port is not None:
            await self._port.stopListening()


def legitimate(octets: bytes, *, literal_plus: bool) -> Reader:
    """What a client has said that sends these octets behind its log-in, as a strict server sees it.

    LITERAL+ is offered by the proxy in any case; what the server has of it makes a difference only
    for who is asked.
    """
    reader = Reader(takes, goes_on, "literal" if literal_plus else "asked")
    reader.feed(octets)
    return reader
