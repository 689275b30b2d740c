"""Whose a connection is that came from the parent process: the socket tells, not a message."""

import socket
from types import SimpleNamespace

import pytest

from imapproxy.listen_address import ListenAddress
from imapproxy.workers.worker import Worker


class Listener:
    def __init__(self, host: str, port: int) -> None:
        self.address = ListenAddress(host, port)
        self.accepted: list[int] = []

    def accept(self, connection: socket.socket) -> None:
        connection.getpeername()
        self.accepted.append(connection.fileno())


def accepted(host: str) -> tuple[socket.socket, socket.socket, int]:
    """A client, its connection as it was accepted, and the port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as server:
        port = server.getsockname()[1]
        client = socket.create_connection((host, port))
        return client, server.accept()[0], port


def worker_with(*listeners: Listener) -> Worker:
    worker = Worker(None)
    worker._service = SimpleNamespace(listeners=listeners)
    return worker


@pytest.mark.parametrize(
    ("host", "places", "whose"),
    [
        ("127.0.0.1", [("127.0.0.1", 0)], 0),
        ("127.0.0.1", [("0.0.0.0", 0)], 0),
        ("127.0.0.1", [("127.0.0.2", 0), ("0.0.0.0", 0), ("127.0.0.1", 0)], 2),
        ("127.0.0.1", [("127.0.0.1", 1), ("0.0.0.0", 0)], 1),
        ("::1", [("127.0.0.1", 0), ("::1", 0)], 1),
        ("::1", [("::", 0)], 0),
        ("127.0.0.1", [("127.0.0.2", 0)], None),
        ("127.0.0.1", [("127.0.0.1", 1)], None),
        ("127.0.0.1", [], None),
    ],
)
def test_it_is_the_listeners_to_whose_address_it_came(host, places, whose):
    client, connection, port = accepted(host)
    listeners = [Listener(at, port + other) for at, other in places]
    worker_with(*listeners)._connection_came(connection.detach())
    assert [bool(listener.accepted) for listener in listeners] == [
        number == whose for number in range(len(listeners))
    ]
    assert client.recv(1) == b"", "it was closed here, and by the listener of the test"
    client.close()


def test_a_client_that_is_gone_already():
    client, connection, port = accepted("127.0.0.1")
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()  # with a reset
    listener = Listener("127.0.0.1", port)
    worker_with(listener)._connection_came(connection.detach())
    assert not listener.accepted


def test_one_that_comes_before_the_configuration():
    client, connection, _ = accepted("127.0.0.1")
    Worker(None)._connection_came(connection.detach())
    assert client.recv(1) == b""
    client.close()
