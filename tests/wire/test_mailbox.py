"""Names of mailboxes on the wire and as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imapproxy.wire.errors import DecodeError, EncodeError
from imapproxy.wire.mailbox import (
    canonical_mailbox,
    decode_mailbox,
    decode_mailbox_lossless,
    encode_mailbox,
    is_inbox,
)

texts = st.text(st.characters(exclude_categories=["Cs"]))

NAMES = [
    (b"", ""),
    (b"INBOX", "INBOX"),
    (b"Entw&APw-rfe", "Entwürfe"),
    (b"&-", "&"),
    (b"a&-b", "a&b"),
    # RFC 3501 section 5.1.3
    (b"~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/台北/日本語"),
    (b"&2D3eAA-", "😀"),
    (b"&AAA-", "\0"),
    (b"&AH8-", "\x7f"),
]


@pytest.mark.parametrize(("wire", "text"), NAMES)
def test_modified_utf7(wire, text):
    assert decode_mailbox(wire) == text
    assert encode_mailbox(text) == wire


@given(texts)
def test_any_text_survives(text):
    for utf8 in (False, True):
        wire = encode_mailbox(text, utf8=utf8)
        assert decode_mailbox(wire, utf8=utf8) == ("INBOX" if text.upper() == "INBOX" else text)


@given(texts)
def test_modified_utf7_is_printable_ascii(text):
    assert all(0x20 <= octet <= 0x7E for octet in encode_mailbox(text))


@pytest.mark.parametrize("wire", [
    b"&",
    b"a&b",
    b"&AGE-",  # "a", which stands for itself
    b"&U,BTFw-&ZeVnLIqe-",  # two shifts where one is enough (RFC 3501 section 5.1.3)
    b"&U-",  # no whole octets
    b"&AOk=-",  # padding
    b"&AO\n-",
    b"&2D0-",  # half a surrogate pair
    b"&AOl-",  # bits that are left over are not zero
    b"\xc3\xa9",
    b"a\x01",
])  # fmt: skip
def test_what_is_not_modified_utf7(wire):
    with pytest.raises(DecodeError):
        decode_mailbox(wire)
    text = decode_mailbox_lossless(wire)
    assert encode_mailbox(text) == wire
    assert encode_mailbox(text, utf8=True) == wire


def test_utf8():
    assert decode_mailbox("é&".encode(), utf8=True) == "é&"
    assert encode_mailbox("é&", utf8=True) == "é&".encode()
    with pytest.raises(DecodeError):
        decode_mailbox(b"\xff", utf8=True)


@given(st.binary())
def test_any_octets_survive_the_lossless_way(wire):
    for utf8 in (False, True):
        again = encode_mailbox(decode_mailbox_lossless(wire, utf8=utf8), utf8=utf8)
        assert again == canonical_mailbox(wire)


@pytest.mark.parametrize("name", ["\ud800", "é\udc26"])
def test_text_that_is_no_name(name):
    with pytest.raises(EncodeError):
        encode_mailbox(name)


def test_inbox_in_any_case_and_alone():
    assert is_inbox(b"iNbOx")
    assert not is_inbox(b"INBOX/x")
    assert canonical_mailbox(b"inbox") == b"INBOX"
    assert canonical_mailbox(b"Inbox/x") == b"Inbox/x"
    assert encode_mailbox("inbox") == b"INBOX"
