"""Reading response codes (RFC 9051 section 7.1, RFC 5530 and the extensions)."""

import re
from collections.abc import Callable

from imapproxy.wire.capability import Capabilities
from imapproxy.wire.cursor import MAX_NUMBER64, QUOTED_RULE, Cursor
from imapproxy.wire.errors import DecodeError
from imapproxy.wire.flags import read_flags
from imapproxy.wire.response_code import (
    AppendUid,
    BadCharset,
    CapabilityCode,
    CopyUid,
    Count,
    MailboxId,
    Modified,
    OpaqueCode,
    PermanentFlags,
    ResponseCode,
    StringCode,
    Word,
)

# resp-text-code = atom [SP 1*<any TEXT-CHAR except "]">]; PERMANENTFLAGS and others may hold "]"
# in their strings, and Gmail in flags.
_CODE = re.compile(
    rb"\[([^\x00-\x20\x7f-\xff(){%*\"\\\]]++)(?: ((?:[^\](\"\r\n]++|"
    + QUOTED_RULE
    + rb"|\((?:[^()\"\r\n]++|"
    + QUOTED_RULE
    + rb")*+\))*+))?\] ?"
)


def read_response_code(cursor: Cursor) -> ResponseCode | None:
    """Read ``[code]`` and the space behind it, if a code stands here.

    What has no form of a code is text, and is left for the caller. A known code whose arguments
    are not of its grammar is an ``OpaqueCode``.
    """
    found = cursor.take(_CODE)
    if found is None:
        return None
    name = found[1].decode("ascii").upper()
    # Servers are seen to put a space before the bracket.
    arguments = (found[2] or b"").strip(b" ")
    read = _READERS.get(name)
    if read is None or (not arguments and name not in _MAY_BE_BARE):
        return OpaqueCode(name, arguments) if arguments else Word(name)
    try:
        return read(name, Cursor(arguments + b"\r\n", lenient=True))
    except DecodeError:
        return OpaqueCode(name, arguments)


def _count(name: str, cursor: Cursor) -> ResponseCode:
    code = Count(name, cursor.number(MAX_NUMBER64))
    cursor.end()
    return code


def _capability(name: str, cursor: Cursor) -> ResponseCode:
    return CapabilityCode(Capabilities.decode(cursor.octets))


def _permanent_flags(name: str, cursor: Cursor) -> ResponseCode:
    return PermanentFlags(read_flags(cursor))


def _bad_charset(name: str, cursor: Cursor) -> ResponseCode:
    return BadCharset(cursor.list_of(cursor.astring) if cursor.starts_with(b"(") else ())


def _append_uid(name: str, cursor: Cursor) -> ResponseCode:
    uid_validity = cursor.number()
    cursor.space()
    return AppendUid(uid_validity, cursor.sequence_set())


def _copy_uid(name: str, cursor: Cursor) -> ResponseCode:
    uid_validity = cursor.number()
    cursor.space()
    source = cursor.sequence_set()
    cursor.space()
    return CopyUid(uid_validity, source, cursor.sequence_set())


def _modified(name: str, cursor: Cursor) -> ResponseCode:
    return Modified(cursor.sequence_set())


def _mailbox_id(name: str, cursor: Cursor) -> ResponseCode:
    return MailboxId(cursor.list_of(cursor.word)[0])


def _string(name: str, cursor: Cursor) -> ResponseCode:
    if cursor.starts_with(b'"'):
        return StringCode(name, cursor.string())
    return StringCode(name, cursor.octets[:-2])


_READERS: dict[str, Callable[[str, Cursor], ResponseCode]] = {
    "UIDNEXT": _count,
    "UIDVALIDITY": _count,
    "UNSEEN": _count,
    "HIGHESTMODSEQ": _count,
    "APPENDLIMIT": _count,
    "MAXCONVERTMESSAGES": _count,
    "MAXCONVERTPARTS": _count,
    "CAPABILITY": _capability,
    "PERMANENTFLAGS": _permanent_flags,
    "BADCHARSET": _bad_charset,
    "APPENDUID": _append_uid,
    "COPYUID": _copy_uid,
    "MODIFIED": _modified,
    "MAILBOXID": _mailbox_id,
    "BADURL": _string,
    "REFERRAL": _string,
    "UNDEFINED-FILTER": _string,
}
_MAY_BE_BARE = frozenset({"BADCHARSET", "CAPABILITY"})
