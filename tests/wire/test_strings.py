"""Encoding of strings, and how literals are sent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imapproxy.wire.cursor import Cursor
from imapproxy.wire.errors import EncodeError
from imapproxy.wire.strings import (
    LiteralPart,
    encode_astring,
    encode_atom,
    encode_keyword,
    encode_nstring,
    encode_quoted,
    encode_string,
    join,
    literal_octets,
    merge,
    render,
    separated,
    string_octets,
)

octets_without_nul = st.binary().filter(lambda octets: b"\0" not in octets)


@pytest.mark.parametrize(("octets", "encoded"), [
    (b"abc", b"abc"),
    (b"a]b", b"a]b"),
    (b"", b'""'),
    (b"NIL", b'"NIL"'),
    (b"a b", b'"a b"'),
    (b'a"\\', b'"a\\"\\\\"'),
    (b"a%*", b'"a%*"'),
    (b"a\r\nb", LiteralPart(b"a\r\nb")),
    (b"\xff", LiteralPart(b"\xff")),
    (b"x y" * 1000, LiteralPart(b"x y" * 1000)),
])  # fmt: skip
def test_astrings(octets, encoded):
    assert encode_astring(octets) == encoded


def test_strings():
    assert encode_string(b"abc") == b'"abc"'
    assert encode_string("é".encode(), utf8=True) == '"é"'.encode()
    assert encode_nstring(None) == b"NIL"
    assert encode_nstring(b"NIL") == b'"NIL"'


@given(octets_without_nul)
def test_what_is_written_is_read(octets):
    assert Cursor(join([encode_astring(octets)])).astring() == octets
    assert Cursor(string_octets(octets)).nstring() == octets
    assert Cursor(literal_octets(octets)).string() == octets


def test_what_has_no_form():
    for octets in (b"\0", b"a\0b"):
        with pytest.raises(EncodeError):
            encode_string(octets)
    for octets in (b"a\r", b"\n", b"\xff"):
        with pytest.raises(EncodeError):
            encode_quoted(octets)
    for octets in (b"", b"a b", b"(", b"a]"):
        with pytest.raises(EncodeError):
            encode_atom(octets)
    with pytest.raises(EncodeError):
        encode_keyword("é")


PARTS = (b"a LOGIN ", LiteralPart(b"joe"), b" ", LiteralPart(b"x" * 5000), b"\r\n")


def test_flights():
    big = b"x" * 5000 + b"\r\n"
    assert render(PARTS, "sync") == (b"a LOGIN {3}\r\n", b"joe {5000}\r\n", big)
    assert render(PARTS, "minus") == (b"a LOGIN {3+}\r\njoe {5000}\r\n", big)
    assert render(PARTS, "plus") == (b"a LOGIN {3+}\r\njoe {5000+}\r\n" + big,)
    assert render((b"a NOOP\r\n",)) == (b"a NOOP\r\n",)


def test_binary_literals():
    parts = (LiteralPart(b"\0", binary=True),)
    assert join(parts) == b"~{1}\r\n\0"
    assert render(parts, "plus") == (b"~{1+}\r\n\0",)


def test_merge():
    literal = LiteralPart(b"")
    assert merge([b"a", b"", b"b", literal, b"", literal, b"c"]) == (b"ab", literal, literal, b"c")
    assert merge([]) == ()


def test_separated():
    assert separated([b"a", b"b"]) == [b"a", b" ", b"b"]
    assert separated([]) == []
