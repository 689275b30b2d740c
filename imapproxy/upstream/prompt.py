"""Sending at once what was written, instead of in the reactor's next turn.

A proxy of an interactive protocol is waited for at every command, and so is each turn that its
reactor makes in between. Twisted hands what was written to the socket only when the reactor has
found it writable, for which it has to be watched first and no longer afterwards; and TLS gathers
small writes for one turn more. Here the writers gather (a whole batch is one write), so the waiting
buys nothing: without it a NOOP costs the proxy half the system calls and two thirds of the time.
"""

from typing import Any

from twisted.internet import tcp
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol

# RFC 8446 section 5.1: type, version, and two octets of length are in front of each record.
_RECORD_HEADER = 5


class PromptTransport:
    """A TCP transport whose ``write`` sends at once; all writing has to come this way.

    What the socket does not take is left to the reactor, and so is everything behind that until
    the reactor has sent it: octets keep their order, and Twisted's limits and its pausing of the
    producer are as they always are. Errors are the reactor's, too: it ends the connection in order.
    """

    def __init__(self, transport: tcp.Connection) -> None:
        self._transport = transport
        self._behind = True  # the reactor may have something of ours to send

    def write(self, data: bytes) -> None:
        """Send ``data``."""
        transport: Any = self._transport
        if transport.disconnecting or not transport.connected or self._is_behind():
            transport.write(data)
            return
        sent = transport.writeSomeData(data)
        if sent != len(data):
            self._behind = True
            transport.write(data[sent:] if isinstance(sent, int) else data)

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


class PromptTls(TLSMemoryBIOProtocol):
    """TLS that does not wait with what is written, and gives its protocol many records at once.

    Servers write small records (Dovecot: 4 KB), a read of the socket brings several, and each is a
    ``dataReceived`` of its own. While more than one comes the protocol's ``more_follows`` is true,
    and behind the last its ``records_received`` is called. A single record is taken at once: only
    behind it does Twisted find out, at some cost, that there is no other.
    """

    def makeConnection(self, transport: Any) -> None:
        """Begin the handshake on a connected transport."""
        super().makeConnection(transport)  # type: ignore[no-untyped-call]
        self.transport = prompt(transport)

    def dataReceived(self, data: bytes) -> None:
        """Decrypt, and tell."""
        protocol: Any = self.wrappedProtocol
        # A read may begin inside a record, and then this is a guess: it only decides when what was
        # received is taken.
        protocol.more_follows = len(data) > _RECORD_HEADER + int.from_bytes(data[3:5])
        super().dataReceived(data)  # type: ignore[no-untyped-call]
        if protocol.more_follows:
            protocol.records_received()


def start_prompt_tls(transport: Any, creator: Any, protocol: Any) -> PromptTls:
    """Put TLS, as a client, between ``transport``, connected TCP, and its ``protocol``.

    It is what Twisted's own ``startTLS`` does, with another class for the TLS. The result is the
    protocol's transport from now on.
    """
    nobody: Any = None  # the factory makes no protocols
    tls = PromptTls(TLSMemoryBIOFactory(creator, True, nobody), protocol, False)  # type: ignore[no-untyped-call]
    transport.protocol = tls
    tls.makeConnection(transport)
    return tls
