"""Search keys as tests of one message, in three values: yes, no, and not known (``None``).

What is not known stays so unless the rest decides: ``OR SEEN BODY x`` is yes for a message that is
``\\Seen``, whatever is in it. So an answer is never wrong because something is not held.
"""

import email.utils
import operator
from collections.abc import Callable, Iterable

from imapproxy.offline.refusal import Refused, unavailable, wrong
from imapproxy.offline.search.facts import Facts
from imapproxy.offline.search.text import folded
from imapproxy.wire.flags import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN, flag_key
from imapproxy.wire.search_key import (
    And,
    Contains,
    Header,
    In,
    Keyword,
    Measure,
    Not,
    Number,
    On,
    Or,
    Plain,
    SearchKey,
    Sequence,
    When,
)
from imapproxy.wire.sequence_set import SequenceSet

Test = Callable[[Facts], bool | None]

_FIELDS = {In.BCC: b"BCC", In.CC: b"CC", In.FROM: b"FROM", In.SUBJECT: b"SUBJECT", In.TO: b"TO"}
_FLAGS = {
    Plain.ANSWERED: (ANSWERED, True),
    Plain.DELETED: (DELETED, True),
    Plain.DRAFT: (DRAFT, True),
    Plain.FLAGGED: (FLAGGED, True),
    Plain.SEEN: (SEEN, True),
    Plain.UNANSWERED: (ANSWERED, False),
    Plain.UNDELETED: (DELETED, False),
    Plain.UNDRAFT: (DRAFT, False),
    Plain.UNFLAGGED: (FLAGGED, False),
    Plain.UNSEEN: (SEEN, False),
}
# No message is recent in a session that cannot make it so (RFC 3501 section 2.3.2).
_ALWAYS = {Plain.ALL: True, Plain.RECENT: False, Plain.NEW: False, Plain.OLD: True}
_COMPARES = {
    When.BEFORE: operator.lt,
    When.ON: operator.eq,
    When.SINCE: operator.ge,
    When.SENTBEFORE: operator.lt,
    When.SENTON: operator.eq,
    When.SENTSINCE: operator.ge,
}
_OF_ARRIVAL = frozenset((When.BEFORE, When.ON, When.SINCE))
_CHARSETS = {None: "utf-8", b"US-ASCII": "utf-8", b"ASCII": "utf-8", b"UTF-8": "utf-8"}


class Program:
    """Makes tests. ``exists`` and ``last_uid`` are what ``*`` stands for in either kind of set."""

    def __init__(self, charset: bytes | None, exists: int, last_uid: int) -> None:
        codec = _CHARSETS.get(charset and charset.upper())
        if codec is None:
            raise Refused("NO [BADCHARSET (US-ASCII UTF-8)] This charset is not known here")
        self._codec = codec
        self._exists = exists
        self._last_uid = last_uid

    def all_of(self, keys: Iterable[SearchKey]) -> Test:
        """Whether all keys match. Raises :class:`imapproxy.offline.refusal.Refused`."""
        tests = [self.test(key) for key in keys]
        return lambda facts: _all(test(facts) for test in tests)

    def test(self, key: SearchKey) -> Test:
        """The test of one key. Raises :class:`imapproxy.offline.refusal.Refused`."""
        match key:
            case And(keys=keys):
                return self.all_of(keys)
            case Or(keys=keys):
                return _either(*(self.test(one) for one in keys))
            case Not(key=inner):
                test = self.test(inner)
                return lambda facts: _not(test(facts))
            case Sequence(numbers=numbers, by_uid=by_uid):
                return self._sequence(numbers, by_uid)
            case Contains(where=where, value=value):
                return self._contains(where, folded(self._text(value)))
            case Header(name=name, value=value):
                return _in_field(name.upper(), folded(self._text(value)))
            case Keyword(flag=flag, present=present):
                return _flag(flag, present)
            case On():
                return _on(key)
            case Number(measure=Measure.LARGER, value=int(value)):
                return _size(operator.gt, value)
            case Number(measure=Measure.SMALLER, value=int(value)):
                return _size(operator.lt, value)
            case Plain() if key in _FLAGS:
                return _flag(*_FLAGS[key])
            case Plain() if key in _ALWAYS:
                return _always(_ALWAYS[key])
        raise unavailable("the server alone can search by this")

    def _sequence(self, numbers: SequenceSet, by_uid: bool) -> Test:
        if numbers.is_saved_result:
            raise unavailable("no result of a search is saved here")
        largest = self._last_uid if by_uid else self._exists
        ranges = numbers.resolve(largest)
        if not by_uid and ranges and ranges[-1][1] > self._exists:
            raise wrong("there is no message of that number")

        def test(facts: Facts) -> bool:
            number = facts.uid if by_uid else facts.number
            return any(low <= number <= high for low, high in ranges)

        return test

    def _contains(self, where: In, text: str) -> Test:
        if where in _FIELDS:
            return _in_field(_FIELDS[where], text)
        if where is In.BODY:
            return lambda facts: _within(text, facts.body)
        if where is In.TEXT:
            return _either(
                lambda facts: _within(text, facts.header_text),
                lambda facts: _within(text, facts.body),
                lambda facts: _within(text, facts.headers_within),
            )
        raise unavailable("the server alone can search by this")

    def _text(self, value: bytes) -> str:
        try:
            return value.decode(self._codec)
        except UnicodeDecodeError:
            raise wrong("the text is not of the charset of the search") from None


def _either(*tests: Test) -> Test:
    return lambda facts: _any(test(facts) for test in tests)


def _size(compares: Callable[[int, int], bool], size: int) -> Test:
    return lambda facts: None if facts.size is None else compares(facts.size, size)


def _always(answer: bool) -> Test:
    return lambda facts: answer


def _flag(flag: bytes, present: bool) -> Test:
    wanted = flag_key(flag)

    def test(facts: Facts) -> bool | None:
        return None if facts.flags is None else (wanted in facts.flags) is present

    return test


def _in_field(name: bytes, text: str) -> Test:
    def test(facts: Facts) -> bool | None:
        if facts.fields is None:
            return None
        return any(text in value for field, value in facts.fields if field == name)

    return test


def _on(key: On) -> Test:
    compares = _COMPARES.get(key.when)
    if compares is None:
        raise unavailable("the server alone can search by this")
    if key.when in _OF_ARRIVAL:
        return lambda facts: (
            None if facts.internal_date is None else compares(facts.internal_date, key.date)
        )

    def test(facts: Facts) -> bool | None:
        if facts.fields is None:
            return None
        dates = [value for field, value in facts.fields if field == b"DATE"]
        told = email.utils.parsedate(dates[0]) if dates else None
        # When a message was sent that does not say so each server decides for itself: some say in
        # 1970, some when it has come, some never.
        return None if told is None else compares(told[:3], key.date.timetuple()[:3])

    return test


def _within(text: str, where: str | None) -> bool | None:
    return None if where is None else text in where


def _all(answers: Iterable[bool | None]) -> bool | None:
    known: bool | None = True
    for answer in answers:
        if answer is False:
            return False
        if answer is None:
            known = None
    return known


def _any(answers: Iterable[bool | None]) -> bool | None:
    return _not(_all(map(_not, answers)))


def _not(answer: bool | None) -> bool | None:
    return None if answer is None else not answer
