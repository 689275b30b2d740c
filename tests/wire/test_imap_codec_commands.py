"""imap-codec, an independent reader written in Rust, agrees on commands."""

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imapproxy.wire.commands import Fetch, Opaque, Sort, Status, Thread
from imapproxy.wire.decode_command import CommandError, decode_command
from imapproxy.wire.encode_command import encode_command
from imapproxy.wire.strings import join
from tests.wire import command_strategies
from tests.wire.mutation import mutated

if sys.implementation.name != "cpython":
    pytest.skip("imap-codec is built for CPython alone", allow_module_level=True)
import imap_codec


def theirs(octets):
    """What imap-codec reads and writes again; ``None`` if it does not take it."""
    try:
        rest, command = imap_codec.CommandCodec.decode(octets)
    except imap_codec.DecodeError:
        return None
    if rest:
        return None
    fragments = imap_codec.CommandCodec.encode(command)
    return b"".join(bytes(fragment.data) for fragment in fragments)


def ours(octets):
    try:
        return decode_command(octets)
    except CommandError:
        return None


@settings(max_examples=300)
@given(command_strategies.base_commands)
def test_what_is_written_is_read_as_the_same_command(command):
    again = theirs(join(encode_command(command)))
    assert again is not None
    assert decode_command(again) == command


@settings(max_examples=300)
@given(command_strategies.base_commands, st.data())
def test_damaged_commands_are_judged_alike(command, data):
    octets = mutated(join(encode_command(command)), data)
    if settled_elsewhere(octets):
        return
    read, again = ours(octets), theirs(octets)
    if again is None:
        assert read is None or may_be_unknown_there(octets, read)
    else:
        assert decode_command(again) == read


def settled_elsewhere(octets):
    """Damage that only the tables below speak of: line ends, literals, INBOX, leading zeros."""
    line_ends = b"\n" in octets.replace(b"\r\n", b"") or b"\r\r\n" in octets or b"{" in octets
    return line_ends or b"INBOX" in octets.upper() or b":0" in octets or b",0" in octets


def may_be_unknown_there(octets, read):
    """Whether this may be a word that nobody knows, or 8-bit octets in a quoted string."""
    names_words = isinstance(read.body, Fetch | Sort | Status | Thread | Opaque)
    return names_words or not octets.isascii()


# imap-codec is wrong, or deals here with what the framer has dealt with before.
ONLY_THEIRS = [
    # nz-number has no leading zero (RFC 9051 section 9).
    b"a STORE 05 FLAGS (\\Seen)\r\n",
    b"a COPY 1:07 x\r\n",
    # A line may not end in LF alone; the framer mends that before a command is read.
    b"a SUBSCRIBE x\n",
    b"a SUBSCRIBE {1}\nx\r\n",
]

# imap-codec is stricter, or has not got the extension.
ONLY_OURS = [
    # Quoted strings may hold UTF-8 (RFC 9051 section 4.3), and old clients put any 8-bit there.
    b'a UNSUBSCRIBE "\xe9"\r\n',
    # What is not known is for the server to refuse, or for a proxy to pass on.
    b"a FETCH 1 X-FOO\r\n",
    b"a STATUS x (X-FOO)\r\n",
    b"a SORT (X-FOO) UTF-8 ALL\r\n",
    b"a XFOO\r\n",
    # The Python build of imap-codec leaves these extensions out.
    b"a NAMESPACE\r\n",
    b"a SELECT x (CONDSTORE)\r\n",
    b"a FETCH 1 ALL (CHANGEDSINCE 5)\r\n",
    b"a SEARCH RETURN (MIN) ALL\r\n",
    b'a LIST (SUBSCRIBED) "" *\r\n',
    b"a GETACL x\r\n",
]


@pytest.mark.parametrize("octets", ONLY_THEIRS)
def test_refused_here_alone(octets):
    assert ours(octets) is None
    assert theirs(octets) is not None


@pytest.mark.parametrize("octets", ONLY_OURS)
def test_taken_here_alone(octets):
    assert ours(octets) is not None
    assert theirs(octets) is None


def test_inbox_keeps_its_spelling_here():
    assert decode_command(b"a SELECT inbox\r\n").body.mailbox == b"inbox"
    assert theirs(b"a SELECT inbox\r\n") == b"a SELECT INBOX\r\n"
