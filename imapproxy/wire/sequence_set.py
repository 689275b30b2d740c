"""Sequence sets: ranges of message numbers that are never expanded (RFC 9051 section 9).

``1:*`` is two numbers, however large the mailbox. The order and the overlaps that the client wrote
are kept for encoding; :meth:`SequenceSet.resolve` is where they are put in order.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NewType

from imapproxy.wire.errors import DecodeError, LimitExceeded

Uid = NewType("Uid", int)
SeqNum = NewType("SeqNum", int)

# nz-number: a non-zero unsigned 32-bit integer (RFC 9051 section 9).
MAX_NUMBER = 2**32 - 1

# "*", the largest number in use. No nz-number is 0, so that 0 is free to stand for it.
STAR = 0
_ZERO = 0x30

Ranges = tuple[tuple[int, int], ...]

# seq-number = nz-number / "*"; seq-range = seq-number ":" seq-number
_SEQ_NUMBER = rb"(?:[1-9][0-9]{0,9}|\*)"
_SEQ_RANGE = _SEQ_NUMBER + rb"(?::" + _SEQ_NUMBER + rb")?"
SEQUENCE_SET = re.compile(rb"\$|" + _SEQ_RANGE + rb"(?:," + _SEQ_RANGE + rb")*+")


@dataclass(frozen=True, slots=True)
class SequenceSet:
    """Ranges ``(first, last)`` as they were written; :data:`STAR` (0) is ``*``.

    A range may run backwards (``*:3``, ``7:5``): both ends belong to it either way. No ranges at
    all is ``$``, the saved result of the last search (RFC 5182). Numbers are UIDs or message
    sequence numbers, which of them the command tells.
    """

    ranges: Ranges

    @classmethod
    def decode(cls, octets: bytes) -> "SequenceSet":
        """Read ``1,3:5,7:*`` or ``$``.

        Raises ``DecodeError`` for anything else, ``LimitExceeded`` for numbers over 32 bits.
        """
        if octets.isdigit() and len(octets) < 10 and octets[0] != _ZERO:
            number = int(octets)  # one message, as programs fetch them that read one by one
            return cls(((number, number),))
        if SEQUENCE_SET.fullmatch(octets) is None:
            raise DecodeError("not a sequence set")
        if octets == b"$":
            return SAVED_RESULT
        ranges = tuple(_range(written) for written in octets.split(b","))
        if any(first > MAX_NUMBER or last > MAX_NUMBER for first, last in ranges):
            raise LimitExceeded("number over 32 bits in a sequence set")
        return cls(ranges)

    @classmethod
    def of(cls, numbers: Iterable[int]) -> "SequenceSet":
        """The shortest set that holds exactly ``numbers``, each of them 1 or more.

        Raises ``ValueError`` for no numbers at all: IMAP has no empty set.
        """
        ranges = tuple(_runs(sorted(set(numbers))))
        if not ranges or ranges[0][0] < 1:
            raise ValueError("a sequence set holds numbers from 1, and at least one of them")
        return cls(ranges)

    @property
    def is_saved_result(self) -> bool:
        """Whether this is ``$`` (RFC 5182)."""
        return not self.ranges

    @property
    def has_star(self) -> bool:
        """Whether the largest number in use has to be known to tell what is in the set."""
        return any(STAR in ends for ends in self.ranges)

    def resolve(self, largest: int) -> Ranges:
        """Ascending ranges ``(low, high)`` that neither overlap nor touch.

        ``largest`` is what ``*`` stands for; 0 (an empty mailbox) resolves to no ranges where a
        range has a star. Numbers above ``largest`` are kept: to a UID set they are harmless, for
        sequence numbers they are the client's mistake, which only the caller can tell.
        ``$`` has no ranges of its own and resolves to none.
        """
        if len(self.ranges) == 1 and not self.has_star:
            return tuple((min(ends), max(ends)) for ends in self.ranges)
        ordered = sorted(
            (first, last) if first <= last else (last, first)
            for first, last in self._without_star(largest)
        )
        return tuple(_merged(ordered))

    def contains(self, number: int, largest: int) -> bool:
        """Whether ``number`` is in the set when ``*`` is ``largest``."""
        return any(
            first <= number <= last or last <= number <= first
            for first, last in self._without_star(largest)
        )

    def encode(self) -> bytes:
        """The set as on the wire, in the order in which it was written."""
        if not self.ranges:
            return b"$"
        return b",".join(map(_encode_range, self.ranges))

    def _without_star(self, largest: int) -> Ranges:
        if not self.has_star:
            return self.ranges
        if not largest:
            return tuple(ends for ends in self.ranges if STAR not in ends)
        return tuple((first or largest, last or largest) for first, last in self.ranges)


SAVED_RESULT = SequenceSet(())


def seq_num(digits: bytes) -> SeqNum:
    """A message sequence number from its digits; raises ``DecodeError`` unless 1 to 2**32 - 1."""
    number = int(digits)
    if not 1 <= number <= MAX_NUMBER:
        raise LimitExceeded("message sequence number out of range")
    return SeqNum(number)


def size_of(ranges: Ranges) -> int:
    """How many numbers resolved ranges hold."""
    return sum(high - low + 1 for low, high in ranges)


def numbers_of(ranges: Ranges) -> Iterator[int]:
    """Every number of resolved ranges, ascending; cut them to the mailbox before asking."""
    for low, high in ranges:
        yield from range(low, high + 1)


def intersect(ranges: Ranges, low: int, high: int) -> Ranges:
    """The part of resolved ranges that lies within ``low`` to ``high``."""
    cut = ((max(low, first), min(high, last)) for first, last in ranges)
    return tuple((first, last) for first, last in cut if first <= last)


def _range(written: bytes) -> tuple[int, int]:
    first, colon, last = written.partition(b":")
    low = _number(first)
    return (low, _number(last) if colon else low)


def _number(written: bytes) -> int:
    return STAR if written == b"*" else int(written)


def _encode_range(ends: tuple[int, int]) -> bytes:
    first, last = ends
    if first == last:
        return b"%d" % first if first else b"*"
    return b"%b:%b" % (b"%d" % first if first else b"*", b"%d" % last if last else b"*")


def _runs(ordered: list[int]) -> Iterator[tuple[int, int]]:
    return _merged([(number, number) for number in ordered])


def _merged(ordered: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    if not ordered:
        return
    low, high = ordered[0]
    for first, last in ordered:
        if first > high + 1:
            yield low, high
            low, high = first, last
        elif last > high:
            high = last
    yield low, high
