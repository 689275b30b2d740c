"""Peers that are gone without a word."""

import socket

import pytest

from imapproxy.upstream.keepalive import keep_watch, options


class Transport:
    """One with a socket of its own."""

    def __init__(self) -> None:
        self.socket = socket.socket()

    def setTcpKeepAlive(self, enabled: bool) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, enabled)

    def option(self, name: str) -> int:
        return self.socket.getsockopt(socket.IPPROTO_TCP, getattr(socket, name))


class Pipe:
    """One without."""

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """Nothing is kept alive."""


@pytest.fixture
def transport():
    made = Transport()
    yield made
    made.socket.close()


@pytest.mark.parametrize("dead_after", [1.0, 2.5, 60.0, 86400.0])
def test_all_probes_fit_into_the_time(dead_after):
    told = options(dead_after)
    took = told["TCP_KEEPIDLE"] + told["TCP_KEEPCNT"] * told["TCP_KEEPINTVL"]
    assert min(told.values()) >= 1
    assert took == pytest.approx(dead_after, abs=3.0)


@pytest.mark.skipif(not hasattr(socket, "TCP_KEEPIDLE"), reason="the system calls it differently")
def test_the_system_is_told(transport):
    keep_watch(transport, 60.0, takes_all=True)
    assert transport.socket.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert transport.option("TCP_KEEPIDLE") == 30
    assert transport.option("TCP_KEEPINTVL") == 10
    assert transport.option("TCP_KEEPCNT") == 3
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        assert transport.option("TCP_USER_TIMEOUT") == 60_000


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="Linux has it")
def test_who_may_stop_reading_is_not_cut(transport):
    keep_watch(transport, 60.0, takes_all=False)
    assert transport.option("TCP_USER_TIMEOUT") == 0


def test_what_is_no_socket_is_left_alone():
    keep_watch(Pipe(), 60.0, takes_all=True)
