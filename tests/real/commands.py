"""What a client has asked for, as far as the answers can be judged by it."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from tests.real.fetch_response import item_name
from tests.real.steps import Step

_MACROS = {
    b"ALL": b"FLAGS INTERNALDATE RFC822.SIZE ENVELOPE",
    b"FAST": b"FLAGS INTERNALDATE RFC822.SIZE",
    b"FULL": b"FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODY",
}
_FETCH = re.compile(rb"(\S+) (\(.*?\)|\S+(?: ?\[[^\]]*\]\S*)?)(?: \([^()]*\))?\s*\Z", re.DOTALL)
_ATTRIBUTE = re.compile(rb"([A-Z0-9.-]+(?:\[[^\]]*\])?)(?:<(\d+)\.(\d+)>)?(?: \(LAZY\))?")
_SET = re.compile(rb"(?:\d+|\*)(?::(?:\d+|\*))?(?:,(?:\d+|\*)(?::(?:\d+|\*))?)*")


class Said(NamedTuple):
    """One command: its name in capitals (``UID FETCH`` is one) and the rest of its first line."""

    tag: bytes
    name: bytes
    rest: bytes

    @property
    def keeps_numbers(self) -> bool:
        """Whether no expunged message may be told of meanwhile (RFC 3501 7.4.1, RFC 5256 3)."""
        return self.name in (b"FETCH", b"STORE", b"SEARCH", b"SORT", b"THREAD")

    @property
    def is_fetch(self) -> bool:
        """Whether it is one of the two FETCH commands."""
        return self.name in (b"FETCH", b"UID FETCH")


class Attribute(NamedTuple):
    """An attribute of a FETCH: the name that the answer has to have, and how much of it."""

    name: bytes
    origin: int = 0
    length: int | None = None


def said(step: Step) -> list[Said]:
    """Return the commands that a step begins."""
    tags = step.tags
    if not step.segments:
        return []
    if not tags:
        tags = (step.segments[0].split(b" ")[0],)
    lines = step.segments[:1] if len(tags) == 1 else step.segments[0].splitlines()
    commands = []
    for line in lines:
        tag, _, text = line.partition(b" ")
        if tag in tags:
            commands.append(_said(tag, text))
    return commands


def _said(tag: bytes, text: bytes) -> Said:
    words = text.rstrip(b"\r\n").split(b" ", 2)
    name = words[0].upper()
    if name == b"UID" and len(words) > 1:
        return Said(tag, name + b" " + words[1].upper(), b" ".join(words[2:]))
    return Said(tag, name, b" ".join(words[1:]))


def fetched(rest: bytes) -> tuple[bytes, list[Attribute]] | None:
    """Return set and attributes of a FETCH; ``None`` where modifiers leave some messages out."""
    match = _FETCH.fullmatch(rest)
    if match is None or b"CHANGEDSINCE" in rest.upper():
        return None
    text = match[2].upper()
    attributes = _MACROS.get(text) or (text[1:-1] if text.startswith(b"(") else text)
    return match[1], list(_attributes(attributes))


def _attributes(text: bytes) -> Iterator[Attribute]:
    for match in _ATTRIBUTE.finditer(text):
        name = item_name(match[1].replace(b".PEEK", b""))
        if match[2] is None:
            yield Attribute(name)
        else:
            yield Attribute(name + b"<" + match[2] + b">", int(match[2]), int(match[3]))


def numbers(sequence_set: bytes, largest: int) -> set[int] | None:
    """Return the numbers of a set, of those up to ``largest`` (RFC 3501 section 9, seq-range)."""
    if not _SET.fullmatch(sequence_set):
        return None
    found: set[int] = set()
    for part in sequence_set.split(b","):
        ends = [largest if end == b"*" else int(end) for end in part.split(b":")]
        low, high = min(ends), max(ends)
        found.update(range(low, min(high, largest) + 1))
    return found
