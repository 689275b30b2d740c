"""The tables, and how those of an older format become today's.

``message`` stands for a mailbox and a UID in one number, ``mailbox << 32 | uid``: the key of a
rowid table, SQLite's fastest, in which a range of UIDs is a range of pages. ``content << 20 | n``
is the n-th piece of a content in the same way. Nothing is NULL: what is not held is empty.

The numbers of mailboxes and contents are never used a second time. So a mailbox is dropped by
taking out its one row, and what it had can be swept up later, a little at a time; and who still
reads a content that has gone gets nothing instead of something else.

* ``mailbox``: one row for each, under the one UIDVALIDITY it has.
* ``message``: a row for each message of which anything is held; FLAGS change often and live in this
  narrow table, so that telling them anew does not write everything else again.
* ``attribute``: what else a FETCH tells, one wide row a message, without the sections in between.
* ``section``: which content is under which key. The row is the mark that it is held whole: it is
  written in the transaction that writes the last of the octets.
* ``content``: the size of each and when it was last used; narrow, because reading updates it.
* ``chunk``: the octets.
* ``begun``: contents of which the end has not come; swept up when a store is opened.
* ``garbage``: mailboxes that were dropped and are not swept up yet; with a minus sign those of
  which messages may have gone unseen (``pruning``).
"""

import secrets
import sqlite3
from collections.abc import Callable, Mapping

from imapproxy.cache.sqlite.database import Damaged, transaction
from imapproxy.cache.store import INLINE_MAX, StoreError

#: "imap", as SQLite's header has it: this file is ours.
APPLICATION_ID = 0x696D6170

#: The format that is written by this version.
FORMAT = 3

#: Octets of one row of ``chunk``; all of a content but its last have as many.
CHUNK = INLINE_MAX

# So many formats further nobody will be; a number beyond is a bit that fell over.
_PLAUSIBLE = 1000

CHUNK_BITS = 20
#: SQLite's largest number; what a server makes up may be larger.
MAX_INTEGER = 2**63 - 1

UID_BITS = 32
UID_MASK = (1 << UID_BITS) - 1

_TABLES = """
CREATE TABLE state (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    next_content INTEGER NOT NULL,
    clock INTEGER NOT NULL  -- octets that were ever put in: the time by which uses are told apart
);
CREATE TABLE mailbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account BLOB NOT NULL,
    mailbox_id BLOB NOT NULL,
    name BLOB NOT NULL,  -- empty where there is a mailbox_id
    label BLOB NOT NULL,  -- the name, for people
    uid_validity INTEGER NOT NULL,
    seal INTEGER NOT NULL,
    served INTEGER NOT NULL DEFAULT 0,
    missed INTEGER NOT NULL DEFAULT 0,
    used REAL NOT NULL DEFAULT 0,  -- POSIX seconds, for people
    age INTEGER NOT NULL DEFAULT 0,  -- by state.clock
    UNIQUE (account, mailbox_id, name)
);
CREATE TABLE garbage (mailbox INTEGER PRIMARY KEY);
CREATE TABLE uid_list (
    mailbox INTEGER PRIMARY KEY,
    uid_next INTEGER NOT NULL,
    seal INTEGER NOT NULL,
    uids BLOB NOT NULL  -- four octets each, little end first
);
CREATE TABLE message (
    id INTEGER PRIMARY KEY,
    seal INTEGER NOT NULL,
    flags BLOB NOT NULL
);
CREATE TABLE attribute (
    id INTEGER PRIMARY KEY,
    seal INTEGER NOT NULL,
    internaldate BLOB NOT NULL,
    rfc822_size BLOB NOT NULL,
    envelope BLOB NOT NULL,
    body BLOB NOT NULL,
    bodystructure BLOB NOT NULL,
    emailid BLOB NOT NULL
);
CREATE INDEX attribute_emailid ON attribute (emailid) WHERE emailid <> x'';
CREATE TABLE section (
    message INTEGER NOT NULL,
    key TEXT NOT NULL,
    form INTEGER NOT NULL,
    clean INTEGER NOT NULL,
    size INTEGER NOT NULL,
    content INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    seal INTEGER NOT NULL,
    PRIMARY KEY (message, key)
) WITHOUT ROWID;
CREATE INDEX section_content ON section (content);
CREATE TABLE content (
    id INTEGER PRIMARY KEY,
    size INTEGER NOT NULL,
    used INTEGER NOT NULL  -- by state.clock
);
CREATE INDEX content_used ON content (used);
CREATE TABLE begun (content INTEGER PRIMARY KEY);
CREATE TABLE chunk (
    id INTEGER PRIMARY KEY,
    seal INTEGER NOT NULL,
    octets BLOB NOT NULL
);
CREATE TABLE shape (
    account BLOB NOT NULL,
    request BLOB NOT NULL,
    seal INTEGER NOT NULL,
    names BLOB NOT NULL,
    used INTEGER NOT NULL DEFAULT 0,  -- by state.clock
    PRIMARY KEY (account, request)
) WITHOUT ROWID;
CREATE TABLE note (
    account BLOB NOT NULL,
    key BLOB NOT NULL,
    seal INTEGER NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (account, key)
) WITHOUT ROWID;
"""

#: Columns of ``attribute`` by the names of the port; FLAGS are in ``message``.
COLUMNS: Mapping[str, str] = {
    "INTERNALDATE": "internaldate",
    "RFC822.SIZE": "rfc822_size",
    "ENVELOPE": "envelope",
    "BODY": "body",
    "BODYSTRUCTURE": "bodystructure",
    "EMAILID": "emailid",
}


def version(database: sqlite3.Connection) -> int:
    """The format of the database; 0 for a new one."""
    (found,) = database.execute("PRAGMA user_version").fetchone()
    return int(found)


def bring_up_to_date(database: sqlite3.Connection, place: str) -> None:
    """Create the tables, or migrate them. Raises StoreError for a format of the future."""
    found = version(database)
    if not 0 <= found <= FORMAT + _PLAUSIBLE:
        raise Damaged(f"format {found} cannot be")
    if found > FORMAT:
        raise StoreError(
            f"{place} has format {found}, this version knows {FORMAT} at most: "
            "use a newer imapproxy, or another directory"
        )
    if found == FORMAT:
        return
    with transaction(database):
        found = version(database)  # another process may have been quicker
        if found == 0:
            _create(database)
        for older in range(found or FORMAT, FORMAT):
            _MIGRATIONS[older](database)
        database.execute(f"PRAGMA user_version = {FORMAT}")


def _create(database: sqlite3.Connection) -> None:
    for statement in _TABLES.strip().split(";\n"):
        database.execute(statement)
    # Not from 1: a session may still hold the number of a content of a store before this one.
    first = 1 + secrets.randbelow(1 << 40)
    database.execute("INSERT INTO state VALUES (1, ?, 0)", (first,))
    database.execute(f"PRAGMA application_id = {APPLICATION_ID}")


def _shapes_have_an_age(database: sqlite3.Connection) -> None:
    """Format 2: an account has a limited number of shapes, so that the oldest can go."""
    database.execute("ALTER TABLE shape ADD COLUMN used INTEGER NOT NULL DEFAULT 0")


def _begin_anew(database: sqlite3.Connection) -> None:
    """Format 3: seals of another kind. What is kept can be read again, and sealing it anew would
    take longer than that.
    """
    tables = database.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    ).fetchall()
    for (table,) in tables:
        database.execute(f"DROP TABLE {table.decode()}")
    _create(database)


# What makes format n + 1 out of format n, in the transaction that also counts the format up.
_MIGRATIONS: Mapping[int, Callable[[sqlite3.Connection], None]] = {
    1: _shapes_have_an_age,
    2: _begin_anew,
}
