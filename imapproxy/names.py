"""Looking up host names, in a process that may run out of something.

Twisted's own resolver takes a name that is not known for an answer, but waits for ever where the
look-up itself fails: without a file descriptor left, getaddrinfo raises another error.
"""

import socket
from collections.abc import Sequence
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IAddress,
    IHostnameResolver,
    IHostResolution,
    IResolutionReceiver,
)
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

_FAMILIES: dict[frozenset[type[IAddress]], int] = {
    frozenset((IPv4Address,)): socket.AF_INET,
    frozenset((IPv6Address,)): socket.AF_INET6,
}


@implementer(IHostResolution)
class _Resolution:
    def __init__(self, name: str) -> None:
        self.name = name

    def cancel(self) -> None:
        raise NotImplementedError("a look-up in a thread cannot be stopped")


@implementer(IHostnameResolver)
class NameResolver:
    """Asks getaddrinfo in the reactor's thread pool; whatever happens, the look-up has an end."""

    log = Logger()

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor

    def resolveHostName(
        self,
        resolutionReceiver: IResolutionReceiver,
        hostName: str,
        portNumber: int = 0,
        addressTypes: Sequence[type[IAddress]] | None = None,
        transportSemantics: str = "TCP",
    ) -> IHostResolution:
        """See :class:`IHostnameResolver`."""
        resolution: Any = _Resolution(hostName)
        resolutionReceiver.resolutionBegan(resolution)
        kind = socket.SOCK_STREAM if transportSemantics == "TCP" else socket.SOCK_DGRAM
        looking: Deferred[list[Any]] = deferToThreadPool(
            self._reactor,
            self._reactor.getThreadPool(),
            socket.getaddrinfo,
            hostName,
            portNumber,
            _FAMILIES.get(frozenset(addressTypes or ()), socket.AF_UNSPEC),
            kind,
        )
        looking.addErrback(self._failed, hostName)
        looking.addCallback(_tell, resolutionReceiver, transportSemantics)
        return resolution  # type: ignore[no-any-return]

    def _failed(self, failure: Failure, name: str) -> list[Any]:
        failure.trap(OSError)
        if not failure.check(socket.gaierror):
            reason = failure.getErrorMessage()
            self.log.warn("{name} cannot be looked up: {reason}", name=name, reason=reason)
        return []


def _tell(found: list[Any], receiver: IResolutionReceiver, semantics: str) -> None:
    for family, *_, address in found:
        kind: Any = IPv6Address if family == socket.AF_INET6 else IPv4Address
        receiver.addressResolved(kind(semantics, *address))
    receiver.resolutionComplete()
