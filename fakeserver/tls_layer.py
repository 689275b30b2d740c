"""TLS over a connection that is open already, on the reactor that serves it.

``ITLSTransport.startTLS`` of Twisted is not used: it asks for the clock of the global reactor
(``twisted.protocols.tls._get_default_clock``). Where the server runs on a reactor of its own, in a
thread of a test run, that would install another one behind the user's back, and what is written
would wait for that one to run.
"""

from typing import Any, cast

from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Protocol
from twisted.internet.ssl import CertificateOptions
from twisted.protocols.tls import TLSMemoryBIOFactory

from fakeserver.transport import Transport


def start_tls(
    protocol: Protocol,
    options: CertificateOptions,
    clock: IReactorTime,
    *,
    drop: int = 0,
) -> Transport:
    """Be the TLS server on a protocol's transport; what it is to write to is returned.

    Its producer has to be unregistered. ``drop``: how many of the octets that come first are
    thrown away, for a handshake that fails.
    """
    raw: Any = protocol.transport
    # No factory below: there is no other connection to be made.
    factory = TLSMemoryBIOFactory(options, False, cast(Any, None), clock)
    layer: Any = factory.protocol(factory, protocol, False)
    raw.protocol = _Lossy(layer, drop) if drop else layer
    layer.makeConnection(raw)
    protocol.transport = layer
    return cast(Transport, layer)


class _Lossy(Protocol):
    """Throws the first octets away and hands the others on."""

    def __init__(self, layer: Any, drop: int) -> None:
        self._layer = layer
        self._left = drop

    def dataReceived(self, data: bytes) -> None:
        """Octets from the client."""
        kept = data[self._left :]
        self._left -= min(self._left, len(data))
        if kept:
            self._layer.dataReceived(kept)

    def connectionLost(self, reason: Any = None) -> None:
        """The client is gone."""
        self._layer.connectionLost(reason)
