"""A part of what was found: PARTIAL (RFC 9394, RFC 5267 section 4.4)."""

import re
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from fakeserver.reply import BadCommand
from fakeserver.session import Session
from imapproxy.wire.sequence_set import MAX_NUMBER

# partial-range-first = nz-number ":" nz-number; partial-range-last has "-" before each.
_RANGE = re.compile(rb"(-?)([1-9][0-9]{0,9}):(-?)([1-9][0-9]{0,9})")

_One = TypeVar("_One")


class PartialRange(NamedTuple):
    """Results ``first`` to ``last``, counted from 1; ``from_end``: from the last backwards."""

    written: bytes
    first: int
    last: int
    from_end: bool

    def of(self, found: Sequence[_One]) -> Sequence[_One]:
        """Those that are in the range, in the order of all."""
        if not self.from_end:
            return found[self.first - 1 : self.last]
        end = len(found) - self.first + 1
        return found[max(0, len(found) - self.last) : max(0, end)]


def parse_partial(session: Session, argument: bytes | None, context: str = "") -> PartialRange:
    """The range that PARTIAL has as its argument.

    ``context`` is the extension of RFC 5267 that has PARTIAL as well, with no ranges from the end.
    """
    found = _RANGE.fullmatch(argument or b"")
    if found is None or found[1] != found[3]:
        raise BadCommand("PARTIAL takes a range such as 1:100 or -1:-100")
    if not session.has("PARTIAL") and (found[1] or not context or not session.has(context)):
        raise BadCommand("Unknown parameter PARTIAL")
    first, last = sorted((int(found[2]), int(found[4])))
    if last > MAX_NUMBER:
        raise BadCommand("PARTIAL is out of range")
    return PartialRange(found[0], first, last, bool(found[1]))
