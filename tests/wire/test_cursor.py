"""The reading primitive: each rule, its edges, and where errors point."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imapproxy.wire.cursor import MAX_NESTING, MAX_NUMBER64, Cursor
from imapproxy.wire.errors import DecodeError, LimitExceeded


@pytest.mark.parametrize(("octets", "expected"), [
    (b"abc]d x", b"abc]d"),
    (b'"a b"', b"a b"),
    (b'"a\\"\\\\b"', b'a"\\b'),
    (b'""', b""),
    (b'"\xc3\xa9"', b"\xc3\xa9"),
    (b"{3}\r\na\r\nx", b"a\r\n"),
    (b"{3+}\r\n\"\"(", b'""('),
    (b"{0}\r\n", b""),
    # literal8 is no astring, and "~" is an atom.
    (b"~{1}\r\n\0", b"~"),
])  # fmt: skip
def test_astring(octets, expected):
    assert Cursor(octets).astring() == expected


@pytest.mark.parametrize("octets", [
    b"", b"(", b'"a', b'"a\\', b'"a\\b"', b'"a\rb"', b'"a\nb"', b'"\0"', b"{3}\r\nab", b"{3}ab",
    b"{-1}\r\n", b"{}\r\n", b"{3 }\r\nabc", b"\xff", b"*", b"%",
])  # fmt: skip
def test_no_astring(octets):
    with pytest.raises(DecodeError):
        Cursor(octets).astring()


def test_what_servers_put_into_quoted_strings():
    assert Cursor(b'"a\\(b\r\0"', lenient=True).string() == b"a(b\r\0"
    with pytest.raises(DecodeError):
        Cursor(b'"a\nb"', lenient=True).string()


def test_nstring():
    assert Cursor(b"NIL)").nstring() is None
    assert Cursor(b"nil").nstring() is None
    assert Cursor(b'"NIL"').nstring() == b"NIL"
    with pytest.raises(DecodeError):
        Cursor(b"NILS").nstring()


def test_numbers():
    assert Cursor(b"0").number() == 0
    assert Cursor(b"4294967295 ").number() == 2**32 - 1
    assert Cursor(b"9223372036854775807").number64() == MAX_NUMBER64
    assert Cursor(b"7").nz_number() == 7
    for octets in (b"", b"-1", b"x"):
        with pytest.raises(DecodeError):
            Cursor(octets).number()
    for octets in (b"0", b"01"):
        with pytest.raises(DecodeError):
            Cursor(octets).nz_number()


@pytest.mark.parametrize("octets", [b"4294967296", b"9" * 19, b"9" * 10_000])
def test_numbers_that_are_too_large(octets):
    with pytest.raises(LimitExceeded):
        Cursor(octets).number()


def test_lists():
    cursor = Cursor(b"(a b c) x")
    assert cursor.list_of(cursor.atom) == (b"a", b"b", b"c")
    assert cursor.at == 7
    empty = Cursor(b"()")
    assert empty.list_of(empty.atom, may_be_empty=True) == ()
    for octets in (b"()", b"(a  b)", b"( a)", b"(a )", b"(a", b"(a b"):
        wrong = Cursor(octets)
        with pytest.raises(DecodeError):
            wrong.list_of(wrong.atom)


def test_lenient_lists():
    cursor = Cursor(b"( a  b )", lenient=True)
    assert cursor.list_of(cursor.atom) == (b"a", b"b")


def test_binary_literals():
    assert Cursor(b"~{1}\r\n\0").any_literal() == (b"\0", True)
    assert Cursor(b"{1}\r\n)").any_literal() == (b")", False)


@pytest.mark.parametrize(("octets", "expected"), [
    (b"min)", ("MIN", None)),
    (b"X 5)", ("X", b"5")),
    (b"X -1:-100 Y", ("X", b"-1:-100")),
    (b"X (a b) Y", ("X", b"(a b)")),
    (b"X Y)", ("X", None)),
])  # fmt: skip
def test_labels(octets, expected):
    assert Cursor(octets).label() == expected


@pytest.mark.parametrize("octets", [b"", b"5", b"-1", b" X", b"("])
def test_no_label(octets):
    with pytest.raises(DecodeError):
        Cursor(octets).label()


def test_nesting():
    cursor = Cursor(b"")
    for _ in range(MAX_NESTING):
        cursor.descend()
    with pytest.raises(LimitExceeded):
        cursor.descend()


def test_errors_point_at_the_place():
    cursor = Cursor(b"abc (")
    cursor.atom()
    cursor.space()
    with pytest.raises(DecodeError) as caught:
        cursor.atom()
    assert caught.value.position == 4


@pytest.mark.parametrize("value", [
    b"abc", b"NIL", b"123", b"\\Seen", b'"a b)\\""', b"{3}\r\n)))", b"()",
    b"(a (b) \"(\" {1}\r\n()", b"~{3}\r\n\0()",
    b"((((((((a))))))))", b"(" * 500 + b")" * 500, b"({2}\r\n\r\n {1}\r\n\")",
])  # fmt: skip
def test_raw_values_are_taken_whole(value):
    cursor = Cursor(value + b" next)", lenient=True)
    assert cursor.raw_value() == value
    assert cursor.starts_with(b" next")


@given(st.lists(st.sampled_from([b"a", b"(", b")", b'"x)"', b"{2}\r\n)(", b" "])).map(b"".join))
def test_raw_lists_balance(octets):
    cursor = Cursor(b"(" + octets + b")")
    try:
        value = cursor.raw_value()
    except DecodeError:
        return
    bare = value.replace(b'"x)"', b"").replace(b"{2}\r\n)(", b"")
    assert bare.count(b"(") == bare.count(b")")
