"""Flags, dates, capabilities, secrets and tokens."""

import datetime
import pickle

import pytest
from hypothesis import given

from imapproxy.wire.capability import Capabilities
from imapproxy.wire.cursor import Cursor
from imapproxy.wire.dates import encode_date, encode_date_time, read_date, read_date_time
from imapproxy.wire.errors import DecodeError, EncodeError
from imapproxy.wire.flags import (
    SEEN,
    encode_flag,
    encode_flags,
    flag_key,
    read_flags,
    usual_spelling,
)
from imapproxy.wire.secret import Secret
from imapproxy.wire.tokens import Atom, Text, decode_tokens
from tests.wire import strategies

UTC = datetime.UTC


def test_flags_have_their_usual_spelling():
    assert usual_spelling(b"\\sEEn") is SEEN
    assert usual_spelling(b"seen") == b"seen"
    assert usual_spelling(b"\\Foo") == b"\\Foo"
    assert flag_key(b"$Junk") == flag_key(b"$JUNK")


def test_flags_on_the_wire():
    assert encode_flag(b"\\*") == b"\\*"
    for wrong in (b"", b"\\", b"a b", b"a)", b"a]", b"\\\\a", b"a\\", b"a\r\n"):
        with pytest.raises(EncodeError):
            encode_flag(wrong)
    assert encode_flags([b"a]", b"\\Seen"]) == b"(a] \\Seen)"
    for wrong in (b"", b"a b", b"a)", b'"', b"a\r\n"):
        with pytest.raises(EncodeError):
            encode_flags([wrong])


def test_flags_of_servers():
    assert read_flags(Cursor(b"(\\seen  x]y )")) == (b"\\Seen", b"x]y")
    assert read_flags(Cursor(b"()")) == ()
    with pytest.raises(DecodeError):
        read_flags(Cursor(b"(a"))


@given(strategies.moments)
def test_date_times(moment):
    encoded = encode_date_time(moment)
    assert read_date_time(Cursor(encoded)) == moment
    assert len(encoded) == 28


@given(strategies.dates)
def test_dates(date):
    encoded = encode_date(date)
    assert read_date(Cursor(encoded)) == date
    assert read_date(Cursor(b'"%b"' % encoded)) == date


def test_a_day_of_one_digit_has_a_space():
    read = read_date_time(Cursor(b'" 1-jan-2020 00:00:00 -0000"'))
    assert read == datetime.datetime(2020, 1, 1, tzinfo=UTC)


def test_a_leap_second():
    assert read_date_time(Cursor(b'"31-Dec-2016 23:59:60 +0000"')).second == 59


@pytest.mark.parametrize("octets", [
    b'"1-Jan-2020 00:00:00 +0000"', b'"01-Jan-2020 00:00:00"', b'"01-Jan-2020 24:00:00 +0000"',
    b'"32-Jan-2020 00:00:00 +0000"', b'"29-Feb-2019 00:00:00 +0000"',
    b'" 0-Jan-2020 00:00:00 +0000"',
    b'"01-Jan-2020 00:00:00 +2400"', b'"01-Jan-2020 00:00:00 +0060"',
    b'"01-Jan-0000 00:00:00 +0000"',
    b'"01-Foo-2020 00:00:00 +0000"', b'"01-Jan-2020 00:00:61 +0000"', b"01-Jan-2020 00:00:00 +0000",
])  # fmt: skip
def test_no_date_time(octets):
    with pytest.raises(DecodeError):
        read_date_time(Cursor(octets))


@pytest.mark.parametrize("octets", [b"", b"1-Jan", b"31-Feb-2020", b'"1-Jan-2020', b"001-Jan-2020",
                                    b"1-Jan-20", b" 1-Jan-2020", b"0-Jan-2020"])  # fmt: skip
def test_no_date(octets):
    with pytest.raises(DecodeError):
        read_date(Cursor(octets))


def test_a_date_time_needs_its_zone():
    with pytest.raises(EncodeError):
        encode_date_time(datetime.datetime(2020, 1, 1))


def test_capabilities():
    caps = Capabilities.decode(b" IMAP4rev1 AUTH=PLAIN auth=login imap4REV1 X-\xff APPENDLIMIT=99 ")
    assert "imap4rev1" in caps
    assert "AUTH=LOGIN" in caps
    assert 5 not in caps
    assert list(caps) == ["IMAP4rev1", "AUTH=PLAIN", "auth=login", "X-", "APPENDLIMIT=99"]
    assert len(caps) == 5
    assert caps.auth_mechanisms == ("PLAIN", "LOGIN")
    assert caps.append_limit == 99
    assert list(caps.without("auth=", "x-")) == ["IMAP4rev1", "APPENDLIMIT=99"]
    assert list(caps.without("AUTH=PLAIN").with_added("AUTH=LOGIN", "ID"))[-1] == "ID"
    assert Capabilities(["a", "B"]) == Capabilities(["b", "A"])
    assert hash(Capabilities(["a", "B"])) == hash(Capabilities(["b", "A"]))
    assert Capabilities(["a"]) != "a"
    assert repr(Capabilities(["a"])) == "Capabilities(['a'])"
    assert Capabilities().encode() == b""


@pytest.mark.parametrize(("names", "style"), [
    (["IMAP4rev1"], "sync"), (["LITERAL+"], "plus"), (["LITERAL-"], "minus"),
    (["IMAP4rev2"], "minus"), (["LITERAL-", "LITERAL+"], "plus"),
])  # fmt: skip
def test_literal_style(names, style):
    assert Capabilities(names).literal_style == style


@pytest.mark.parametrize("limit", ["APPENDLIMIT", "APPENDLIMIT=", "APPENDLIMIT=x",
                                   "APPENDLIMIT=\u0663"])  # fmt: skip
def test_no_append_limit(limit):
    assert Capabilities([limit]).append_limit is None


def test_secrets_show_themselves_to_nobody():
    secret = Secret(b"hunter2")
    assert "hunter2" not in f"{secret!r} {secret} {[secret]}"
    assert secret.reveal() == b"hunter2"
    assert secret == Secret(b"hunter2")
    assert secret != Secret(b"hunter3")
    assert secret != b"hunter2"
    assert not Secret(b"")
    with pytest.raises(TypeError):
        pickle.dumps(secret)


def test_tokens():
    read = decode_tokens(b' a "b c" (1 NIL ({2}\r\n\r\n)) ()\r\n')
    assert read == (
        Atom(b"a"),
        Text(b"b c"),
        (Atom(b"1"), Atom(b"NIL"), (Text(b"\r\n"),)),
        (),
    )
    for wrong in (b"(", b")", b'"', b"{5}\r\na"):
        with pytest.raises(DecodeError):
            decode_tokens(wrong)
