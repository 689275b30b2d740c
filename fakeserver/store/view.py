r"""What one session sees of a mailbox: its own numbering, told of changes when that is allowed.

Between two answers of the server a session's numbering stands still (RFC 3501 section 5.5, section
7.4.1): a message that another session expunged keeps its number, and can be fetched, until this
session has been told. A message that came has no number until this session has been told.
"""

import bisect
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Protocol

from fakeserver.store.mailbox import Mailbox, StoredMessage, flags_in_order
from imapproxy.wire.fetch_att import FetchAtt
from imapproxy.wire.flags import RECENT, Flag
from imapproxy.wire.sequence_set import Ranges, SequenceSet


@dataclass(frozen=True, slots=True)
class Gone:
    """Messages are gone: ``numbers`` from the last to the first, so that each is still right when
    those before it in the list have been told; ``uids`` in ascending order.
    """

    numbers: tuple[int, ...]
    uids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Arrived:
    """There are ``exists`` messages now; ``first`` is the number of the first new one.

    ``own`` are UIDs of those that this very session brought.
    """

    exists: int
    first: int = field(default=1, compare=False)
    own: frozenset[int] = field(default=frozenset(), compare=False)


@dataclass(frozen=True, slots=True)
class RecentCount:
    r"""``recent`` messages are ``\Recent`` now."""

    recent: int


@dataclass(frozen=True, slots=True)
class FlagsChanged:
    """Message ``number`` has other flags."""

    number: int
    message: StoredMessage


@dataclass(frozen=True, slots=True)
class KeywordsChanged:
    """The mailbox has keywords that this session was not told of."""


News = Gone | Arrived | RecentCount | FlagsChanged | KeywordsChanged


class Watched(Protocol):
    """Results of a search that are kept up to date.

    ``attributes`` are what is to be fetched of new messages among them (RFC 5465 section 7).
    """

    attributes: tuple[FetchAtt, ...]

    def has(self, number: int, message: StoredMessage) -> bool:
        """Whether a message is among them now."""

    def without(self, view: "View", gone: Collection[int]) -> bytes:
        """Responses, before these UIDs are gone."""

    def changed(self, view: "View") -> bytes:
        """Responses, when anything may have changed."""


class View:
    """A session's view. Message ``n`` is ``messages[n - 1]``.

    ``on_news`` is called whenever there is something to tell. ``closed`` becomes true when the
    mailbox is gone. ``is_own_doing`` says whether what happens is the session's own doing.
    """

    def __init__(
        self,
        mailbox: Mailbox,
        *,
        read_only: bool,
        tells_recent: bool = True,
        is_own_doing: Callable[[], bool] = lambda: False,
    ) -> None:
        self.mailbox = mailbox
        self.read_only = read_only
        self._tells_recent = tells_recent
        self._is_own_doing = is_own_doing
        self._own: set[int] = set()
        self.messages: list[StoredMessage] = []
        self.recent: set[int] = set()
        self.closed = False
        # UIDs of the result that "$" stands for (RFC 5182); None where there is no SEARCHRES.
        self.saved: frozenset[int] | None = None
        self.on_news: Callable[[], None] | None = None
        # What is kept up to date for the client, by tag (RFC 5267), and as of which change.
        self.contexts: dict[bytes, Watched] = {}
        self._contexts_as_of = 0
        self._told_recent = 0
        self._arrived: list[StoredMessage] = list(mailbox.messages)
        self._gone: set[int] = set()
        self._changed: dict[int, StoredMessage] = {}
        self._keyword_added = False
        self._take_arrived()
        self._told_recent = len(self.recent)
        mailbox.watchers[self] = None

    def forget_recent(self) -> None:
        r"""From here on there is no ``\Recent`` (RFC 9051 appendix E, item 12)."""
        self._tells_recent = False
        self._told_recent = 0
        self.recent.clear()

    def close(self) -> None:
        """Stop watching."""
        self.mailbox.watchers.pop(self, None)
        self.on_news = None

    # --- what is seen ---

    @property
    def exists(self) -> int:
        """How many messages the session knows of."""
        return len(self.messages)

    @property
    def largest_uid(self) -> int:
        """The UID of the last message, 0 where there is none."""
        return self.messages[-1].uid if self.messages else 0

    @property
    def first_unseen(self) -> int | None:
        r"""The number of the first message that is not ``\Seen``."""
        for number, message in enumerate(self.messages, 1):
            if rb"\Seen" not in message.flags:
                return number
        return None

    def number_of(self, uid: int) -> int | None:
        """The number of the message with this UID."""
        place = self._place(uid)
        if place < len(self.messages) and self.messages[place].uid == uid:
            return place + 1
        return None

    def is_gone(self, message: StoredMessage) -> bool:
        """Whether a message was expunged, which the session was not told yet."""
        return message.uid in self._gone

    def flags_of(self, message: StoredMessage) -> list[Flag]:
        r"""The flags of a message as this session sees them, ``\Recent`` among them."""
        flags = flags_in_order(message.flags, self.mailbox.keywords)
        return [*flags, RECENT] if message.uid in self.recent else flags

    def by_numbers(self, numbers: SequenceSet) -> list[tuple[int, StoredMessage]] | None:
        """Messages of a set of numbers, ascending; ``None`` where it names one that is not."""
        ranges = numbers.resolve(self.exists)
        if not ranges or ranges[-1][1] > self.exists:
            return None
        return self._of_ranges(ranges)

    def by_present_numbers(self, numbers: SequenceSet) -> list[tuple[int, StoredMessage]]:
        """The same without the numbers that are not."""
        exists = self.exists
        ranges = [
            (low, min(high, exists)) for low, high in numbers.resolve(exists) if 0 < low <= exists
        ]
        return self._of_ranges(tuple(ranges))

    def by_uids(self, uids: SequenceSet) -> list[tuple[int, StoredMessage]]:
        """Messages of a set of UIDs, ascending; UIDs that are not are no mistake."""
        places = [
            (self._place(low) + 1, self._place(high + 1))
            for low, high in uids.resolve(self.largest_uid)
        ]
        return self._of_ranges(tuple(places))

    def by_saved(self) -> list[tuple[int, StoredMessage]]:
        """Messages of the saved result, ascending; those that are gone are not in it any more."""
        numbers = map(self.number_of, sorted(self.saved or ()))
        return [(number, self.messages[number - 1]) for number in numbers if number is not None]

    def _of_ranges(self, ranges: Ranges) -> list[tuple[int, StoredMessage]]:
        return [
            (number, self.messages[number - 1])
            for low, high in ranges
            for number in range(low, high + 1)
        ]

    def _place(self, uid: int) -> int:
        return bisect.bisect_left(self.messages, uid, key=lambda message: message.uid)

    # --- what is told ---

    def has_news(self, *, may_expunge: bool = True) -> bool:
        """Whether there is something to tell."""
        gone = bool(self._gone) and may_expunge
        return bool(gone or self._arrived or self._changed or self._keyword_added)

    def take_news(self, *, may_expunge: bool) -> list[News]:
        """What to tell now; from here on the session knows it."""
        news: list[News] = []
        if self._keyword_added:
            self._keyword_added = False
            news.append(KeywordsChanged())
        if may_expunge and self._gone:
            news.append(self._take_gone())
        if self._arrived:
            first, own = self.exists + 1, frozenset(self._own)
            self._take_arrived()
            news.append(Arrived(self.exists, first, own))
        if len(self.recent) != self._told_recent:
            self._told_recent = len(self.recent)
            news.append(RecentCount(self._told_recent))
        return news + self._take_changed()

    def take_keyword_news(self) -> bool:
        """Whether there are keywords to tell; from here on the session knows them."""
        added, self._keyword_added = self._keyword_added, False
        return added

    def is_pending(self, message: StoredMessage) -> bool:
        """Whether there is a change of flags that the session was not told of."""
        return message.uid in self._changed

    def forget_change(self, message: StoredMessage) -> None:
        """The session knows the flags of this message, or asked not to be told (.SILENT)."""
        self._changed.pop(message.uid, None)

    def _take_gone(self) -> Gone:
        numbers: list[int] = []
        uids: list[int] = []
        kept: list[StoredMessage] = []
        for number, message in enumerate(self.messages, 1):
            if message.uid in self._gone:
                numbers.append(number)
                uids.append(message.uid)
                self._changed.pop(message.uid, None)
                self.recent.discard(message.uid)
            else:
                kept.append(message)
        self.messages = kept
        self._gone.clear()
        return Gone(tuple(reversed(numbers)), tuple(uids))

    def _take_arrived(self) -> None:
        for message in self._arrived:
            self._changed.pop(message.uid, None)
            if self._tells_recent and message.uid >= self.mailbox.first_recent:
                self.recent.add(message.uid)
        self.messages += self._arrived
        if self._arrived and not self.read_only:
            # Told to a session that may change things: recent for no other from here on.
            self.mailbox.first_recent = max(self.mailbox.first_recent, self.largest_uid + 1)
        self._arrived = []
        self._own.clear()

    def _take_changed(self) -> list[News]:
        changed = sorted(self._changed.items())
        self._changed.clear()
        numbered = ((self.number_of(uid), message) for uid, message in changed)
        return [FlagsChanged(number, message) for number, message in numbered if number]

    def removed_from_contexts(self) -> bytes:
        """What is to be told before messages that are gone lose their numbers."""
        if not self._gone:
            return b""
        return b"".join(context.without(self, self._gone) for context in self.contexts.values())

    def changed_contexts(self) -> bytes:
        """What is to be told once all other news was."""
        if not self.contexts or self._contexts_as_of == self.mailbox.highest_mod_seq:
            return b""
        self._contexts_as_of = self.mailbox.highest_mod_seq
        return b"".join(context.changed(self) for context in self.contexts.values())

    # --- what the mailbox says ---

    def on_appended(self, message: StoredMessage) -> None:
        """A message came."""
        self._arrived.append(message)
        if self._is_own_doing():
            self._own.add(message.uid)
        self._notify()

    def on_flags_changed(self, message: StoredMessage) -> None:
        """The flags of a message are others now."""
        self._changed[message.uid] = message
        self._notify()

    def on_expunged(self, messages: Collection[StoredMessage]) -> None:
        """Messages are gone."""
        uids = {message.uid for message in messages}
        # Those that this session was never told of simply never were.
        unknown = {message.uid for message in self._arrived} & uids
        if unknown:
            self._arrived = [message for message in self._arrived if message.uid not in unknown]
        self._gone |= uids - unknown
        self._notify()

    def on_keyword_added(self) -> None:
        """The mailbox has a new keyword."""
        self._keyword_added = True

    def on_mailbox_gone(self) -> None:
        """The mailbox is not what it was."""
        self.closed = True
        self._notify()

    def _notify(self) -> None:
        if self.on_news is not None:
            self.on_news()
