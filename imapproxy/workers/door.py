"""A listening socket of the parent process, whose connections it gives to its workers."""

import errno
import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from imapproxy.config import ConfigError, ListenerSettings
from imapproxy.listen_address import ListenAddress, cannot_listen

_BACKLOG = 128
_ACCEPTED_A_TURN = 32
# Without one of these the kernel keeps the connection in its queue, and it can be had later.
_NOT_NOW = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))
_A_WHILE = 1.0  # second


@implementer(IReadDescriptor)
class Door:
    """Accepts while it is open; until then, and meanwhile, clients wait in the kernel's queue."""

    log = Logger()

    def __init__(
        self, reactor: Any, settings: ListenerSettings, entered: Callable[[socket.socket], None]
    ) -> None:
        self.settings = settings
        self._reactor = reactor
        self._entered = entered
        self._waiting: Any = None
        self._open = False
        self._socket = _listening(settings.address)
        self._socket.setblocking(False)
        port = self._socket.getsockname()[1]
        #: Where it listens, with the real port.
        self.address = ListenAddress(settings.address.host, port)

    @property
    def ready_line(self) -> str:
        """What ``imapproxy run`` prints."""
        return f"ready: {self.address} -> {self.settings.upstream.address}"

    def open(self) -> None:
        """Let clients in."""
        self._open = True
        self._reactor.addReader(self)

    def shut(self) -> None:
        """Let nobody in for now."""
        self._open = False
        self._reactor.removeReader(self)
        if self._waiting is not None and self._waiting.active():
            self._waiting.cancel()

    def close(self) -> None:
        """Listen no more."""
        self.shut()
        self._socket.close()

    # -- IReadDescriptor -------------------------------------------------------------------

    def fileno(self) -> int:
        """See :class:`IReadDescriptor`; -1 when it is closed."""
        return self._socket.fileno()

    def logPrefix(self) -> str:
        """What Twisted's log calls it."""
        return "imapproxy"

    def doRead(self) -> None:
        """Clients are there."""
        for _ in range(_ACCEPTED_A_TURN):
            if not self._open:
                return
            try:
                connection, _ = self._socket.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _NOT_NOW:
                    self._wait_a_while(error)
                    return
                continue  # that client is gone already
            self._entered(connection)

    def _wait_a_while(self, error: OSError) -> None:
        self.log.warn("{address}: clients wait: {error}", address=self.address, error=error)
        self._reactor.removeReader(self)
        self._waiting = self._reactor.callLater(_A_WHILE, self.open)

    def connectionLost(self, reason: Failure) -> None:
        """The reactor ends."""
        self._socket.close()


def _listening(address: ListenAddress) -> socket.socket:
    family = socket.AF_INET6 if address.is_ipv6 else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((address.host, address.port))
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise ConfigError(cannot_listen(address, error)) from None
    return listening
