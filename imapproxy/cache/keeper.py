"""The keeper's port: what people do with a cache, beside a proxy that runs or does not."""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from imapproxy.cache.store import Holding, Mailbox


class Checked(NamedTuple):
    """How far :meth:`Keeper.verify` is: ``done`` of ``total`` of ``what``."""

    what: str
    done: int
    total: int


class Finding(NamedTuple):
    """Something that is not as it should be, in one line for people."""

    text: str


class HeldMessage(NamedTuple):
    """A message that is held whole.

    ``flags`` (``(\\Seen)``) are what they were when they were told last, ``internal_date`` stands
    in its quotes; both are ``None`` where they were never told. ``pieces`` are the octets of the
    message, ``size`` altogether, to be taken before the next message is.
    """

    uid: int
    flags: bytes | None
    internal_date: bytes | None
    size: int
    pieces: Iterator[bytes]


class Keeper(Protocol):
    """Looks after one store. All of it raises :class:`imapproxy.cache.store.StoreError`."""

    def holdings(self) -> list[Holding]:
        """What is held of which mailbox."""

    def octets_on_disk(self) -> int:
        """How much room the store takes, log and all."""

    def octets_in_use(self) -> int:
        """How much of that counts against the limit: the log does not, nor free room."""

    def messages(self, mailbox: Mailbox) -> Iterator[HeldMessage]:
        """The messages that are held whole, by UID; what goes while they are read is left out.

        A message that goes, or is found to be damaged, while its pieces are taken raises
        ``StoreError`` there.
        """

    def verify(self, *, mend: bool = False) -> Iterator[Checked | Finding]:
        """Look at everything that is there, every length and checksum; findings as they come.

        ``mend`` takes out what is damaged when all has been looked at.
        """

    def clear(self, account: bytes | None = None, name: bytes | None = None) -> int:
        """Take out a mailbox, by its name, or all that is kept of an account, or everything.

        The room is given back. Returns how many mailboxes there were.
        """

    def close(self) -> None:
        """Let go."""
