"""Where we listen: ``127.0.0.1:1143``, ``[::1]:1143``, ``localhost:1143`` or just ``1143``."""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass

_FORM = re.compile(r"(?:(?:\[(?P<six>[^\]]+)\]|(?P<four>[^:\[\]]*)):)?(?P<port>\d{1,5})")


class ListenAddressError(ValueError):
    """The text names no address to listen on; ``str()`` says what it should look like."""


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """An IP address (IPv6 without brackets) and a port; port 0 lets the system pick one."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether only programs on this machine can connect."""
        return ipaddress.ip_address(self.host).is_loopback

    @property
    def is_wildcard(self) -> bool:
        """Whether these are all addresses of this machine."""
        return ipaddress.ip_address(self.host).is_unspecified

    @property
    def is_ipv6(self) -> bool:
        """Whether this is an IPv6 address."""
        return ":" in self.host

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if self.is_ipv6 else f"{self.host}:{self.port}"


def parse_listen_address(text: str) -> ListenAddress:
    """Read an address. Raises :class:`ListenAddressError`; names are not looked up."""
    example = "write it as 127.0.0.1:1143 or [::1]:1143"
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise ListenAddressError(f"{text!r} is not an address to listen on; {example}")
    host = found["six"] or found["four"] or "127.0.0.1"
    if host == "localhost":
        host = "127.0.0.1"
    elif host == "*":
        host = "0.0.0.0"  # noqa: S104 - said by the user, and refused without allow_remote
    port = int(found["port"])
    try:
        ipaddress.ip_address(host)
    except ValueError:
        raise ListenAddressError(f"{host!r} is not an IP address; {example}") from None
    if port > 65535:
        raise ListenAddressError(f"there is no port {port}; {example}")
    return ListenAddress(host, port)


def cannot_listen(address: ListenAddress, fault: OSError) -> str:
    """A sentence for an address that the system does not give us."""
    reason = fault.strerror or fault
    return f"cannot listen on {address}: {reason}; choose another port, or stop what uses this one"


def found_again(
    places: Sequence[tuple[ListenAddress, ListenAddress]], wanted: Sequence[ListenAddress]
) -> list[int | None]:
    """For each address that is wanted the index of the place that is there already, if one is.

    A place is what was wanted once and what it really is. Several may have wanted the same: port 0.
    """
    left = list(range(len(places)))
    found: list[int | None] = []
    for address in wanted:
        index = next((index for index in left if address in places[index]), None)
        found.append(index)
        if index is not None:
            left.remove(index)
    return found
