"""Writing responses that are about mailboxes (RFC 9051 sections 7.3.1 to 7.3.4, 4314, 9208)."""

from collections.abc import Iterable

from imapproxy.wire.errors import EncodeError
from imapproxy.wire.flags import encode_flags
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
from imapproxy.wire.strings import (
    LiteralPart,
    encode_astring,
    encode_keyword,
    encode_quoted,
    join,
    literal_octets,
    string_octets,
)
from imapproxy.wire.tokens import encode_token


def encode_list(data: ListData) -> bytes:
    """``* LIST …`` without its CRLF."""
    listed = _listed(b"LIST", data)
    if not data.extended:
        return listed
    items = [
        string_octets(name) + b" " + join(encode_token(value)) for name, value in data.extended
    ]
    return b"%b (%b)" % (listed, b" ".join(items))


def encode_lsub(data: LsubData) -> bytes:
    """``* LSUB …`` without its CRLF."""
    return _listed(b"LSUB", data)


def encode_status(data: StatusData) -> bytes:
    """``* STATUS …`` without its CRLF."""
    items = b" ".join(
        b"%b %b" % (encode_keyword(name), _status_value(value)) for name, value in data.items
    )
    return b"* STATUS %b (%b)" % (astring_octets(data.mailbox), items)


def encode_namespace(data: NamespaceData) -> bytes:
    """``* NAMESPACE …`` without its CRLF."""
    lists = (data.personal, data.others, data.shared)
    return b"* NAMESPACE " + b" ".join(map(_namespaces, lists))


def encode_quota(data: QuotaData) -> bytes:
    """``* QUOTA …`` without its CRLF."""
    resources = b" ".join(
        b"%b %d %d" % (encode_keyword(name), usage, limit) for name, usage, limit in data.resources
    )
    return b"* QUOTA %b (%b)" % (astring_octets(data.root), resources)


def encode_quota_root(data: QuotaRootData) -> bytes:
    """``* QUOTAROOT …`` without its CRLF."""
    return _words(b"* QUOTAROOT", data.mailbox, *data.roots)


def encode_acl(data: AclData) -> bytes:
    """``* ACL …`` without its CRLF."""
    return _words(b"* ACL", data.mailbox, *(one for pair in data.rights for one in pair))


def encode_list_rights(data: ListRightsData) -> bytes:
    """``* LISTRIGHTS …`` without its CRLF."""
    words = (data.mailbox, data.identifier, data.required, *data.optional)
    return _words(b"* LISTRIGHTS", *words)


def encode_my_rights(data: MyRightsData) -> bytes:
    """``* MYRIGHTS …`` without its CRLF."""
    return _words(b"* MYRIGHTS", data.mailbox, data.rights)


def astring_octets(octets: bytes) -> bytes:
    """An astring as in a response."""
    part = encode_astring(octets)
    return literal_octets(part.octets) if isinstance(part, LiteralPart) else part


def _words(name: bytes, *words: bytes) -> bytes:
    return b" ".join((name, *map(astring_octets, words)))


def _listed(name: bytes, data: ListData | LsubData) -> bytes:
    attributes = encode_flags(data.attributes)
    delimiter = _delimiter(data.delimiter)
    return b"* %b %b %b %b" % (name, attributes, delimiter, astring_octets(data.mailbox))


def _delimiter(delimiter: bytes | None) -> bytes:
    if delimiter is None:
        return b"NIL"
    if len(delimiter) != 1:
        raise EncodeError("a delimiter is one octet")
    return encode_quoted(delimiter)


def _status_value(value: int | bytes | None) -> bytes:
    if value is None:
        return b"NIL"
    return b"%d" % value if isinstance(value, int) else b"(%b)" % value


def _namespaces(entries: Iterable[NamespaceEntry] | None) -> bytes:
    if entries is None:
        return b"NIL"
    return b"(%b)" % b"".join(map(_namespace, entries))


def _namespace(entry: NamespaceEntry) -> bytes:
    words = [string_octets(entry.prefix), _delimiter(entry.delimiter)]
    words += [join(encode_token(token)) for token in entry.extension]
    return b"(%b)" % b" ".join(words)
