"""Whether a response is what a script expects. Values that are captured are kept as it is told."""

import re
from collections.abc import Sequence

from tests.conformance.nodes import Atom, Hole, Node, Rest, String
from tests.conformance.responses import (
    Continuation,
    Data,
    Part,
    Response,
    Status,
    uid_set,
)

Values = dict[str, bytes]

_VALUE = re.compile(rb"\$\{(\w+)\}")

# Codes whose arguments are a set; codes with sets of UIDs in them.
_SETS = (b"PERMANENTFLAGS", b"BADCHARSET")
# RFC 8474 section 4.1: with CREATE.
_ALWAYS_ALLOWED = (Atom(b"MAILBOXID"),)
_WITH_UIDS = (b"APPENDUID", b"COPYUID", b"MODIFIED")


def matches(expected: Response, actual: Response, values: Values) -> Values | None:
    """The values as they are known afterwards; ``None`` where it does not match."""
    trial = _Trial(values)
    return trial.values if trial.response(expected, actual) else None


class _Trial:
    """One attempt, with its own copy of the values."""

    def __init__(self, values: Values) -> None:
        self.values = dict(values)

    def response(self, expected: Response, actual: Response) -> bool:
        match expected, actual:
            case Status(), Status():
                return self.status(expected, actual)
            case Continuation(), Continuation():
                return expected.text in (b"", actual.text)
            case Data(), Data():
                return (
                    expected.name == actual.name
                    and (expected.number is None) == (actual.number is None)
                    and (
                        expected.number is None
                        or actual.number is None
                        or self.node(expected.number, actual.number)
                    )
                    and self.parts(expected.parts, actual.parts)
                )
        return False

    def status(self, expected: Status, actual: Status) -> bool:
        if expected.tagged != actual.tagged or actual.conditions[0] not in expected.conditions:
            return False
        if expected.code is None:
            # A refusal may always say more of why; an OK has a code only where it is to have one.
            told = actual.code is not None and actual.code[0] not in _ALWAYS_ALLOWED
            return actual.conditions[0] != b"OK" or not told
        if isinstance(expected.code[0], Rest):
            return True
        return actual.code is not None and self.code(expected.code, actual.code)

    def code(self, expected: Sequence[Node], actual: Sequence[Node]) -> bool:
        name = expected[0].text if isinstance(expected[0], Atom) else b""
        if name == b"CAPABILITY":
            return self.unordered(expected, actual)
        if name in _SETS and len(expected) == len(actual) == 2:
            pair = expected[1], actual[1]
            if isinstance(pair[0], tuple) and isinstance(pair[1], tuple):
                return self.node(expected[0], actual[0]) and self.unordered(pair[0], pair[1])
        if name in _WITH_UIDS:
            return self.ordered(
                [uid_set(one) for one in expected], [uid_set(one) for one in actual]
            )
        return self.ordered(expected, actual)

    def parts(self, expected: Sequence[Part], actual: Sequence[Part]) -> bool:
        left = list(actual)
        for part in expected:
            if part.name == b"...":
                return True
            same = next((other for other in left if other.name == part.name), None)
            if same is None:
                return False
            left.remove(same)
            compare = self.unordered if part.unordered else self.ordered
            if not compare(part.nodes, same.nodes):
                return False
        return not left

    def ordered(self, expected: Sequence[Node], actual: Sequence[Node]) -> bool:
        for number, one in enumerate(expected):
            if isinstance(one, Rest):
                return True
            if number >= len(actual) or not self.node(one, actual[number]):
                return False
        return len(expected) == len(actual)

    def unordered(self, expected: Sequence[Node], actual: Sequence[Node]) -> bool:
        left = list(actual)
        # What is known is looked for first: a hole takes what is left.
        for one in sorted(expected, key=lambda node: isinstance(node, Hole)):
            if isinstance(one, Rest):
                continue
            found = next((other for other in left if self.node(one, other)), None)
            if found is None:
                return False
            left.remove(found)
        return not left or Rest() in expected

    def node(self, expected: Node, actual: Node) -> bool:
        match expected, actual:
            case Hole(), _:
                return self.hole(expected, actual)
            case Atom(), Atom():
                return expected.text.upper() == actual.text.upper()
            case String(), String():
                return self.filled(expected.octets) == actual.octets
            case tuple(), tuple():
                return self.ordered(expected, actual)
        return False

    def filled(self, octets: bytes) -> bytes:
        """A string of a script with the values that it names."""
        return _VALUE.sub(lambda found: self.values.get(found[1].decode(), found[0]), octets)

    def hole(self, hole: Hole, actual: Node) -> bool:
        if hole.name == "_" and not hole.above:
            return True
        if not isinstance(actual, Atom | String):
            return False
        octets = actual.text if isinstance(actual, Atom) else actual.octets
        if hole.above and int(octets) <= int(self.values[hole.above]):
            return False
        if hole.name == "_":
            return True
        return self.values.setdefault(hole.name, octets) == octets
