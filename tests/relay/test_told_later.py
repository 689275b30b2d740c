"""What is read later is what was told, wherever the reads begin and end."""

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imapproxy.cache.store import Form, Mailbox, Need
from imapproxy.relay.told_later import whole_responses
from tests.relay.cached import ACCOUNT, Cached

INBOX = Mailbox(ACCOUNT, b"INBOX", b"", 7)
BODY = Need(("",))
ALL = 1, 2**32 - 1
# Octets that look like what the reading goes by.
_TRAPS = [
    b"* 2 FETCH (UID 99 BODY[] {3}\r\n",
    b")\r\n",
    b"{5}\r\n",
    b"\r\n",
    b"\n",
    b"}\r\n",
    b"\0",
]
bodies = st.lists(st.sampled_from(_TRAPS) | st.binary(max_size=40), max_size=6).map(b"".join)
envelopes = st.sampled_from(
    [b'("d" "s" NIL)', b"(NIL ((NIL NIL a b)))", b"({4}\r\n\r\n) NIL ())", b'("{3}" NIL)']
)
messages = st.lists(st.tuples(bodies, envelopes, st.booleans(), st.booleans()), max_size=8)


def response(number: int, body: bytes, envelope: bytes, uid_first: bool, news: bool) -> bytes:
    items = [b"RFC822.SIZE %d" % (len(body) + 1), b"ENVELOPE " + envelope]
    items.append(b"BODY[] {%d}\r\n%b" % (len(body), body))
    items.insert(0 if uid_first else 2, b"UID %d" % (10 + number))
    told = b"* %d FETCH (%b)\r\n" % (number, b" ".join(items))
    return told + b"* %d FETCH (FLAGS ())\r\n" % number if news else told


@given(told=messages, sizes=st.lists(st.integers(1, 300), min_size=1, max_size=8))
def test_it_is_what_was_told(told, sizes):
    cached = Cached()
    talk = cached.talk()
    talk.client.dataReceived(b"s SELECT INBOX\r\n")
    exists = len(told) + 1
    head = b"* %d EXISTS\r\n* OK [UIDVALIDITY 7] .\r\n* OK [UIDNEXT 99] .\r\n" % exists
    talk.upstream.dataReceived(head + b"s OK .\r\n")
    talk.client.dataReceived(b"f UID FETCH 1:* (RFC822.SIZE ENVELOPE BODY.PEEK[])\r\n")
    talk.client_wire.take()
    stream = b"".join(response(n, *each) for n, each in enumerate(told, 1))
    at = turn = 0
    while at < len(stream):
        size = sizes[turn % len(sizes)]
        talk.upstream.dataReceived(stream[at : at + size])
        at, turn = at + size, turn + 1
    assert talk.client_wire.take() == stream
    reader = cached.store.reader
    names = ("RFC822.SIZE", "ENVELOPE")
    assert reader.attributes(INBOX, names, *ALL) == [
        (10 + n, b"%d" % (len(body) + 1), envelope)
        for n, (body, envelope, *_) in enumerate(told, 1)
    ]
    sections = reader.sections(INBOX, BODY, *ALL, 2**40)
    assert [(s.uid, s.form, s.data) for s in sections] == [
        (10 + n, Form.LITERAL, body) for n, (body, *_) in enumerate(told, 1)
    ]


def test_many_are_followed_by_where_they_begin():
    one, two = (
        response(3, b"}\r\n", b"({1}\r\nx)", True, False),
        response(4, b"", b"()", True, False),
    )
    places = whole_responses(one + two + b"* 9 EXISTS\r\n", 0)
    end = len(one + two)
    assert places == ([0, len(one)], end, array("I", [3, 4]), array("I", [13, 14]))


@pytest.mark.parametrize(
    "other",
    [
        b"* 3 FETCH (FLAGS () UID 13)\r\n",
        b"* 3 fetch (UID 13)\r\n",
        b"* 3 FETCH (UID 013)\r\n",
        b"* 3 EXPUNGE\r\n",
        b"* 3 FETCH (UID 13 BODY[] {99999999999}\r\n",
    ],
)
def test_it_ends_in_front_of_what_is_different(other):
    one = b"* 2 FETCH (UID 12 FLAGS ())\r\n"
    places = whole_responses(one + other, 0)
    assert (places.starts, places.end) == ([0], len(one))


@pytest.mark.parametrize(
    "second",
    [
        b"* 2 FETCH (UID 12 BODY[] {1}\r\nb UID 13)\r\n",  # two UIDs
        b"* 2 FETCH (UID 11 BODY[] {1}\r\nb)\r\n",  # the UID of another
        b"* 1 FETCH (UID 12 BODY[] {1}\r\nb)\r\n",  # another UID of the same
        b"* 4 FETCH (UID 12 BODY[] {1}\r\nb)\r\n",  # a message that is not there
        b"* 2 FETCH (UID 12 BODY[] {1}\r\nb)\r\n* 3 FETCH (UID 13)\r\n* 4 FETCH (UID 14)\r\n",
        b"* 0 FETCH (UID 12 BODY[] {1}\r\nb)\r\n",
    ],
)
def test_of_what_contradicts_itself_nothing_is_kept(second):
    cached = Cached()
    talk = cached.talk()
    talk.client.dataReceived(b"s SELECT INBOX\r\n")
    head = b"* 3 EXISTS\r\n* OK [UIDVALIDITY 7] .\r\n* OK [UIDNEXT 99] .\r\n"
    talk.upstream.dataReceived(head + b"s OK .\r\n")
    talk.client.dataReceived(b"f FETCH 1:3 (UID BODY.PEEK[])\r\n")
    talk.upstream.dataReceived(b"* 3 FETCH (UID 13 BODY[] {1}\r\nc)\r\n")  # shows the shape
    talk.client_wire.take()
    run = b"* 1 FETCH (UID 11 BODY[] {1}\r\na)\r\n" + second
    talk.upstream.dataReceived(run)
    assert talk.client_wire.take() == run
    sections = cached.store.reader.sections(INBOX, BODY, *ALL, 2**40)
    assert (12, b"b") not in [(s.uid, s.data) for s in sections]
