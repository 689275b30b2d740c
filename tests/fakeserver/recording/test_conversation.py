"""Conversations as text, and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakeserver.conversation import (
    Conversation,
    ConversationMistake,
    lines_of,
    parse_conversations,
    text_of,
)

TEXT = """== connection 1, imap
S: * OK ready
C: a FETCH 1 (FLAGS BODY[])
S: * 1 FETCH (FLAGS (\\Seen) BODY[] {12}
S: caf\\xe9 é\\x0a\\x0b
S: \\x5cx41)
S. a O

== connection 2, imaps
S: * BYE
"""


def test_text() -> None:
    first, second = parse_conversations(TEXT)
    assert first.title == "connection 1, imap"
    assert first.entries[3:5] == [("S", b"caf\xe9 \xc3\xa9\n\x0b\r\n"), ("S", b"\\x41)\r\n")]
    assert first.entries[-1] == ("S", b"a O")
    assert second.entries == [("S", b"* BYE\r\n")]
    assert text_of([first, second]) == TEXT


def test_comments_and_no_title() -> None:
    assert parse_conversations("# by hand\n\nS: * OK\nC:\n") == [
        Conversation("connection", [("S", b"* OK\r\n"), ("C", b"\r\n")])
    ]


def test_what_is_none() -> None:
    with pytest.raises(ConversationMistake, match="line 2: neither C: nor S:, but 'X: '"):
        parse_conversations("S: * OK\nX: \n")


@given(st.lists(st.tuples(st.sampled_from("CS"), st.binary(min_size=1)), min_size=1))
def test_any_octets_come_back(chunks: list[tuple[str, bytes]]) -> None:
    entries = lines_of(chunks)
    assert b"".join(octets for _, octets in entries) == b"".join(octets for _, octets in chunks)
    (back,) = parse_conversations(text_of([Conversation("any", entries)]))
    assert back.entries == entries
