"""Reading commands that single extensions brought (RFC 4467, RFC 5267, RFC 5464, RFC 5465)."""

import re

from imapproxy.wire.commands import (
    CancelUpdate,
    EventGroup,
    GenUrlAuth,
    GetMetadata,
    Notify,
    NotifyEvent,
    ResetKey,
    SetMetadata,
    UrlFetch,
)
from imapproxy.wire.cursor import Cursor
from imapproxy.wire.decode_fetch_att import read_fetch_att
from imapproxy.wire.decode_mailbox_command import read_mailbox
from imapproxy.wire.mailbox import WireMailbox

_NONE = re.compile(rb"NONE(?![^ ()\r\n])", re.IGNORECASE)
_SET = re.compile(rb"SET(?= )", re.IGNORECASE)
_STATUS = re.compile(rb"STATUS(?= )", re.IGNORECASE)
_MAX_SIZE = re.compile(rb"MAXSIZE ([0-9]{1,10})(?=[ )])", re.IGNORECASE)
_DEPTH = re.compile(rb"DEPTH (0|1|infinity)(?=[ )])", re.IGNORECASE)
_DEPTHS = {b"0": 0, b"1": 1, b"infinity": None}
# filter-mailboxes-other that have names behind them
_WITH_NAMES = ("SUBTREE", "MAILBOXES")
_FILTERS = (*_WITH_NAMES, "INBOXES", "PERSONAL", "SUBSCRIBED", "SELECTED", "SELECTED-DELAYED")

_Options = dict[str, int | None]


def read_get_metadata(cursor: Cursor) -> GetMetadata:
    """Read the arguments of GETMETADATA.

    The grammar has the options before the mailbox, all examples of the RFC have them behind it.
    """
    options: _Options = {}
    if cursor.starts_with(b" ("):
        cursor.space()
        options = _options(cursor)
    mailbox = read_mailbox(cursor)
    cursor.space()
    if not options and _is_options(cursor):
        options = _options(cursor)
        cursor.space()
    if cursor.starts_with(b"("):
        return GetMetadata(mailbox, cursor.list_of(cursor.astring), **options)
    return GetMetadata(mailbox, (cursor.astring(),), **options)


def _is_options(cursor: Cursor) -> bool:
    return bool(
        _MAX_SIZE.match(cursor.octets, cursor.at + 1) or _DEPTH.match(cursor.octets, cursor.at + 1)
    )


def _options(cursor: Cursor) -> _Options:
    return dict(cursor.list_of(lambda: _option(cursor)))


def _option(cursor: Cursor) -> tuple[str, int | None]:
    found = cursor.take(_MAX_SIZE)
    if found is not None:
        return "max_size", int(found[1])
    return "depth", _DEPTHS[cursor.expect(_DEPTH, "MAXSIZE or DEPTH")[1].lower()]


def read_set_metadata(cursor: Cursor) -> SetMetadata:
    """Read the arguments of SETMETADATA."""
    mailbox = read_mailbox(cursor)
    cursor.space()
    return SetMetadata(mailbox, cursor.list_of(lambda: _value(cursor)))


def _value(cursor: Cursor) -> tuple[bytes, bytes | None]:
    entry = cursor.astring()
    cursor.space()
    return entry, cursor.nstring()


def read_cancel_update(cursor: Cursor) -> CancelUpdate:
    """Read the arguments of CANCELUPDATE."""
    cursor.space()
    return CancelUpdate(cursor.separated(cursor.string))


def read_notify(cursor: Cursor) -> Notify:
    """Read the arguments of NOTIFY."""
    cursor.space()
    if cursor.take(_NONE):
        return Notify()
    cursor.expect(_SET, "SET or NONE")
    cursor.space()
    status = cursor.take(_STATUS) is not None
    if status:
        cursor.space()
    return Notify(cursor.separated(lambda: _group(cursor)), status)


def _group(cursor: Cursor) -> EventGroup:
    cursor.require(b"(")
    where = cursor.keyword()
    if where not in _FILTERS:
        raise cursor.error("expected which mailboxes are meant")
    cursor.space()
    mailboxes = _mailboxes(cursor) if where in _WITH_NAMES else ()
    events: tuple[NotifyEvent, ...] = ()
    if not cursor.take(_NONE):
        events = cursor.list_of(lambda: _event(cursor))
    cursor.require(b")")
    return EventGroup(where, events, mailboxes)


def _mailboxes(cursor: Cursor) -> tuple[WireMailbox, ...]:
    is_list = cursor.starts_with(b"(")
    names = cursor.list_of(cursor.astring) if is_list else (cursor.astring(),)
    cursor.space()
    return tuple(map(WireMailbox, names))


def _event(cursor: Cursor) -> NotifyEvent:
    name = cursor.keyword()
    if not cursor.starts_with(b" ("):
        return NotifyEvent(name)
    cursor.space()
    return NotifyEvent(name, cursor.list_of(lambda: read_fetch_att(cursor, in_list=True)))


def read_gen_url_auth(cursor: Cursor) -> GenUrlAuth:
    """Read the arguments of GENURLAUTH."""
    cursor.space()
    return GenUrlAuth(cursor.separated(lambda: _url_and_mechanism(cursor)))


def _url_and_mechanism(cursor: Cursor) -> tuple[bytes, str]:
    url = cursor.astring()
    cursor.space()
    return url, cursor.keyword()


def read_url_fetch(cursor: Cursor) -> UrlFetch:
    """Read the arguments of URLFETCH."""
    cursor.space()
    return UrlFetch(cursor.separated(cursor.astring))


def read_reset_key(cursor: Cursor) -> ResetKey:
    """Read the arguments of RESETKEY, if there are any."""
    if cursor.at_end() or not cursor.skip_space():
        return ResetKey()
    mailbox = WireMailbox(cursor.astring())
    if cursor.at_end() or not cursor.skip_space():
        return ResetKey(mailbox)
    return ResetKey(mailbox, cursor.separated(cursor.keyword))
