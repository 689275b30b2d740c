"""Patterns of LIST against a naive model."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imapproxy.wire.list_pattern import ListPattern

names = st.lists(st.sampled_from(b"ab./"), max_size=8).map(bytes)
patterns = st.lists(st.sampled_from(b"ab./%*"), max_size=8).map(bytes)


@given(patterns, names, st.sampled_from([b"/", b".", None]))
def test_as_the_naive_model(pattern, name, delimiter):
    not_delimiter = b"." if delimiter is None else b"[^" + delimiter + b"]"
    wildcards = {b"*": b".*", b"%": not_delimiter + b"*"}
    model = b"".join(
        wildcards.get(pattern[at : at + 1], re.escape(pattern[at : at + 1]))
        for at in range(len(pattern))
    )
    expected = re.fullmatch(model, name, re.DOTALL) is not None
    assert ListPattern(pattern, delimiter).matches(name) == expected


@pytest.mark.parametrize(("pattern", "mailbox", "expected"), [
    (b"*", b"a/b", True),
    (b"%", b"a/b", False),
    (b"%", b"a", True),
    (b"a/%", b"a/b", True),
    (b"a/%", b"a/b/c", False),
    (b"%/%", b"a/b", True),
    (b"", b"", True),
    (b"", b"a", False),
    (b"inbox", b"INBOX", True),
    (b"iNb%", b"Inbox", True),
    (b"INBOX", b"inbox", False),
    (b"inbox/a", b"INBOX/a", False),
    (b"a*", b"INBOX", False),
])  # fmt: skip
def test_examples(pattern, mailbox, expected):
    assert ListPattern(pattern, b"/").matches(mailbox) is expected


def test_many_wildcards_take_no_longer():
    assert not ListPattern(b"*a" * 200 + b"b", b"/").matches(b"a" * 5000)
