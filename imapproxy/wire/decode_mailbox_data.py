"""Reading responses that are about mailboxes (RFC 9051 sections 7.3.1 to 7.3.4, 4314, 9208)."""

import re

from imapproxy.wire.cursor import MAX_NUMBER64, Cursor
from imapproxy.wire.flags import Flag, read_flags
from imapproxy.wire.mailbox import WireMailbox
from imapproxy.wire.responses import (
    AclData,
    ListData,
    ListRightsData,
    LsubData,
    MyRightsData,
    NamespaceData,
    NamespaceEntry,
    QuotaData,
    QuotaRootData,
    StatusData,
)
from imapproxy.wire.tokens import Token, read_token

# DQUOTE QUOTED-CHAR DQUOTE; some servers forget to escape a backslash.
_DELIMITER = re.compile(rb'"(?:\\(["\\])|([^"\r\n]))"')
# A mailbox that is neither quoted nor a literal. Servers leave "%", "*", "\" and 8-bit as they are.
_BARE_MAILBOX = re.compile(rb'[^ "{\r\n][^ \r\n]*+')
_NUMBER = re.compile(rb"[0-9]++(?=[ )])")


def read_list(cursor: Cursor) -> ListData:
    """Read what follows ``LIST``."""
    attributes, delimiter, mailbox = _listed(cursor)
    extended: tuple[tuple[bytes, Token], ...] = ()
    if cursor.skip_space() and cursor.starts_with(b"("):
        extended = cursor.list_of(lambda: _extended_item(cursor), may_be_empty=True)
    return ListData(mailbox, delimiter, attributes, extended)


def read_lsub(cursor: Cursor) -> LsubData:
    """Read what follows ``LSUB``."""
    attributes, delimiter, mailbox = _listed(cursor)
    return LsubData(mailbox, delimiter, attributes)


def read_status(cursor: Cursor) -> StatusData:
    """Read what follows ``STATUS``."""
    mailbox = _mailbox(cursor)
    cursor.space()
    return StatusData(mailbox, cursor.list_of(lambda: _status_item(cursor), may_be_empty=True))


def read_namespace(cursor: Cursor) -> NamespaceData:
    """Read what follows ``NAMESPACE``."""
    return NamespaceData(_namespaces(cursor), _namespaces(cursor), _namespaces(cursor))


def read_quota(cursor: Cursor) -> QuotaData:
    """Read what follows ``QUOTA``."""
    cursor.space()
    root = cursor.astring()
    cursor.space()
    return QuotaData(root, cursor.list_of(lambda: _resource(cursor), may_be_empty=True))


def read_quota_root(cursor: Cursor) -> QuotaRootData:
    """Read what follows ``QUOTAROOT``."""
    return QuotaRootData(_mailbox(cursor), _astrings(cursor))


def read_acl(cursor: Cursor) -> AclData:
    """Read what follows ``ACL``."""
    mailbox = _mailbox(cursor)
    words = _astrings(cursor)
    if len(words) % 2:
        raise cursor.error("expected the rights of an identifier")
    return AclData(mailbox, tuple(zip(words[::2], words[1::2], strict=True)))


def read_list_rights(cursor: Cursor) -> ListRightsData:
    """Read what follows ``LISTRIGHTS``."""
    mailbox = _mailbox(cursor)
    words = _astrings(cursor)
    if len(words) < 2:
        raise cursor.error("expected an identifier and its rights")
    return ListRightsData(mailbox, words[0], words[1], words[2:])


def read_my_rights(cursor: Cursor) -> MyRightsData:
    """Read what follows ``MYRIGHTS``."""
    mailbox = _mailbox(cursor)
    cursor.space()
    return MyRightsData(mailbox, cursor.astring())


def _listed(cursor: Cursor) -> tuple[tuple[Flag, ...], bytes | None, WireMailbox]:
    cursor.space()
    attributes = () if cursor.nil() else read_flags(cursor)
    cursor.space()
    return attributes, _delimiter(cursor), _mailbox(cursor)


def _delimiter(cursor: Cursor) -> bytes | None:
    if cursor.nil():
        return None
    found = cursor.take(_DELIMITER)
    if found is not None:
        return found[1] or found[2]
    # "" for a flat name, where NIL is meant.
    return cursor.string()[:1] or None


def _mailbox(cursor: Cursor) -> WireMailbox:
    cursor.space()
    found = cursor.take(_BARE_MAILBOX)
    return WireMailbox(cursor.string() if found is None else found[0])


def _extended_item(cursor: Cursor) -> tuple[bytes, Token]:
    name = cursor.astring()
    cursor.space()
    return name, read_token(cursor)


def _status_item(cursor: Cursor) -> tuple[str, int | bytes | None]:
    name = cursor.keyword()
    cursor.space()
    if cursor.nil():
        return name, None
    if _NUMBER.match(cursor.octets, cursor.at):
        return name, cursor.number(MAX_NUMBER64)
    if cursor.starts_with(b"("):
        return name, cursor.raw_value()[1:-1].strip(b" ")
    return name, cursor.astring()


def _namespaces(cursor: Cursor) -> tuple[NamespaceEntry, ...] | None:
    cursor.space()
    if cursor.nil():
        return None
    cursor.require(b"(")
    entries: list[NamespaceEntry] = []
    while not cursor.skip(b")"):
        entries.append(_namespace(cursor))
        cursor.skip_spaces()
    return tuple(entries)


def _namespace(cursor: Cursor) -> NamespaceEntry:
    cursor.require(b"(")
    prefix = WireMailbox(cursor.string())
    cursor.space()
    delimiter = _delimiter(cursor)
    extension: list[Token] = []
    while cursor.skip_space() and not cursor.starts_with(b")"):
        extension.append(read_token(cursor))
    cursor.require(b")")
    return NamespaceEntry(prefix, delimiter, tuple(extension))


def _resource(cursor: Cursor) -> tuple[str, int, int]:
    name = cursor.keyword()
    cursor.space()
    usage = cursor.number(MAX_NUMBER64)
    cursor.space()
    return name, usage, cursor.number(MAX_NUMBER64)


def _astrings(cursor: Cursor) -> tuple[bytes, ...]:
    words: list[bytes] = []
    while not cursor.at_end() and cursor.skip_space() and not cursor.at_end():
        words.append(cursor.astring())
    return tuple(words)
