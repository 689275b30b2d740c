"""How a FETCH is answered: what is served from here, what is asked, what is passed on.

Pure functions, from what the client asks, which messages it means and which of them are held, to
the parts of an answer. Each part is a stretch of messages, and each message is in one part only,
so that it gets one FETCH response:

* ``SERVE``: everything is held and nothing of it can change; the upstream is not asked;
* ``ASK``: what cannot change is held; the upstream is asked for the rest of it, or, where there is
  no rest, for a sign that the message is still there;
* ``RELAY``: the upstream answers, in the client's own words.
"""

from array import array
from collections.abc import Iterator, Sequence
from enum import Enum
from itertools import pairwise
from typing import NamedTuple

from imapproxy.cache.request import Asked
from imapproxy.wire.sequence_set import Ranges, SequenceSet

# So many commands at most are made of one. What is held between what is missing is cheaper asked
# for again than asked around.
_MAX_PARTS = 8
_WORTH_A_PART = 4  # messages


class Kind(Enum):
    """What is done about a part."""

    SERVE = "serve"
    ASK = "ask"
    RELAY = "relay"

    @property
    def is_held(self) -> bool:
        """Whether what cannot change comes from here."""
        return self is not Kind.RELAY


class Targets(NamedTuple):
    """The messages that are meant: sequence numbers and UIDs, both ascending, of equal length."""

    numbers: "array[int]"
    uids: "array[int]"

    def cut(self, start: int, stop: int) -> "Targets":
        """Those from index ``start`` up to ``stop``."""
        return Targets(self.numbers[start:stop], self.uids[start:stop])

    def ranges(self, *, by_uid: bool) -> SequenceSet:
        """The set that means these messages and no other that the session knows of."""
        chosen = self.uids if by_uid else self.numbers
        return SequenceSet(tuple((chosen[i], chosen[j]) for i, j in _stretches(self.numbers)))


class Part(NamedTuple):
    """A stretch of messages that are answered in the same way.

    ``by_uid`` tells which numbers the upstream is asked by.
    """

    kind: Kind
    targets: Targets
    by_uid: bool


Plan = tuple[Part, ...]


def plan(
    asked: Asked,
    targets: Targets,
    held: "array[int]",
    *,
    shape_known: bool,
    ask: bool,
    at_once: bool,
) -> Plan | None:
    """The parts of the answer, in order; ``None`` to relay the command as it is.

    ``held`` are UIDs, ascending, of messages of which the store has all that ``asked`` wants and
    that cannot change. ``ask`` demands that nothing is answered without asking; ``at_once`` that
    the upstream is asked by one command at most: it tells news behind each.
    """
    is_held = _marks(targets.uids, held)
    if not shape_known:
        first = is_held.find(1)
        if first >= 0:
            is_held[first] = 0  # the upstream shows on it how it answers
    stretches = _few(list(_runs(is_held)))
    if not any(kept for kept, _, _ in stretches) or (at_once and len(stretches) > 1):
        return None
    # Behind a UID FETCH the upstream may have told of expunged messages, and then those that follow
    # have other numbers, which its answers tell.
    mixed_by_uid = asked.by_uid and len(stretches) > 1
    asks = ask or bool(asked.mutable) or asked.touches or mixed_by_uid
    served = Kind.ASK if asks else Kind.SERVE
    return tuple(
        Part(served if kept else Kind.RELAY, targets.cut(start, stop), asked.by_uid)
        for kept, start, stop in stretches
    )


def _marks(uids: Sequence[int], held: Sequence[int]) -> bytearray:
    """For each of ``uids`` whether it is in ``held``."""
    if len(uids) == len(held) and uids == held:
        return bytearray(b"\x01" * len(uids))
    known = frozenset(held)
    return bytearray(uid in known for uid in uids)


_Stretch = tuple[bool, int, int]


def _runs(marks: bytearray) -> Iterator[_Stretch]:
    """Stretches of equal marks: the mark, the first index, the index behind the last."""
    start = 0
    while start < len(marks):
        mark = marks[start]
        stop = marks.find(1 - mark, start)
        stop = len(marks) if stop < 0 else stop
        yield bool(mark), start, stop
        start = stop


def _few(stretches: list[_Stretch]) -> list[_Stretch]:
    """Fewer stretches, where that is better: what is held may be asked for, never the reverse."""
    missing = [index for index, (kept, _, _) in enumerate(stretches) if not kept]
    if not missing:
        return stretches
    inner = range(missing[0], missing[-1])
    dropped = [
        index
        for index in inner
        if stretches[index][0] and stretches[index][2] - stretches[index][1] < _WORTH_A_PART
    ]
    if len(stretches) - 2 * len(dropped) > _MAX_PARTS:
        dropped = [index for index in inner if stretches[index][0]]
    return _joined(stretches, frozenset(dropped))


def _joined(stretches: list[_Stretch], dropped: frozenset[int]) -> list[_Stretch]:
    out: list[_Stretch] = []
    for index, (was_kept, start, stop) in enumerate(stretches):
        kept = was_kept and index not in dropped
        if out and out[-1][0] == kept:
            out.append((kept, out.pop()[1], stop))
        else:
            out.append((kept, start, stop))
    return out


def _stretches(numbers: Sequence[int]) -> Ranges:
    """Pairs of indices, first and last, of runs of successive numbers."""
    breaks = [0]
    if numbers and numbers[-1] - numbers[0] + 1 != len(numbers):
        breaks += [i + 1 for i, (a, b) in enumerate(pairwise(numbers)) if b != a + 1]
    return tuple(
        (start, stop - 1) for start, stop in zip(breaks, [*breaks[1:], len(numbers)], strict=True)
    )
