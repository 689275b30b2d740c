"""Forgetting messages that went while nobody watched: those that a newer UID list does not have.

A list tells all messages below its ``uid_next``, and no UID is ever given twice (RFC 9051 section
2.3.1.1). What is held of others is of no use, only in the way: it takes room, and people would find
it in the statistics and among what is exported. To look for it takes as long as the mailbox is
large, so it is done with the sweeping, and only if there may be any. In the table ``garbage`` such
a mailbox stands by its number with a minus sign.
"""

from array import array
from bisect import bisect_left

from imapproxy.cache.sqlite import seals
from imapproxy.cache.sqlite.rows import is_whole, unpack_uids
from imapproxy.cache.sqlite.schema import UID_MASK
from imapproxy.cache.sqlite.writing import Writing, messages_of
from imapproxy.cache.store import UidList

# So many new UIDs are looked at when a list is written; if there are more, that is left to prune().
_FEW = 1000
# Messages that are looked at in one step, and that go in one transaction.
_LOOKED_AT = 10_000
_GOING = 500


def list_of(writing: Writing, box: int) -> UidList | None:
    """The UID list of a mailbox, if there is one and it is whole."""
    row = writing.database.execute(
        "SELECT uid_next, seal, uids FROM uid_list WHERE mailbox = ?", (box,)
    ).fetchone()
    if row is None:
        return None
    uid_next, seal, octets = row
    if not is_whole(seal, seals.of_uid_list, box, uid_next, octets):
        return None
    return UidList(uid_next, unpack_uids(octets))


def note_gone(writing: Writing, box: int, old: UidList | None, new: UidList) -> None:
    """Take note of a mailbox of which something may be held that is not in its ``new`` list."""
    if _may_have_lost(writing, box, old, new):
        writing.database.execute("INSERT OR IGNORE INTO garbage VALUES (?)", (-box,))


def _may_have_lost(writing: Writing, box: int, old: UidList | None, new: UidList) -> bool:
    count = 0 if old is None else len(old.uids)
    if old is not None and new.uids[:count] != old.uids:
        return True
    come = new.uids[count:]
    if len(come) > _FEW:
        return True
    last = old.uids[-1] if old is not None and count else 0
    held = _held(writing, box, last + 1, new.uid_next, len(come) + 1)
    return not set(come).issuperset(held)


def prune(writing: Writing, box: int) -> bool:
    """Take out some messages that are not in the mailbox's list; False if there are none."""
    listed = list_of(writing, box)
    if listed is None:
        return False
    gone: list[int] = []
    at = 1
    while len(gone) < _GOING:
        held = _held(writing, box, at, listed.uid_next, _LOOKED_AT)
        gone += _not_listed(held, listed.uids)
        if len(held) < _LOOKED_AT:
            break
        at = held[-1] + 1
    base, _ = messages_of(box)
    writing.forget([base | uid for uid in gone[:_GOING]])
    return bool(gone)


def _held(writing: Writing, box: int, first: int, uid_next: int, at_most: int) -> list[int]:
    """UIDs from ``first`` on, below ``uid_next``, of which anything is held."""
    base, _ = messages_of(box)
    rows = writing.database.execute(
        f"SELECT id & {UID_MASK} FROM message WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?",
        (base + first, base + min(uid_next - 1, UID_MASK), at_most),
    )
    return [uid for (uid,) in rows]


def _not_listed(held: list[int], listed: "array[int]") -> list[int]:
    if not held:
        return []
    between = listed[bisect_left(listed, held[0]) : bisect_left(listed, held[-1] + 1)]
    return sorted(set(held).difference(between))
