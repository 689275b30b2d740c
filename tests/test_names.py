"""Looking up names: whatever happens, the look-up has an end."""

import socket

from twisted.internet import reactor  # noqa: TID251
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred

from imapproxy.names import NameResolver
from tests.deadline import in_reactor
from tests.logged_errors import logged_errors

__all__ = ["logged_errors"]


class Receiver:
    """Collects the addresses that are found; ``found`` fires with all of them."""

    def __init__(self) -> None:
        self._addresses: list[object] = []
        self.found: Deferred[list[object]] = Deferred()
        self.name = ""

    def resolutionBegan(self, resolution) -> None:
        self.name = resolution.name

    def addressResolved(self, address) -> None:
        self._addresses.append(address)

    def resolutionComplete(self) -> None:
        self.found.callback(self._addresses)


async def look_up(name: str, *arguments: object) -> list[object]:
    receiver = Receiver()
    NameResolver(reactor).resolveHostName(receiver, name, 993, *arguments)
    assert receiver.name == name
    return await receiver.found


@in_reactor
async def test_addresses_of_both_kinds():
    assert await look_up("127.0.0.1") == [IPv4Address("TCP", "127.0.0.1", 993)]
    assert await look_up("::1") == [IPv6Address("TCP", "::1", 993)]
    assert await look_up("127.0.0.1", [IPv4Address]) == [IPv4Address("TCP", "127.0.0.1", 993)]
    assert await look_up("127.0.0.1", [IPv6Address]) == []


@in_reactor
async def test_a_name_that_is_not_known(logged_errors):
    assert await look_up("no-such-host.invalid") == []
    assert "no-such-host" not in logged_errors.text()


@in_reactor
async def test_a_look_up_that_fails(monkeypatch, logged_errors):
    def fail(*_: object) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    assert await look_up("imap.example.com") == []
    told = "imap.example.com cannot be looked up: [Errno 24] Too many open files"
    assert told in logged_errors.text()
