"""Search keys (RFC 9051 section 6.4.4) compiled into one function of a message.

A key costs nothing until it is needed: all keys of a list are tried in the client's order, and the
first that does not match ends it.
"""

import datetime
from collections.abc import Callable, Iterable
from typing import NamedTuple

from fakeserver.gmail import number_of as gmail_number
from fakeserver.mail.collation import casemap
from fakeserver.store.mailbox import StoredMessage
from fakeserver.store.view import View
from imapproxy.wire.flags import flag_key
from imapproxy.wire.search_key import (
    And,
    Contains,
    Fuzzy,
    Header,
    In,
    Keyword,
    Measure,
    ModSeq,
    Not,
    Number,
    ObjectId,
    On,
    Or,
    Plain,
    SearchKey,
    Sequence,
    When,
)
from imapproxy.wire.sequence_set import intersect, numbers_of


class UnknownKey(Exception):
    """The key belongs to an extension that this server does not have. ``str()`` is its name."""


class NumbersRefused(Exception):
    """A message number, where there are UIDs alone."""


class BadText(Exception):
    """A string is not of the charset that the command names."""


class Candidate(NamedTuple):
    """A message under the number that the session knows it by."""

    number: int
    message: StoredMessage


Test = Callable[[Candidate], bool]

# Not in IMAP4rev2 (RFC 9051 appendix E, item 12).
_OF_RECENT = (Plain.NEW, Plain.OLD, Plain.RECENT)


class Compiler:
    """Makes tests out of keys, for one command in one session.

    ``charset`` is a name that Python knows. ``now`` is what OLDER and YOUNGER count from.
    ``extensions`` are capabilities in upper case that keys of theirs need.
    """

    def __init__(
        self, view: View, charset: str, now: datetime.datetime, extensions: frozenset[str]
    ) -> None:
        self.view = view
        self.charset = charset
        self.now = now
        self.extensions = extensions
        # Whether there are no message numbers (RFC 9586), and whether they stand for the messages
        # that have them now (RFC 5267 section 4.3).
        self.uids_only = False
        self.numbers_stay = False
        # Whether a message has a label of Gmail's.
        self.has_label: Callable[[StoredMessage, str], bool] = lambda _message, _label: False

    def all_of(self, keys: Iterable[SearchKey]) -> Test:
        """A test that is passed where all keys match."""
        tests = [self.test(key) for key in keys]
        if len(tests) == 1:
            return tests[0]
        return lambda candidate: all(test(candidate) for test in tests)

    def test(self, key: SearchKey) -> Test:
        """The test of one key; raises ``UnknownKey`` and ``BadText``."""
        match key:
            case Plain():
                return self._plain(key)
            case Contains(where, value):
                return self._contains(where, self._text(value))
            case Header(name, value):
                return _in_fields(name.lower(), self._text(value))
            case Keyword(flag, present):
                return _keyword(flag_key(flag), present)
            case On(when, date):
                if when.value.startswith("SAVED"):
                    self._need("SAVEDATE", when.value)
                return _on(when, date)
            case Number(measure, value):
                return self._number(measure, value)
            case Sequence():
                return self._sequence(key)
            case ObjectId(kind, value):
                self._need("OBJECTID", kind)
                return _object_id(kind, value)
            case ModSeq(value):
                self._need("CONDSTORE", "MODSEQ")
                return lambda candidate: candidate.message.mod_seq >= value
            case Not(inner):
                test = self.test(inner)
                return lambda candidate: not test(candidate)
            case Or(keys):
                tests = [self.test(inner) for inner in keys]
                return lambda candidate: any(test(candidate) for test in tests)
            case And(keys):
                return self.all_of(keys)
            case Fuzzy(inner):
                self._need("SEARCH=FUZZY", "FUZZY")
                return self.test(inner)
            case _:
                raise UnknownKey(type(key).__name__.upper())

    def _need(self, capability: str, name: str) -> None:
        if capability not in self.extensions:
            raise UnknownKey(name)

    def _text(self, octets: bytes) -> str:
        try:
            return casemap(octets.decode(self.charset))
        except UnicodeDecodeError:
            raise BadText from None

    def _plain(self, key: Plain) -> Test:
        if key is Plain.ALL:
            return lambda candidate: True
        recent = self.view.recent
        if key in _OF_RECENT:
            self._need("IMAP4REV1", key.value)
        if key is Plain.RECENT:
            return lambda candidate: candidate.message.uid in recent
        if key is Plain.OLD:
            return lambda candidate: candidate.message.uid not in recent
        if key is Plain.NEW:
            return lambda candidate: (
                candidate.message.uid in recent and rb"\Seen" not in candidate.message.flags
            )
        if key is Plain.SAVEDATESUPPORTED:
            self._need("SAVEDATE", key.value)
            return lambda candidate: True
        name = key.value.lower()
        return _keyword(b"\\" + name.removeprefix("un").encode(), not name.startswith("un"))

    def _contains(self, where: In, text: str) -> Test:
        if where is In.BODY:
            return lambda candidate: candidate.message.content.body_contains(text)
        if where is In.TEXT:
            return lambda candidate: (
                candidate.message.content.headers_contain(text)
                or candidate.message.content.body_contains(text)
            )
        if where in (In.X_GM_RAW, In.X_GM_LABELS):
            self._need("X-GM-EXT-1", where.value)
            if where is In.X_GM_LABELS:
                return lambda candidate: self.has_label(candidate.message, text)
            # Of the language of Gmail's search box, words alone.
            return self._contains(In.TEXT, text)
        return _in_fields(where.value.lower().encode(), text)

    def _number(self, measure: Measure, value: int) -> Test:
        if measure is Measure.LARGER:
            return lambda candidate: candidate.message.content.size > value
        if measure is Measure.SMALLER:
            return lambda candidate: candidate.message.content.size < value
        if measure in (Measure.X_GM_MSGID, Measure.X_GM_THRID):
            self._need("X-GM-EXT-1", measure.value)
            if measure is Measure.X_GM_MSGID:
                return lambda candidate: gmail_number(candidate.message.content.email_id) == value
            return lambda candidate: gmail_number(candidate.message.content.thread_id) == value
        self._need("WITHIN", measure.value)
        # RFC 5032: YOUNGER is within the last n seconds, OLDER is n seconds old or more.
        seconds = min(value, 10**9)
        moment = self.now - datetime.timedelta(seconds=seconds)
        if measure is Measure.YOUNGER:
            return lambda candidate: candidate.message.internal_date >= moment
        return lambda candidate: candidate.message.internal_date <= moment

    def _sequence(self, key: Sequence) -> Test:
        view = self.view
        if key.numbers.is_saved_result:
            self._need("SEARCHRES", "$")
            saved = view.saved or frozenset()
            return lambda candidate: candidate.message.uid in saved
        largest = view.largest_uid if key.by_uid else view.exists
        ranges = key.numbers.resolve(largest)
        if self.uids_only and not key.by_uid:
            raise NumbersRefused
        if self.numbers_stay and not key.by_uid:
            within = numbers_of(intersect(ranges, 1, view.exists))
            uids = frozenset(view.messages[number - 1].uid for number in within)
            return lambda candidate: candidate.message.uid in uids
        if key.by_uid:
            return lambda candidate: any(
                low <= candidate.message.uid <= high for low, high in ranges
            )
        return lambda candidate: any(low <= candidate.number <= high for low, high in ranges)


def _keyword(wanted: bytes, present: bool) -> Test:
    def test(candidate: Candidate) -> bool:
        has = any(flag_key(flag) == wanted for flag in candidate.message.flags)
        return has is present

    return test


def _object_id(kind: str, wanted: bytes) -> Test:
    if kind == "EMAILID":
        return lambda candidate: candidate.message.content.email_id == wanted
    return lambda candidate: candidate.message.content.thread_id == wanted


def _in_fields(name: bytes, text: str) -> Test:
    def test(candidate: Candidate) -> bool:
        return any(text in one for one in candidate.message.content.field_texts(name))

    return test


_COMPARISONS: dict[str, Callable[[datetime.date, datetime.date], bool]] = {
    "BEFORE": lambda date, wanted: date < wanted,
    "ON": lambda date, wanted: date == wanted,
    "SINCE": lambda date, wanted: date >= wanted,
}


def _on(when: When, wanted: datetime.date) -> Test:
    kind = when.value
    # "Disregarding time and timezone": the day that the date itself tells, in its own zone.
    if kind.startswith("SENT"):
        compare = _COMPARISONS[kind.removeprefix("SENT")]

        def sent(candidate: Candidate) -> bool:
            moment = candidate.message.content.sent
            return moment is not None and compare(moment.date(), wanted)

        return sent
    if kind.startswith("SAVED"):
        compare = _COMPARISONS[kind.removeprefix("SAVED")]
        return lambda candidate: compare(candidate.message.save_date.date(), wanted)
    compare = _COMPARISONS[kind]
    return lambda candidate: compare(candidate.message.internal_date.date(), wanted)
