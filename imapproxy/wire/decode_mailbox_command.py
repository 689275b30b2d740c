"""Reading the commands that are about mailboxes (RFC 9051 section 6.3)."""

import re
from collections.abc import Callable
from typing import TypeVar

from imapproxy.wire.commands import (
    Create,
    DeleteAcl,
    Examine,
    Find,
    GetQuota,
    List,
    ListRights,
    Lsub,
    Parameter,
    QResync,
    Rename,
    Select,
    SetAcl,
    SetQuota,
    Status,
)
from imapproxy.wire.cursor import MAX_NUMBER64, Cursor
from imapproxy.wire.errors import DecodeError
from imapproxy.wire.flags import Flag
from imapproxy.wire.mailbox import WireMailbox
from imapproxy.wire.sequence_set import SequenceSet

# list-char = ATOM-CHAR / list-wildcards / resp-specials (RFC 9051 section 9)
_LIST_CHARS = re.compile(rb"[^\x00-\x20\x7f-\xff(){\"\\]++")
_RETURN = re.compile(rb" RETURN(?= )", re.IGNORECASE)
_FIND_WHAT = re.compile(rb"(ALL\.)?MAILBOXES(?= )", re.IGNORECASE)
# use-attr = "\" atom (RFC 6154 section 6)
_USE_ATTR = re.compile(rb"\\[^\x00-\x20\x7f-\xff(){%*\"\\\]]++")

_Selecting = TypeVar("_Selecting", Select, Examine)
_Value = TypeVar("_Value")


def read_mailbox(cursor: Cursor) -> WireMailbox:
    """Read a space and the name of a mailbox: an astring."""
    cursor.space()
    return WireMailbox(cursor.astring())


def read_parameters(cursor: Cursor) -> tuple[Parameter, ...]:
    """Read ``(NAME [value] …)``, values as they stand on the wire."""
    return cursor.list_of(lambda: _parameter(cursor))


def optional_parameters(cursor: Cursor) -> tuple[Parameter, ...]:
    """Read a space and parameters, if the command goes on."""
    return read_parameters(cursor) if cursor.skip_space() else ()


def take_parameter(
    parameters: tuple[Parameter, ...], name: str
) -> tuple[Parameter | None, tuple[Parameter, ...]]:
    """The parameter of that name, if any, and the others."""
    found = next((one for one in parameters if one.name == name), None)
    return found, tuple(one for one in parameters if one.name != name)


def read_select(kind: type[_Selecting], cursor: Cursor) -> _Selecting:
    """Read the arguments of SELECT or EXAMINE."""
    mailbox = read_mailbox(cursor)
    start = cursor.at
    condstore, others = take_parameter(optional_parameters(cursor), "CONDSTORE")
    qresync, others = take_parameter(others, "QRESYNC")
    resync = None if qresync is None else _argument(qresync, _qresync, start)
    return kind(mailbox, condstore is not None, resync, others)


def read_create(cursor: Cursor) -> Create:
    """Read the arguments of CREATE."""
    mailbox = read_mailbox(cursor)
    start = cursor.at
    use, others = take_parameter(optional_parameters(cursor), "USE")
    return Create(mailbox, None if use is None else _argument(use, _uses, start), others)


def read_rename(cursor: Cursor) -> Rename:
    """Read the arguments of RENAME."""
    mailbox = read_mailbox(cursor)
    new_name = read_mailbox(cursor)
    return Rename(mailbox, new_name, optional_parameters(cursor))


def read_list(cursor: Cursor) -> List:
    """Read the arguments of LIST, extended or not."""
    cursor.space()
    selection = None
    if cursor.starts_with(b"("):
        selection = cursor.list_of(lambda: _option(cursor), may_be_empty=True)
        cursor.space()
    reference = WireMailbox(cursor.astring())
    cursor.space()
    parenthesized = cursor.starts_with(b"(")
    if parenthesized:
        patterns = cursor.list_of(lambda: read_pattern(cursor))
    else:
        patterns = (read_pattern(cursor),)
    returned, status_items = _list_return(cursor)
    return List(reference, patterns, selection, returned, status_items, parenthesized)


def read_lsub(cursor: Cursor) -> Lsub:
    """Read the arguments of LSUB."""
    reference = read_mailbox(cursor)
    cursor.space()
    return Lsub(reference, read_pattern(cursor))


def read_find(cursor: Cursor) -> Find:
    """Read the arguments of the obsolete FIND."""
    cursor.space()
    what = cursor.expect(_FIND_WHAT, "MAILBOXES or ALL.MAILBOXES")
    cursor.space()
    return Find(read_pattern(cursor), what[1] is not None)


def read_pattern(cursor: Cursor) -> WireMailbox:
    """Read list-mailbox: a name that may hold wildcards."""
    found = cursor.take(_LIST_CHARS)
    return WireMailbox(cursor.string() if found is None else found[0])


def read_status(cursor: Cursor) -> Status:
    """Read the arguments of STATUS."""
    mailbox = read_mailbox(cursor)
    cursor.space()
    return Status(mailbox, cursor.list_of(cursor.keyword))


def read_set_acl(cursor: Cursor) -> SetAcl:
    """Read the arguments of SETACL."""
    mailbox, identifier = read_mailbox(cursor), read_astring(cursor)
    return SetAcl(mailbox, identifier, read_astring(cursor))


def read_delete_acl(cursor: Cursor) -> DeleteAcl:
    """Read the arguments of DELETEACL."""
    return DeleteAcl(read_mailbox(cursor), read_astring(cursor))


def read_list_rights(cursor: Cursor) -> ListRights:
    """Read the arguments of LISTRIGHTS."""
    return ListRights(read_mailbox(cursor), read_astring(cursor))


def read_get_quota(cursor: Cursor) -> GetQuota:
    """Read the arguments of GETQUOTA."""
    return GetQuota(read_astring(cursor))


def read_set_quota(cursor: Cursor) -> SetQuota:
    """Read the arguments of SETQUOTA."""
    root = read_astring(cursor)
    cursor.space()
    return SetQuota(root, cursor.list_of(lambda: _limit(cursor), may_be_empty=True))


def read_astring(cursor: Cursor) -> bytes:
    """Read a space and an astring."""
    cursor.space()
    return cursor.astring()


def _limit(cursor: Cursor) -> tuple[str, int]:
    resource = cursor.keyword()
    cursor.space()
    return resource, cursor.number64()


def _parameter(cursor: Cursor) -> Parameter:
    return Parameter(*cursor.label())


def _option(cursor: Cursor) -> str:
    name = cursor.keyword()
    if not cursor.starts_with(b" ("):
        return name
    cursor.space()
    return f"{name} {cursor.raw_value().decode('latin-1')}"


def _list_return(cursor: Cursor) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    if not cursor.take(_RETURN):
        return None, ()
    cursor.space()
    status_items: list[str] = []
    options = cursor.list_of(lambda: _return_option(cursor, status_items), may_be_empty=True)
    return options, tuple(status_items)


def _return_option(cursor: Cursor, status_items: list[str]) -> str:
    if not cursor.octets[cursor.at : cursor.at + 8].upper().startswith(b"STATUS ("):
        return _option(cursor)
    cursor.at += len(b"STATUS ")
    status_items += cursor.list_of(cursor.keyword)
    return "STATUS"


def _argument(parameter: Parameter, read: Callable[[Cursor], _Value], at: int) -> _Value:
    """Read the argument of a known parameter; ``at`` is where the parameters began."""
    cursor = Cursor(parameter.argument or b"")
    try:
        value = read(cursor)
        if cursor.at != len(cursor.octets):
            raise cursor.error("expected nothing more")
    except DecodeError as error:
        raise DecodeError(f"{parameter.name}: {error}", at) from None
    return value


def _uses(cursor: Cursor) -> tuple[Flag, ...]:
    return cursor.list_of(
        lambda: Flag(cursor.expect(_USE_ATTR, "a use such as \\Sent")[0]), may_be_empty=True
    )


def _qresync(cursor: Cursor) -> QResync:
    cursor.require(b"(")
    uid_validity = cursor.nz_number()
    cursor.space()
    mod_seq = cursor.nz_number(MAX_NUMBER64)
    known = match = None
    if not cursor.starts_with(b" (") and cursor.skip(b" "):
        known = cursor.sequence_set()
    if cursor.skip(b" "):
        match = _known_match(cursor)
    cursor.require(b")")
    if any(one is not None and one.has_star for one in (known, *(match or ()))):
        raise cursor.error("no '*' is allowed")
    return QResync(uid_validity, mod_seq, known, match)


def _known_match(cursor: Cursor) -> tuple[SequenceSet, SequenceSet]:
    cursor.require(b"(")
    numbers = cursor.sequence_set()
    cursor.space()
    uids = cursor.sequence_set()
    cursor.require(b")")
    return numbers, uids
