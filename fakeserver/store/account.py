r"""An account: its mailboxes by name, their hierarchy, and what it subscribes to.

Only mailboxes that can be selected are kept. A name with something below it that is none itself
(``a`` where there is ``a.b``) is ``\Noselect``, and there is nothing of it but the name, as with
Dovecot and as RFC 3501 section 6.3.4 draws it.
"""

import datetime
import hashlib
from collections.abc import Callable, Iterable, Iterator

from fakeserver.events import Listener, MailboxesChanged
from fakeserver.store.errors import MailboxExists, NoSuchMailbox, StoreError
from fakeserver.store.mailbox import Mailbox
from fakeserver.store.rights import ALL_RIGHTS, Rights
from imapproxy.wire.errors import DecodeError
from imapproxy.wire.flags import Flag
from imapproxy.wire.mailbox import INBOX, WireMailbox, canonical_mailbox, decode_mailbox, is_inbox

Clock = Callable[[], datetime.datetime]


def no_such_mailbox(name: bytes, code: bytes = b"") -> NoSuchMailbox:
    """The refusal for a mailbox that is not there."""
    return NoSuchMailbox(f"Mailbox doesn't exist: {name.decode('utf-8', 'replace')}", code)


class Account:
    """A user, a password and mailboxes. Every account has an INBOX."""

    def __init__(self, user: bytes, password: bytes, clock: Clock, delimiter: bytes = b".") -> None:
        self.user = user
        self.password = password
        self.delimiter = delimiter
        self.mailboxes: dict[WireMailbox, Mailbox] = {}
        self.subscriptions: dict[WireMailbox, None] = {}
        # Limits by resource: STORAGE (units of 1024 octets), MESSAGE, MAILBOX (RFC 9208).
        self.quota: dict[str, int] = {}
        # Who is to hear of what becomes of mailboxes.
        self.announce: Listener = lambda event: None
        self._clock = clock
        self._last_uid_validity = 0
        self._made = 0
        self.add_mailbox(INBOX)

    # --- names ---

    def canonical(self, name: bytes) -> WireMailbox:
        """What a name is kept by: INBOX, and the INBOX that others lie below, in upper case."""
        first, delimiter, rest = name.partition(self.delimiter)
        if delimiter and is_inbox(first):
            return WireMailbox(INBOX + delimiter + rest)
        return canonical_mailbox(name)

    def parents_of(self, name: bytes) -> Iterator[WireMailbox]:
        """The names above a name, the nearest first."""
        while (above := name.rpartition(self.delimiter)[0]) != b"":
            yield WireMailbox(above)
            name = above

    def below(self, name: bytes) -> list[WireMailbox]:
        """Mailboxes anywhere below a name."""
        prefix = name + self.delimiter
        return [other for other in self.mailboxes if other.startswith(prefix)]

    def all_names(self) -> dict[WireMailbox, bool]:
        """Every name in the hierarchy, in order, and whether it can be selected."""
        names = dict.fromkeys(self.mailboxes, True)
        for name in self.mailboxes:
            for parent in self.parents_of(name):
                names.setdefault(parent, False)
        return dict(sorted(names.items()))

    def has_children(self, name: bytes) -> bool:
        """Whether there is anything below a name."""
        prefix = name + self.delimiter
        return any(other.startswith(prefix) for other in self.mailboxes)

    def _new_name(self, name: bytes) -> WireMailbox:
        """The name under which a mailbox can be made; ``StoreError`` where it cannot."""
        # RFC 3501 section 6.3.3: a delimiter at the end only says that names are to come below.
        name = name.removesuffix(self.delimiter)
        self.check_name(name)
        return self.canonical(name)

    def check_name(self, name: bytes) -> None:
        """Raise ``StoreError`` for a name that no mailbox can have."""
        reason = self._mistake_in(name)
        if reason is not None:
            raise StoreError(f"Invalid mailbox name: {reason}", b"CANNOT")

    def _mistake_in(self, name: bytes) -> str | None:
        if not name:
            return "Name is empty"
        if name.startswith(self.delimiter):
            return "Begins with hierarchy separator"
        if name.endswith(self.delimiter):
            return "Ends with hierarchy separator"
        if self.delimiter * 2 in name:
            return "Has adjacent hierarchy separators"
        if len(name) > 1000:
            return "Name is too long"
        if any(octet < 0x20 or octet == 0x7F for octet in name):
            return "Has control characters"
        try:
            decode_mailbox(name)
        except DecodeError:
            return "Not valid mUTF-7"
        return None

    # --- mailboxes ---

    def find(self, name: bytes, code: bytes = b"") -> Mailbox:
        """The mailbox of this name; ``NoSuchMailbox`` with ``code`` where there is none."""
        mailbox = self.mailboxes.get(self.canonical(name))
        if mailbox is None:
            raise no_such_mailbox(name, code)
        return mailbox

    def add_mailbox(self, name: bytes, uid_validity: int | None = None) -> Mailbox:
        """Make a mailbox, whatever its name, with a UIDVALIDITY of its own or the next one."""
        if uid_validity is None:
            uid_validity = self.next_uid_validity()
        self._last_uid_validity = max(self._last_uid_validity, uid_validity)
        mailbox = Mailbox(self.canonical(name), uid_validity, self._clock)
        mailbox.object_id = self._next_object_id()
        mailbox.owner = self.user
        mailbox.acl = self._first_acl(mailbox.name)
        self.mailboxes[mailbox.name] = mailbox
        self.watch(mailbox)
        return mailbox

    def watch(self, mailbox: Mailbox) -> None:
        """Called with each mailbox that comes to be here; another kind of account does more."""

    def next_uid_validity(self) -> int:
        """A UIDVALIDITY above all that were given out here (RFC 3501 section 2.3.1.1)."""
        now = int(self._clock().timestamp())
        self._last_uid_validity = max(self._last_uid_validity + 1, now)
        return self._last_uid_validity

    def _first_acl(self, name: WireMailbox) -> dict[bytes, Rights]:
        """What a new mailbox begins with: the rights on the one above or, of none, its owner's."""
        above = (self.mailboxes.get(parent) for parent in self.parents_of(name))
        parent = next((one for one in above if one is not None), None)
        return {self.user: ALL_RIGHTS} if parent is None else dict(parent.acl)

    def _next_object_id(self) -> bytes:
        """A MAILBOXID that no mailbox has or had, of this account or another (RFC 8474)."""
        self._made += 1
        digest = hashlib.sha256(b"%b\0%d" % (self.user, self._made)).hexdigest()
        return b"F" + digest[:16].encode()

    def create(self, name: bytes, special_use: Iterable[Flag] = ()) -> Mailbox:
        """CREATE (RFC 3501 section 6.3.3)."""
        new_name = self._new_name(name)
        if new_name in self.mailboxes:
            raise MailboxExists("Mailbox already exists", b"ALREADYEXISTS")
        mailbox = self.add_mailbox(new_name)
        mailbox.special_use = tuple(special_use)
        self.announce(MailboxesChanged())
        return mailbox

    def delete(self, name: bytes) -> None:
        """DELETE (RFC 3501 section 6.3.4): what lies below stays."""
        name = self.canonical(name)
        if name == INBOX:
            raise StoreError("INBOX can't be deleted", b"CANNOT")
        mailbox = self.mailboxes.pop(name, None)
        if mailbox is not None:
            mailbox.close_views()
            self.announce(MailboxesChanged())
        elif self.has_children(name):
            raise StoreError("Mailbox has children, delete them first", b"HASCHILDREN")
        else:
            raise no_such_mailbox(name, b"NONEXISTENT")

    def rename(self, name: bytes, new_name: bytes) -> None:
        """RENAME (RFC 3501 section 6.3.5): what lies below goes along."""
        old = self.canonical(name)
        if old not in self.mailboxes and not self.has_children(old):
            raise no_such_mailbox(name, b"NONEXISTENT")
        new = self._new_name(new_name)
        # A name that is there for what lies below it can become a mailbox, as with CREATE.
        if any(new + name[len(old) :] in self.mailboxes for name in (old, *self.below(old))):
            raise MailboxExists("Target mailbox already exists", b"ALREADYEXISTS")
        if new.startswith(old + self.delimiter):
            raise StoreError("Can't rename mailbox under itself", b"CANNOT")
        if old == INBOX:
            self._rename_inbox(new)
        else:
            self._rename_tree(old, new)
        self.announce(MailboxesChanged(self.user, new, old))

    def _rename_tree(self, old: WireMailbox, new: WireMailbox) -> None:
        for name in [old, *self.below(old)]:
            mailbox = self.mailboxes.pop(name, None)
            if mailbox is not None:
                mailbox.name = WireMailbox(new + name[len(old) :])
                self.mailboxes[mailbox.name] = mailbox

    def _rename_inbox(self, new: WireMailbox) -> None:
        # "Renaming INBOX is permitted, and has special behavior. It moves all messages in INBOX to
        # a new mailbox with the given name, leaving INBOX empty." What is below INBOX stays.
        target = self.add_mailbox(new)
        inbox = self.mailboxes[INBOX]
        # RFC 5464 section 4.1: they are kept on INBOX, too.
        target.annotations = inbox.annotations.copy()
        for message in inbox.expunge(inbox.messages):
            target.append(message.content, message.flags, message.internal_date)

    def replace_uid_validity(self, name: bytes) -> int:
        """Give a mailbox a new UIDVALIDITY, and its messages UIDs from 1; the new one is returned.

        Sessions that have it selected are told that it is gone.
        """
        mailbox = self.find(name)
        mailbox.close_views()
        renewed = self.add_mailbox(mailbox.name)
        renewed.special_use = mailbox.special_use
        renewed.acl = mailbox.acl
        renewed.annotations = mailbox.annotations
        for message in mailbox.messages:
            renewed.append(message.content, message.flags, message.internal_date)
        self.announce(MailboxesChanged())
        return renewed.uid_validity

    # --- subscriptions ---

    def subscribe(self, name: bytes) -> None:
        """SUBSCRIBE (RFC 3501 section 6.3.6) to what exists; as Dovecot, refuse what does not."""
        self.subscriptions[self.find(name).name] = None

    def unsubscribe(self, name: bytes) -> None:
        """UNSUBSCRIBE; that there was no subscription is no mistake, as with Dovecot."""
        self.subscriptions.pop(self.canonical(name), None)
