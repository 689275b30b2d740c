"""The reading half of the store in memory, and what both halves work on."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from imapproxy.cache.store import (
    INLINE_MAX,
    WHOLE,
    Form,
    Holding,
    Mailbox,
    Need,
    Reader,
    Section,
    StoreError,
    UidList,
)


@dataclass
class KeptSection:
    """One section of a message."""

    form: Form
    clean: bool
    content: int


@dataclass
class KeptMessage:
    """What is held of a message."""

    values: dict[str, bytes] = field(default_factory=dict)
    sections: dict[str, KeptSection] = field(default_factory=dict)

    @property
    def anything(self) -> bool:
        """Whether anything is held of it."""
        return bool(self.values or self.sections)


@dataclass
class KeptBox:
    """One mailbox under its one UIDVALIDITY."""

    mailbox: Mailbox
    messages: dict[int, KeptMessage] = field(default_factory=dict)
    uid_list: UidList | None = None
    served: int = 0
    missed: int = 0
    used: float = 0.0

    def uids(self, low: int, high: int) -> list[int]:
        """The UIDs of which anything is held, ascending."""
        uids = sorted(uid for uid, message in self.messages.items() if message.anything)
        return uids[bisect_left(uids, low) : bisect_right(uids, high)]

    def gone(self, old: UidList | None) -> set[int]:
        """Messages that have gone unseen between ``old`` and the list of now."""
        listed, before = self.uid_list, array("I") if old is None else old.uids
        if listed is None:
            return set()
        gone = set(self.uids(1, listed.uid_next - 1)).difference(listed.uids)
        is_continued = listed.uids[: len(before)] == before
        if is_continued and not any(uid > (before[-1] if before else 0) for uid in gone):
            return set()
        return gone


class Kept:
    """What both sides work on: mailboxes by identity, contents by number, oldest use first."""

    def __init__(self) -> None:
        self.boxes: dict[tuple[bytes, bytes, bytes], KeptBox] = {}
        self.contents: dict[int, bytes] = {}
        self.shapes: dict[tuple[bytes, bytes], tuple[bytes, ...]] = {}
        self.notes: dict[tuple[bytes, bytes], bytes] = {}

    @property
    def octets(self) -> int:
        """How many octets the contents have together."""
        return sum(map(len, self.contents.values()))

    def box(self, mailbox: Mailbox) -> KeptBox | None:
        """The mailbox, if it is held under this UIDVALIDITY."""
        box = self.boxes.get(mailbox.identity)
        return box if box and box.mailbox.uid_validity == mailbox.uid_validity else None

    def touch(self, content: int) -> None:
        """Put a content at the end of those that go."""
        if content in self.contents:
            self.contents[content] = self.contents.pop(content)

    def tidy(self) -> None:
        """Let contents go that no section has any more."""
        wanted = {
            kept.content
            for box in self.boxes.values()
            for message in box.messages.values()
            for kept in message.sections.values()
        }
        for content in self.contents.keys() - wanted:
            del self.contents[content]


class MemoryReader(Reader):
    """See :class:`imapproxy.cache.store.Reader`."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept

    def uid_list(self, mailbox: Mailbox) -> UidList | None:
        """See the port."""
        box = self._kept.box(mailbox)
        return box.uid_list if box else None

    def held(
        self,
        mailbox: Mailbox,
        attributes: Sequence[str],
        needs: Sequence[Need],
        low: int,
        high: int,
    ) -> "array[int]":
        """See the port."""
        return array(
            "I",
            (
                uid
                for uid, message in self._messages(mailbox, low, high)
                if all(name in message.values for name in attributes)
                and all(self._first(message, need) is not None for need in needs)
            ),
        )

    def attributes(
        self, mailbox: Mailbox, names: Sequence[str], low: int, high: int
    ) -> list[tuple[int | bytes | None, ...]]:
        """See the port."""
        return [
            (uid, *map(message.values.get, names))
            for uid, message in self._messages(mailbox, low, high)
            if not message.values.keys().isdisjoint(names)
        ]

    def sections(
        self, mailbox: Mailbox, need: Need, low: int, high: int, max_octets: int
    ) -> list[Section]:
        """See the port."""
        found: list[Section] = []
        octets = 0
        for uid, message in self._messages(mailbox, low, high):
            key = self._first(message, need)
            if key is None:
                continue
            found.append(self._section(uid, key, message.sections[key]))
            octets += found[-1].size
            if octets >= max_octets:
                break
        return found

    def octets(self, content: int, offset: int, length: int) -> bytes:
        """See the port."""
        if content not in self._kept.contents:
            raise StoreError(f"content {content} is gone from the cache; ask the upstream")
        return self._kept.contents[content][offset : offset + length]

    def shape(self, account: bytes, request: bytes) -> tuple[bytes, ...] | None:
        """See the port."""
        return self._kept.shapes.get((account, request))

    def note(self, account: bytes, key: bytes) -> bytes | None:
        """See the port."""
        return self._kept.notes.get((account, key))

    def holdings(self) -> list[Holding]:
        """See the port."""
        return [self._holding(box) for box in self._kept.boxes.values()]

    def _holding(self, box: KeptBox) -> Holding:
        sections = [
            (key, len(self._kept.contents[kept.content]))
            for message in box.messages.values()
            for key, kept in message.sections.items()
        ]
        return Holding(
            box.mailbox,
            messages=sum(message.anything for message in box.messages.values()),
            bodies=sum(key == WHOLE for key, _ in sections),
            octets=sum(size for _, size in sections),
            served=box.served,
            missed=box.missed,
            used=box.used,
        )

    def _messages(self, mailbox: Mailbox, low: int, high: int) -> Iterator[tuple[int, KeptMessage]]:
        box = self._kept.box(mailbox)
        if box:
            for uid in box.uids(low, high):
                yield uid, box.messages[uid]

    def _first(self, message: KeptMessage, need: Need) -> str | None:
        """The first of the keys that is held and will do."""
        for key in need.keys:
            kept = message.sections.get(key)
            if kept is not None and (key == need.keys[0] or self._serves(kept, need)):
                return key
        return None

    def _serves(self, kept: KeptSection, need: Need) -> bool:
        """Whether the section that is needed can be taken out of this one."""
        size = len(self._kept.contents[kept.content])
        return kept.form == Form.LITERAL and size > need.beyond and (kept.clean or not need.clean)

    def _section(self, uid: int, key: str, kept: KeptSection) -> Section:
        octets = self._kept.contents[kept.content]
        data = octets if len(octets) <= INLINE_MAX else None
        return Section(uid, key, kept.form, len(octets), kept.clean, kept.content, data)
