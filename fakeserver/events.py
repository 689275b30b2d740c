"""What sessions hear of that have not selected the mailbox where it happens.

A session that is acting hears of its own doing, too.
"""

from collections.abc import Callable
from dataclasses import dataclass

from fakeserver.store.mailbox import Mailbox
from imapproxy.wire.mailbox import WireMailbox


@dataclass(frozen=True, eq=False)
class MetadataChanged:
    """Entries of a mailbox, or of the server (``None``), have other values; ``user`` did it."""

    mailbox: Mailbox | None
    names: tuple[bytes, ...]
    user: bytes


@dataclass(frozen=True, eq=False)
class MailboxesChanged:
    """Mailboxes were made, deleted or renamed, or are others, or somebody has other rights.

    Where ``user`` renamed one ``old`` is the name it had, and ``name`` the one it has.
    """

    user: bytes = b""
    name: WireMailbox | None = None
    old: WireMailbox | None = None


@dataclass(frozen=True, eq=False)
class SubscriptionChanged:
    """``user`` subscribed to a mailbox, or does no more."""

    user: bytes
    name: WireMailbox


Event = MetadataChanged | MailboxesChanged | SubscriptionChanged
Listener = Callable[[Event], None]
