"""Noticing that the other end of a connection is gone although it never said so.

A NAT table that has forgotten the connection, a machine that was switched off, a cable: TCP alone
would notice when it sends, a quarter of an hour later, and never while it only waits, as in IDLE.
"""

import socket
from typing import Any

DEAD_AFTER = 60.0  # seconds; NAT tables that forget sooner are rare
_PROBES = 3


def options(dead_after: float) -> dict[str, int]:
    """The options of TCP (``socket.TCP_…``) with which a silent peer is given up after so many
    seconds. Half of them the connection may be idle before the first probe, which also tells a NAT
    table that it is in use.
    """
    idle = max(round(dead_after / 2), 1)
    interval = max(round(dead_after / 2 / _PROBES), 1)
    return {
        "TCP_KEEPIDLE": idle,  # Linux, BSD …
        "TCP_KEEPALIVE": idle,  # … and macOS call it differently
        "TCP_KEEPINTVL": interval,
        "TCP_KEEPCNT": _PROBES,
    }


def keep_watch(transport: Any, dead_after: float, *, takes_all: bool) -> None:
    """Have a TCP connection fail when its peer was silent to all probes.

    ``takes_all``: it also fails when what was sent is not taken for so long. That is no rule for
    who may stop reading for a while, as a mail program may.
    """
    transport.setTcpKeepAlive(True)
    handle: socket.socket | None = getattr(transport, "socket", None)
    if handle is None:
        return  # something else than a socket carries it
    for name, value in options(dead_after).items():
        if hasattr(socket, name):
            handle.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    if takes_all and hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; RFC 5482
        milliseconds = round(dead_after * 1000)
        handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
