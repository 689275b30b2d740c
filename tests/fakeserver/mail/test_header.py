"""Headers cut into fields, and single fields looked for: two ways, one answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakeserver.mail.header import Header, find_body, split_fields
from fakeserver.mail.message import Message

headers = st.lists(
    st.sampled_from(
        [
            b"Subject: a",
            b"subject : b",
            b" more",
            b"\tmore: c",
            b"no colon",
            b"X-Subject: d",
            b"Subject:",
            b":",
            b"Subject",
            b"\r",
            b"To: Subject: e",
        ]
    ),
    max_size=8,
).flatmap(lambda lines: st.sampled_from([b"\r\n".join(lines), b"\n".join(lines)]))


@given(octets=headers, name=st.sampled_from([b"subject", b"to", b"x-subject"]))
def test_one_field_is_the_same_either_way(octets: bytes, name: bytes) -> None:
    cut = Header(octets)
    assert b"".join(field.octets for field in cut.fields) in octets or b"\n\r" in octets
    assert Header(octets).values(name) == cut.values(name)


@pytest.mark.parametrize(
    ("octets", "body"),
    [
        (b"a: b\r\n\r\nc", 8),
        (b"a: b\n\nc", 6),
        (b"a: b\n\r\nc", 7),
        (b"\r\nc", 2),
        (b"\nc", 1),
        (b"a: b\r\n", 6),
        (b"a: b", 4),
        (b"", 0),
    ],
)
def test_where_the_body_begins(octets: bytes, body: int) -> None:
    assert find_body(octets, 0, len(octets)) == body


def test_fields_keep_their_octets() -> None:
    octets = b"A: 1\r\n 2\r\nno colon\r\nB :3\r\n\r\n"
    fields = split_fields(octets)
    assert [field.octets for field in fields] == [b"A: 1\r\n 2\r\n", b"no colon\r\n", b"B :3\r\n"]
    assert [field.name for field in fields] == [b"A", b"", b"B"]
    assert [field.value for field in fields] == [b" 1\r\n 2", b"no colon", b"3"]


def test_texts_are_decoded_once_for_each_name() -> None:
    message = Message(b"Subject: =?utf-8?q?caf=C3=A9?=\r\nsubject: TWO\r\n\r\n")
    assert message.field_texts(b"subject") == ["CAFE\u0301", "TWO"]
    assert message.field_texts(b"subject") is message.field_texts(b"subject")
    assert message.field_texts(b"to") == []
