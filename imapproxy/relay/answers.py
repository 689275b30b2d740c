"""FETCH responses made of what is held and of what the upstream has told.

The hot path of everything that is served. What is held is looked up for a thousand messages at a
time, laid out in columns, and poured into one template, so that what is left to do for each message
is one formatting; a message that is too large for that is read and written piece by piece.
"""

from array import array
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice, repeat
from typing import Any

from imapproxy.cache.plan import Targets
from imapproxy.cache.request import Asked
from imapproxy.cache.shape import Shape
from imapproxy.cache.store import INLINE_MAX, Mailbox, Section, Store, StoreError
from imapproxy.relay.answer_layout import AnswerLayout, Source, answer_layout
from imapproxy.relay.large_answer import large_answer, value_of

# One piece: as many messages as this, and sections up to about so many octets.
_MESSAGES = 1024
_OCTETS = INLINE_MAX

#: Items of a FETCH response that the upstream has told.
Told = tuple[tuple[bytes, bytes], ...]

_Column = Sequence[Any]


class _Batch:
    """Messages of which the upstream has told the same items; ``columns`` are those items."""

    __slots__ = ("columns", "names", "numbers", "uids")

    def __init__(self, names: Shape) -> None:
        self.names = names
        self.numbers = array("I")
        self.uids = array("I")
        self.columns: list[list[bytes]] = [[] for _ in names]

    def skip(self, count: int) -> None:
        """The first ``count`` messages are dealt with."""
        del self.numbers[:count], self.uids[:count]
        for column in self.columns:
            del column[:count]


class Answers:
    """Makes the responses to one FETCH, piece by piece (:class:`imapproxy.relay.outbox.Source`).

    ``missing`` are numbers and UIDs of messages that could not be answered, because what was held
    of them is gone, or no shape is known after all: ``shape`` is asked for it when the first of the
    answers is made, because the one in front of them may be what shows it.
    """

    def __init__(
        self,
        store: Store,
        mailbox: Mailbox,
        asked: Asked,
        shape: Callable[[Asked], Shape | None],
    ) -> None:
        self._reader = store.reader
        self._writer = store.writer
        self._mailbox = mailbox
        self._asked = asked
        self._shape_of = shape
        self._kept_names = [name for _, name in asked.kept]
        self._batches: deque[_Batch] = deque()
        self._streaming: Iterator[bytes] | None = None
        self.missing: list[tuple[int, int]] = []

    def add_all(self, targets: Targets) -> None:
        """Answer for these, of which the upstream has told nothing."""
        batch = self._batch(())
        batch.numbers += targets.numbers
        batch.uids += targets.uids

    def add(self, number: int, uid: int, told: Told) -> None:
        """Answer for one message."""
        batch = self._batch(tuple(name for name, _ in told))
        batch.numbers.append(number)
        batch.uids.append(uid)
        for column, (_, value) in zip(batch.columns, told, strict=True):
            column.append(value)

    def add_column(self, targets: Targets, name: bytes, values: Sequence[bytes]) -> None:
        """Answer for many messages of which the upstream has told one item."""
        batch = self._batch((name,))
        batch.numbers += targets.numbers
        batch.uids += targets.uids
        batch.columns[0] += values

    def _batch(self, names: Shape) -> _Batch:
        if not self._batches or self._batches[-1].names != names:
            self._batches.append(_Batch(names))
        return self._batches[-1]

    # -- pieces ------------------------------------------------------------------------------

    def next_piece(self) -> bytes | None:
        """See :class:`imapproxy.relay.outbox.Source`. Raises :class:`BrokenAnswer`."""
        while True:
            if self._streaming is not None:
                piece = next(self._streaming, None)
                if piece is not None:
                    return piece
                self._streaming = None
            if not self._batches:
                return None
            batch = self._batches[0]
            if not batch.uids:
                self._batches.popleft()
            elif piece := self._made(batch):
                return piece

    def all_at_once(self) -> bytes | None:
        """All of it, if that is one piece and nothing is missing."""
        piece = self._made(self._batches[0])
        if self.missing or self._streaming is not None or self._batches[0].uids:
            return None
        return piece

    def _made(self, batch: _Batch) -> bytes:
        """Answer for some messages of the batch, at least one of them."""
        count = min(len(batch.uids), _MESSAGES)
        shape = self._shape_of(self._asked)
        if shape is None:
            self._misses(batch, range(count))
            batch.skip(count)
            return b""
        try:
            count, sections = self._sections(batch.uids, count)
            if not count:
                self._stream(batch, shape, sections)
                return b""
            kept = self._kept(batch.uids[:count])
        except StoreError:  # the store has said it in the log
            self._misses(batch, range(count))
            batch.skip(count)
            return b""
        made = self._filled(batch, count, shape, kept, sections)
        batch.skip(count)
        return made

    def _kept(self, uids: "array[int]") -> list[_Column]:
        """A column for each attribute that is asked for; ``None`` where it is not held."""
        if not self._kept_names:
            return []
        rows = self._reader.attributes(self._mailbox, self._kept_names, uids[0], uids[-1])
        if [row[0] for row in rows] != uids.tolist():
            nothing = (None,) * (len(self._kept_names) + 1)
            by_uid = {row[0]: row for row in rows}
            rows = [by_uid.get(uid, nothing) for uid in uids]
        return list[_Column](zip(*rows, strict=True))[1:]

    def _sections(self, uids: "array[int]", count: int) -> tuple[int, list[dict[int, Section]]]:
        """The sections that are asked for, by UID; and of how many messages they were looked up.

        That is 0 if the first of the messages is too large to be answered at once.
        """
        found = []
        low, high = uids[0], uids[count - 1]
        for need in self._asked.needs:
            sections = self._reader.sections(self._mailbox, need, low, high, _OCTETS)
            if sum(section.size for section in sections) >= _OCTETS:
                high = sections[-1].uid
            large = next((section.uid for section in sections if section.data is None), None)
            high = high if large is None else min(high, max(large - 1, low))
            found.append({section.uid: section for section in sections})
        if not found:
            return count, found
        self._writer.used({section.content for by_uid in found for section in by_uid.values()})
        first = (by_uid.get(low) for by_uid in found)
        if any(section is not None and section.data is None for section in first):
            return 0, found
        return bisect_right(uids, high, 0, count), found

    def _filled(
        self,
        batch: _Batch,
        count: int,
        shape: Shape,
        kept: list[_Column],
        sections: list[dict[int, Section]],
    ) -> bytes:
        plan = answer_layout(self._asked, shape, batch.names)
        uids = batch.uids[:count]
        columns: list[_Column] = [batch.numbers[:count]]
        for source, index in plan.sources:
            match source:
                case Source.UID:
                    columns.append(uids)
                case Source.TOLD:
                    columns.append(batch.columns[index][:count])
                case Source.KEPT:
                    columns.append(kept[index])
                case Source.SECTION:
                    extract = self._asked.extracts[index][1]
                    held = sections[index]
                    values = [value_of(extract, held.get(uid)) for uid in uids]
                    columns += zip(*values, strict=True)
        if any(None in column for column in columns[1:]):
            columns = self._without_missing(batch, columns)
        return _poured(plan, columns)

    def _without_missing(self, batch: _Batch, columns: list[_Column]) -> list[_Column]:
        rows = list(zip(*columns, strict=True))
        self._misses(batch, [index for index, row in enumerate(rows) if None in row])
        whole = [row for row in rows if None not in row]
        return list[_Column](zip(*whole, strict=True))

    def _stream(self, batch: _Batch, shape: Shape, sections: list[dict[int, Section]]) -> None:
        """Answer for the first message of the batch, which is large."""
        plan = answer_layout(self._asked, shape, batch.names)
        uid = batch.uids[0]
        kept = self._kept(batch.uids[:1])
        values: list[Any] = []
        for source, index in plan.sources:
            match source:
                case Source.UID:
                    values.append(b"%d" % uid)
                case Source.TOLD:
                    values.append(batch.columns[index][0])
                case Source.KEPT:
                    values.append(kept[index][0])
                case Source.SECTION:
                    values.append((self._asked.extracts[index][1], sections[index].get(uid)))
        answer = large_answer(self._reader, batch.numbers[0], plan.names, values)
        if answer is None:
            self._misses(batch, [0])
        self._streaming = answer
        batch.skip(1)

    def _misses(self, batch: _Batch, indices: Sequence[int]) -> None:
        self.missing += [(batch.numbers[index], batch.uids[index]) for index in indices]


def _poured(plan: AnswerLayout, columns: list[_Column]) -> bytes:
    """The responses: each template filled, and the octets of sections between them untouched."""
    if not columns:
        return b""
    left = iter(columns)
    parts: list[Iterable[bytes]] = []
    for number, template in enumerate(plan.templates):
        fields = plan.fields[number]
        # A template without fields is the same for all.
        filled = map(template.__mod__, zip(*islice(left, fields), strict=True)) if fields else None
        parts.append(repeat(template.replace(b"%%", b"%")) if filled is None else filled)
        if number < len(plan.templates) - 1:
            parts.append(next(left))
    if len(parts) == 1:
        return b"".join(parts[0])
    return b"".join(chain.from_iterable(zip(*parts, strict=False)))
