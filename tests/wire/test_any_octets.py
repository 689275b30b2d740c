"""Whatever the octets, nothing but an error of the wire language comes out, and soon."""

import contextlib

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from imapproxy.wire.body_structure import Part
from imapproxy.wire.commands import Command, Opaque
from imapproxy.wire.cursor import Cursor
from imapproxy.wire.dates import read_date, read_date_time
from imapproxy.wire.decode_body_structure import decode_body_structure
from imapproxy.wire.decode_command import CommandError, decode_command
from imapproxy.wire.decode_fetch_att import read_fetch_atts
from imapproxy.wire.decode_response import decode_response
from imapproxy.wire.encode_command import encode_command
from imapproxy.wire.encode_response import encode_response
from imapproxy.wire.envelope import Envelope
from imapproxy.wire.errors import DecodeError, EncodeError
from imapproxy.wire.mailbox import decode_mailbox, decode_mailbox_lossless, encode_mailbox
from imapproxy.wire.responses import FetchData
from imapproxy.wire.sequence_set import SequenceSet
from imapproxy.wire.strings import join
from imapproxy.wire.tokens import decode_tokens
from tests.wire import command_strategies, response_strategies
from tests.wire.mutation import mutated

PIECES = [
    b" ", b"(", b")", b'"', b"\\", b"{1}\r\n", b"{2+}\r\n", b"~{1}\r\n", b"{", b"}", b"[", b"]",
    b"<", b">", b"*", b"%", b",", b":", b"1", b"0", b"99999999999999999999", b"a", b"NIL", b"\r\n",
    b"\r", b"\0", b"\xff", b"&", b"-", b"+", b"$", b"FETCH", b"BODY[", b"HEADER.FIELDS", b"FLAGS",
    b"SEARCH", b"OR", b"NOT", b"UID", b"LIST", b"STATUS", b"OK", b"\\Seen", b"1-Jan-2020",
]  # fmt: skip
anything = st.binary(max_size=60) | st.lists(st.sampled_from(PIECES), max_size=30).map(b"".join)

READERS = [
    decode_body_structure,
    decode_mailbox,
    decode_response,
    decode_tokens,
    Envelope.decode,
    SequenceSet.decode,
    lambda octets: read_date(Cursor(octets)),
    lambda octets: read_date_time(Cursor(octets)),
    lambda octets: read_fetch_atts(Cursor(octets)),
    lambda octets: Cursor(octets).raw_value(),
]


@settings(max_examples=300)
@given(anything)
def test_any_octets(octets):
    for read in READERS:
        with contextlib.suppress(DecodeError):
            read(octets)


@settings(max_examples=500)
@given(anything, st.booleans())
def test_any_command(octets, lenient):
    for start in (b"", b"a ", b"a SEARCH ", b"a FETCH 1 ", b"a LIST ", b"a APPEND x "):
        # A line end inside of a line, which the framer lets nobody have, cannot be written.
        with contextlib.suppress(CommandError, EncodeError):
            encode_command(decode_command(start + octets + b"\r\n", lenient=lenient))


@settings(max_examples=500)
@given(anything)
def test_any_response(octets):
    for start in (b"", b"* ", b"* 1 FETCH (", b"* LIST ", b"* STATUS ", b"* OK [", b"* ESEARCH "):
        with contextlib.suppress(DecodeError, EncodeError):
            encode_response(decode_response(start + octets + b"\r\n"))


@settings(max_examples=200)
@given(response_strategies.responses, st.data())
def test_damaged_responses(response, data):
    octets = mutated(encode_response(response), data)
    with contextlib.suppress(DecodeError):
        look_into(decode_response(octets))


def look_into(response):
    if isinstance(response, FetchData):
        for name in ("uid", "flags", "mod_seq", "size", "internal_date", "envelope"):
            with contextlib.suppress(DecodeError):
                getattr(response, name)
        with contextlib.suppress(DecodeError):
            assert response.body_structure is None or response.body_structure
        with contextlib.suppress(DecodeError):
            response.string("BODY[]")


@settings(max_examples=300)
@given(command_strategies.commands, st.data())
def test_damaged_commands(command, data):
    octets = mutated(join(encode_command(command)), data)
    for lenient in (False, True):
        with contextlib.suppress(CommandError):
            # What was understood can be said: a proxy says it to the other side.
            body = decode_command(octets, lenient=lenient).body
            if not isinstance(body, Opaque):
                said = join(encode_command(Command(b"t", body)))
                assert decode_command(said, lenient=lenient).body == body


@given(anything)
@example(b"&AGE-")
@example(b"&-&")
@example(b"\xc3\xa9")
def test_every_mailbox_name_survives(octets):
    for utf8 in (False, True):
        name = decode_mailbox_lossless(octets, utf8=utf8)
        again = encode_mailbox(name, utf8=utf8)
        assert again == octets or again == b"INBOX" == octets.upper()


# Each of these once took the square of its length, or would in a reader that tries again.
N = 100_000
HOSTILE = [
    b"* 1 FETCH (" + b"(" * N,
    b"* 1 FETCH (X " + b"(" * N,
    b"* 1 FETCH (X " + b"((a {1}\r\nx) " * (N // 10),
    b"* 1 FETCH (" + b"X ({1}\r\na) " * (N // 10) + b")",
    b'* 1 FETCH (X "' + b"\\\\" * N,
    b"* 1 FETCH (X (" + b'"a" ' * N,
    b"* 1 FETCH (" + b"X[ " * N,
    b"* 1 FETCH (" + b"BODY[" * N,
    b"* 1 FETCH (X {" + b"9" * N,
    b"* OK [A " + b"(" * N,
    b"* OK [A " + b'"' * N,
    b"* OK " + b"[" * N,
    b"* SEARCH " + b"1 " * N + b"x",
    b"* THREAD " + b"(1)" * N + b"(",
    b"* LIST (" + b"\\a " * N,
    b"* STATUS x (" + b"A 1 " * N,
    b"* VANISHED " + b"1:2," * N,
    b"* NAMESPACE ((" + b'"" ' * N,
    b"* " + b" " * N,
    b"a" * N,
    b"+" * N,
]


@pytest.mark.parametrize("octets", HOSTILE, ids=lambda octets: repr(octets[:30]))
def test_hostile_responses(octets):
    with contextlib.suppress(DecodeError):
        decode_response(octets + b"\r\n")


HOSTILE_COMMANDS = [
    b"SEARCH " + b"OR SEEN " * N,
    b"SEARCH " + b"NOT " * N,
    b"SEARCH " + b"(" * N,
    b"SEARCH " + b"1," * N,
    b"SEARCH LARGER " + b"9" * N,
    b"FETCH 1 (" + b"X[ " * N,
    b"FETCH 1 (" + b"X (" * N,
    b"FETCH 1 BODY[" + b"1." * N,
    b"FETCH 1 BODY[HEADER.FIELDS (" + b"a " * N,
    b"STORE 1 FLAGS (" + b"a " * N,
    b"STORE 1 FLAGS " + b"a " * N,
    b"LOGIN " + b'"' * N,
    b"LOGIN {" + b"9" * N + b"}",
    b'LOGIN "' + b"\\\\" * N,
    b'LIST "" (' + b"* " * N,
    b"ID (" + b'"a" NIL ' * N,
    b"AUTHENTICATE X " + b"AAAA" * N + b"!",
    b"SELECT x (" + b"A (" * N,
    b"UID " * N,
    b" " * N,
]


@pytest.mark.parametrize("octets", HOSTILE_COMMANDS, ids=lambda octets: repr(octets[:30]))
@pytest.mark.parametrize("lenient", [False, True])
def test_hostile_commands(octets, lenient):
    with contextlib.suppress(CommandError):
        decode_command(b"a " + octets + b"\r\n", lenient=lenient)


def test_a_structure_that_is_deep_can_be_compared_and_shown():
    text = b"(" * 50 + b'("TEXT" "PLAIN" NIL NIL NIL "7BIT" 1 1)' + b' "MIXED")' * 50
    first, second = decode_body_structure(text), decode_body_structure(text)
    assert first == second
    assert not isinstance(first, Part)
    assert repr(first) == repr(second)
