"""What NOTIFY wants of mailboxes that are not selected (RFC 5465 sections 5 and 6)."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial

from fakeserver.commands.listing import announce
from fakeserver.commands.metadata import changed_entries
from fakeserver.commands.names import in_utf8
from fakeserver.commands.require import access_of, account_of
from fakeserver.commands.status import status_response
from fakeserver.events import Event, MailboxesChanged, MetadataChanged, SubscriptionChanged
from fakeserver.session import Session
from fakeserver.store.access import Access
from fakeserver.store.mailbox import Mailbox, StoredMessage
from imapproxy.wire import commands as wire
from imapproxy.wire.mailbox import WireMailbox

NEW, EXPUNGE, FLAGS = "MESSAGENEW", "MESSAGEEXPUNGE", "FLAGCHANGE"
_NAME, _SUBSCRIPTION = "MAILBOXNAME", "SUBSCRIPTIONCHANGE"
_METADATA, _SERVER_METADATA = "MAILBOXMETADATACHANGE", "SERVERMETADATACHANGE"
OF_MESSAGES = frozenset({NEW, EXPUNGE, FLAGS})
OF_MAILBOXES = frozenset({_NAME, _SUBSCRIPTION})
OF_METADATA = frozenset({_METADATA, _SERVER_METADATA})

Names = dict[WireMailbox, Mailbox]


@dataclass(eq=False)
class _Watch:
    """Watches one mailbox that is not selected; tells its STATUS when something happened."""

    session: Session
    mailbox: Mailbox
    names: frozenset[str]
    happened: set[str] = field(default_factory=set)

    def on_appended(self, message: StoredMessage) -> None:
        """A message came."""
        self._on(NEW)

    def on_flags_changed(self, message: StoredMessage) -> None:
        """The flags of a message are others now."""
        self._on(FLAGS)

    def on_expunged(self, messages: Collection[StoredMessage]) -> None:
        """Messages are gone."""
        self._on(EXPUNGE)

    def on_keyword_added(self) -> None:
        """Nobody asks for that."""

    def on_mailbox_gone(self) -> None:
        """That is told as an event."""

    def _on(self, name: str) -> None:
        view = self.session.view
        is_selected = view is not None and view.mailbox is self.mailbox
        # Section 5: what a client does itself it need not be told.
        if name in self.names and not is_selected and not self.session.is_acting:
            self.happened.add(name)
            self.session.tell_last(self, self._tell)

    def _tell(self) -> bytes:
        happened = set(self.happened)
        self.happened.clear()
        items = ["UIDNEXT", "MESSAGES"] if happened & {NEW, EXPUNGE} else []
        items += ["UIDVALIDITY", "UNSEEN"] if FLAGS in happened else []
        items += ["HIGHESTMODSEQ"] if "CONDSTORE" in self.session.enabled else []
        return status_response(self.session, self.mailbox, items)


class Notification:
    """What is wanted of the other mailboxes, until the next NOTIFY."""

    def __init__(self, session: Session, groups: Iterable[wire.EventGroup]) -> None:
        self._session = session
        self._groups = list(groups)
        self._watches: list[_Watch] = []
        self._listed: Names = {}
        self._listener = partial(self._hear)
        if self._groups:
            session.listen(self._listener)
        self._look()

    def stop(self) -> None:
        """Another NOTIFY takes its place."""
        self._session.stop_listening(self._listener)
        for watch in self._watches:
            watch.mailbox.watchers.pop(watch, None)
        self._watches.clear()

    def refusals(self) -> Iterator[bytes]:
        """Mailboxes that the user may list and not look into (section 3.1)."""
        access = access_of(self._session)
        for name, mailbox in self._listed.items():
            if self._wanted(name) & OF_MESSAGES and "r" not in access.rights(mailbox):
                yield announce(self._session, name, no_access=True)

    def statuses(self) -> Iterator[bytes]:
        """STATUS of all that is watched, which the client asked for (section 3.1)."""
        view = self._session.view
        for watch in self._watches:
            if view is not None and view.mailbox is watch.mailbox:
                continue
            items = ["MESSAGES", "UIDNEXT", "UIDVALIDITY"]
            if FLAGS in watch.names and self._session.has("CONDSTORE"):
                items.append("HIGHESTMODSEQ")
            yield status_response(self._session, watch.mailbox, items)

    def _look(self) -> None:
        """See which mailboxes there are now, and watch those that are wanted."""
        for watch in self._watches:
            watch.mailbox.watchers.pop(watch, None)
        access = access_of(self._session)
        self._listed = dict(sorted(access.mailboxes.items())) if self._groups else {}
        self._watches = []
        for name, mailbox in self._listed.items():
            wanted = self._wanted(name) & OF_MESSAGES
            if wanted and "r" in access.rights(mailbox):
                watch = _Watch(self._session, mailbox, wanted)
                mailbox.watchers[watch] = None
                self._watches.append(watch)

    def _wanted(self, name: bytes) -> frozenset[str]:
        """The events that are wanted of a mailbox."""
        access = access_of(self._session)
        groups = [group for group in self._groups if _matches(access, group, name)]
        return frozenset(event.name for group in groups for event in group.events)

    # --- what happens ---

    def _hear(self, event: Event) -> None:
        session = self._session
        if session.account is None:
            return
        if isinstance(event, MetadataChanged):
            told = self._metadata(event)
        elif isinstance(event, SubscriptionChanged):
            told = self._subscription(event)
        else:
            told = self._names(event)
        if not session.is_acting:
            session.tell_later(told)

    def _metadata(self, event: MetadataChanged) -> bytes:
        if event.mailbox is None:
            names = {one.name for group in self._groups for one in group.events}
            is_wanted = _SERVER_METADATA in names
        else:
            name = access_of(self._session).name_of(event.mailbox)
            is_wanted = _METADATA in self._wanted(name)
        return changed_entries(self._session, event) if is_wanted else b""

    def _subscription(self, event: SubscriptionChanged) -> bytes:
        self._look()
        is_own = event.user == account_of(self._session).user
        is_wanted = is_own and _SUBSCRIPTION in self._wanted(event.name)
        return announce(self._session, event.name) if is_wanted else b""

    def _names(self, event: MailboxesChanged) -> bytes:
        """LIST of names that are others now, and STATUS of mailboxes that are others now."""
        before = self._listed
        self._look()
        old_names = _renamed(before, self._listed)
        is_own = event.user == account_of(self._session).user
        if is_own and event.name is not None and event.old is not None:
            # INBOX is renamed by making another mailbox.
            old_names.setdefault(event.name, event.old)
        told = [self._moved(name, old) for name, old in _topmost(old_names)]
        moved = {*old_names, *old_names.values()}
        changed = [name for name in before.keys() ^ self._listed.keys() if name not in moved]
        access = access_of(self._session)
        told += [
            announce(self._session, name)
            for name in _with_parents(access, changed)
            if _NAME in self._wanted(name)
        ]
        told += [
            announce(self._session, name, no_access=True)
            for name in changed
            if name in before and self._is_closed(access, name, before[name])
        ]
        told += [
            self._other(name)
            for name, mailbox in self._listed.items()
            if name in before and before[name] is not mailbox and name not in moved
        ]
        return b"".join(told)

    def _moved(self, name: WireMailbox, old: WireMailbox) -> bytes:
        if _NAME not in self._wanted(name) | self._wanted(old):
            return b""
        told = in_utf8(old) if self._session.takes_utf8 else old
        return announce(self._session, name, old=told)

    def _is_closed(self, access: Access, name: WireMailbox, mailbox: Mailbox) -> bool:
        """Whether a mailbox is still there, and this user may not list it any more (section 5.9).

        Who wants to hear of names has heard of it as of one that is gone.
        """
        wanted = self._wanted(name)
        is_there = access.account_of(mailbox).mailboxes.get(mailbox.name) is mailbox
        return is_there and bool(wanted & OF_MESSAGES) and _NAME not in wanted

    def _other(self, name: WireMailbox) -> bytes:
        """Section 5.1: a UIDVALIDITY that is another is told with FlagChange."""
        if FLAGS not in self._wanted(name):
            return b""
        items = ["UIDVALIDITY", "UIDNEXT", "MESSAGES"]
        return status_response(self._session, self._listed[name], items)


def _renamed(before: Names, after: Names) -> dict[WireMailbox, WireMailbox]:
    """New names of mailboxes that are there as before, and their old ones."""
    names = {id(mailbox): name for name, mailbox in before.items()}
    old = {name: names.get(id(mailbox), name) for name, mailbox in after.items()}
    return {name: other for name, other in old.items() if name != other}


def _topmost(
    old_names: dict[WireMailbox, WireMailbox],
) -> Iterator[tuple[WireMailbox, WireMailbox]]:
    """Those that were not renamed along with another above (section 5.4)."""
    for name, old in old_names.items():
        along = any(
            name != new and name.startswith(new) and old == was + name[len(new) :]
            for new, was in old_names.items()
        )
        if not along:
            yield name, old


def _with_parents(access: Access, names: Collection[WireMailbox]) -> list[WireMailbox]:
    """The names, and those directly above (section 5.4), each once."""
    affected = set(names)
    affected.update(*([*access.parents_of(name)][:1] for name in names))
    return sorted(affected)


def _matches(access: Access, group: wire.EventGroup, name: bytes) -> bool:
    if group.where == "SUBSCRIBED":
        return name in access.subscriptions
    names = [access.canonical(one) for one in group.mailboxes]
    if group.where == "MAILBOXES":
        return name in names
    if group.where == "SUBTREE":
        return any(name == one or name.startswith(one + access.delimiter) for one in names)
    # PERSONAL, and INBOXES, which is the same where it cannot be told (section 6.3).
    prefixes = (access.others_prefix, access.shared_prefix)
    return not any(prefix is not None and name.startswith(prefix) for prefix in prefixes)
