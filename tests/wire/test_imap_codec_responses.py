"""imap-codec, an independent reader written in Rust, agrees on responses."""

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imapproxy.wire.decode_body_structure import decode_body_structure
from imapproxy.wire.decode_response import decode_response
from imapproxy.wire.encode_response import encode_response
from imapproxy.wire.errors import DecodeError
from imapproxy.wire.responses import FetchData
from tests.wire import response_strategies
from tests.wire.mutation import mutated

if sys.implementation.name != "cpython":
    pytest.skip("imap-codec is built for CPython alone", allow_module_level=True)
import imap_codec


def theirs(octets):
    """What imap-codec reads and writes again; ``None`` if it does not take it."""
    try:
        rest, response = imap_codec.ResponseCodec.decode(octets)
    except imap_codec.DecodeError:
        return None
    if rest:
        return None
    fragments = imap_codec.ResponseCodec.encode(response)
    return b"".join(bytes(fragment.data) for fragment in fragments)


def ours(octets):
    try:
        return understood(decode_response(octets))
    except DecodeError:
        return None


def understood(response):
    """The response with the values of FETCH parsed, since their spelling may differ."""
    if not isinstance(response, FetchData):
        return response
    return response.number, [(item.name, parsed(response, item)) for item in response.items]


def parsed(response, item):
    if item.name in ("BODY", "BODYSTRUCTURE"):
        return decode_body_structure(item.value)
    attributes = {"ENVELOPE": "envelope", "FLAGS": "flags", "INTERNALDATE": "internal_date"}
    if item.name in attributes:
        return getattr(response, attributes[item.name])
    if item.name in ("UID", "RFC822.SIZE"):
        return item.value
    return response.string(item.name)


@settings(max_examples=300)
@given(response_strategies.base_responses)
def test_what_is_written_is_read_as_the_same_response(response):
    octets = encode_response(response)
    again = theirs(octets)
    assert again is not None
    assert ours(again) == ours(octets)


@settings(max_examples=300)
@given(response_strategies.base_responses, st.data())
def test_what_imap_codec_takes_is_taken_here_too(response, data):
    octets = mutated(encode_response(response), data)
    # A line that ends in LF alone is mended by the framer, before a response is read.
    again = None if octets.replace(b"\r\n", b"").count(b"\n") or b"{" in octets else theirs(octets)
    # A code with a leading zero is opaque here.
    if again is not None and b" [" not in octets:
        assert ours(octets) == ours(again)


# What servers say, and imap-codec refuses.
ONLY_OURS = [
    b"* BAD\r\n",
    b"A1 OK\r\n",
    b"+\r\n",
    b"* OK [PERMANENTFLAGS (OIB-Seen-[Gmail]/All)] Limited\r\n",
    b"* CAPABILITY IMAP4rev1 \r\n",
    b"* SEARCH \r\n",
    b'* LIST () "\\" a\\b\r\n',
    b"* X-FOO bar\r\n",
    # Extensions that the Python build of imap-codec leaves out.
    b"* VANISHED (EARLIER) 1:2\r\n",
    b'* ESEARCH (TAG "a") UID ALL 1:2\r\n',
    b'* NAMESPACE (("" "/")) NIL NIL\r\n',
    # imap-codec keeps PREAUTH for the greeting, which has a reader of its own.
    b"* PREAUTH ready\r\n",
]


@pytest.mark.parametrize("octets", ONLY_OURS)
def test_taken_here_alone(octets):
    assert ours(octets) is not None
    assert theirs(octets) is None
