"""Messages that are the same: copies, and those that the upstream gave the same EMAILID.

A content is there once, whatever number of messages has it.
"""

from collections.abc import Collection, Sequence

from imapproxy.cache.sqlite.attributes import put_attributes, read_attributes
from imapproxy.cache.sqlite.sections import Place, Row, put_sections, read_sections
from imapproxy.cache.sqlite.writing import Writing, numbers
from imapproxy.cache.store import COMMON

#: A message, and one that is to get what it lacks of the first.
Pair = tuple[int, int]

_OTHERS = """
SELECT one.id, other.id
FROM attribute AS one
JOIN attribute AS other
    ON other.emailid = one.emailid AND other.emailid <> x'' AND other.id <> one.id
JOIN mailbox AS its_own ON its_own.id = one.id >> 32
JOIN mailbox AS theirs ON theirs.id = other.id >> 32 AND theirs.account = its_own.account
WHERE one.id IN (SELECT value FROM json_each(?)) AND one.emailid <> x''
ORDER BY one.id, other.id
"""


def share(writing: Writing, changed: Collection[int]) -> None:
    """Let these messages share with all of the account that have the same EMAILID."""
    if not changed or not _any_email_id(writing):
        return
    pairs = writing.database.execute(_OTHERS, (numbers(changed),)).fetchall()
    give(writing, [(other, one) for one, other in pairs])
    give(writing, pairs)


def give(writing: Writing, pairs: Sequence[Pair]) -> None:
    """Give the second of each pair what the first has and the second has not."""
    messages = {message for pair in pairs for message in pair}
    _give_attributes(writing, pairs, messages)
    _give_sections(writing, pairs, messages)


def _give_attributes(writing: Writing, pairs: Sequence[Pair], messages: Collection[int]) -> None:
    there = read_attributes(writing.database, messages)
    changed = {}
    for source, target in pairs:
        its_own = there.get(target, {})
        common = {name: value for name, value in there.get(source, {}).items() if name in COMMON}
        if not common.keys() <= its_own.keys():
            there[target] = changed[target] = {**common, **its_own}
    put_attributes(writing.database, changed)
    writing.mark(changed)


def _give_sections(writing: Writing, pairs: Sequence[Pair], messages: Collection[int]) -> None:
    there: dict[int, dict[str, Row]] = {message: {} for message in messages}
    for (message, key), row in read_sections(writing.database, messages).items():
        there[message][key] = row
    changed: dict[Place, Row] = {}
    spare: list[int] = []
    for source, target in pairs:
        for key, row in there[source].items():
            old = there[target].get(key)
            if old is not None and not _is_double(old, row):
                continue
            if old is not None:
                spare.append(old.content)
            changed[target, key] = there[target][key] = row
    put_sections(writing.database, changed)
    writing.mark(target for target, _ in changed)
    if spare:
        writing.release(spare)


def _is_double(old: Row, row: Row) -> bool:
    """Whether the same octets are there twice."""
    return old.content != row.content and old == row._replace(content=old.content)


def _any_email_id(writing: Writing) -> bool:
    row = writing.database.execute(
        "SELECT 1 FROM attribute WHERE emailid <> x'' LIMIT 1"
    ).fetchone()
    return row is not None
