import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.delay import Link, delayed

# Ten times as much as any buffer on the way holds.
LARGE = bytes(range(256)) * 40_000


def test_an_octet_takes_the_delay_and_the_time_on_the_line() -> None:
    link = Link(0.02, 1000)
    assert link.send(1, 5.0) == 5.0 + 0.001 + 0.02


def test_what_follows_at_once_is_behind_it_but_not_later_by_the_delay() -> None:
    link = Link(0.5, 1024)
    assert [link.send(512, 1.0), link.send(512, 1.0)] == [2.0, 2.5]


def test_a_line_that_was_idle_is_free_at_once() -> None:
    link = Link(0.5, 1024)
    link.send(512, 1.0)
    assert link.send(512, 10.0) == 11.0


def test_a_line_is_not_booked_ahead_for_ever() -> None:
    link = Link(0.5, 1024)
    assert link.wait(1.0) == 0.0
    link.send(1024, 1.0)
    assert link.wait(1.0) == 1.0 - 0.05


def test_everything_arrives_in_order_in_both_directions_at_once() -> None:
    with _echo() as port, delayed(port, rtt=4, rate=8_000) as slow:
        client = socket.create_connection(("127.0.0.1", slow))
        writing = threading.Thread(target=_send_all, args=(client,))
        writing.start()
        heard = _read_all(client)
        writing.join()
        client.close()
    assert heard == LARGE


def test_a_server_that_closes_is_seen_by_the_client() -> None:
    with _echo() as port, delayed(port, rtt=4) as slow:
        client = socket.create_connection(("127.0.0.1", slow))
        client.sendall(b"a line\n")
        client.shutdown(socket.SHUT_WR)
        assert _read_all(client) == b"a line\n"
        client.close()


def test_nobody_behind_the_line_ends_the_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with delayed(port, rtt=4) as slow, socket.create_connection(("127.0.0.1", slow)) as client:
        assert _read_all(client) == b""


def _send_all(client: socket.socket) -> None:
    client.sendall(LARGE)
    client.shutdown(socket.SHUT_WR)


def _read_all(client: socket.socket) -> bytes:
    client.settimeout(60)
    return b"".join(iter(lambda: client.recv(65536), b""))


@contextmanager
def _echo() -> Iterator[int]:
    """A server that says what one client says to it, and closes behind it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=_answer, args=(listening,))
        thread.start()
        yield listening.getsockname()[1]
        thread.join()


def _answer(listening: socket.socket) -> None:
    peer, _ = listening.accept()
    with peer:
        while octets := peer.recv(65536):
            peer.sendall(octets)
