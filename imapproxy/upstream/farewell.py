"""Leaving the upstream in good order when nobody needs the connection any more."""

from typing import Protocol

from imapproxy.upstream.connection import UpstreamConnection
from imapproxy.upstream.errors import UpstreamError
from imapproxy.upstream.exchange import Exchange

PATIENCE = 5.0  # seconds for the answer to LOGOUT


class Parting(Protocol):
    """What becomes of a connection when its session is over."""

    @property
    def stays(self) -> bool:
        """Whether it would be kept for another session, were nothing in flight."""

    def leave(self) -> None:
        """The session is over, and no command is half written."""


class Goodbye:
    """The connection goes with its session."""

    stays = False

    def __init__(self, connection: UpstreamConnection) -> None:
        self._connection = connection

    def leave(self) -> None:
        """See :class:`Parting`."""
        say_goodbye(self._connection)


def say_goodbye(connection: UpstreamConnection) -> None:
    """LOGOUT and close (RFC 3501 section 6.1.3); with commands in flight, only close.

    A server that is busy with a long answer would send all of it before it read our LOGOUT.
    """
    connection.receiver = None
    if connection.error is not None:
        return
    if connection.in_flight:
        connection.close()
        return
    farewell = _Logout(connection)
    connection.start(farewell, b" LOGOUT\r\n")
    connection.finish(farewell)


class _Logout(Exchange):
    __slots__ = ("_connection", "_timeout")

    def __init__(self, connection: UpstreamConnection) -> None:
        super().__init__()
        self._connection = connection
        self._timeout = connection.clock.callLater(PATIENCE, connection.abort)
        if connection.transport is not None:
            connection.transport.unregisterProducer()
            connection.transport.resumeProducing()

    def tagged_response(self, text: bytes) -> None:
        self._timeout.cancel()
        self._connection.close()

    def connection_lost(self, error: UpstreamError) -> None:
        if self._timeout.active():
            self._timeout.cancel()
