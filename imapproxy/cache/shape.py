"""In which order, and under which names, an upstream answers a FETCH.

No rule says in which order the items of a response come, nor how a server spells the fields of a
section; Dovecot puts short items first and writes fields in upper case, others do as they were
told. Programs that read mail by regular expressions depend on it without knowing. So the proxy
learns the *shape* of an answer from one that the upstream gave to the same request, and gives its
own answers that shape.
"""

from collections.abc import Sequence
from functools import lru_cache

Shape = tuple[bytes, ...]


def canonical(name: bytes) -> bytes:
    """What two spellings of an item's name have in common."""
    return name.upper().replace(b'"', b"")


def shape_of(names: Sequence[bytes], wanted: frozenset[bytes]) -> Shape | None:
    """The shape that a response tells; ``None`` unless it has all that is ``wanted``, once each.

    ``names`` are as in the response; ``wanted`` are :func:`canonical`. What was not asked for
    (FLAGS with a message that has become ``\\Seen``, MODSEQ) is no part of the shape.
    """
    shape = tuple(name for name in names if canonical(name) in wanted)
    return shape if len(shape) == len(wanted) == len(set(map(canonical, shape))) else None


@lru_cache(1024)
def layout(shape: Shape, told: Shape) -> Shape:
    """The names of a whole answer in their order, where the upstream has told a part of it.

    ``told`` are the names of what the upstream did tell, in its order. Those that the shape does
    not know stay next to their neighbours there: in front of the one that followed them, or else
    behind the one before them, or else at the beginning.
    """
    order = list(shape)
    places = {canonical(name) for name in shape}
    for index, name in enumerate(told):
        if canonical(name) not in places:
            order.insert(_place(order, told, index), name)
    return tuple(order)


def _place(order: list[bytes], told: Shape, index: int) -> int:
    known = [canonical(name) for name in order]
    for follower in told[index + 1 :]:
        if canonical(follower) in known:
            return known.index(canonical(follower))
    for former in reversed(told[:index]):
        if canonical(former) in known:
            return known.index(canonical(former)) + 1
    return 0
