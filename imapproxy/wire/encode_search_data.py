"""Writing responses that hold numbers of messages (RFC 9051 section 7.3.4, 5256, 7162)."""

from imapproxy.wire.errors import EncodeError
from imapproxy.wire.responses import (
    ESearchData,
    SearchData,
    SortData,
    ThreadData,
    ThreadNode,
    Vanished,
)
from imapproxy.wire.strings import encode_keyword, string_octets


def encode_numbers(name: bytes, data: SearchData | SortData) -> bytes:
    """``* SEARCH …`` or ``* SORT …`` without its CRLF."""
    words = [b"* " + name, *(b"%d" % number for number in data.numbers)]
    if data.mod_seq is not None:
        words.append(b"(MODSEQ %d)" % data.mod_seq)
    return b" ".join(words)


def encode_vanished(data: Vanished) -> bytes:
    """``* VANISHED …`` without its CRLF."""
    return (b"* VANISHED (EARLIER) " if data.earlier else b"* VANISHED ") + data.uids.encode()


def encode_esearch(data: ESearchData) -> bytes:
    """``* ESEARCH …`` without its CRLF."""
    words = [b"* ESEARCH"]
    if data.tag is not None:
        words.append(b"(TAG %b)" % string_octets(data.tag))
    if data.by_uid:
        words.append(b"UID")
    numbers = (("MIN", data.min), ("MAX", data.max), ("COUNT", data.count))
    words += [
        b"%b %d" % (name.encode("ascii"), value) for name, value in numbers if value is not None
    ]
    if data.all is not None:
        words.append(b"ALL " + data.all.encode())
    words += [b"%b %b" % (encode_keyword(name), value) for name, value in data.other]
    if data.mod_seq is not None:
        words.append(b"MODSEQ %d" % data.mod_seq)
    return b" ".join(words)


def encode_thread(data: ThreadData) -> bytes:
    """``* THREAD …`` without its CRLF."""
    if not data.threads:
        return b"* THREAD"
    return b"* THREAD " + b"".join(map(_thread, data.threads))


def _thread(thread: ThreadNode) -> bytes:
    if not thread.numbers and len(thread.children) < 2:
        raise EncodeError("a thread without messages")
    numbers = b" ".join(b"%d" % number for number in thread.numbers)
    children = b"".join(map(_thread, thread.children))
    return b"(%b%b%b)" % (numbers, b" " if numbers and children else b"", children)
