"""The questions of the reader, as SQL.

A range of a tree is asked for twice, the second time so that each row is looked at: a tree whose
pages are in disorder leads to rows of another mailbox, and their seals are whole.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from imapproxy.cache.sqlite.schema import COLUMNS, UID_MASK
from imapproxy.cache.store import INLINE_MAX, Form, Need

MAILBOX = """
SELECT id, seal, label FROM mailbox
WHERE account = ? AND mailbox_id = ? AND name = ? AND uid_validity = ?
"""

# Whether a number that was looked up before still means the same: it may have another name now.
IS_THERE = "SELECT 1 FROM mailbox WHERE id = ? AND name = ? AND uid_validity = ?"

# FLAGS are asked for when the upstream is away, all else many times a second.
FLAGS_AND_ATTRIBUTES = """
SELECT message.id, message.seal, flags, ifnull(attribute.id, 0), ifnull(attribute.seal, 0),
    ifnull(internaldate, x''), ifnull(rfc822_size, x''), ifnull(envelope, x''),
    ifnull(body, x''), ifnull(bodystructure, x''), ifnull(emailid, x'')
FROM message LEFT JOIN attribute USING (id)
WHERE message.id BETWEEN ?1 AND ?2 AND +message.id BETWEEN ?1 AND ?2
ORDER BY message.id
"""

FLAGS = """
SELECT id, seal, flags, 0, 0, x'', x'', x'', x'', x'', x'' FROM message
WHERE id BETWEEN ?1 AND ?2 AND +id BETWEEN ?1 AND ?2
ORDER BY id
"""

ATTRIBUTES = f"""
SELECT id, seal, {", ".join(COLUMNS.values())}, id & {UID_MASK} FROM attribute
WHERE id BETWEEN ?1 AND ?2 AND +id BETWEEN ?1 AND ?2 AND ({{condition}})
ORDER BY id
"""

_COLUMNS = ("message", "key", "form", "clean", "size", "content", "checksum", "seal")
_SECTION = ", ".join(_COLUMNS)
_FOUND = ", ".join(f"s.{column}" for column in _COLUMNS)

CHUNKS = "SELECT id, seal, octets FROM chunk WHERE id BETWEEN ? AND ? ORDER BY id"

# Sizes and not octets are what is counted here; the sections of a mailbox are one range of pages.
HOLDINGS = f"""
SELECT id, seal, account, label, mailbox_id, uid_validity,
    (SELECT count(*) FROM message
        WHERE message.id BETWEEN mailbox.id << 32 AND mailbox.id << 32 | {UID_MASK}),
    (SELECT count(*) FILTER (WHERE key = '') FROM section
        WHERE message BETWEEN mailbox.id << 32 AND mailbox.id << 32 | {UID_MASK}),
    (SELECT ifnull(sum(size), 0) FROM section
        WHERE message BETWEEN mailbox.id << 32 AND mailbox.id << 32 | {UID_MASK}),
    CAST(served AS INTEGER), CAST(missed AS INTEGER), CAST(used AS REAL)
FROM mailbox ORDER BY account, label
"""


def is_held(names: Sequence[str]) -> str:
    """True of a row of ``attribute`` in which any of the names is held."""
    return " OR ".join(f"{COLUMNS[name]} <> x''" for name in names)


def held(attributes: Sequence[str], needs: Sequence[Need]) -> tuple[str, list[Any]]:
    """UIDs between two messages of which all is held; parameters behind those two."""
    conditions: list[str] = []
    parameters: list[Any] = []
    for need in needs:
        condition, some = _serves(need)
        conditions.append(
            f"EXISTS (SELECT 1 FROM section WHERE message = driver.id AND {condition})"
        )
        parameters += some
    columns = [COLUMNS[name] for name in attributes if name != "FLAGS"]
    if columns:
        table = "attribute"
        conditions += [f"driver.{column} <> x''" for column in columns]
        if "FLAGS" in attributes:
            conditions.append(
                "EXISTS (SELECT 1 FROM message WHERE id = driver.id AND flags <> x'')"
            )
    else:
        table = "message"
        if "FLAGS" in attributes:
            conditions.append("driver.flags <> x''")
    where = "".join(f" AND {condition}" for condition in conditions)
    return (
        f"SELECT id & {UID_MASK} FROM {table} AS driver "
        f"WHERE id BETWEEN ?1 AND ?2 AND +id BETWEEN ?1 AND ?2{where} ORDER BY id",
        parameters,
    )


@lru_cache(256)
def sections(need: Need) -> tuple[str, Sequence[Any], Sequence[Any]]:
    """Sections between two messages with what is given inline of their octets, ascending.

    Parameters in front of the two messages, and behind them.
    """
    condition, parameters = _serves(need)
    # With nothing of its octets there a section is damaged; so that is told, too.
    found = f"SELECT {_FOUND}, CASE WHEN s.size <= {INLINE_MAX} THEN octets ELSE chunk.id END"
    if len(need.keys) == 1:
        return (
            f"{found} FROM section AS s LEFT JOIN chunk ON chunk.id = s.content << 20 "
            "WHERE message BETWEEN ?1 AND ?2 AND +message BETWEEN ?1 AND ?2 "
            f"AND {condition} ORDER BY message",
            (),
            parameters,
        )
    # SQLite takes all columns from the row in which min() found the least.
    ranks = " ".join(f"WHEN ? THEN {rank}" for rank in range(len(need.keys)))
    between = f"BETWEEN ?{len(need.keys) + 1} AND ?{len(need.keys) + 2}"
    return (
        f"{found} FROM (SELECT {_SECTION}, min(CASE key {ranks} END) FROM section "
        f"WHERE message {between} AND +message {between} AND {condition} GROUP BY message) AS s "
        "LEFT JOIN chunk ON chunk.id = s.content << 20",
        parameters[: len(need.keys)],
        parameters,
    )


def _serves(need: Need) -> tuple[str, list[Any]]:
    """True of a row of ``section`` that the need can be served from."""
    # Only ASCII is ever kept, and SQLite takes no surrogates.
    wanted, *others = (key if key.isascii() else ascii(key) for key in need.keys)
    if not others:
        return "key = ?", [wanted]
    marks = ", ".join("?" * len(others))
    clean = " AND clean" if need.clean else ""
    return (
        f"(key = ? OR key IN ({marks}) AND form = {Form.LITERAL:d} AND size > ?{clean})",
        [wanted, *others, need.beyond],
    )
