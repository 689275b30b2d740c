"""The channel between the parent process and one worker: lines of JSON, and descriptors."""

import socket
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec
from twisted.internet.interfaces import IAddress, IFileDescriptorReceiver
from twisted.internet.protocol import Factory, connectionDone
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure
from zope.interface import implementer

_LONGEST_MESSAGE = 16 * 1024 * 1024  # octets; a configuration may list many certificates

M = TypeVar("M")


@implementer(IFileDescriptorReceiver)
class Channel(LineOnlyReceiver, Generic[M]):
    """One end. ``kind`` is the union of the messages that are heard at it."""

    delimiter = b"\n"
    MAX_LENGTH = _LONGEST_MESSAGE
    transport: Any

    def __init__(
        self,
        kind: Any,
        heard: Callable[[M], None],
        lost: Callable[[], None],
        descriptor_came: Callable[[int], None] | None = None,
    ) -> None:
        self._decoder = msgspec.json.Decoder(kind)
        self._heard = heard
        self._lost = lost
        self._descriptor_came = descriptor_came

    def open(self, reactor: Any, end: socket.socket) -> None:
        """Use this end of a pair of sockets; it is the channel's from now on."""
        end.setblocking(False)
        reactor.adoptStreamConnection(end.fileno(), socket.AF_UNIX, _Only(self))
        end.close()  # it was duplicated

    def say(self, message: msgspec.Struct, descriptor: int | None = None) -> None:
        """Send a message, and with it a file descriptor, which has to stay open until then.

        When the other process is gone nothing is sent.
        """
        if not self.connected:
            return
        if descriptor is not None:
            self.transport.sendFileDescriptor(descriptor)
        self.transport.write(msgspec.json.encode(message) + self.delimiter)

    def close(self) -> None:
        """Send what was said, then say no more."""
        self.transport.loseConnection()

    def lineReceived(self, line: bytes) -> None:
        """A message."""
        self._heard(self._decoder.decode(line))

    def fileDescriptorReceived(self, descriptor: int) -> None:
        """A descriptor; it may come earlier than the message that it belongs to."""
        assert self._descriptor_came is not None
        self._descriptor_came(descriptor)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The other process is gone."""
        self.connected = 0
        self._lost()


class _Only(Factory):
    """Has the one protocol that there is."""

    noisy = False

    def __init__(self, protocol: Channel[Any]) -> None:
        self._protocol = protocol

    def buildProtocol(self, addr: IAddress | None) -> Channel[Any]:
        return self._protocol
