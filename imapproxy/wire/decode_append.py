"""Reading APPEND and REPLACE (RFC 9051 section 6.3.12, RFC 3502, 3516, 4469, 6855, 8508)."""

import re

from imapproxy.wire.commands import (
    Append,
    AppendMessage,
    CatenateText,
    CatenateUrl,
    Replace,
)
from imapproxy.wire.cursor import Cursor
from imapproxy.wire.dates import read_date_time
from imapproxy.wire.decode_mailbox_command import read_mailbox
from imapproxy.wire.decode_message_command import read_flag_list
from imapproxy.wire.flags import Flag

_CATENATE = re.compile(rb"CATENATE(?= )", re.IGNORECASE)
_UTF8 = re.compile(rb"UTF8(?= )", re.IGNORECASE)
_URL = re.compile(rb"URL(?= )", re.IGNORECASE)
_TEXT = re.compile(rb"TEXT(?= )", re.IGNORECASE)

Data = bytes | tuple[CatenateText | CatenateUrl, ...]


def read_append(cursor: Cursor) -> Append:
    """Read the arguments of APPEND: one message or several."""
    mailbox = read_mailbox(cursor)
    cursor.space()
    return Append(mailbox, cursor.separated(lambda: read_append_message(cursor)))


def read_replace(cursor: Cursor, *, by_uid: bool) -> Replace:
    """Read the arguments of REPLACE."""
    cursor.space()
    number = cursor.nz_number()
    mailbox = read_mailbox(cursor)
    cursor.space()
    return Replace(number, mailbox, read_append_message(cursor), by_uid)


def read_append_message(cursor: Cursor) -> AppendMessage:
    """Read ``[flag-list] [date-time] literal``, or what extensions put for the literal."""
    flags = _flags(cursor)
    date = None
    if cursor.starts_with(b'"'):
        date = read_date_time(cursor)
        cursor.space()
    if cursor.take(_CATENATE):
        cursor.space()
        return AppendMessage(cursor.list_of(lambda: _catenate_part(cursor)), flags, date)
    utf8 = cursor.take(_UTF8) is not None
    if utf8:
        cursor.space()
        cursor.require(b"(")
    octets, binary = cursor.any_literal()
    if utf8:
        cursor.require(b")")
    return AppendMessage(octets, flags, date, binary, utf8)


def _flags(cursor: Cursor) -> tuple[Flag, ...] | None:
    flags: tuple[Flag, ...] | None = None
    if cursor.starts_with(b"("):
        flags = read_flag_list(cursor)
    if flags is not None:
        cursor.space()
    return flags


def _catenate_part(cursor: Cursor) -> CatenateText | CatenateUrl:
    if cursor.take(_URL):
        cursor.space()
        return CatenateUrl(cursor.astring())
    if cursor.take(_UTF8):
        cursor.space()
        cursor.require(b"(")
        octets, binary = cursor.any_literal()
        cursor.require(b")")
        return CatenateText(octets, binary, True)
    cursor.expect(_TEXT, "TEXT or URL")
    cursor.space()
    return CatenateText(*cursor.any_literal())
