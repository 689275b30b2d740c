"""NOTIFY (RFC 5465): what a client wants to hear of, of which mailboxes."""

from functools import partial

from fakeserver.commands.fetch import check_items
from fakeserver.commands.names import stored_name
from fakeserver.commands.new_messages import fetch_new
from fakeserver.commands.notification import (
    EXPUNGE,
    FLAGS,
    NEW,
    OF_MAILBOXES,
    OF_MESSAGES,
    OF_METADATA,
    Notification,
)
from fakeserver.reply import BadCommand, Handler, Tagged
from fakeserver.session import Session
from fakeserver.store.errors import StoreError
from fakeserver.store.view import Arrived, FlagsChanged, News, RecentCount
from imapproxy.wire import commands as wire
from imapproxy.wire.errors import DecodeError

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
    new = _Selected(selected[0] if selected else wire.EventGroup("SELECTED"))
    check_items(session, new.attributes)
    # NOTIFY SET implies NOOP (section 3.1): what has come so far is told.
    yield session.news(may_expunge=True)
    if session.notification is not None:
        session.notification.stop()
    notification = session.notification = Notification(session, others)
    session.notified = new
    session.fetch_new = partial(fetch_new, session)
    yield from notification.refusals()
    if command.status:
        yield from notification.statuses()
    return Tagged("Notify completed.")


def _check(session: Session, group: wire.EventGroup) -> None:
    names = {event.name for event in group.events}
    if names - OF_MESSAGES - OF_MAILBOXES - (OF_METADATA if session.has("METADATA") else set()):
        raise StoreError("Unsupported events.", b"BADEVENT (%b)" % _SPELLED)
    if (NEW in names) is not (EXPUNGE in names) or (FLAGS in names and NEW not in names):
        raise BadCommand("MessageNew and MessageExpunge have to come together.")
    if group.where in _SELECTED and names - OF_MESSAGES:
        raise BadCommand("Only events of messages are for SELECTED.")
    for event in group.events:
        if event.attributes and (event.name != NEW or group.where not in _SELECTED):
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

    def __init__(self, group: wire.EventGroup) -> None:
        self._names = {event.name for event in group.events}
        self.attributes = tuple(item for event in group.events for item in event.attributes)
        self.at_once = bool(group.events)
        self.expunges_at_once = group.where == "SELECTED" and EXPUNGE in self._names

    def wants(self, news: News) -> bool:
        """Whether this is to be told; what is expunged is, or numbers would be wrong."""
        match news:
            case Arrived() | RecentCount():
                return NEW in self._names
            case FlagsChanged():
                return FLAGS in self._names
            case _:
                return True
