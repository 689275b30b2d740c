"""Which UID each message of the selected mailbox has: the view of one session.

A view follows the partner's stream: EXISTS makes it longer, EXPUNGE and VANISHED take messages out,
FETCH responses that tell a UID fill in what was not known. Sequence numbers count from 1; UIDs
ascend with them (RFC 3501 section 2.3.1.1), and that is used: where it does not hold the partner
is in error, and the view says so.

It is made for mailboxes of a million messages: four octets a message, in blocks, so that taking
one out moves a block and not the mailbox.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator

_BLOCK = 1024  # messages; at twice that many a block is cut in two
UNKNOWN = 0  # stands where a message's UID has not been told


class ViewError(Exception):
    """The partner said what cannot be (a message out of range, UIDs that do not ascend)."""


class View:
    """The UIDs of a mailbox by sequence number, as far as they are known."""

    __slots__ = ("_blocks", "_exists", "_starts", "_unknown")

    def __init__(self, uids: Iterable[int] = ()) -> None:
        self._fill(array("I", uids))

    def _fill(self, whole: "array[int]") -> None:
        self._exists = len(whole)
        self._unknown = whole.count(UNKNOWN)
        self._blocks = [whole[at : at + _BLOCK] for at in range(0, len(whole), _BLOCK)]
        self._starts: list[int] | None = None  # index of each block's first message, when needed

    # -- asking ----------------------------------------------------------------------------

    @property
    def exists(self) -> int:
        """How many messages there are."""
        return self._exists

    @property
    def complete(self) -> bool:
        """Whether every message's UID is known."""
        return not self._unknown

    def uid(self, number: int) -> int:
        """The UID of message ``number``, :data:`UNKNOWN` if it was not told."""
        block, offset = self._place(number)
        return self._blocks[block][offset]

    def uids(self, first: int, last: int) -> "array[int]":
        """The UIDs of messages ``first`` to ``last``, both included."""
        if first > last:
            return array("I")
        block, offset = self._place(first)
        self._place(last)
        wanted = last - first + 1
        out = self._blocks[block][offset : offset + wanted]
        while len(out) < wanted:
            block += 1
            out += self._blocks[block][: wanted - len(out)]
        return out

    def number(self, uid: int) -> int | None:
        """The sequence number of a UID, ``None`` if there is no such message.

        Only a :attr:`complete` view can tell.
        """
        number = self.first_at_or_above(uid)
        return number if number <= self._exists and self.uid(number) == uid else None

    def first_at_or_above(self, uid: int) -> int:
        """The number of the first message with this UID or a higher one; ``exists + 1`` if none.

        Only a :attr:`complete` view can tell.
        """
        self._need_complete()
        blocks = self._blocks
        low, high = 0, len(blocks)
        while low < high:
            middle = (low + high) // 2
            if blocks[middle][-1] < uid:
                low = middle + 1
            else:
                high = middle
        if low == len(blocks):
            return self._exists + 1
        return self._all_starts()[low] + bisect_left(blocks[low], uid) + 1

    def numbers_of(self, low: int, high: int) -> tuple[int, int]:
        """The first and last number of the messages with UIDs ``low`` to ``high``.

        The first is larger than the last where there are none.
        """
        return self.first_at_or_above(low), self.first_at_or_above(high + 1) - 1

    def unknown_range(self) -> tuple[int, int] | None:
        """First and last number of the messages whose UIDs are not known."""
        if not self._unknown:
            return None
        blocks, starts = self._blocks, self._all_starts()
        holed = [index for index, block in enumerate(blocks) if UNKNOWN in block]
        first, last = holed[0], holed[-1]
        backwards = blocks[last][::-1]
        return (
            starts[first] + blocks[first].index(UNKNOWN) + 1,
            starts[last] + len(backwards) - backwards.index(UNKNOWN),
        )

    def packed(self) -> bytes:
        """All UIDs, four octets each in the machine's order: what :meth:`unpack` takes."""
        return b"".join(block.tobytes() for block in self._blocks)

    @classmethod
    def unpack(cls, octets: bytes) -> "View":
        """A view of what :meth:`packed` gave."""
        uids = array("I")
        uids.frombytes(octets)
        return cls(uids)

    def __iter__(self) -> Iterator[int]:
        for block in self._blocks:
            yield from block

    # -- news ------------------------------------------------------------------------------

    def grow(self, exists: int) -> None:
        """``* n EXISTS``: messages were added, their UIDs are not known yet."""
        if exists < self._exists:
            raise ViewError(f"EXISTS says {exists}, but {self._exists} messages were there")
        self._append(array("I", bytes(4 * (exists - self._exists))))
        self._unknown += exists - self._exists
        self._exists = exists

    def expunge(self, number: int) -> int:
        """``* n EXPUNGE``: message ``number`` is gone; its UID."""
        block, offset = self._place(number)
        uid = self._blocks[block].pop(offset)
        if not self._blocks[block]:
            del self._blocks[block]
            self._starts = None
        elif self._starts is not None:
            for later in range(block + 1, len(self._starts)):
                self._starts[later] -= 1
        self._exists -= 1
        self._unknown -= uid == UNKNOWN
        return uid

    def vanish(self, low: int, high: int) -> list[int]:
        """``* VANISHED low:high``: the UIDs that were here, ascending (RFC 7162 section 3.2.10)."""
        first, last = self.numbers_of(low, high)
        gone = list(self.uids(first, last))
        for number in range(last, first - 1, -1):
            self.expunge(number)
        return gone

    def learn(self, number: int, uid: int) -> None:
        """Message ``number`` has this UID."""
        block, offset = self._place(number)
        known = self._blocks[block][offset]
        if known == uid:
            return
        if known != UNKNOWN or not 0 < uid < 2**32:
            raise ViewError(f"message {number} has UID {known or 'unknown'}, now {uid} is told")
        uids = self._blocks[block]
        if 0 < offset < len(uids) - 1:  # hot: a mailbox is learned message by message
            self._check_order(number, uid, uids[offset - 1], uids[offset + 1])
        else:
            before = self.uid(number - 1) if number > 1 else UNKNOWN
            after = self.uid(number + 1) if number < self._exists else UNKNOWN
            self._check_order(number, uid, before, after)
        uids[offset] = uid
        self._unknown -= 1

    def fill(self, first: int, uids: "array[int]") -> None:
        """The messages from ``first`` on have these UIDs (hot: a mailbox is learned by this)."""
        last = first + len(uids) - 1
        before = self.uid(first - 1) if first > 1 else UNKNOWN
        after = self.uid(last + 1) if last < self._exists else UNKNOWN
        ascends = all(map(int.__lt__, uids, uids[1:])) and before < uids[0]
        if any(self.uids(first, last)) or not ascends or UNKNOWN < after <= uids[-1]:
            for number, uid in enumerate(uids, first):
                self.learn(number, uid)
            return
        at = 0
        while at < len(uids):
            block, offset = self._place(first + at)
            room = len(self._blocks[block]) - offset
            piece = uids[at : at + room]
            self._blocks[block][offset : offset + len(piece)] = piece
            at += len(piece)
        self._unknown -= len(uids)

    def adopt(self, uids: "array[int]") -> None:
        """The first messages have these UIDs."""
        old = self.uids(len(uids) + 1, self._exists)
        behind = next((uid for uid in old if uid), 2**32)
        if len(uids) > self._exists or (len(uids) and uids[-1] >= behind):
            raise ViewError(f"{len(uids)} UIDs up to {uids[-1]} do not fit in front of {behind}")
        self._fill(uids + old)

    def _check_order(self, number: int, uid: int, before: int, after: int) -> None:
        if before >= uid or (after != UNKNOWN and after <= uid):
            raise ViewError(f"UIDs do not ascend at message {number}: {before}, {uid}, {after}")

    # -- blocks ----------------------------------------------------------------------------

    def _append(self, uids: "array[int]") -> None:
        if self._blocks and len(self._blocks[-1]) + len(uids) <= 2 * _BLOCK:
            self._blocks[-1] += uids
            return
        for at in range(0, len(uids), _BLOCK):
            self._blocks.append(uids[at : at + _BLOCK])
        self._starts = None

    def _place(self, number: int) -> tuple[int, int]:
        """Block and offset of message ``number``."""
        if not 0 < number <= self._exists:
            raise ViewError(f"there is no message {number} among {self._exists}")
        starts = self._all_starts()
        low, high = 0, len(starts)
        while low + 1 < high:
            middle = (low + high) // 2
            if starts[middle] < number:
                low = middle
            else:
                high = middle
        return low, number - 1 - starts[low]

    def _all_starts(self) -> list[int]:
        if self._starts is None:
            starts, total = [], 0
            for block in self._blocks:
                starts.append(total)
                total += len(block)
            self._starts = starts
        return self._starts

    def _need_complete(self) -> None:
        if self._unknown:
            raise ViewError(f"the UIDs of {self._unknown} messages are not known")
