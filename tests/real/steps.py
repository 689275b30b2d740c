"""One step of a conversation, and how a command is put together out of its arguments."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from tests.real.vocabulary import (
    ABSENT,
    BAD_FLAGS,
    KEYWORDS,
    MAILBOXES,
    NEW_MAILBOXES,
    SEEDED,
    SYSTEM_FLAGS,
)

# Characters that a tag may hold (RFC 3501 section 9) and that a program may nevertheless trip on.
_TAG_CHARACTERS = b"abcXYZ019.-_:;<>=?@!#$&',/[^`|}~"


class After(Enum):
    """What else a step does, besides sending octets and reading the answer."""

    NOTHING = "nothing"
    LOGOUT = "the server closes; connect and log in again"
    DROP = "close without a word; connect and log in again"
    RESTART = "the same, and the proxy is ended and started in between"
    KILL = "the same, and the proxy is killed and started in between"


@dataclass(frozen=True)
class Step:
    """One thing that one client does, and how to tell that its answer is complete.

    Each of ``segments`` but the first is sent after a continuation request, and left out when a
    tagged reply came instead. The answer is complete when all of ``tags`` were answered, or, if
    ``event`` is given, when a line was found to match it; ``commands`` counts for statistics.
    """

    client: str
    segments: tuple[bytes, ...]
    tags: tuple[bytes, ...] = ()
    event: bytes = b""
    after: After = After.NOTHING
    commands: int = 1


@dataclass(frozen=True)
class Literal:
    """An argument as a literal; ``plus`` is LITERAL+, ``binary`` the ``~{n}`` of BINARY."""

    octets: bytes
    plus: bool = False
    binary: bool = False


Part = bytes | Literal


@dataclass
class Side:
    """What the script believes about one client; the server may know better.

    ``updates`` are the tags of searches whose results the server is to keep up to date.
    """

    name: str
    source: random.Random
    number: int = 0
    mailbox: bytes = b""
    qresync: bool = False
    updates: list[bytes] = field(default_factory=list)

    def tag(self) -> bytes:
        """Return a tag this client has not used."""
        self.number += 1
        if self.source.random() < 0.1:
            extra = bytes(self.source.choices(_TAG_CHARACTERS, k=self.source.randint(1, 12)))
            tag = b"%d%s" % (self.number, extra)
        else:
            tag = b"%s%04d" % (self.name.encode().lower(), self.number)
        return tag


def one(side: Side, *parts: Part) -> list[Step]:
    """Return the step of one command; synchronizing literals cut it into segments."""
    tag = side.tag()
    ending = b"\n" if side.source.random() < 0.02 else b"\r\n"
    segments: list[bytes] = []
    current = tag + b" "
    for part in parts:
        if isinstance(part, bytes):
            current += part
            continue
        announced = b"{%d+}" if part.plus else b"{%d}"
        current += (b"~" if part.binary else b"") + announced % len(part.octets) + ending
        if not part.plus:
            segments.append(current)
            current = b""
        current += part.octets
    return [Step(side.name, (*segments, current + ending), (tag,))]


def astring(source: random.Random, text: bytes) -> Part:
    """Return one of the forms that the text may have on the wire."""
    draw = source.random()
    if draw < 0.1:
        return Literal(text)
    if draw < 0.2:
        return Literal(text, plus=True)
    if draw < 0.7 and text.isalnum():
        return text
    return b'"' + text.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def mailbox_name(source: random.Random, name: bytes) -> Part:
    """Return the name of a mailbox as an argument."""
    if name == b"INBOX":
        name = source.choice((b"INBOX", b"INBOX", b"inbox", b"InBox"))
    return astring(source, name)


def any_mailbox(source: random.Random) -> Part:
    """Return a mailbox that is there, or may be, or is not."""
    draw = source.random()
    if draw < 0.7:
        return mailbox_name(source, source.choice(SEEDED))
    return mailbox_name(source, source.choice(MAILBOXES[4:] + NEW_MAILBOXES + ABSENT[:4]))


def sequence_set(source: random.Random) -> bytes:
    """Return a sequence set that often matches something."""
    draw = source.random()
    if draw < 0.04:
        return source.choice(
            (b"0", b"99999", b"$", b"1:", b"*:*", b"4294967295:1", b"5:2", b"1,1,1")
        )
    if draw < 0.2:
        return source.choice((b"1:*", b"*", b"*:1", b"2:*", b"1:4,6:*"))
    return b",".join(_ranges(source, source.choice((1, 1, 1, 2, 3))))


def _ranges(source: random.Random, count: int) -> Iterator[bytes]:
    for _ in range(count):
        first = source.randint(1, 12)
        last = first + source.choice((0, 0, 0, 1, 2, 4))
        yield b"%d" % first if first == last else b"%d:%d" % (first, last)


def flag_list(source: random.Random) -> bytes:
    """Return flags, as a rule in parentheses."""
    pool = SYSTEM_FLAGS * 3 + KEYWORDS
    if source.random() < 0.04:
        pool = BAD_FLAGS
    chosen = source.sample(pool, source.choice((0, 1, 1, 1, 2, 3)))
    text = b" ".join(chosen)
    return b"(" + text + b")" if source.random() < 0.8 else text


def message_octets(source: random.Random) -> bytes:
    """Return a message with lines that look like IMAP."""
    size = source.choice((0, 10, 100, 1000, 1000, 20_000))
    lines = [b"Subject: appended %d" % source.randint(1, 99), b"From: eve@example.org", b""]
    while size > 0:
        lines.append(bytes(source.choices(b'abc {}()*"\\.+\xe4', k=source.randint(0, 90))))
        size -= len(lines[-1]) + 2
    return b"\r\n".join(lines) + b"\r\n"
