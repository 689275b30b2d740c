"""Where the upstream is: ``imaps://host[:port]`` and ``imap+starttls://host[:port]``."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

import idna

# RFC 8314 section 3.2: implicit TLS on 993 is what clients should use; 143 is for STARTTLS.
_DEFAULT_PORTS = {"imaps": 993, "imap+starttls": 143}

_USER_INFO = re.compile(r"//.*@", re.DOTALL)


class AddressError(ValueError):
    """The URL does not say where an upstream is; ``str()`` says what it should look like."""


@dataclass(frozen=True, slots=True)
class Address:
    """Host name (or IP address, IPv6 without brackets), port, and how TLS begins."""

    scheme: Literal["imaps", "imap+starttls"]
    host: str
    port: int

    @property
    def starttls(self) -> bool:
        """Whether the connection begins in plaintext and is upgraded (RFC 3501 section 6.2.1)."""
        return self.scheme == "imap+starttls"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"


def parse_address(url: str) -> Address:
    """Read a URL. Raises :class:`AddressError` with the mend."""
    example = "write it as imaps://imap.example.com or imap+starttls://imap.example.com:143"
    if _USER_INFO.search(url):
        # Not shown, because a password may be in it.
        raise AddressError("no name or password in the upstream URL: the mail program gives them")
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError as error:
        raise AddressError(f"{url!r} is not a URL ({error}); {example}") from None
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORTS:
        if scheme == "imap":
            raise AddressError(f"{url!r}: plaintext to the upstream is not offered; {example}")
        raise AddressError(f"{url!r} has no scheme that is known here; {example}")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise AddressError(f"{url!r} has something behind the host; {example}")
    host = parts.hostname
    if not host:
        raise AddressError(f"{url!r} has no host; {example}")
    if not _is_host(host):
        raise AddressError(f"{url!r}: {host!r} is no host name and no IP address; {example}")
    if port == 0:
        raise AddressError(f"{url!r}: port 0 cannot be connected to; {example}")
    typed: Literal["imaps", "imap+starttls"] = "imaps" if scheme == "imaps" else "imap+starttls"
    return Address(typed, host, port or _DEFAULT_PORTS[typed])


def _is_host(host: str) -> bool:
    try:
        if ":" in host:
            ipaddress.IPv6Address(host)
        else:
            idna.encode(host)  # as the TLS library will
    except ValueError:
        return False
    return True
