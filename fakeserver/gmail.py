r"""Gmail's labels: X-GM-EXT-1 (https://developers.google.com/gmail/imap/imap-extensions).

A message is one, in however many mailboxes it is; mailboxes are labels. All that is neither spam
nor trash is in ``[Gmail]/All Mail`` too, and what gets there loses its other labels.
"""

import hashlib
from collections.abc import Callable, Collection, Iterator

from fakeserver.commands.names import astring
from fakeserver.commands.require import Numbered, account_of, need_extension
from fakeserver.mail.message import Message
from fakeserver.reply import Handler, Pieces, Tagged
from fakeserver.session import Session
from fakeserver.store.account import Account
from fakeserver.store.mailbox import Mailbox, StoredMessage
from imapproxy.wire import commands as wire
from imapproxy.wire.fetch_att import Item
from imapproxy.wire.mailbox import INBOX

Teller = Callable[[StoredMessage], Pieces]

ALL_MAIL = b"[Gmail]/All Mail"
_ALONE = (b"[Gmail]/Spam", b"[Gmail]/Trash")
# Labels that are told by a name of their own.
_SYSTEM = {
    INBOX: rb"\Inbox",
    b"[Gmail]/Drafts": rb"\Draft",
    b"[Gmail]/Important": rb"\Important",
    b"[Gmail]/Sent Mail": rb"\Sent",
    b"[Gmail]/Starred": rb"\Starred",
}
_MAILBOXES = {label.lower(): name for name, label in _SYSTEM.items()}


def number_of(identifier: bytes) -> int:
    """An object's identifier as the number that Gmail has instead."""
    return int.from_bytes(hashlib.sha256(identifier).digest()[:8]) >> 1


def labels_of(account: Account, here: bytes) -> dict[int, list[bytes]]:
    """The labels of all messages by the identity of their content, less that of ``here``."""
    labels: dict[int, list[bytes]] = {}
    for name, mailbox in account.mailboxes.items():
        if name not in (here, ALL_MAIL, *_ALONE):
            for message in mailbox.messages:
                labels.setdefault(id(message.content), []).append(_SYSTEM.get(name, name))
    return labels


def gmail_teller(session: Session, item: Item) -> Teller | None:
    """How an item of X-GM-EXT-1 is told; ``None`` for another's."""
    if item not in (Item.X_GM_MSGID, Item.X_GM_THRID, Item.X_GM_LABELS):
        return None
    need_extension(session, "X-GM-EXT-1", item.value)
    if item is Item.X_GM_MSGID:
        return lambda message: (b"X-GM-MSGID %d" % number_of(message.content.email_id),)
    if item is Item.X_GM_THRID:
        return lambda message: (b"X-GM-THRID %d" % number_of(message.content.thread_id),)
    here = session.view.mailbox.name if session.view is not None else b""
    labels = labels_of(account_of(session), here)
    return lambda message: (b"X-GM-LABELS (%b)" % _told(labels.get(id(message.content), [])),)


def label_test(session: Session) -> Callable[[StoredMessage, str], bool]:
    """Whether a message has a label, in whatever case; that of the selected mailbox too."""
    labels = labels_of(account_of(session), b"")

    def test(message: StoredMessage, label: str) -> bool:
        names = labels.get(id(message.content), [])
        return label.casefold() in [name.decode("utf-8", "replace").casefold() for name in names]

    return test


def store_labels(session: Session, command: wire.Store, messages: Numbered) -> Handler:
    """STORE X-GM-LABELS: messages come into the mailboxes of labels, or are taken out."""
    need_extension(session, "X-GM-EXT-1", "X-GM-LABELS")
    account = account_of(session)
    assert session.view is not None, "STORE is for the selected state"
    here = session.view.mailbox.name
    wanted = [_MAILBOXES.get(label.lower(), bytes(label)) for label in command.flags]
    for number, message in messages:
        _change(account, message, command.action, wanted, here)
        if not command.silent:
            told = _told(labels_of(account, here).get(id(message.content), []))
            uid = b"UID %d " % message.uid if command.by_uid else b""
            yield b"* %d FETCH (%bX-GM-LABELS (%b))\r\n" % (number, uid, told)
    return Tagged("Success")


def _change(
    account: Account,
    message: StoredMessage,
    action: wire.StoreAction,
    wanted: list[bytes],
    here: bytes,
) -> None:
    if action is not wire.StoreAction.REMOVE:
        for name in wanted:
            box = account.mailboxes.get(account.canonical(name)) or account.create(name)
            if not list(_within(box, message.content)):
                box.append(message.content, message.flags, message.internal_date)
    for name, box in account.mailboxes.items():
        kept = name in (here, ALL_MAIL, *_ALONE) or (name in wanted)
        if action is wire.StoreAction.REMOVE:
            kept = name not in wanted
        if action is not wire.StoreAction.ADD and not kept:
            box.expunge(list(_within(box, message.content)))


def _told(labels: list[bytes]) -> bytes:
    return b" ".join(label if label.startswith(b"\\") else astring(label) for label in labels)


def _within(box: Mailbox, content: Message) -> Iterator[StoredMessage]:
    return (one for one in box.messages if one.content is content)


class GmailAccount(Account):
    """An account whose mailboxes are labels."""

    def watch(self, mailbox: Mailbox) -> None:
        """Look after what comes into a mailbox."""
        mailbox.watchers[_Labeller(self, mailbox)] = None


class _Labeller:
    """Keeps All Mail right for one mailbox."""

    def __init__(self, account: Account, mailbox: Mailbox) -> None:
        self._account = account
        self._mailbox = mailbox

    def on_appended(self, message: StoredMessage) -> None:
        """What comes in is in All Mail too; in Spam and Trash it is nowhere else."""
        if self._mailbox.name in _ALONE:
            for name, box in self._account.mailboxes.items():
                if name != self._mailbox.name:
                    box.expunge(list(_within(box, message.content)))
            return
        everything = self._account.mailboxes.get(self._account.canonical(ALL_MAIL))
        if everything is None or everything is self._mailbox:
            return
        if not list(_within(everything, message.content)):
            everything.append(message.content, message.flags, message.internal_date)

    def on_flags_changed(self, message: StoredMessage) -> None:
        """Flags are those of the message, whatever mailbox they are changed in."""
        for box in self._account.mailboxes.values():
            if box is not self._mailbox:
                for other in list(_within(box, message.content)):
                    box.set_flags(other, box.own_flags(message.flags))

    def on_expunged(self, messages: Collection[StoredMessage]) -> None:
        """A label was taken away; the message is still in All Mail."""

    def on_keyword_added(self) -> None:
        """Nothing that a label has to do with."""

    def on_mailbox_gone(self) -> None:
        """The label is gone."""
