"""Whose mail is read while the upstream is away, and what is known of it as a whole."""

from typing import NamedTuple

from imapproxy.cache.notes import LISTINGS, Listings, MailboxNote, mailbox_key
from imapproxy.cache.store import Store
from imapproxy.wire.capability import Capabilities
from imapproxy.wire.mailbox import WireMailbox

# What is right offline whatever the upstream is …
_ALWAYS = ("IMAP4rev1", "LITERAL+", "ID")
# … and what a client may go on with when the upstream takes over only if that has it, too.
_IF_UPSTREAM = ("UNSELECT", "IDLE", "NAMESPACE")


class HeldAccount(NamedTuple):
    """``name`` tells the account from all others, ``upstream`` is who cannot be reached.

    ``offered`` is what the upstream offered behind the last log-in, and ``seen`` when that was, in
    seconds of the POSIX clock.
    """

    name: bytes
    store: Store
    upstream: str
    offered: Capabilities
    seen: float

    @property
    def capabilities(self) -> Capabilities:
        """What is offered offline: never more than what there is when the upstream is back."""
        also = [name for name in _IF_UPSTREAM if name in self.offered]
        return Capabilities((*_ALWAYS, *also))

    def mailbox_note(self, name: WireMailbox) -> MailboxNote | None:
        """What is remembered of a mailbox, by its canonical name. Raises ``StoreError``."""
        return MailboxNote.decode(self.store.reader.note(self.name, mailbox_key(name)))

    def listings(self) -> Listings:
        """The answers to LIST and its kin. Raises ``StoreError``."""
        return Listings.decode(self.store.reader.note(self.name, LISTINGS)) or Listings()


def age(seconds: float) -> str:
    """How long ago that is, for people: ``3 hours``."""
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        number = int(seconds // size)
        if number:
            return f"{number} {unit}{'' if number == 1 else 's'}"
    return "less than a minute"
