"""Values of the command line."""

from pathlib import Path

import click

from fakeserver.control_http import is_loopback

Where = tuple[str, int]


def address(value: str) -> Where:
    """Split ``host:port``; an IPv6 address stands in brackets."""
    host, _, port = value.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise click.BadParameter(
            f"{value!r} is not HOST:PORT, such as 127.0.0.1:1143 (port 0: a free one)"
        )
    return host, int(port)


def loopback_address(value: str) -> Where:
    """The same, of this machine alone: who reaches it may do anything."""
    host, port = address(value)
    if not is_loopback(host):
        raise click.BadParameter(f"{value!r} can be reached from other machines; use 127.0.0.1")
    return host, port


def user(value: str) -> tuple[str, str]:
    """Split ``name:password``."""
    name, colon, password = value.partition(":")
    if not colon or not name:
        raise click.BadParameter("a user is NAME:PASSWORD, such as demo:pw")
    return name, password


def existing(value: str) -> Path:
    """A path at which there is something."""
    path = Path(value)
    if not path.exists():
        raise click.BadParameter(f"there is no {value}")
    return path
