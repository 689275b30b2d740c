"""SEARCH over what is held, against a model that knows everything and says it plainly."""

import datetime
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imapproxy.offline.refusal import Refused
from imapproxy.offline.search.facts import Facts
from imapproxy.offline.search.program import Program
from imapproxy.offline.search.text import body_of, fields_of
from imapproxy.wire import search_key as key
from imapproxy.wire.decode_command import decode_command
from imapproxy.wire.message_commands import Search
from imapproxy.wire.sequence_set import SequenceSet

EXISTS, LAST_UID = 9, 99
FLAGS = ("\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft", "$Forwarded")
WORDS = ("ape", "bee", "Cat", "ÄRA")
DAYS = [datetime.date(2020, 2, day) for day in range(1, 5)]


@dataclass(frozen=True)
class Message:
    """All about a message; ``held`` is what of it is."""

    number: int
    uid: int
    flags: frozenset[str]
    arrived: datetime.date
    sent: datetime.date
    subject: str
    sender: str
    text: str
    held: frozenset[str] = frozenset(("flags", "date", "size", "header", "whole"))

    @property
    def header(self) -> bytes:
        lines = (
            f"Date: {self.sent.strftime('%a, %d %b %Y')} 23:59:00 -1200",
            f"From: {self.sender}",
            f"Subject: {self.subject}",
            "Content-Type: text/plain; charset=utf-8",
        )
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    @property
    def whole(self) -> bytes:
        return self.header + self.text.encode()

    def facts(self) -> Facts:
        date = self.arrived.strftime('"%d-%b-%Y 00:01:00 +1200"').encode()
        flags = " ".join(sorted(self.flags)).encode()
        return Facts(
            self.number,
            self.uid,
            (
                b"(" + flags + b")" if "flags" in self.held else None,
                date if "date" in self.held else None,
                b"%d" % len(self.whole) if "size" in self.held else None,
            ),
            lambda: self.header if "header" in self.held else None,
            lambda: self.whole if "whole" in self.held else None,
        )


def truth(wanted: key.SearchKey, message: Message) -> bool:
    """RFC 3501 section 6.4.4, of one who knows all."""
    match wanted:
        case key.And(keys=keys):
            return all(truth(one, message) for one in keys)
        case key.Or(keys=keys):
            return any(truth(one, message) for one in keys)
        case key.Not(key=one):
            return not truth(one, message)
        case key.Sequence(numbers=numbers, by_uid=True):
            return numbers.contains(message.uid, LAST_UID)
        case key.Sequence(numbers=numbers):
            return numbers.contains(message.number, EXISTS)
        case key.Contains(where=where, value=value):
            return value.decode().lower() in text_of(where, message).lower()
        case key.Header(name=name, value=value):
            names = {b"SUBJECT": message.subject, b"FROM": message.sender}
            held = names.get(name.upper())
            return held is not None and value.decode().lower() in held.lower()
        case key.Keyword(flag=flag, present=present):
            return (flag.decode().lower() in {one.lower() for one in message.flags}) is present
        case key.On(when=when, date=date):
            mine = message.sent if when.value.startswith("SENT") else message.arrived
            word = when.value.removeprefix("SENT")
            return {"BEFORE": mine < date, "ON": mine == date, "SINCE": mine >= date}[word]
        case key.Number(measure=key.Measure.LARGER, value=value):
            return len(message.whole) > value
        case key.Number(value=value):
            return len(message.whole) < value
    word = wanted.value
    if word in ("ALL", "OLD", "NEW", "RECENT"):
        return word in ("ALL", "OLD")
    flag = "\\" + word.removeprefix("UN").capitalize()
    return (flag in message.flags) is not word.startswith("UN")


def text_of(where: key.In, message: Message) -> str:
    return {
        key.In.SUBJECT: message.subject,
        key.In.FROM: message.sender,
        key.In.BODY: message.text,
        key.In.TEXT: message.whole.decode(),
    }[where]


words = st.lists(st.sampled_from(WORDS), max_size=3).map(" ".join)
messages = st.builds(
    Message,
    st.integers(1, EXISTS),
    st.integers(1, LAST_UID),
    st.frozensets(st.sampled_from(FLAGS)),
    st.sampled_from(DAYS),
    st.sampled_from(DAYS),
    words,
    words,
    words,
)
parts = st.frozensets(st.sampled_from(sorted(Message.held)))
numbers = st.lists(
    st.tuples(st.integers(0, EXISTS), st.integers(0, EXISTS)), min_size=1, max_size=2
).map(lambda ranges: SequenceSet(tuple(ranges)))
needles = st.sampled_from([word[:2].lower().encode() for word in WORDS] + [b"APE", b"bee cat"])
leaves = st.one_of(
    st.sampled_from([one for one in key.Plain if one is not key.Plain.SAVEDATESUPPORTED]),
    st.builds(
        key.Contains,
        st.sampled_from([key.In.SUBJECT, key.In.FROM, key.In.BODY, key.In.TEXT]),
        needles,
    ),
    st.builds(key.Header, st.sampled_from([b"subject", b"From", b"X-None"]), needles),
    st.builds(key.Keyword, st.sampled_from([b"$forwarded", b"other"]), st.booleans()),
    st.builds(
        key.On,
        st.sampled_from([one for one in key.When if not one.value.startswith("SAVED")]),
        st.sampled_from(DAYS),
    ),
    st.builds(
        key.Number,
        st.sampled_from([key.Measure.LARGER, key.Measure.SMALLER]),
        st.integers(100, 160),
    ),
    st.builds(key.Sequence, numbers, st.booleans()),
)
keys = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(key.Not, inner),
        st.builds(key.Or, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(key.And, st.lists(inner, min_size=1, max_size=3).map(tuple)),
    ),
    max_leaves=8,
)


def answer(wanted: key.SearchKey, message: Message) -> bool | None:
    return Program(b"UTF-8", EXISTS, LAST_UID).test(wanted)(message.facts())


@given(keys, messages)
@settings(max_examples=400, deadline=None)
def test_where_all_is_held_the_answer_is_the_truth(wanted, message):
    assert answer(wanted, message) is truth(wanted, message)


@given(keys, messages, parts)
@settings(max_examples=400, deadline=None)
def test_where_not_all_is_held_it_is_the_truth_or_not_known(wanted, message, held):
    assert answer(wanted, replace(message, held=held)) in (None, truth(wanted, message))


@given(keys, messages, parts, st.sampled_from(sorted(Message.held)))
@settings(max_examples=200, deadline=None)
def test_who_knows_more_says_no_less(wanted, message, held, more):
    before = answer(wanted, replace(message, held=held))
    if before is not None:
        assert answer(wanted, replace(message, held=held | {more})) is before


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("OR SEEN BODY x", True),  # is \Seen
        ("UNSEEN BODY x", False),
        ("BODY x", None),
        ("NOT BODY x", None),
        ("NOT (BODY x UNSEEN)", True),
        ("SUBJECT ap", True),
        ("TEXT ap", True),  # in the header
        ("TEXT zz", None),  # in the body, perhaps
    ],
)
def test_what_decides_although_a_body_is_not_held(words, expected):
    seen = frozenset(("\\Seen",))
    message = Message(
        1, 1, seen, DAYS[0], DAYS[0], "ape", "bee", "x", frozenset(("flags", "header"))
    )
    body = decode_command(b"t SEARCH " + words.encode() + b"\r\n").body
    assert isinstance(body, Search)
    assert Program(None, 1, 1).all_of(body.keys)(message.facts()) is expected


@pytest.mark.parametrize(
    "words",
    [
        *("OLDER 5", "MODSEQ 3", "X-GM-RAW a", "EMAILID a", "FILTER a", "FUZZY ALL", "$"),
        *("SAVEDBEFORE 1-Feb-2020", "SAVEDATESUPPORTED", "NOT OLDER 5", "OR ALL MODSEQ 3"),
        *("CHARSET KOI8-R ALL", "4", "1:4", 'SUBJECT "\xff"'),
    ],
)
def test_what_is_not_known_here_is_refused(words):
    body = decode_command(b"t SEARCH " + words.encode("latin-1") + b"\r\n").body
    assert isinstance(body, Search)
    with pytest.raises(Refused):
        Program(body.charset, 3, 9).all_of(body.keys)


# What the standard library's reader of mail has stumbled over, and what it is made of.
odd_mail = st.lists(
    st.sampled_from(
        [
            *(b"Content-Type: multipart/mixed; boundary=b\r\n", b"Content-Type: text/x; charset="),
            *(b"Content-Transfer-Encoding: base64\r\n", b"Content-Type: message/rfc822\r\n"),
            *(b"Content-Transfer-Encoding: uuencode\r\n", b'Content-Type: text/x; charset*="x'),
            *(b"utf-8", b"utf-7", b"idna", b"rot13", b"*0*=", b"''%ff", b"=?", b"?=", b"begin 0 x"),
            *(b"--b", b"\r\n\r\n", b"=?utf-8?b?", b"\r\n ", b"us-ascii'en'a"),
            *(bytes([one]) for one in b'\r\n:=?-; a\xff\x00"()'),
        ]
    ),
    max_size=30,
).map(b"".join)


class TestText:
    @pytest.mark.parametrize(
        ("octets", "text"),
        [
            (b"=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "grüsse"),
            (b"=?utf-8?B?R3LDvA==?= =?iso-8859-1?q?=DFe?=", "grüsse"),
            (b"a =?utf-8?q?b?=\r\n =?utf-8?q?c?= d", "a bc d"),
            ("Grüße".encode(), "grüsse"),
            (b"\xff\xfe", "\ufffd\ufffd"),
            (b"one\r\n\ttwo\r\n  three", "one two  three"),
            (b"=?no-such?q?a?=", "a"),
            (b"=?utf-8?b?!!?=", None),
            (b"=?utf-8?b?=?utf-8?b?=?", "=?utf-8?b?=?utf-8?b?=?"),
            (b"=?utf-8?q?unfinished", "=?utf-8?q?unfinished"),
        ],
    )
    def test_fields(self, octets, text):
        ((name, value),) = fields_of(b"sUBject: " + octets + b"\r\nno field at all\r\n\r\n")
        assert name == b"SUBJECT"
        assert text is None or value == text

    def test_body_is_decoded_part_by_part(self):
        message = (
            b"Subject: outer\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n"
            b"--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\n"
            b"Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=FC=DFe, l=\r\nong\r\n"
            b"--b\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n"
            b"aGVsbG8=\r\n"
            b"--b\r\nContent-Type: image/png\r\n\r\npicture\r\n"
            b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nforwarded\r\n"
            b"--b--\r\n"
        )
        told = body_of(message)
        assert told is not None
        text, headers = told
        assert text.split() == ["grüsse,", "long", "hello", "forwarded"]
        for found in ("subject: inner", "content-type: image/png", "charset=iso-8859-1"):
            assert found in headers
        assert "outer" not in headers

    def test_a_charset_that_is_written_in_parts(self):
        assert body_of(b'Content-Type: text/x; charset*="x\r\n\r\n\xff') == ("\ufffd", "")

    def test_parameters_that_cannot_be_put_in_order(self):
        twice = b"; charset*=us-ascii'en'a; charset*0*=us-ascii'en'a"
        assert body_of(b"Content-Type: text/plain" + twice + b"\r\n\r\na") == ("a", "")
        odd = (
            b"Content-Type: multipart/mixed; boundary=b" + twice + b"\r\n\r\n--b\r\n\r\na\r\n--b--"
        )
        assert body_of(odd) is None

    def test_a_charset_that_is_none(self):
        assert body_of(b"Content-Type: text/x; charset*=\"x\0''%ff\r\n\r\na") == ("a", "")

    def test_what_is_nested_too_deep_is_not_known(self):
        deep = b"".join(
            b"Content-Type: multipart/mixed; boundary=%d\r\n\r\n--%d\r\n" % (n, n)
            for n in range(3000)
        )
        assert body_of(deep) is None

    @given(odd_mail)
    @settings(max_examples=500, deadline=None)
    def test_any_octets(self, octets):
        list(fields_of(octets))
        body_of(octets)
