"""NOTIFY (RFC 5465): what a client wants to hear of, of which mailboxes."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from functools import partial

from fakeserver.commands.fetch import response, tellers_of
from fakeserver.commands.listing import announce
from fakeserver.commands.metadata import changed_entries
from fakeserver.commands.names import in_utf8, stored_name
from fakeserver.commands.require import access_of, account_of
from fakeserver.commands.status import status_response
from fakeserver.events import Event, MetadataChanged, SubscriptionChanged
from fakeserver.reply import BadCommand, Handler, Tagged
from fakeserver.session import Session
from fakeserver.store.access import Access
from fakeserver.store.errors import StoreError
from fakeserver.store.mailbox import Mailbox, StoredMessage
from fakeserver.store.view import Arrived, FlagsChanged, News, RecentCount, View
from imapproxy.wire import commands as wire
from imapproxy.wire.errors import DecodeError

_NEW, _EXPUNGE, _FLAGS = "MESSAGENEW", "MESSAGEEXPUNGE", "FLAGCHANGE"
_OF_MESSAGES = frozenset({_NEW, _EXPUNGE, _FLAGS})
_OF_MAILBOXES = frozenset({"MAILBOXNAME", "SUBSCRIPTIONCHANGE"})
_OF_METADATA = frozenset({"MAILBOXMETADATACHANGE", "SERVERMETADATACHANGE"})
_SPELLED = (
    b"FlagChange MailboxMetadataChange MailboxName MessageExpunge MessageNew"
    b" ServerMetadataChange SubscriptionChange"
)
_SELECTED = ("SELECTED", "SELECTED-DELAYED")


def notify(session: Session, command: wire.Notify) -> Handler:
    """NOTIFY SET and NOTIFY NONE; the one takes the place of the other."""
    for group in command.groups:
        _check(session, group)
    selected = [group for group in command.groups if group.where in _SELECTED]
    if len(selected) > 1:
        raise BadCommand("SELECTED is allowed once.")
    others = [_stored(session, group) for group in command.groups if group.where not in _SELECTED]
    new = _Selected(session, selected[0] if selected else wire.EventGroup("SELECTED"))
    # NOTIFY SET implies NOOP (section 3.1): what has come so far is told.
    yield session.news(may_expunge=True)
    if session.notification is not None:
        session.notification.stop()
    notification = session.notification = Notification(session, others)
    session.notified = new
    if command.status:
        yield from notification.statuses()
    return Tagged("Notify completed.")


def _check(session: Session, group: wire.EventGroup) -> None:
    names = {event.name for event in group.events}
    if names - _OF_MESSAGES - _OF_MAILBOXES - (_OF_METADATA if session.has("METADATA") else set()):
        raise StoreError("Unsupported events.", b"BADEVENT (%b)" % _SPELLED)
    if (_NEW in names) is not (_EXPUNGE in names) or (_FLAGS in names and _NEW not in names):
        raise BadCommand("MessageNew and MessageExpunge have to come together.")
    if group.where in _SELECTED and names - _OF_MESSAGES:
        raise BadCommand("Only events of messages are for SELECTED.")
    for event in group.events:
        if event.attributes and (event.name != _NEW or group.where not in _SELECTED):
            raise BadCommand("What to fetch is for MessageNew of SELECTED.")


def _stored(session: Session, group: wire.EventGroup) -> wire.EventGroup:
    if not session.takes_utf8:
        return group
    try:
        names = tuple(map(stored_name, group.mailboxes))
    except DecodeError as error:
        raise BadCommand(str(error)) from None
    return wire.EventGroup(group.where, group.events, names)


class _Selected:
    """What is wanted of the selected mailbox, whichever that is."""

    def __init__(self, session: Session, group: wire.EventGroup) -> None:
        self._session = session
        self._names = {event.name for event in group.events}
        self._attributes = [item for event in group.events for item in event.attributes]
        self.at_once = bool(group.events)
        self.expunges_at_once = group.where == "SELECTED" and _EXPUNGE in self._names
        if self._attributes:
            # What cannot be fetched is refused now.
            tellers_of(session, self._attributes, None)

    def wants(self, news: News) -> bool:
        """Whether this is to be told; what is expunged is, or numbers would be wrong."""
        match news:
            case Arrived() | RecentCount():
                return _NEW in self._names
            case FlagsChanged():
                return _FLAGS in self._names
            case _:
                return True

    def fetched(self, view: View, first: int) -> bytes:
        """FETCH responses of new messages."""
        if not self._attributes:
            return b""
        tellers = tellers_of(self._session, self._attributes, view)
        told: list[bytes] = []
        for number, message in enumerate(view.messages[first - 1 :], first):
            told += response(self._session.fetch_begins(number, message), tellers, message)
        return b"".join(told)


@dataclass(eq=False)
class _Watch:
    """Watches one mailbox that is not selected; tells its STATUS when something happened."""

    session: Session
    mailbox: Mailbox
    names: frozenset[str]
    happened: set[str] = field(default_factory=set)

    def on_appended(self, message: StoredMessage) -> None:
        """A message came."""
        self._on(_NEW)

    def on_flags_changed(self, message: StoredMessage) -> None:
        """The flags of a message are others now."""
        self._on(_FLAGS)

    def on_expunged(self, messages: Collection[StoredMessage]) -> None:
        """Messages are gone."""
        self._on(_EXPUNGE)

    def on_keyword_added(self) -> None:
        """Nobody asks for that."""

    def on_mailbox_gone(self) -> None:
        """Told as a change of names, if that was asked for."""

    def _on(self, name: str) -> None:
        view = self.session.view
        if name in self.names and (view is None or view.mailbox is not self.mailbox):
            self.happened.add(name)
            self.session.tell_last(self, self._tell)

    def _tell(self) -> bytes:
        happened = set(self.happened)
        self.happened.clear()
        items = ["UIDNEXT", "MESSAGES"] if happened & {_NEW, _EXPUNGE} else []
        items += ["UIDVALIDITY", "UNSEEN"] if _FLAGS in happened else []
        items += ["HIGHESTMODSEQ"] if "CONDSTORE" in self.session.enabled else []
        return status_response(self.session, self.mailbox, items)


class Notification:
    """What is wanted of the other mailboxes, until the next NOTIFY."""

    def __init__(self, session: Session, groups: Iterable[wire.EventGroup]) -> None:
        self._session = session
        self._groups = list(groups)
        self._watches: list[_Watch] = []
        self._listener = partial(self._hear)
        if self._groups:
            session.listen(self._listener)
        self._watch()

    def stop(self) -> None:
        """Another NOTIFY takes its place."""
        self._session.stop_listening(self._listener)
        for watch in self._watches:
            watch.mailbox.watchers.pop(watch, None)
        self._watches.clear()

    def statuses(self) -> Iterable[bytes]:
        """STATUS of all that is watched, which the client asked for (section 3.1)."""
        view = self._session.view
        for watch in self._watches:
            if view is not None and view.mailbox is watch.mailbox:
                continue
            items = ["MESSAGES", "UIDNEXT", "UIDVALIDITY"]
            if _FLAGS in watch.names and self._session.has("CONDSTORE"):
                items.append("HIGHESTMODSEQ")
            yield status_response(self._session, watch.mailbox, items)

    def _watch(self) -> None:
        for watch in self._watches:
            watch.mailbox.watchers.pop(watch, None)
        access = access_of(self._session)
        self._watches = []
        for name, mailbox in sorted(access.mailboxes.items()):
            names = self._names_for(access, name) & _OF_MESSAGES
            if names and "r" in access.rights(mailbox):
                watch = _Watch(self._session, mailbox, names)
                mailbox.watchers[watch] = None
                self._watches.append(watch)

    def _names_for(self, access: Access, name: bytes) -> frozenset[str]:
        groups = [group for group in self._groups if _matches(self._session, access, group, name)]
        return frozenset(event.name for group in groups for event in group.events)

    def _hear(self, event: Event) -> None:
        session = self._session
        if not isinstance(event, MetadataChanged):
            self._watch()
        if event.by is not session:
            session.tell_later(self._told(event))

    def _told(self, event: Event) -> bytes:
        session, access = self._session, access_of(self._session)
        if isinstance(event, MetadataChanged):
            return self._metadata(event)
        if event.user != account_of(session).user:
            return b""
        wanted = self._names_for(access, event.name)
        if isinstance(event, SubscriptionChanged):
            return announce(session, event.name) if "SUBSCRIPTIONCHANGE" in wanted else b""
        if event.old is not None:
            wanted |= self._names_for(access, event.old)
        if "MAILBOXNAME" not in wanted:
            return b""
        old = event.old
        if old is not None and session.takes_utf8:
            old_name: bytes | None = in_utf8(old)
        else:
            old_name = old
        return announce(session, event.name, gone=event.gone, old=old_name)

    def _metadata(self, event: MetadataChanged) -> bytes:
        access = access_of(self._session)
        if event.mailbox is None:
            names = {one.name for group in self._groups for one in group.events}
            wanted = "SERVERMETADATACHANGE" in names
        else:
            names = set(self._names_for(access, access.name_of(event.mailbox)))
            wanted = "MAILBOXMETADATACHANGE" in names
        return changed_entries(self._session, event) if wanted else b""


def _matches(session: Session, access: Access, group: wire.EventGroup, name: bytes) -> bool:
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
