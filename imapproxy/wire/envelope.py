"""ENVELOPE: the header of a message as the server parsed it (RFC 9051 section 7.5.2)."""

from dataclasses import dataclass
from typing import NamedTuple

from imapproxy.wire.cursor import Cursor
from imapproxy.wire.strings import string_octets


class Address(NamedTuple):
    """One address; ``None`` is NIL.

    ``host`` NIL starts a group (``mailbox`` is its name) or, with ``mailbox`` NIL too, ends it.
    ``adl`` is the source route, which nobody uses any more.
    """

    name: bytes | None
    adl: bytes | None
    mailbox: bytes | None
    host: bytes | None


Addresses = tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class Envelope:
    """Strings are as in the header, still encoded by RFC 2047; lists of nobody are NIL."""

    date: bytes | None = None
    subject: bytes | None = None
    from_: Addresses = ()
    sender: Addresses = ()
    reply_to: Addresses = ()
    to: Addresses = ()
    cc: Addresses = ()
    bcc: Addresses = ()
    in_reply_to: bytes | None = None
    message_id: bytes | None = None

    @classmethod
    def decode(cls, octets: bytes) -> "Envelope":
        """Read the parenthesized list; raises ``DecodeError``."""
        return read_envelope(Cursor(octets, lenient=True))

    def encode(self) -> bytes:
        """The parenthesized list, as in a FETCH response."""
        lists = (self.from_, self.sender, self.reply_to, self.to, self.cc, self.bcc)
        fields = (
            string_octets(self.date),
            string_octets(self.subject),
            *map(_encode_addresses, lists),
            string_octets(self.in_reply_to),
            string_octets(self.message_id),
        )
        return b"(%b)" % b" ".join(fields)


def read_envelope(cursor: Cursor) -> Envelope:
    """Read an envelope. The cursor is lenient: some servers put two spaces between fields."""
    cursor.require(b"(")
    date = cursor.nstring()
    cursor.space()
    subject = cursor.nstring()
    from_, sender, reply_to, to, cc, bcc = (_read_addresses(cursor) for _ in range(6))
    cursor.space()
    in_reply_to = cursor.nstring()
    cursor.space()
    message_id = cursor.nstring()
    cursor.skip_spaces()
    cursor.require(b")")
    return Envelope(date, subject, from_, sender, reply_to, to, cc, bcc, in_reply_to, message_id)


def _read_addresses(cursor: Cursor) -> Addresses:
    cursor.space()
    if cursor.nil():
        return ()
    cursor.require(b"(")
    addresses: list[Address] = []
    # A space between addresses, and "()" for nobody, are not in the grammar, and are seen.
    cursor.skip_spaces()
    while not cursor.skip(b")"):
        addresses.append(_read_address(cursor))
        cursor.skip_spaces()
    return tuple(addresses)


def _read_address(cursor: Cursor) -> Address:
    cursor.require(b"(")
    name = cursor.nstring()
    cursor.space()
    adl = cursor.nstring()
    cursor.space()
    mailbox = cursor.nstring()
    cursor.space()
    host = cursor.nstring()
    cursor.skip_spaces()
    cursor.require(b")")
    return Address(name, adl, mailbox, host)


def _encode_addresses(addresses: Addresses) -> bytes:
    if not addresses:
        return b"NIL"
    return b"(%b)" % b"".join(
        b"(%b)" % b" ".join(map(string_octets, address)) for address in addresses
    )
