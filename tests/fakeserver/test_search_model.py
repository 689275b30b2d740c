r"""SEARCH, SORT and sequence sets against a model that goes by the words of RFC 3501 alone.

The model knows what each message was made of, and never looks at octets.
"""

import datetime
from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fakeserver.peers import MemoryPeer
from tests.fakeserver.talk import ask, logged_in, new_home

_FLAGS = ("\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft", "work")
_WORDS = ("apple", "Pear", "fig", "KIWI", "plum tree")
_NAMES = ("ada", "bob", "Cy")


@dataclass(frozen=True)
class Mail:
    """What a message is made of. ``sent`` is a day of January 2020, or none."""

    flags: frozenset[str]
    arrived: int
    sent: int | None
    sender: str
    subject: str
    body: str
    padding: int

    @property
    def octets(self) -> bytes:
        """The message."""
        date = "" if self.sent is None else f"Date: {self.sent} Jan 2020 12:00:00 +0000\r\n"
        return (
            f"From: {self.sender}@example.org\r\nSubject: {self.subject}\r\n{date}"
            f"X-Padding: {'-' * self.padding}\r\n\r\n{self.body}\r\n"
        ).encode()

    @property
    def arrival(self) -> datetime.datetime:
        """INTERNALDATE."""
        return datetime.datetime(2020, 1, self.arrived, 12, tzinfo=datetime.UTC)


mails = st.builds(
    Mail,
    flags=st.frozensets(st.sampled_from(_FLAGS), max_size=4),
    arrived=st.integers(1, 9),
    sent=st.none() | st.integers(1, 9),
    sender=st.sampled_from(_NAMES),
    subject=st.sampled_from(_WORDS),
    body=st.sampled_from(_WORDS),
    padding=st.integers(0, 3),
)
mailboxes = st.lists(mails, min_size=1, max_size=8)


@dataclass(frozen=True)
class Found:
    """A message under its number and UID, among ``count``; ``last_uid`` is the largest."""

    mail: Mail
    number: int
    uid: int
    count: int
    last_uid: int


Key = tuple[str, Callable[[Found], bool]]


def _in(text: str, *where: str) -> bool:
    return any(text.lower() in one.lower() for one in where)


def _header(mail: Mail) -> str:
    return mail.octets.decode().partition("\r\n\r\n")[0]


def _flag_key(flag: str) -> list[Key]:
    if not flag.startswith("\\"):
        return [
            (f"KEYWORD {flag.upper()}", lambda found: flag in found.mail.flags),
            (f"UNKEYWORD {flag}", lambda found: flag not in found.mail.flags),
        ]
    return [
        (flag[1:].upper(), lambda found: flag in found.mail.flags),
        (f"UN{flag[1:].upper()}", lambda found: flag not in found.mail.flags),
    ]


def _day_keys(day: int) -> list[Key]:
    date = f"{day}-Jan-2020"
    return [
        (f"ON {date}", lambda found: found.mail.arrived == day),
        (f"BEFORE {date}", lambda found: found.mail.arrived < day),
        (f"SINCE {date}", lambda found: found.mail.arrived >= day),
        (f"SENTON {date}", lambda found: found.mail.sent == day),
        (f"SENTBEFORE {date}", lambda found: found.mail.sent is not None and found.mail.sent < day),
        (f"SENTSINCE {date}", lambda found: found.mail.sent is not None and found.mail.sent >= day),
    ]


def _text_keys(word: str) -> list[Key]:
    return [
        (f'SUBJECT "{word}"', lambda found: _in(word, found.mail.subject)),
        (f'BODY "{word}"', lambda found: _in(word, found.mail.body)),
        (f'TEXT "{word}"', lambda found: _in(word, _header(found.mail), found.mail.body)),
        (f'FROM "{word}"', lambda found: _in(word, f"{found.mail.sender}@example.org")),
        (f'HEADER Subject "{word}"', lambda found: _in(word, found.mail.subject)),
        (f'TO "{word}"', lambda found: False),
    ]


def _size_keys(size: int) -> list[Key]:
    return [
        (f"LARGER {size}", lambda found: len(found.mail.octets) > size),
        (f"SMALLER {size}", lambda found: len(found.mail.octets) < size),
    ]


@st.composite
def _sets(draw: st.DrawFn) -> tuple[str, Callable[[int, int], bool]]:
    """A sequence set, and whether a number is in it where the largest is so much."""
    place = st.integers(1, 10) | st.just(0)
    parts = draw(st.lists(st.tuples(place, st.none() | place), min_size=1, max_size=3))
    text = ",".join(
        (f"{low or '*'}" if high is None else f"{low or '*'}:{high or '*'}") for low, high in parts
    )

    def is_in(number: int, largest: int) -> bool:
        for low, high in parts:
            ends = sorted((low or largest, (low if high is None else high) or largest))
            if ends[0] <= number <= ends[1]:
                return True
        return False

    return text, is_in


def _set_key(drawn: tuple[str, Callable[[int, int], bool]], *, by_uid: bool) -> Key:
    text, is_in = drawn
    if by_uid:
        return f"UID {text}", lambda found: is_in(found.uid, found.last_uid)
    return text, lambda found: is_in(found.number, found.count)


simple_keys = st.one_of(
    st.just(("ALL", lambda found: True)),
    st.sampled_from([key for flag in _FLAGS for key in _flag_key(flag)]),
    st.integers(1, 9).flatmap(lambda day: st.sampled_from(_day_keys(day))),
    st.sampled_from((*_WORDS, *_NAMES, "example", "PEA", "")).flatmap(
        lambda word: st.sampled_from(_text_keys(word))
    ),
    st.integers(70, 130).flatmap(lambda size: st.sampled_from(_size_keys(size))),
    st.builds(_set_key, _sets(), by_uid=st.booleans()),
)


def _compound(keys: st.SearchStrategy[Key]) -> st.SearchStrategy[Key]:
    def negated(key: Key) -> Key:
        return f"NOT {key[0]}", lambda found: not key[1](found)

    def either(one: Key, other: Key) -> Key:
        return f"OR {one[0]} {other[0]}", lambda found: one[1](found) or other[1](found)

    def both(one: Key, other: Key) -> Key:
        return f"({one[0]} {other[0]})", lambda found: one[1](found) and other[1](found)

    return st.builds(negated, keys) | st.builds(either, keys, keys) | st.builds(both, keys, keys)


programs = st.recursive(simple_keys, _compound, max_leaves=5)


def _open(mailbox: list[Mail], gone: set[int]) -> tuple[MemoryPeer, list[Found]]:
    """A client that has the mailbox selected, from which some messages were expunged."""
    home = new_home()
    for mail in mailbox:
        flags = [flag.encode() for flag in mail.flags]
        home.server.deliver(mail.octets, flags=flags, internal_date=mail.arrival)
    home.server.expunge([uid for uid in gone if uid <= len(mailbox)])
    kept = [(uid, mail) for uid, mail in enumerate(mailbox, 1) if uid not in gone]
    peer = logged_in(home)
    ask(peer, b"SELECT INBOX")
    last = kept[-1][0] if kept else 0
    return peer, [
        Found(mail, number, uid, len(kept), last) for number, (uid, mail) in enumerate(kept, 1)
    ]


def _numbers(responses: list[bytes], name: bytes) -> list[int]:
    assert responses[-1].startswith(b"t OK"), responses
    told = next(one for one in responses if one.startswith(b"* " + name))
    return [int(number) for number in told.split()[2:]]


gone = st.sets(st.integers(1, 8), max_size=3)
modest = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@given(mailboxes, gone, st.lists(programs, min_size=1, max_size=3))
@modest
def test_search(mailbox: list[Mail], expunged: set[int], keys: list[Key]) -> None:
    peer, found = _open(mailbox, expunged)
    program = " ".join(text for text, _ in keys).encode()
    wanted = [one for one in found if all(test(one) for _, test in keys)]
    assert _numbers(ask(peer, b"SEARCH " + program), b"SEARCH") == [one.number for one in wanted]
    assert _numbers(ask(peer, b"UID SEARCH " + program), b"SEARCH") == [one.uid for one in wanted]


@given(mailboxes, gone, _sets())
@modest
def test_sets_of_uids(
    mailbox: list[Mail], expunged: set[int], drawn: tuple[str, Callable[[int, int], bool]]
) -> None:
    peer, found = _open(mailbox, expunged)
    text, is_in = drawn
    responses = ask(peer, f"UID FETCH {text} UID".encode())
    told = [int(one.split()[-1].rstrip(b")")) for one in responses[:-1]]
    assert told == [one.uid for one in found if is_in(one.uid, one.last_uid)]


@given(mailboxes, gone, _sets())
@modest
def test_sets_of_numbers(
    mailbox: list[Mail], expunged: set[int], drawn: tuple[str, Callable[[int, int], bool]]
) -> None:
    peer, found = _open(mailbox, expunged)
    text, is_in = drawn
    responses = ask(peer, f"FETCH {text} UID".encode())
    named = [int(one) for one in text.replace("*", "1").replace(",", ":").split(":")]
    if not found or max(named) > len(found):
        # A number that is not there is a mistake of the client.
        assert responses[-1].startswith(b"t BAD")
        return
    told = [int(one.split()[1]) for one in responses[:-1]]
    assert told == [one.number for one in found if is_in(one.number, one.count)]


_SORTS: dict[str, Callable[[Found], object]] = {
    "ARRIVAL": lambda found: found.mail.arrived,
    # RFC 5256 section 2.2: without a date of its own, the one on which it came.
    "DATE": lambda found: found.mail.sent or found.mail.arrived,
    "SIZE": lambda found: len(found.mail.octets),
    "SUBJECT": lambda found: found.mail.subject.lower(),
    "FROM": lambda found: found.mail.sender.lower(),
}


@given(
    mailboxes,
    gone,
    st.lists(st.tuples(st.sampled_from(list(_SORTS)), st.booleans()), min_size=1, max_size=3),
)
@modest
def test_sort(mailbox: list[Mail], expunged: set[int], criteria: list[tuple[str, bool]]) -> None:
    peer, found = _open(mailbox, expunged)
    text = " ".join(f"REVERSE {name}" if reverse else name for name, reverse in criteria)
    wanted = list(found)
    # The last criterion first: sorting keeps the order of what is equal.
    for name, reverse in reversed(criteria):
        wanted.sort(key=_SORTS[name], reverse=reverse)  # type: ignore[arg-type]
    told = _numbers(ask(peer, f"SORT ({text}) UTF-8 ALL".encode()), b"SORT")
    assert told == [one.number for one in wanted]
