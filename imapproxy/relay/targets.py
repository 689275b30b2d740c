"""Which messages a client's FETCH means, as the session's view has it."""

from array import array
from collections.abc import Iterator

from imapproxy.cache.plan import Targets
from imapproxy.cache.request import FetchRequest
from imapproxy.relay.view import UNKNOWN, View
from imapproxy.wire.sequence_set import STAR


def targets_of(request: FetchRequest, view: View) -> Targets | None:
    """The messages that a FETCH means; ``None`` where it means none, or cannot be told."""
    numbers, uids = array("I"), array("I")
    for first, last in _number_ranges(request, view):
        if not 1 <= first <= last <= view.exists:
            return None
        numbers.extend(range(first, last + 1))
        uids += view.uids(first, last)
    return None if not numbers or UNKNOWN in uids else Targets(numbers, uids)


def takes_what_comes(request: FetchRequest, view: View) -> bool:
    """Whether messages that are not known yet may be meant."""
    wanted = request.sequence_set
    if wanted.has_star or not view.exists:
        return True
    highest = max(max(ends) for ends in wanted.ranges)
    return highest > (view.uid(view.exists) if request.asked.by_uid else view.exists)


def _number_ranges(request: FetchRequest, view: View) -> Iterator[tuple[int, int]]:
    wanted = request.sequence_set
    if not request.asked.by_uid:
        yield from wanted.resolve(view.exists) if view.exists else [(STAR, STAR)]
    elif view.complete and view.exists:
        for low, high in wanted.resolve(view.uid(view.exists)):
            first, last = view.numbers_of(low, high)
            if first <= last:
                yield first, last
