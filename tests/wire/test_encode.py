"""What cannot be said is refused; nothing that is said can end its line early."""

import datetime

import pytest

from imapproxy.wire import commands as c
from imapproxy.wire import fetch_items as fi
from imapproxy.wire import response_code as rc
from imapproxy.wire import responses as r
from imapproxy.wire import search_key as k
from imapproxy.wire.encode_command import command_name, encode_command
from imapproxy.wire.encode_response import encode_response
from imapproxy.wire.envelope import Envelope
from imapproxy.wire.errors import EncodeError
from imapproxy.wire.fetch_att import OpaqueAtt
from imapproxy.wire.responses import Condition
from imapproxy.wire.secret import Secret
from imapproxy.wire.sequence_set import SequenceSet
from imapproxy.wire.strings import LiteralPart

ONE = SequenceSet.decode(b"1")


@pytest.mark.parametrize("body", [
    c.Authenticate("PLAIN", Secret(b"x\r\na DELETE y")),
    c.Select(b"x", parameters=(c.Parameter("X", b"1\r\na DELETE y"),)),
    c.Fetch(ONE, (OpaqueAtt(b"X\r\na DELETE y"),)),
    c.Search((k.Plain.ALL,), return_options=(k.ReturnOption("X", b"1\r\n2"),)),
    c.Opaque("X", b"X\r\na DELETE y\r\n"),
    c.Opaque("X", b"X"),
    c.Enable(("X\r\nY",)),
    c.List(b"", (b"x",), ("A\r\nB",)),
    c.Status(b"x", ("A\r\nB",)),
])  # fmt: skip
def test_no_command_in_a_command(body):
    with pytest.raises(EncodeError):
        encode_command(c.Command(b"a", body))


@pytest.mark.parametrize("body", [
    c.Login(b"a\0b", Secret(b"x")),
    c.Store(ONE, c.StoreAction.ADD, (b"a b",)),
    c.Search(()),
    c.Search((k.Or((k.Plain.ALL,)),)),
    c.Search((k.Keyword(b"a b"),)),
    c.Append(b"x", (c.AppendMessage(b"", None, datetime.datetime(2020, 1, 1)),)),
])  # fmt: skip
def test_commands_without_a_form(body):
    with pytest.raises(EncodeError):
        encode_command(c.Command(b"a", body))


@pytest.mark.parametrize("tag", [b"", b"a b", b"+", b"a\r\n", b"*"])
def test_tags_without_a_form(tag):
    with pytest.raises(EncodeError):
        encode_command(c.Command(tag, c.Noop()))


def test_literals_inside_of_what_is_opaque_are_parts():
    parameters = (c.Parameter("X", b"({3}\r\n\r\n))"),)
    assert encode_command(c.Command(b"a", c.Select(b"x", parameters=parameters))) == (
        b"a SELECT x (X (",
        LiteralPart(b"\r\n)"),
        b"))\r\n",
    )
    assert encode_command(c.Command(b"a", c.Opaque("X", b"X ~{2+}\r\n\0\n y\r\n"))) == (
        b"a X ",
        LiteralPart(b"\0\n", binary=True),
        b" y\r\n",
    )


def test_names_of_commands():
    assert command_name(c.Fetch(ONE, (), by_uid=True)) == "UID FETCH"
    assert command_name(c.Expunge(ONE)) == "UID EXPUNGE"
    assert command_name(c.Expunge()) == "EXPUNGE"
    assert command_name(c.GetQuotaRoot(b"x")) == "GETQUOTAROOT"
    assert command_name(c.Opaque("UID FOO", b"")) == "UID FOO"


@pytest.mark.parametrize("response", [
    r.StatusResponse(Condition.OK, b"a\r\nb"),
    r.StatusResponse(Condition.OK, b"a", rc.OpaqueCode("X", b"a\r\nb")),
    r.StatusResponse(Condition.OK, b"a", rc.StringCode("BADURL", b"a\nb")),
    r.StatusResponse(Condition.OK, b"a", rc.BadCharset((b"\xff",))),
    r.StatusResponse(Condition.OK, b"a", rc.Word("A B")),
    r.ContinuationRequest(b"a\r\nb"),
    r.ListData(b"x", b"//"),
    r.ListData(b"a\0", b"/"),
    r.FlagsData((b"a b",)),
    r.ThreadData((r.ThreadNode(()),)),
])  # fmt: skip
def test_responses_without_a_form(response):
    with pytest.raises(EncodeError):
        encode_response(response)


def test_there_is_always_some_text():
    response = r.StatusResponse(Condition.OK, code=rc.READ_ONLY, tag=b"a")
    assert encode_response(response) == b"a OK [READ-ONLY] Done\r\n"


def test_a_bracket_in_a_code_is_quoted():
    code = rc.StringCode("BADURL", b"/a]b")
    encoded = encode_response(r.StatusResponse(Condition.NO, b"x", code))
    assert encoded == b'* NO [BADURL "/a]b"] x\r\n'


def test_items_of_fetch():
    moment = datetime.datetime(2020, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
    items = (
        fi.number_item("UID", 7),
        fi.mod_seq_item(9),
        fi.flags_item([b"\\Seen"]),
        fi.date_item("INTERNALDATE", moment),
        fi.date_item("SAVEDATE", None),
        fi.envelope_item(Envelope(subject=b"a\xffb")),
        fi.string_item("PREVIEW", None),
        fi.literal_item("BINARY[1]", b"\0", binary=True),
        fi.object_id_item("EMAILID", b"M1"),
        fi.object_id_item("THREADID", None),
    )
    assert encode_response(r.FetchData(3, items)) == (
        b'* 3 FETCH (UID 7 MODSEQ (9) FLAGS (\\Seen) INTERNALDATE "02-Jan-2020 03:04:05 +0000" '
        b"SAVEDATE NIL ENVELOPE (NIL {3}\r\na\xffb NIL NIL NIL NIL NIL NIL NIL NIL) PREVIEW NIL "
        b"BINARY[1] ~{1}\r\n\0 EMAILID (M1) THREADID NIL)\r\n"
    )
