"""Sending at once what was written, instead of in the reactor's next turn.

A proxy of an interactive protocol is waited for at every command, and so is each turn that its
reactor makes in between. Twisted hands what was written to the socket only when the reactor has
found it writable, for which it has to be watched first and no longer afterwards; and TLS gathers
small writes for one turn more. Here the writers gather (a whole batch is one write), so the waiting
buys nothing: without it a NOOP costs the proxy half the system calls and two thirds of the time.
"""

from typing import Any

from twisted.internet import tcp


class PromptTransport:
    """A TCP transport whose ``write`` sends at once; all writing has to come this way.

    What the socket does not take is left to the reactor, and so is everything behind that until
    the reactor has sent it: octets keep their order, and Twisted's limits and its pausing of the
    producer are as they always are. Errors are the reactor's, too: it ends the connection in order.
    """

    def __init__(self, transport: tcp.Connection) -> None:
        self._transport = transport
        self._socket = transport.getHandle()
        self._behind = True  # the reactor may have something of ours to send

    def write(self, data: bytes) -> None:
        """Send ``data``."""
        transport: Any = self._transport
        if transport.disconnecting or not transport.connected or self._is_behind():
            transport.write(data)
            return
        try:
            sent = self._socket.send(data)
        except OSError:
            sent = 0  # the reactor tries again: it has to wait, or meets the same error
        if sent != len(data):
            self._behind = True
            transport.write(data[sent:])

    def _is_behind(self) -> bool:
        if self._behind:
            # The reactor watches for writability exactly those that it has something to send for.
            transport: Any = self._transport
            self._behind = transport in transport.reactor.getWriters()
        return self._behind

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


def prompt(transport: Any) -> Any:
    """``transport`` with a ``write`` that sends at once, where it is plain TCP."""
    return PromptTransport(transport) if isinstance(transport, tcp.Connection) else transport
