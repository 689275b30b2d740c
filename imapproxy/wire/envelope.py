"""ENVELOPE: the header of a message as the server parsed it (RFC 9051 section 7.5.2)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Address:
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
        raise NotImplementedError

    def encode(self) -> bytes:
        """The parenthesized list, as in a FETCH response."""
        raise NotImplementedError
