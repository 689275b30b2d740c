"""Sending at once what was written, instead of in the reactor's next turn.

A proxy of an interactive protocol is waited for at every command, and so is each turn that its
reactor makes in between. Twisted hands what was written to the socket only when the reactor has
found it writable, for which it has to be watched first and no longer afterwards; and TLS gathers
small writes for one turn more. Here the writers gather (a whole batch is one write), so the waiting
buys nothing: without it a NOOP costs the proxy half the system calls and two thirds of the time.
"""

from typing import Any, Protocol

from twisted.internet import tcp


class Writer(Protocol):
    """Whatever octets are written to."""

    def write(self, data: bytes) -> None:
        """Send ``data``, behind what was written before."""


class PromptWriter:
    """Writes to a TCP transport, and at once; all writing has to come this way.

    What the socket does not take is left to the reactor, and so is everything behind that until
    the reactor has sent it: octets keep their order, and Twisted's limits and its pausing of the
    producer are as they always are. Errors are the reactor's, too: it ends the connection in order.
    """

    __slots__ = ("_behind", "_send", "_transport")

    def __init__(self, transport: tcp.Connection) -> None:
        self._transport: Any = transport
        self._send = transport.getHandle().send
        self._behind = True  # the reactor may have something of ours to send

    def write(self, data: bytes) -> None:
        """Send ``data``."""
        transport = self._transport
        behind = self._behind and self._is_behind()
        if behind or transport.disconnecting or not transport.connected:
            transport.write(data)
            return
        try:
            sent = self._send(data)
        except OSError:
            sent = 0  # the reactor tries again: it has to wait, or meets the same error
        if sent != len(data):
            self._behind = True
            transport.write(data[sent:])

    def _is_behind(self) -> bool:
        # The reactor watches for writability exactly those that it has something to send for.
        transport = self._transport
        self._behind = transport in transport.reactor.getWriters()
        return self._behind


def prompt(transport: Any) -> Writer:
    """A writer to ``transport`` that sends at once, where it is plain TCP; else itself."""
    return PromptWriter(transport) if isinstance(transport, tcp.Connection) else transport
