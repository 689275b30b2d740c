"""What sessions hear of that have not selected the mailbox where it happens."""

from collections.abc import Callable
from dataclasses import dataclass

from fakeserver.store.mailbox import Mailbox
from imapproxy.wire.mailbox import WireMailbox


@dataclass(frozen=True, eq=False)
class MetadataChanged:
    """Entries of a mailbox, or of the server (``None``), have other values; ``user`` did it."""

    by: object
    mailbox: Mailbox | None
    names: tuple[bytes, ...]
    user: bytes


@dataclass(frozen=True, eq=False)
class NamesChanged:
    """A mailbox of ``user`` was made, deleted (``gone``) or renamed (from ``old``)."""

    by: object
    user: bytes
    name: WireMailbox
    gone: bool = False
    old: WireMailbox | None = None


@dataclass(frozen=True, eq=False)
class SubscriptionChanged:
    """``user`` subscribed to a mailbox, or does no more."""

    by: object
    user: bytes
    name: WireMailbox


Event = MetadataChanged | NamesChanged | SubscriptionChanged
Listener = Callable[[Event], None]
