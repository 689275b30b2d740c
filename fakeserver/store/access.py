"""What one user sees of all accounts: their own mailboxes, other users', and shared ones.

Names are as RFC 2342 has them: another user's mailbox is ``user.NAME.mailbox``, a shared one is
``shared.mailbox``. Each right that a command needs is asked for here (RFC 4314 section 4).
"""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import NamedTuple

from fakeserver.store.account import Account, no_such_mailbox
from fakeserver.store.errors import StoreError
from fakeserver.store.mailbox import Mailbox
from fakeserver.store.rights import ALL_RIGHTS, VISIBLE, Rights, effective_rights
from imapproxy.wire.flags import Flag
from imapproxy.wire.mailbox import WireMailbox

_OTHERS = b"user"
_SHARED = b"shared"


class _Place(NamedTuple):
    """Whose mailbox a name means, by which name of theirs, and what stands before that."""

    account: Account
    name: bytes
    prefix: bytes


class Access:
    """One user's view of the mailboxes; made anew for each command.

    Without ``others`` and ``shared`` there are only the user's own, with all rights.
    """

    def __init__(
        self, own: Account, others: Mapping[bytes, Account] | None, shared: Account | None
    ) -> None:
        self._own = own
        self._has_acl = others is not None
        self._others = {user: one for user, one in (others or {}).items() if one is not own}
        self._shared = shared
        self.delimiter = own.delimiter
        self.subscriptions = own.subscriptions

    # --- namespaces ---

    @property
    def others_prefix(self) -> bytes | None:
        """What names of other users' mailboxes begin with, if there are others."""
        return _OTHERS + self.delimiter if self._others else None

    @property
    def shared_prefix(self) -> bytes | None:
        """What names of shared mailboxes begin with, if there are some."""
        return _SHARED + self.delimiter if self._shared is not None else None

    def _place(self, name: bytes) -> _Place | None:
        """Where a name leads; ``None`` for another user who is not there."""
        first = name.partition(self.delimiter)[0]
        if first not in (_OTHERS, _SHARED):
            # Most names; a server may have thousands of other users.
            return _Place(self._own, name, b"")
        for prefix, account in self._foreign:
            if name.startswith(prefix):
                return _Place(account, name[len(prefix) :], prefix)
        if (self._others and first == _OTHERS) or (self._shared and first == _SHARED):
            return None
        return _Place(self._own, name, b"")

    @cached_property
    def _foreign(self) -> list[tuple[bytes, Account]]:
        """Prefixes of all namespaces but the user's own; the longest first, as names have dots."""
        places = [
            (self.delimiter.join((_OTHERS, user, b"")), account)
            for user, account in self._others.items()
        ]
        if self._shared is not None:
            places.append((_SHARED + self.delimiter, self._shared))
        return sorted(places, key=lambda place: len(place[0]), reverse=True)

    def canonical(self, name: bytes) -> WireMailbox:
        """What a name is kept by."""
        place = self._place(name)
        if place is None:
            return WireMailbox(name)
        return WireMailbox(place.prefix + place.account.canonical(place.name))

    def name_of(self, mailbox: Mailbox) -> WireMailbox:
        """The name by which this user knows a mailbox."""
        if mailbox.owner == self._own.user:
            return mailbox.name
        for prefix, account in self._foreign:
            if account.user == mailbox.owner:
                return WireMailbox(prefix + mailbox.name)
        return mailbox.name

    # --- one mailbox ---

    def rights(self, mailbox: Mailbox) -> Rights:
        """What the user may do with it."""
        if not self._has_acl:
            return ALL_RIGHTS
        return effective_rights(mailbox.acl, self._own.user, mailbox.owner)

    def mailbox(self, name: bytes) -> Mailbox | None:
        """The mailbox of this name, if there is one that the user may know of."""
        place = self._place(name)
        if place is None:
            return None
        mailbox = place.account.mailboxes.get(place.account.canonical(place.name))
        return mailbox if mailbox is not None and self.rights(mailbox) & VISIBLE else None

    def find(self, name: bytes, code: bytes = b"", *, needs: str = "") -> Mailbox:
        """The mailbox of this name, if the user has the rights ``needs`` on it.

        Raises ``NoSuchMailbox`` with ``code`` where there is none, and ``StoreError`` where there
        can be none.
        """
        mailbox = self.mailbox(name)
        if mailbox is None:
            # Nobody is told to create what cannot be created.
            self._own.check_name(name)
            raise no_such_mailbox(name, code)
        self.need(mailbox, needs)
        return mailbox

    def need(self, mailbox: Mailbox, needs: str) -> None:
        """That the user has these rights; who may not even list it hears that it is not there."""
        rights = self.rights(mailbox)
        if rights.issuperset(needs):
            return
        if "l" not in rights:
            raise no_such_mailbox(self.name_of(mailbox), b"NONEXISTENT")
        raise StoreError("Permission denied", b"NOPERM")

    def account_of(self, mailbox: Mailbox) -> Account:
        """Whose mailbox it is."""
        accounts = (account for _, account in self._foreign)
        return next((one for one in accounts if one.user == mailbox.owner), self._own)

    # --- what changes the hierarchy ---

    def create(self, name: bytes, special_use: Iterable[Flag] = ()) -> Mailbox:
        """CREATE: it takes ``k`` on the mailbox above, outside of the user's own in any case."""
        return self._place_for_new(name).account.create(self._local(name), special_use)

    def delete(self, name: bytes) -> None:
        """DELETE: it takes ``x``."""
        place = self._known_place(name)
        mailbox = self.mailbox(name)
        if mailbox is not None:
            self.need(mailbox, "x")
        elif place.account is not self._own:
            raise no_such_mailbox(name, b"NONEXISTENT")
        place.account.delete(place.name)

    def rename(self, name: bytes, new_name: bytes) -> None:
        """RENAME: it takes ``x``, and ``k`` on the mailbox above the new name."""
        place = self._known_place(name)
        mailbox = self.mailbox(name)
        if mailbox is not None:
            self.need(mailbox, "x")
        elif place.account is not self._own:
            raise no_such_mailbox(name, b"NONEXISTENT")
        if self._place_for_new(new_name).account is not place.account:
            raise StoreError("Can't rename from one namespace to another", b"CANNOT")
        place.account.rename(place.name, self._local(new_name))

    def subscribe(self, name: bytes) -> None:
        """SUBSCRIBE to what exists; as Dovecot, refuse what does not."""
        self.subscriptions[self.name_of(self.find(name))] = None

    def unsubscribe(self, name: bytes) -> None:
        """UNSUBSCRIBE; that there was no subscription is no mistake, as with Dovecot."""
        self._own.check_name(name)
        self.subscriptions.pop(self.canonical(name), None)

    def _known_place(self, name: bytes) -> _Place:
        place = self._place(name)
        if place is None:
            raise no_such_mailbox(name, b"NONEXISTENT")
        return place

    def _local(self, name: bytes) -> bytes:
        return self._known_place(name).name

    def _place_for_new(self, name: bytes) -> _Place:
        place = self._place(name)
        if place is None:
            raise StoreError("Permission denied", b"NOPERM")
        local = place.account.canonical(place.name.removesuffix(self.delimiter))
        above = (place.account.mailboxes.get(one) for one in place.account.parents_of(local))
        parent = next((one for one in above if one is not None), None)
        if parent is not None:
            self.need(parent, "k")
        elif place.account is not self._own:
            raise StoreError("Permission denied", b"NOPERM")
        return place

    # --- all of them, for LIST ---

    @cached_property
    def mailboxes(self) -> dict[WireMailbox, Mailbox]:
        """The mailboxes that the user may list."""
        visible = dict(self._own.mailboxes)
        for prefix, account in self._foreign:
            for mailbox in account.mailboxes.values():
                if "l" in self.rights(mailbox):
                    visible[WireMailbox(prefix + mailbox.name)] = mailbox
        return visible

    def all_names(self) -> dict[WireMailbox, bool]:
        """Every name in the hierarchy, in order, and whether it can be selected."""
        names = dict.fromkeys(self.mailboxes, True)
        for name in self._with_children:
            names.setdefault(name, False)
        return dict(sorted(names.items()))

    def parents_of(self, name: bytes) -> Iterable[WireMailbox]:
        """The names above a name, the nearest first."""
        return self._own.parents_of(name)

    def has_children(self, name: bytes) -> bool:
        """Whether there is anything below a name."""
        return name in self._with_children

    @cached_property
    def _with_children(self) -> frozenset[WireMailbox]:
        return frozenset(above for name in self.mailboxes for above in self.parents_of(name))
