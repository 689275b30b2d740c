"""Writing responses (RFC 9051 section 7)."""

from collections.abc import Callable
from typing import Any

from imapproxy.wire import encode_mailbox_data as mailbox
from imapproxy.wire import encode_search_data as search
from imapproxy.wire import responses
from imapproxy.wire.encode_response_code import encode_response_code
from imapproxy.wire.errors import EncodeError
from imapproxy.wire.flags import encode_flags
from imapproxy.wire.responses import FetchData, Response
from imapproxy.wire.strings import string_octets


def encode_response(response: Response) -> bytes:
    """The octets of a response, its literals and the last CRLF included.

    Raises ``EncodeError`` for a value that has no form on the wire.
    """
    if isinstance(response, responses.OpaqueData):
        return response.octets
    return _ENCODERS[type(response)](response) + b"\r\n"


def _fetch(data: FetchData) -> bytes:
    items = b" ".join([b"%b %b" % (name.encode("latin-1"), value) for name, value in data.items])
    return b"* %d FETCH (%b)" % (data.number, items)


def _status_response(response: responses.StatusResponse) -> bytes:
    words = [b"*" if response.tag is None else response.tag]
    words.append(response.condition.value.encode("ascii"))
    if response.code is not None:
        words.append(encode_response_code(response.code))
    # text = 1*TEXT-CHAR: there is always some (RFC 9051 section 9, resp-text).
    words.append(_text(response.text or b"Done"))
    return b" ".join(words)


def _continuation_request(request: responses.ContinuationRequest) -> bytes:
    # "+ " with nothing behind it is right during AUTHENTICATE; "+" alone never is.
    return b"+ " + _text(request.text)


def _text(text: bytes) -> bytes:
    if b"\r" in text or b"\n" in text:
        raise EncodeError("text with a line end inside of it")
    return text


def _capability(data: responses.CapabilityData) -> bytes:
    return b"* CAPABILITY " + data.capabilities.encode()


def _enabled(data: responses.EnabledData) -> bytes:
    return (b"* ENABLED " + data.capabilities.encode()).rstrip(b" ")


def _id(data: responses.IdData) -> bytes:
    if data.parameters is None:
        return b"* ID NIL"
    words = [string_octets(one) for pair in data.parameters for one in pair]
    return b"* ID (%b)" % b" ".join(words)


_ENCODERS: dict[type, Callable[[Any], bytes]] = {
    FetchData: _fetch,
    responses.StatusResponse: _status_response,
    responses.ContinuationRequest: _continuation_request,
    responses.CapabilityData: _capability,
    responses.EnabledData: _enabled,
    responses.IdData: _id,
    responses.FlagsData: lambda data: b"* FLAGS " + encode_flags(data.flags),
    responses.Exists: lambda data: b"* %d EXISTS" % data.count,
    responses.Recent: lambda data: b"* %d RECENT" % data.count,
    responses.Expunged: lambda data: b"* %d EXPUNGE" % data.number,
    responses.ListData: mailbox.encode_list,
    responses.LsubData: mailbox.encode_lsub,
    responses.NamespaceData: mailbox.encode_namespace,
    responses.StatusData: mailbox.encode_status,
    responses.QuotaData: mailbox.encode_quota,
    responses.QuotaRootData: mailbox.encode_quota_root,
    responses.AclData: mailbox.encode_acl,
    responses.ListRightsData: mailbox.encode_list_rights,
    responses.MyRightsData: mailbox.encode_my_rights,
    responses.SearchData: lambda data: search.encode_numbers(b"SEARCH", data),
    responses.SortData: lambda data: search.encode_numbers(b"SORT", data),
    responses.ThreadData: search.encode_thread,
    responses.ESearchData: search.encode_esearch,
    responses.Vanished: search.encode_vanished,
}
