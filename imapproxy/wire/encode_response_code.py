"""Writing response codes (RFC 9051 section 7.1)."""

import re

from imapproxy.wire.errors import EncodeError
from imapproxy.wire.flags import encode_flags
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
from imapproxy.wire.strings import encode_astring, encode_keyword, encode_quoted

# 1*<any TEXT-CHAR except "]">, which is how BADURL and REFERRAL have their string.
_UNQUOTED = re.compile(rb"[^\]\r\n\x00\"]+")


def encode_response_code(code: ResponseCode) -> bytes:
    """The code, brackets included; raises ``EncodeError`` for what has no form."""
    octets = b"[%b]" % _inner(code)
    if b"\r" in octets or b"\n" in octets:
        raise EncodeError("a response code with a line end inside of it")
    return octets


def _inner(code: ResponseCode) -> bytes:
    if isinstance(code, Word):
        return encode_keyword(code.name)
    if isinstance(code, Count):
        return b"%b %d" % (encode_keyword(code.name), code.value)
    if isinstance(code, StringCode | OpaqueCode):
        return _with_text(code)
    if isinstance(code, AppendUid | CopyUid | Modified):
        return _with_sets(code)
    return _with_list(code)


def _with_text(code: StringCode | OpaqueCode) -> bytes:
    name = encode_keyword(code.name)
    if isinstance(code, OpaqueCode):
        return b"%b %b" % (name, code.arguments)
    if _UNQUOTED.fullmatch(code.value):
        return b"%b %b" % (name, code.value)
    return b"%b %b" % (name, encode_quoted(code.value))


def _with_sets(code: AppendUid | CopyUid | Modified) -> bytes:
    if isinstance(code, Modified):
        return b"MODIFIED %b" % code.numbers.encode()
    if isinstance(code, AppendUid):
        return b"APPENDUID %d %b" % (code.uid_validity, code.uids.encode())
    source, destination = code.source.encode(), code.destination.encode()
    return b"COPYUID %d %b %b" % (code.uid_validity, source, destination)


def _with_list(code: CapabilityCode | PermanentFlags | BadCharset | MailboxId) -> bytes:
    if isinstance(code, CapabilityCode):
        names = code.capabilities.encode()
        if b'"' in names:
            raise EncodeError("a capability with a quote in it")
        return b"CAPABILITY %b" % names
    if isinstance(code, PermanentFlags):
        return b"PERMANENTFLAGS %b" % encode_flags(code.flags)
    if isinstance(code, MailboxId):
        return b"MAILBOXID (%b)" % code.value
    if not code.charsets:
        return b"BADCHARSET"
    return b"BADCHARSET (%b)" % b" ".join(map(_charset, code.charsets))


def _charset(charset: bytes) -> bytes:
    part = encode_astring(charset)
    if not isinstance(part, bytes):
        raise EncodeError("not the name of a charset")
    return part
