"""A network that loses an answer: the server does what it was told, and nobody hears of it."""

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self


class DeafForwarder:
    """Carries connections to a port of this machine.

    After :meth:`lose_next_answer` the next octets of a server are thrown away, and its connection
    is cut; those to come are carried.
    """

    def __init__(self, port: int) -> None:
        self._server_port = port
        self._is_deaf = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._sockets: list[socket.socket] = []

    def lose_next_answer(self) -> None:
        """Until then all that was said has to be answered."""
        self._is_deaf.set()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return  # closed
            server = socket.create_connection(("127.0.0.1", self._server_port))
            self._sockets += (client, server)
            self._start(client, server, hears=True)
            self._start(server, client, hears=False)

    def _start(self, source: socket.socket, target: socket.socket, *, hears: bool) -> None:
        threading.Thread(target=self._carry, args=(source, target, hears), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, hears: bool) -> None:
        with contextlib.suppress(OSError):
            while octets := source.recv(65536):
                if not hears and self._is_deaf.is_set():
                    self._is_deaf.clear()
                    break
                target.sendall(octets)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        for end in (self._listening, *self._sockets):
            end.close()
