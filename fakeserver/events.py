"""What sessions hear of that have not selected the mailbox where it happens."""

from collections.abc import Callable
from dataclasses import dataclass

from fakeserver.store.mailbox import Mailbox


@dataclass(frozen=True, eq=False)
class MetadataChanged:
    """Entries of a mailbox, or of the server (``None``), have other values; ``user`` did it."""

    by: object
    mailbox: Mailbox | None
    names: tuple[bytes, ...]
    user: bytes


Event = MetadataChanged
Listener = Callable[[Event], None]
