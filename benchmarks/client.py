"""A client that only reads, so that it is not what is measured."""

import socket
import ssl
from types import TracebackType
from typing import NamedTuple, Self

_BUFFER = 1024 * 1024
# A tagged response has to be recognised in the last octets that came, whatever a message holds.
_TAG = b"zQ9x%06d"
_LONGEST_TAGGED_RESPONSE = 1024
_TIMEOUT = 120.0  # seconds for anything to come


class Endpoint(NamedTuple):
    """Where a server is. ``tls`` is the context to connect with, ``None`` for plaintext."""

    port: int
    tls: ssl.SSLContext | None = None
    host: str = "localhost"


class Client:
    """One connection. Responses are counted, not looked at.

    ``buffer`` is how much is read at once, ``receive_buffer`` how much the kernel holds for it.
    """

    def __init__(
        self, endpoint: Endpoint, *, buffer: int = _BUFFER, receive_buffer: int | None = None
    ) -> None:
        self._buffer = memoryview(bytearray(buffer))
        self._commands = 0
        self._socket = _connect(endpoint, receive_buffer)
        self.greeting = self._socket.recv(4096)

    def log_in(self, user: str, password: str, mailbox: str | None = None) -> None:
        """Log in and, with ``mailbox``, select it."""
        self.run(f'LOGIN {user} "{password}"'.encode())
        if mailbox is not None:
            self.run(f"SELECT {mailbox}".encode())

    def run(self, command: bytes) -> int:
        """Send a command, read to its tagged OK; return the octets that came before that."""
        return self.read_answer(self.send(command))

    def send(self, command: bytes) -> bytes:
        """Send a command; return its tag."""
        self._commands += 1
        tag = _TAG % self._commands
        self.send_octets(tag + b" " + command + b"\r\n")
        return tag

    def send_octets(self, octets: bytes) -> None:
        """Send octets of a command."""
        self._socket.sendall(octets)

    def read_answer(self, tag: bytes) -> int:
        """Read to the tagged OK of ``tag``; return the octets that came before it.

        The tagged response itself does not count: servers put timings into its text.
        """
        received = 0
        tail = b""
        while True:
            piece = self.receive()
            received += len(piece)
            tail = (tail + bytes(piece[-_LONGEST_TAGGED_RESPONSE:]))[-_LONGEST_TAGGED_RESPONSE:]
            if tail.endswith(b"\r\n"):
                start = tail.rfind(b"\n", 0, -1) + 1
                if tail.startswith(tag + b" ", start):
                    _check(tail[start:])
                    return received - (len(tail) - start)

    def receive(self, most: int = 0) -> memoryview:
        """Take what has come, ``most`` octets if given; valid until the next call."""
        size = self._socket.recv_into(self._buffer, most)
        if not size:
            raise ConnectionError("the server closed the connection")
        return self._buffer[:size]

    def close(self) -> None:
        """Log out and close."""
        try:
            self.send(b"LOGOUT")
            while self._socket.recv_into(self._buffer):
                pass
        except OSError:
            pass  # gone already: that is what was wanted
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _connect(endpoint: Endpoint, receive_buffer: int | None) -> socket.socket:
    connection = socket.socket()
    if receive_buffer is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    connection.settimeout(_TIMEOUT)
    connection.connect(("127.0.0.1", endpoint.port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if endpoint.tls is None:
        return connection
    return endpoint.tls.wrap_socket(connection, server_hostname=endpoint.host)


def _check(tagged: bytes) -> None:
    if tagged.split(b" ", 2)[1].upper() != b"OK":
        raise ConnectionError(f"the server answered {tagged!r}")
