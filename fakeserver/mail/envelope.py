"""ENVELOPE: what a header says, as one structure (RFC 9051 section 7.5.2)."""

from collections.abc import Iterable

from fakeserver.mail.address import Address, parse_addresses
from fakeserver.mail.header import Header, squeeze, unfold
from fakeserver.mail.quoting import nstring

_ADDRESSES = (b"from", b"sender", b"reply-to", b"to", b"cc", b"bcc")
_STRINGS = (b"date", b"subject", b"in-reply-to", b"message-id")
_WANTED = (*_ADDRESSES, *_STRINGS)


def envelope(header: Header) -> bytes:
    """The envelope structure of a header, ready for a response."""
    values = header.values_of(_WANTED)
    strings = {name: _string(name, values.get(name)) for name in _STRINGS}
    addresses = {name: _addresses(values.get(name, ())) for name in _ADDRESSES}
    # RFC 9051 section 7.5.2: without them, From stands for Sender and Reply-To.
    for name in (b"sender", b"reply-to"):
        if addresses[name] == b"NIL":
            addresses[name] = addresses[b"from"]
    return b"(%b)" % b" ".join(
        (
            strings[b"date"],
            strings[b"subject"],
            *(addresses[name] for name in _ADDRESSES),
            strings[b"in-reply-to"],
            strings[b"message-id"],
        )
    )


def _string(name: bytes, values: list[bytes] | None) -> bytes:
    if not values:
        return b"NIL"
    # Of several the last counts, as with Dovecot: RFC 5322 section 3.6 allows one.
    value = values[-1]
    return nstring(squeeze(value) if name == b"subject" else unfold(value))


def _addresses(values: Iterable[bytes]) -> bytes:
    addresses = [address for value in values for address in parse_addresses(value)]
    return b"(%b)" % b"".join(map(_address, addresses)) if addresses else b"NIL"


def _address(address: Address) -> bytes:
    return b"(%b)" % b" ".join(map(nstring, address))
