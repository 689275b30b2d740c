"""What is remembered of an account besides its mail, to serve it while the upstream is away.

Each note is a small value under a key of its own (:meth:`imapproxy.cache.store.Writer.keep_note`).
What cannot be read, because another version wrote it, counts as not there.

Pure: values to octets and back.
"""

from collections.abc import Iterable
from typing import Self

import msgspec

from imapproxy.wire.mailbox import WireMailbox

ACCOUNT = b"account"
LISTINGS = b"listings"
VERIFIER = b"verifier"
_MAILBOX = b"mailbox "

# Of an account so many answers to LIST and its kin are kept, the newest, and so many octets.
_MAX_LISTINGS = 16
_MAX_OCTETS = 512 * 1024


def mailbox_key(name: WireMailbox) -> bytes:
    """The key of a mailbox's note; ``name`` is canonical (INBOX in upper case)."""
    return _MAILBOX + name


class Note(msgspec.Struct, frozen=True, array_like=True):
    """A value that is kept as octets."""

    def encode(self) -> bytes:
        """As it is kept."""
        return msgspec.msgpack.encode(self)

    @classmethod
    def decode(cls, octets: bytes | None) -> Self | None:
        """What :meth:`encode` gave; ``None`` for nothing, and for what cannot be read."""
        if octets is None:
            return None
        try:
            return msgspec.msgpack.decode(octets, type=cls)
        except (msgspec.DecodeError, msgspec.ValidationError):
            return None


class AccountNote(Note, frozen=True, array_like=True):
    """The account as a whole.

    ``capabilities`` are what the upstream offered behind the last log-in, as on the wire;
    ``seen`` is when that was, in seconds of the POSIX clock.
    """

    capabilities: bytes
    seen: float


class MailboxNote(Note, frozen=True, array_like=True):
    """What a SELECT told of a mailbox.

    ``flags`` is the list of its FLAGS response, with its parentheses; ``exists`` how many messages
    there were; ``seen`` when its list of messages was true last, in seconds of the POSIX clock.
    """

    uid_validity: int
    mailbox_id: bytes
    exists: int
    flags: bytes
    seen: float


class Listing(Note, frozen=True, array_like=True):
    """The answer to one LIST, LSUB or NAMESPACE.

    ``request`` is the key of :mod:`imapproxy.cache.listing_request`, ``responses`` are the untagged
    responses as they came, ``seen`` is when, in seconds of the POSIX clock.
    """

    request: bytes
    responses: bytes
    seen: float


class Listings(Note, frozen=True, array_like=True):
    """All listings of an account, the newest first."""

    listings: tuple[Listing, ...] = ()

    def answer_to(self, request: bytes) -> Listing | None:
        """The listing of a request."""
        return next((one for one in self.listings if one.request == request), None)

    def with_added(self, newer: Iterable[Listing]) -> "Listings":
        """These and ``newer``: of each request the newest, and of all no more than there may be."""
        of_request: dict[bytes, Listing] = {}
        for one in sorted((*self.listings, *newer), key=lambda one: one.seen, reverse=True):
            of_request.setdefault(one.request, one)
        kept: list[Listing] = []
        octets = 0
        for one in of_request.values():
            octets += len(one.request) + len(one.responses)
            if octets > _MAX_OCTETS or len(kept) == _MAX_LISTINGS:
                break
            kept.append(one)
        return Listings(tuple(kept))
