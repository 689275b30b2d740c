"""What FETCH attributes mean: the name of the answer, the flag they set, whether they change."""

import pytest
from hypothesis import given

from imapproxy.wire.cursor import Cursor
from imapproxy.wire.decode_fetch_att import read_fetch_atts
from imapproxy.wire.encode_fetch_att import encode_fetch_att, encode_fetch_atts
from imapproxy.wire.errors import EncodeError
from imapproxy.wire.fetch_att import Item, Macro, Section, SectionText
from tests.wire import command_strategies


def only(octets: bytes):
    attributes = read_fetch_atts(Cursor(octets + b"\r\n"))
    assert len(attributes) == 1
    return attributes[0]


@pytest.mark.parametrize(("octets", "response_name", "sets_seen", "immutable"), [
    (b"FLAGS", "FLAGS", False, False),
    (b"uid", "UID", False, True),
    (b"ENVELOPE", "ENVELOPE", False, True),
    (b"MODSEQ", "MODSEQ", False, False),
    (b"RFC822", "RFC822", True, True),
    (b"RFC822.PEEK", "RFC822", False, True),
    (b"RFC822.HEADER", "RFC822.HEADER", False, True),
    (b"RFC822.TEXT", "RFC822.TEXT", True, True),
    (b"RFC822.TEXT.PEEK", "RFC822.TEXT", False, True),
    (b"BODY", "BODY", False, True),
    (b"BODY[]", "BODY[]", True, True),
    (b"body.peek[1.2.mime]<5.10>", "BODY[1.2.MIME]<5>", False, True),
    (b"BODY[HEADER.FIELDS.NOT (To)]", "BODY[HEADER.FIELDS.NOT (To)]", True, True),
    (b"BINARY.PEEK[1]", "BINARY[1]", False, True),
    (b"BINARY[]<0.1>", "BINARY[]<0>", True, True),
    (b"BINARY.SIZE[1.2]", "BINARY.SIZE[1.2]", False, True),
    (b"PREVIEW (LAZY)", "PREVIEW", False, False),
    (b"X-GM-LABELS", "X-GM-LABELS", False, False),
    (b"X-FOO[a]", "X-FOO[a]", False, False),
])  # fmt: skip
def test_what_they_mean(octets, response_name, sets_seen, immutable):
    attribute = only(octets)
    assert attribute.response_name == response_name
    assert attribute.sets_seen is sets_seen
    assert attribute.is_immutable is immutable


@given(command_strategies.fetch_atts)
def test_what_is_written_is_read(attribute):
    assert only(encode_fetch_att(attribute)) == attribute


def test_macros():
    assert read_fetch_atts(Cursor(b"fast (X)")) is Macro.FAST
    assert Macro.FULL.items[-2:] == (Item.ENVELOPE, Item.BODY)
    assert encode_fetch_atts(Macro.ALL) == b"ALL"
    assert encode_fetch_atts((Item.UID, Item.FLAGS)) == b"(UID FLAGS)"


def test_field_names():
    fields = Section((), SectionText.HEADER_FIELDS, (b"From", b"X Y"))
    assert fields.encode() == b'HEADER.FIELDS (From "X Y")'
    with pytest.raises(EncodeError):
        Section((), SectionText.HEADER_FIELDS, (b"a\r\nb",)).encode()


def test_field_names_as_literals():
    attribute = only(b'BODY[HEADER.FIELDS ({4}\r\nFrom "To")]')
    assert attribute.section.fields == (b"From", b"To")
