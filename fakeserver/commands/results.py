"""What SEARCH and SORT answer, and the result that ``$`` stands for (RFC 4731, 5182, 5267)."""

from collections.abc import Iterable

from fakeserver.commands.matching import numbers_of
from fakeserver.commands.new_messages import parse_attributes
from fakeserver.commands.partial import PartialRange, parse_partial
from fakeserver.mail.quoting import nstring
from fakeserver.reply import BadCommand
from fakeserver.search.program import Candidate
from fakeserver.session import Session
from fakeserver.store.view import View
from imapproxy.wire.search_key import ReturnOption
from imapproxy.wire.sequence_set import SequenceSet

# Return options, and the extension each of them belongs to.
_OPTIONS = {"MIN": "", "MAX": "", "ALL": "", "COUNT": "", "SAVE": "SEARCHRES"}
_CONTEXTS = {"ESEARCH": "CONTEXT=SEARCH", "ESORT": "CONTEXT=SORT"}


def check_options(
    session: Session, options: tuple[ReturnOption, ...] | None, extension: str
) -> None:
    """That RETURN itself (which is of ``extension``) and all its options are known."""
    if options is None:
        return
    if not session.has(extension):
        raise BadCommand("Unknown argument RETURN")
    names = [option.name for option in options if option.name in ("ALL", "PARTIAL")]
    if "PARTIAL" in names and len(names) > 1:
        raise BadCommand("One of PARTIAL and ALL is allowed, once.")
    for option in options:
        if option.name == "PARTIAL":
            parse_partial(session, option.argument, _CONTEXTS[extension])
            continue
        if option.name == "UPDATE" or (option.name == "CONTEXT" and option.argument is None):
            if not session.has(_CONTEXTS[extension]):
                raise BadCommand(f"Unknown return option {option.name}")
            parse_attributes(session, option.argument)
            continue
        needed = _OPTIONS.get(option.name)
        unknown = needed is None or option.argument is not None
        if unknown or (needed and not session.has(needed)):
            raise BadCommand(f"Unknown return option {option.name}")


def forget_saved(view: View, options: tuple[ReturnOption, ...] | None) -> None:
    """A search that was to be saved and is answered NO saves nothing (RFC 5182 section 2.1)."""
    if any(option.name == "SAVE" for option in options or ()):
        view.saved = frozenset()


def plain_response(
    name: bytes, found: list[Candidate], *, by_uid: bool, with_mod_seq: bool
) -> bytes:
    """``* SEARCH …`` or ``* SORT …``; with MODSEQ among the keys the highest one is told."""
    listed = b"".join(b" %d" % number for number in numbers_of(found, by_uid=by_uid))
    mod_seq = b""
    if with_mod_seq and found:
        # RFC 7162 sections 3.1.5 and 3.1.6
        mod_seq = b" (MODSEQ %d)" % max(one.message.mod_seq for one in found)
    return b"* %b%b%b\r\n" % (name, listed, mod_seq)


class Result:
    """What was found, in the order in which it is told: numbers for SEARCH, sorted for SORT."""

    def __init__(
        self,
        session: Session,
        found: list[Candidate],
        options: Iterable[ReturnOption],
        *,
        by_uid: bool,
        context: str,
    ) -> None:
        options = tuple(options)
        self._found = found
        self._partial: PartialRange | None = None
        for option in options:
            if option.name == "PARTIAL":
                self._partial = parse_partial(session, option.argument, context)
        # RFC 5267 section 4.1: CONTEXT and UPDATE ask for no result.
        self._options = {option.name for option in options} - {"CONTEXT"} or {"ALL"}
        self._options -= {"UPDATE"}
        self._numbers = numbers_of(found, by_uid=by_uid)
        self._by_uid = by_uid

    def response(self, tag: bytes, *, with_mod_seq: bool) -> bytes:
        """The ESEARCH response; empty where SAVE alone was asked for (RFC 5182 section 2.1)."""
        if self._options == {"SAVE"}:
            return b""
        parts = [b"* ESEARCH (TAG %b)" % nstring(tag)]
        if self._by_uid:
            parts.append(b"UID")
        parts += self._results()
        if with_mod_seq and self._found:
            told = self._ends or self._found
            parts.append(b"MODSEQ %d" % max(one.message.mod_seq for one in told))
        return b" ".join(parts) + b"\r\n"

    def save(self, view: View) -> None:
        """Let ``$`` be this result, if SAVE was asked for."""
        if "SAVE" in self._options:
            saved = self._found if self._ends is None else self._ends
            view.saved = frozenset(candidate.message.uid for candidate in saved)

    @property
    def _ends(self) -> list[Candidate] | None:
        """The messages of MIN, MAX and PARTIAL, where these alone were asked for.

        Only they are saved then (RFC 5182 section 2.1, table 1), and only their mod-sequences told
        (RFC 7162 section 3.1.10).
        """
        asked = self._options - {"SAVE"}
        if not asked or not asked <= {"MIN", "MAX", "PARTIAL"} or not self._found:
            return None
        ends = [self._found[0]] if "MIN" in asked else []
        ends += [self._found[-1]] if "MAX" in asked else []
        # RFC 9394 section 3.2, table 1
        return ends if self._partial is None else [*ends, *self._partial.of(self._found)]

    def _results(self) -> list[bytes]:
        # RFC 4731 section 3.1: of nothing found only COUNT is told.
        numbers, options = self._numbers, self._options
        parts: list[bytes] = []
        if numbers and "MIN" in options:
            parts.append(b"MIN %d" % numbers[0])
        if numbers and "MAX" in options:
            parts.append(b"MAX %d" % numbers[-1])
        if numbers and "ALL" in options:
            parts.append(b"ALL " + _in_order(numbers).encode())
        if self._partial is not None:
            within = self._partial.of(numbers)
            told = _in_order(list(within)).encode() if within else b"NIL"
            parts.append(b"PARTIAL (%b %b)" % (self._partial.written, told))
        if "COUNT" in options:
            parts.append(b"COUNT %d" % len(numbers))
        return parts


def _in_order(numbers: list[int]) -> SequenceSet:
    """A set that keeps the order of its numbers: RFC 5267 section 3.1 sorts by it."""
    ranges: list[tuple[int, int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return SequenceSet(tuple(ranges))
