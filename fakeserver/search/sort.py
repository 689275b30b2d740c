"""The order of messages by the criteria of SORT (RFC 5256 section 3, RFC 5957)."""

import datetime
from collections.abc import Callable, Generator, Iterable
from operator import itemgetter
from typing import Any

from fakeserver.mail.address import Address, parse_addresses
from fakeserver.mail.collation import collation_key
from fakeserver.mail.decoded import decode_field
from fakeserver.mail.message import Message
from fakeserver.search.program import Candidate
from imapproxy.wire.commands import SortKey

_Key = Callable[[Candidate], Any]
# Messages that are looked at between two turns of the reactor.
_BATCH = 200


def sort_messages(
    found: Iterable[Candidate], criteria: Iterable[SortKey]
) -> Generator[bytes, bytes, list[Candidate]]:
    """The messages in order; those that are equal by all criteria stay in that of their numbers.

    Raises ``KeyError`` for a criterion that there is not.
    """
    ordered = list(found)
    keys = [(SORT_KEYS[one.criterion], one.reverse) for one in criteria]
    # Python's sort keeps the order of equals, reversed or not: the least criterion goes first.
    for key, reverse in reversed(keys):
        values: list[tuple[Any, Candidate]] = []
        for count, candidate in enumerate(ordered, 1):
            values.append((key(candidate), candidate))
            if count % _BATCH == 0:
                yield b""
        values.sort(key=itemgetter(0), reverse=reverse)
        ordered = [candidate for _, candidate in values]
    return ordered


def sent_date(candidate: Candidate) -> datetime.datetime:
    """The sent date (RFC 5256 section 2.2): that of the Date field or, of none, INTERNALDATE."""
    return candidate.message.content.sent or candidate.message.internal_date


def _mailbox(field: bytes) -> _Key:
    """The part before the "@" of a field's first address."""

    def key(candidate: Candidate) -> bytes:
        address = _first_address(candidate.message.content, field)
        return b"" if address is None else _collated(address.mailbox or b"")

    return key


def _display(field: bytes) -> _Key:
    """What a person is shown of a field's first address (RFC 5957 section 3)."""

    def key(candidate: Candidate) -> bytes:
        address = _first_address(candidate.message.content, field)
        if address is None:
            return b""
        if address.name:
            return _collated(address.name)
        mailbox = address.mailbox or b""
        return _collated(mailbox if address.host is None else mailbox + b"@" + address.host)

    return key


def _first_address(message: Message, field: bytes) -> Address | None:
    value = message.root.field_value(field)
    addresses = [] if value is None else parse_addresses(value)
    return addresses[0] if addresses else None


def _collated(octets: bytes) -> bytes:
    return collation_key(decode_field(octets))


SORT_KEYS: dict[str, _Key] = {
    "ARRIVAL": lambda candidate: candidate.message.internal_date,
    "CC": _mailbox(b"cc"),
    "DATE": sent_date,
    "FROM": _mailbox(b"from"),
    "SIZE": lambda candidate: candidate.message.content.size,
    "SUBJECT": lambda candidate: candidate.message.content.subject_key,
    "TO": _mailbox(b"to"),
    "DISPLAYFROM": _display(b"from"),
    "DISPLAYTO": _display(b"to"),
}
