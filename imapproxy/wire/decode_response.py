"""Reading one complete response (RFC 9051 section 7, section 9 ``response``)."""

import re
from collections.abc import Callable

from imapproxy.wire import decode_mailbox_data as mailbox
from imapproxy.wire import decode_search_data as search
from imapproxy.wire.capability import Capabilities
from imapproxy.wire.cursor import Cursor
from imapproxy.wire.decode_fetch_data import decode_fetch, read_fetch
from imapproxy.wire.decode_response_code import read_response_code
from imapproxy.wire.errors import DecodeError
from imapproxy.wire.flags import read_flags
from imapproxy.wire.responses import (
    CapabilityData,
    Condition,
    ContinuationRequest,
    EnabledData,
    Exists,
    Expunged,
    FlagsData,
    IdData,
    OpaqueData,
    Recent,
    Response,
    StatusResponse,
)
from imapproxy.wire.sequence_set import seq_num

# response-data = "*" SP …; number for message-data and EXISTS; a name. Some servers put several
# spaces.
_UNTAGGED = re.compile(rb"\* ++(?:([0-9]{1,10}) ++)?([A-Za-z][^ \r\n(]*+)")
# response-tagged = tag SP resp-cond-state CRLF. The text is missing at times, and
# with it the space.
_TAGGED = re.compile(rb"([^ \x00-\x1f\"(){]++) ++(OK|NO|BAD|BYE|PREAUTH)(?= |\r\n)", re.IGNORECASE)
_CONTINUATION = re.compile(rb"\+ ?")

_CONDITIONS = {condition.value.encode("ascii"): condition for condition in Condition}


def decode_response(octets: bytes) -> Response:
    """Decode a whole response: its line, literals joined in as they came, the last CRLF.

    A response that is not known comes back as :class:`~imapproxy.wire.responses.OpaqueData`.
    Raises ``DecodeError`` for what is no response at all and for one whose arguments cannot be
    read; what servers are known to do differently is taken (see the comments).
    """
    fetch = decode_fetch(octets)
    if fetch is not None:
        return fetch
    cursor = Cursor(octets, lenient=True)
    if not octets.endswith(b"\r\n"):
        raise DecodeError("response without its end", len(octets))
    if cursor.starts_with(b"*"):
        return _untagged(cursor)
    if cursor.take(_CONTINUATION):
        return ContinuationRequest(octets[cursor.at : -2])
    found = cursor.expect(_TAGGED, "a tag and OK, NO or BAD")
    return _status(cursor, _CONDITIONS[found[2].upper()], found[1])


def _untagged(cursor: Cursor) -> Response:
    found = cursor.expect(_UNTAGGED, "the name of a response")
    name = found[2].upper()
    if found[1] is not None:
        return _numbered(cursor, name, found[1])
    condition = _CONDITIONS.get(name)
    if condition is not None:
        return _status(cursor, condition, None)
    read = _READERS.get(name)
    if read is None:
        return OpaqueData(_text(name), cursor.octets)
    response = read(cursor)
    # Exchange puts a space at the end of SEARCH, STATUS and others.
    cursor.end()
    return response


def _numbered(cursor: Cursor, name: bytes, digits: bytes) -> Response:
    if name == b"FETCH":
        return read_fetch(cursor, seq_num(digits))
    response: Response
    if name == b"EXISTS":
        response = Exists(int(digits))
    elif name == b"EXPUNGE":
        response = Expunged(seq_num(digits))
    elif name == b"RECENT":
        response = Recent(int(digits))
    else:
        return OpaqueData(_text(name), cursor.octets, int(digits))
    cursor.end()
    return response


def _status(cursor: Cursor, condition: Condition, tag: bytes | None) -> StatusResponse:
    cursor.skip_spaces()
    code = read_response_code(cursor) if cursor.starts_with(b"[") else None
    return StatusResponse(condition, cursor.octets[cursor.at : -2], code, tag)


def _text(name: bytes) -> str:
    return name.decode("ascii", "replace")


def _rest(cursor: Cursor) -> bytes:
    rest = cursor.octets[cursor.at : -2]
    cursor.at += len(rest)
    return rest


def _capability(cursor: Cursor) -> Response:
    return CapabilityData(Capabilities.decode(_rest(cursor)))


def _enabled(cursor: Cursor) -> Response:
    return EnabledData(Capabilities.decode(_rest(cursor)))


def _flags(cursor: Cursor) -> Response:
    cursor.space()
    return FlagsData(read_flags(cursor))


def _id(cursor: Cursor) -> Response:
    cursor.space()
    if cursor.nil():
        return IdData(None)
    return IdData(cursor.list_of(lambda: _id_parameter(cursor), may_be_empty=True))


def _id_parameter(cursor: Cursor) -> tuple[bytes, bytes | None]:
    name = cursor.string()
    cursor.space()
    return name, cursor.nstring()


_READERS: dict[bytes, Callable[[Cursor], Response]] = {
    b"CAPABILITY": _capability,
    b"ENABLED": _enabled,
    b"FLAGS": _flags,
    b"ID": _id,
    b"LIST": mailbox.read_list,
    b"LSUB": mailbox.read_lsub,
    b"NAMESPACE": mailbox.read_namespace,
    b"STATUS": mailbox.read_status,
    b"QUOTA": mailbox.read_quota,
    b"QUOTAROOT": mailbox.read_quota_root,
    b"ACL": mailbox.read_acl,
    b"LISTRIGHTS": mailbox.read_list_rights,
    b"MYRIGHTS": mailbox.read_my_rights,
    b"SEARCH": search.read_search,
    b"SORT": search.read_sort,
    b"THREAD": search.read_thread,
    b"ESEARCH": search.read_esearch,
    b"VANISHED": search.read_vanished,
}
