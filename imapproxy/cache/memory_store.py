"""A store in memory: the port and nothing else, for tests and for trying things out.

Everything happens at once, so that a test need not wait. What it keeps it keeps in dictionaries, as
plainly as the port tells it; the SQLite store is compared with it.
"""

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from imapproxy.cache.memory_reader import Kept, KeptBox, KeptMessage, KeptSection, MemoryReader
from imapproxy.cache.store import (
    ATTRIBUTES,
    COMMON,
    CONSTANT,
    MAX_SHAPES,
    WHOLE,
    Budget,
    Form,
    Keeping,
    Mailbox,
    Reader,
    SectionWriter,
    Store,
    UidList,
    Writer,
)

DEFAULT_MAX_OCTETS = 2 * 1024 * 1024 * 1024

# What no server may say is kept by no store.
_MAX_INTEGER = 2**63 - 1


class MemorySectionWriter(SectionWriter):
    """See :class:`imapproxy.cache.store.SectionWriter`."""

    def __init__(
        self, writer: "MemoryWriter", mailbox: Mailbox, uid: int, key: str, form: Form, size: int
    ) -> None:
        self._writer = writer
        self._what = mailbox, uid, key, form
        self._size = size
        self._generation = writer.generation
        self._pieces: list[bytes] | None = []

    def write(self, octets: bytes) -> None:
        """See the port."""
        if self._pieces is not None:
            self._pieces.append(octets)

    def close(self, header: bytes | None = None, clean: bool = False) -> None:
        """See the port."""
        if self._pieces is None:
            return
        octets, self._pieces = b"".join(self._pieces), None
        if len(octets) != self._size or self._generation != self._writer.generation:
            return
        mailbox, uid, key, form = self._what
        keep = self._writer.keep_section
        if header is None:
            keep(mailbox, uid, key, form, octets, clean=clean)
        else:
            keep(mailbox, uid, key, form, octets, clean=len(octets) > len(header))
            keep(mailbox, uid, "HEADER", Form.LITERAL, header, clean=clean)

    def abort(self) -> None:
        """See the port."""
        self._pieces = None


class MemoryWriter(Writer):
    """See :class:`imapproxy.cache.store.Writer`."""

    log = Logger()

    def __init__(self, clock: IReactorTime, kept: Kept, max_octets: int) -> None:
        self._clock = clock
        self._kept = kept
        self._max_octets = max_octets
        self._next_content = 1
        self.generation = 0  # counts up when sections on their way are void

    # -- messages --------------------------------------------------------------------------

    def keep_uid_list(self, mailbox: Mailbox, uid_list: UidList) -> None:
        """See the port."""
        if max(mailbox.uid_validity, uid_list.uid_next) > _MAX_INTEGER:
            return
        if self._kept.box(mailbox) is None:
            self._remove(mailbox)
        box = self._admit(mailbox)
        if box:
            old, box.uid_list = box.uid_list, UidList(uid_list.uid_next, array("I", uid_list.uids))
            self.forget(mailbox, box.gone(old))

    def keep_attributes(self, mailbox: Mailbox, uid: int, values: Mapping[str, bytes]) -> None:
        """See the port."""
        values = {name: value for name, value in values.items() if name in ATTRIBUTES and value}
        message = self._message(mailbox, uid) if values else None
        if message is None:
            return
        for name in CONSTANT & values.keys():
            if message.values.get(name, values[name]) != values[name]:
                self._broken_word(mailbox, uid, name)
                return
        message.values.update(values)
        self._share(mailbox.account, message)

    def keep_section(
        self,
        mailbox: Mailbox,
        uid: int,
        key: str,
        form: Form,
        octets: bytes,
        *,
        clean: bool = False,
    ) -> None:
        """See the port."""
        message = self._message(mailbox, uid) if key.isascii() else None
        if message is None:
            return
        old = message.sections.get(key)
        if old and old.form == form:
            if self._kept.contents[old.content] == octets:
                old.clean |= clean
                return
            if key == WHOLE:
                self._broken_word(mailbox, uid, "BODY[]")
                return
        self._kept.contents[self._next_content] = bytes(octets)
        message.sections[key] = KeptSection(form, clean, self._next_content)
        self._next_content += 1
        self._share(mailbox.account, message)
        self._kept.tidy()
        self._make_room()

    def keep_later(self, keep: Callable[[Keeping], None], octets: int) -> None:
        """See the port."""
        keep(self)

    def begin_section(
        self, mailbox: Mailbox, uid: int, key: str, form: Form, size: int
    ) -> MemorySectionWriter:
        """See the port."""
        return MemorySectionWriter(self, mailbox, uid, key, form, size)

    # -- mailboxes -------------------------------------------------------------------------

    def forget(self, mailbox: Mailbox, uids: Iterable[int]) -> None:
        """See the port."""
        box = self._kept.box(mailbox)
        if box:
            for uid in uids:
                box.messages.pop(uid, None)
            self._kept.tidy()

    def drop(self, mailbox: Mailbox) -> None:
        """See the port."""
        self.generation += 1
        self._remove(mailbox)

    def copied(self, source: Mailbox, target: Mailbox, uids: Sequence[tuple[int, int]]) -> None:
        """See the port."""
        if self._kept.box(source) is None or not uids:
            return
        self._admit(target)
        box = self._kept.box(source)
        if box is None:
            return  # the target has the source's name, and a UIDVALIDITY that ends it
        for old, new in uids:
            original = box.messages.get(old)
            copy = self._message(target, new) if original else None
            if original and copy:
                _give(original, copy)
                self._share(target.account, copy)

    def renamed(self, account: bytes, old: bytes, new: bytes) -> None:
        """See the port."""
        self.generation += 1
        moved = self._kept.boxes.get((account, b"", old))
        for identity in list(self._kept.boxes):
            if identity[:2] == (account, b"") and (
                identity[2].startswith(old) or identity[2] == new
            ):
                del self._kept.boxes[identity]
        if moved and old.upper() != b"INBOX":
            moved.mailbox = moved.mailbox._replace(name=new)
            self._kept.boxes[moved.mailbox.identity] = moved
        self._kept.tidy()

    # -- all else --------------------------------------------------------------------------

    def keep_shape(self, account: bytes, request: bytes, names: Sequence[bytes]) -> None:
        """See the port."""
        self._kept.shapes.pop((account, request), None)
        self._kept.shapes[account, request] = tuple(names)
        its_own = [key for key in self._kept.shapes if key[0] == account]
        for key in its_own[:-MAX_SHAPES]:
            del self._kept.shapes[key]

    def keep_note(self, account: bytes, key: bytes, value: bytes | None) -> None:
        """See the port."""
        if value is None:
            self._kept.notes.pop((account, key), None)
        else:
            self._kept.notes[account, key] = value

    def count(self, mailbox: Mailbox, served: int, missed: int) -> None:
        """See the port."""
        box = self._admit(mailbox)
        if box:
            box.served += served
            box.missed += missed

    def used(self, contents: Iterable[int]) -> None:
        """See the port."""
        for content in contents:
            self._kept.touch(content)

    # -- what is behind them ---------------------------------------------------------------

    def _admit(self, mailbox: Mailbox) -> KeptBox | None:
        """The mailbox to write to; ``None`` under a UIDVALIDITY that has passed or cannot be."""
        if mailbox.uid_validity > _MAX_INTEGER:
            return None
        box = self._kept.boxes.get(mailbox.identity)
        if box is None or box.mailbox.uid_validity < mailbox.uid_validity:
            box = self._kept.boxes[mailbox.identity] = KeptBox(mailbox)
            self._kept.tidy()
        if box.mailbox.uid_validity > mailbox.uid_validity:
            return None
        box.mailbox = mailbox  # its name may have changed
        box.used = self._clock.seconds()
        return box

    def _message(self, mailbox: Mailbox, uid: int) -> KeptMessage | None:
        """The message to write to, if it can be."""
        box = self._admit(mailbox) if 0 < uid < 2**32 else None
        return box.messages.setdefault(uid, KeptMessage()) if box else None

    def _broken_word(self, mailbox: Mailbox, uid: int, what: str) -> None:
        self.log.warn(
            "{mailbox!r}: the upstream gave message {uid} another {what} than before; "
            "what was kept of this mailbox is dropped",
            mailbox=mailbox.name,
            uid=uid,
            what=what,
        )
        self._remove(mailbox)

    def _remove(self, mailbox: Mailbox) -> None:
        self._kept.boxes.pop(mailbox.identity, None)
        self._kept.tidy()

    def _share(self, account: bytes, message: KeptMessage) -> None:
        """Messages of an account with the same EMAILID are the same message."""
        email_id = message.values.get("EMAILID")
        if email_id is None:
            return
        same = [
            other
            for box in self._kept.boxes.values()
            if box.mailbox.account == account
            for other in box.messages.values()
            if other.values.get("EMAILID") == email_id and other is not message
        ]
        for other in same:
            _give(other, message)
        for other in same:
            _give(message, other)

    def _make_room(self) -> None:
        """Let the contents go that were not used for longest."""
        total = self._kept.octets
        for content in list(self._kept.contents):
            if total <= self._max_octets:
                return
            total -= len(self._kept.contents[content])
            self._lose(content)

    def _lose(self, content: int) -> None:
        del self._kept.contents[content]
        for box in self._kept.boxes.values():
            for message in box.messages.values():
                for key, kept in list(message.sections.items()):
                    if kept.content == content:
                        del message.sections[key]


def _give(source: KeptMessage, target: KeptMessage) -> None:
    """Give a message what it lacks of one that is the same."""
    for name in COMMON & source.values.keys():
        target.values.setdefault(name, source.values[name])
    for key, kept in source.sections.items():
        target.sections.setdefault(key, KeptSection(kept.form, kept.clean, kept.content))


class MemoryStore(Store):
    """See :class:`imapproxy.cache.store.Store`; ``max_octets`` counts sections alone."""

    def __init__(self, clock: IReactorTime, *, max_octets: int = DEFAULT_MAX_OCTETS) -> None:
        self._kept = kept = Kept()
        self._max_octets = max_octets
        self._reader = MemoryReader(kept)
        self._writer = MemoryWriter(clock, kept, max_octets)

    @property
    def reader(self) -> Reader:
        """See the port."""
        return self._reader

    @property
    def writer(self) -> Writer:
        """See the port."""
        return self._writer

    def budget(self) -> Budget:
        """See the port."""
        return Budget(self._kept.octets, self._max_octets)

    def flushed(self) -> "Deferred[None]":
        """See the port."""
        return succeed(None)

    def close(self) -> "Deferred[None]":
        """See the port."""
        return succeed(None)
