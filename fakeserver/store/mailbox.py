r"""A mailbox: messages with UIDs, flags and mod-sequences, and the views that watch it."""

import bisect
import datetime
from collections.abc import Callable, Collection, Iterable
from typing import Protocol

from fakeserver.mail.message import Message
from fakeserver.store.annotations import Annotations
from fakeserver.store.rights import Rights
from imapproxy.wire.flags import SYSTEM_FLAGS, Flag, flag_key, usual_spelling
from imapproxy.wire.mailbox import WireMailbox
from imapproxy.wire.sequence_set import Ranges

Flags = frozenset[Flag]


class StoredMessage:
    """A message in a mailbox. The octets never change; flags and mod-sequence do."""

    __slots__ = ("content", "flags", "internal_date", "mod_seq", "save_date", "uid")

    def __init__(
        self,
        uid: int,
        content: Message,
        flags: Flags,
        internal_date: datetime.datetime,
        save_date: datetime.datetime,
        mod_seq: int,
    ) -> None:
        self.uid = uid
        self.content = content
        self.flags = flags
        self.internal_date = internal_date
        self.save_date = save_date
        self.mod_seq = mod_seq

    def showing(self, content: Message) -> "StoredMessage":
        """The same message as some clients see it now."""
        if content is self.content:
            return self
        return StoredMessage(
            self.uid, content, self.flags, self.internal_date, self.save_date, self.mod_seq
        )

    def __repr__(self) -> str:
        return f"StoredMessage(uid={self.uid}, flags={sorted(self.flags)})"


class Watcher(Protocol):
    """Who is told of what happens in a mailbox."""

    def on_appended(self, message: StoredMessage) -> None:
        """A message came."""

    def on_flags_changed(self, message: StoredMessage) -> None:
        """The flags of a message are others now."""

    def on_expunged(self, messages: Collection[StoredMessage]) -> None:
        """Messages are gone."""

    def on_keyword_added(self) -> None:
        """The mailbox has a keyword that it did not have."""

    def on_mailbox_gone(self) -> None:
        """The mailbox itself is gone, or is not what it was."""


class Mailbox:
    r"""Messages in the order of their UIDs.

    ``first_recent`` is the lowest UID that no session was told of yet: such messages are
    ``\Recent`` for the next session that is (RFC 3501 section 2.3.2).
    """

    def __init__(
        self,
        name: WireMailbox,
        uid_validity: int,
        clock: Callable[[], datetime.datetime],
        special_use: Iterable[Flag] = (),
    ) -> None:
        self.name = name
        self.uid_validity = uid_validity
        # MAILBOXID (RFC 8474): whoever makes the mailbox gives it one that no other has.
        self.object_id = b""
        # Whose it is, and what others may do with it (RFC 4314).
        self.owner = b""
        self.acl: dict[bytes, Rights] = {}
        self.annotations = Annotations()
        # By user, what URLs of theirs are authorized with (RFC 4467).
        self.url_keys: dict[bytes, bytes] = {}
        self.uid_next = 1
        self.highest_mod_seq = 1
        self.messages: list[StoredMessage] = []
        # (mod-sequence, UID) of what was expunged, for VANISHED (EARLIER): RFC 7162 section 3.2.
        self.expunged: list[tuple[int, int]] = []
        self.first_recent = 1
        self.special_use = tuple(special_use)
        self.watchers: dict[Watcher, None] = {}
        self._keywords: dict[bytes, Flag] = {}
        self._clock = clock

    # --- what is in it ---

    @property
    def keywords(self) -> tuple[Flag, ...]:
        """Keywords that were ever used here, in the order of their first use."""
        return tuple(self._keywords.values())

    @property
    def unseen(self) -> int:
        r"""How many messages are not ``\Seen``."""
        return sum(rb"\Seen" not in message.flags for message in self.messages)

    @property
    def deleted(self) -> int:
        r"""How many messages are ``\Deleted``."""
        return sum(rb"\Deleted" in message.flags for message in self.messages)

    @property
    def deleted_size(self) -> int:
        r"""Octets of the messages that are ``\Deleted``."""
        return sum(one.content.size for one in self.messages if rb"\Deleted" in one.flags)

    @property
    def recent(self) -> int:
        r"""How many messages would be ``\Recent`` for a session that selected this now."""
        return len(self.messages) - self._place(self.first_recent)

    @property
    def size(self) -> int:
        """Octets of all messages."""
        return sum(message.content.size for message in self.messages)

    def find(self, uid: int) -> StoredMessage | None:
        """The message with this UID."""
        place = self._place(uid)
        if place < len(self.messages) and self.messages[place].uid == uid:
            return self.messages[place]
        return None

    def expunged_since(self, mod_seq: int, ranges: Ranges | None) -> list[int]:
        """UIDs within ``ranges`` that were expunged after ``mod_seq``, ascending."""
        place = bisect.bisect_right(self.expunged, (mod_seq, 2**32))
        uids = sorted(uid for _, uid in self.expunged[place:])
        if ranges is None:
            return uids
        return [uid for uid in uids if any(low <= uid <= high for low, high in ranges)]

    # --- what changes it ---

    def append(
        self,
        content: Message,
        flags: Iterable[bytes] = (),
        internal_date: datetime.datetime | None = None,
        uid: int | None = None,
    ) -> StoredMessage:
        """Add a message; without ``internal_date`` it came now, without ``uid`` it gets the next.

        Raises ``ValueError`` for a UID that is not above all that were given out.
        """
        if uid is not None and uid < self.uid_next:
            raise ValueError(f"UID {uid} is below UIDNEXT {self.uid_next}")
        now = self._clock()
        message = StoredMessage(
            self.uid_next if uid is None else uid,
            content,
            self.own_flags(flags),
            internal_date or now,
            now,
            self._next_mod_seq(),
        )
        self.uid_next = message.uid + 1
        self.messages.append(message)
        for watcher in tuple(self.watchers):
            watcher.on_appended(message)
        return message

    def set_flags(self, message: StoredMessage, flags: Flags) -> bool:
        """Give a message these flags; false where it has them already."""
        if flags == message.flags:
            return False
        message.flags = flags
        message.mod_seq = self._next_mod_seq()
        for watcher in tuple(self.watchers):
            watcher.on_flags_changed(message)
        return True

    def expunge(self, messages: Iterable[StoredMessage]) -> list[StoredMessage]:
        """Take messages out for good; those that are still there are returned."""
        wanted = {id(message) for message in messages}
        gone = [message for message in self.messages if id(message) in wanted]
        if not gone:
            return gone
        mod_seq = self._next_mod_seq()
        self.messages = [message for message in self.messages if id(message) not in wanted]
        self.expunged += [(mod_seq, message.uid) for message in gone]
        for watcher in tuple(self.watchers):
            watcher.on_expunged(gone)
        return gone

    def own_flags(self, flags: Iterable[bytes]) -> Flags:
        """These flags as they are spelled here; keywords that are new become known."""
        return frozenset(map(self._own_flag, flags))

    def copy(self) -> "Mailbox":
        """A mailbox of its own that is as this one is now; nobody watches it."""
        twin = Mailbox(self.name, self.uid_validity, self._clock, self.special_use)
        twin.object_id = self.object_id
        twin.owner = self.owner
        twin.acl = dict(self.acl)
        twin.annotations = self.annotations.copy()
        twin.url_keys = dict(self.url_keys)
        twin.uid_next = self.uid_next
        twin.highest_mod_seq = self.highest_mod_seq
        twin.first_recent = self.first_recent
        twin.expunged = list(self.expunged)
        twin._keywords = dict(self._keywords)
        twin.messages = [
            StoredMessage(
                one.uid, one.content, one.flags, one.internal_date, one.save_date, one.mod_seq
            )
            for one in self.messages
        ]
        return twin

    def close_views(self) -> None:
        """Tell everyone who watches that this mailbox is not what it was."""
        for watcher in tuple(self.watchers):
            watcher.on_mailbox_gone()
        self.watchers.clear()

    def _own_flag(self, flag: bytes) -> Flag:
        if flag.startswith(b"\\"):
            return usual_spelling(flag)
        known = self._keywords.get(flag_key(flag))
        if known is None:
            known = self._keywords[flag_key(flag)] = Flag(bytes(flag))
            for watcher in tuple(self.watchers):
                watcher.on_keyword_added()
        return known

    def _next_mod_seq(self) -> int:
        self.highest_mod_seq += 1
        return self.highest_mod_seq

    def _place(self, uid: int) -> int:
        return bisect.bisect_left(self.messages, uid, key=_uid)

    def __repr__(self) -> str:
        return f"Mailbox({self.name!r}, {len(self.messages)} messages)"


def _uid(message: StoredMessage) -> int:
    return message.uid


def flags_in_order(flags: Collection[Flag], keywords: Iterable[Flag]) -> list[Flag]:
    """System flags as RFC 3501 lists them, then keywords in the mailbox's order."""
    return [flag for flag in (*SYSTEM_FLAGS, *keywords) if flag in flags]
