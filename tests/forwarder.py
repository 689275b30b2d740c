"""A network between the proxy and its server that forgets connections without a word."""

from typing import Any

from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.interfaces import IAddress, IListeningPort
from twisted.protocols.portforward import ProxyFactory, ProxyServer


class Forwarder(ProxyFactory):
    """Carries connections to a port of this machine, on real sockets.

    TCP itself goes on where it no longer forwards: both ends are acknowledged what they send.
    """

    noisy = False

    def __init__(self, reactor: Any, port: int) -> None:
        super().__init__("127.0.0.1", port)
        self._reactor = reactor
        self._listening: IListeningPort | None = None
        self.carried: list[Any] = []

    async def listen(self) -> int:
        """Begin; the port."""
        endpoint = TCP4ServerEndpoint(self._reactor, 0, interface="127.0.0.1")
        self._listening = await endpoint.listen(self)
        address: Any = self._listening.getHost()
        return int(address.port)

    def buildProtocol(self, addr: IAddress) -> ProxyServer:
        """A connection is here."""
        carried: Any = super().buildProtocol(addr)
        self.carried.append(carried)
        return carried

    def forget(self) -> None:
        """Forward nothing more of the connections that there are; those to come are carried."""
        for carried in self.carried:
            for end in (carried, carried.peer):
                if end is not None:  # else that side is closed
                    end.transport.pauseProducing()

    async def stop(self) -> None:
        """The end of all."""
        assert self._listening is not None
        await self._listening.stopListening()
        for carried in self.carried:
            for end in (carried, carried.peer):
                if end is not None and end.transport is not None:
                    end.transport.abortConnection()
