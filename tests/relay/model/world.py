"""Mailboxes in memory: what is true, and what was true when."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

SEEN = b"\\Seen"
Flags = frozenset[bytes]
_LARGE = 70_000  # octets: more than is kept, or answered, in one piece


@dataclass(eq=False)
class Message:
    """A message that never changes but for its flags; ``states`` are times and flags."""

    uid: int
    octets: bytes = field(repr=False)
    states: list[tuple[int, Flags]]

    @property
    def flags(self) -> Flags:
        return self.states[-1][1]

    def flags_since(self, time: int) -> set[Flags]:
        """All flags that it has had from ``time`` on."""
        since = [flags for at, flags in self.states if at > time]
        before = [flags for at, flags in self.states if at <= time]
        return {*since, *before[-1:]}


@dataclass(eq=False)
class Box:
    """A mailbox; ``messages`` ascend by UID."""

    name: bytes
    uid_validity: int
    uid_next: int = 1
    messages: list[Message] = field(default_factory=list)


class World:
    """All mailboxes. ``time`` counts what happened."""

    def __init__(self) -> None:
        self.time = 0
        self._validity = 100
        self.boxes = {name: Box(name, self._next_validity()) for name in (b"INBOX", b"Other")}
        for box in self.boxes.values():
            for _ in range(3):
                self.deliver(box)

    def _next_validity(self) -> int:
        self._validity += 1
        return self._validity

    def deliver(self, box: Box, octets: bytes = b"", flags: Flags = frozenset()) -> Message:
        """A new message."""
        self.time += 1
        uid, box.uid_next = box.uid_next, box.uid_next + 1 + self.time % 2
        message = Message(uid, octets or self._octets(box, uid), [(self.time, flags)])
        box.messages.append(message)
        return message

    def _octets(self, box: Box, uid: int) -> bytes:
        header = b"Subject: %d of %b\r\nX-Time: %d\r\n" % (uid, box.name, self.time)
        if self.time % 5 == 0:
            return header + b"not a field\r\n\r\nodd\r\n"
        if self.time % 7 == 0:
            return header + b"\r\n"  # no text at all
        text = b"%d.\r\n" % self.time
        return header + b"\r\n" + text * (_LARGE // len(text) if self.time % 3 == 0 else 2)

    def set_flags(self, message: Message, flags: Flags) -> None:
        """Another state, unless it is the same."""
        if flags != message.flags:
            self.time += 1
            message.states.append((self.time, flags))

    def expunge(self, box: Box, message: Message) -> None:
        """It is gone for good."""
        self.time += 1
        box.messages.remove(message)

    def renew(self, box: Box) -> None:
        """The mailbox under this name is another one now, with the same UIDs."""
        count = len(box.messages)
        fresh = Box(box.name, self._next_validity())
        self.boxes[box.name] = fresh
        for _ in range(count):
            self.deliver(fresh)


def header_of(octets: bytes) -> bytes:
    """The header with its empty line."""
    return octets[: octets.index(b"\r\n\r\n") + 4]


def _literal(octets: bytes) -> bytes:
    return b"{%d}\r\n%b" % (len(octets), octets)


def _subject(octets: bytes) -> bytes:
    return octets[: octets.index(b"\r\n") + 2] + b"\r\n"


def _not_subject(octets: bytes) -> bytes:
    return header_of(octets)[octets.index(b"\r\n") + 2 :]


#: How each thing that can be asked for is answered: the name, and the value.
ANSWERS: dict[bytes, tuple[bytes, Callable[[Message], bytes]]] = {
    b"UID": (b"UID", lambda m: b"%d" % m.uid),
    b"FLAGS": (b"FLAGS", lambda m: flag_list(m.flags)),
    b"RFC822.SIZE": (b"RFC822.SIZE", lambda m: b"%d" % len(m.octets)),
    b"INTERNALDATE": (b"INTERNALDATE", lambda m: b'"01-Jan-2026 00:%02d:00 +0000"' % (m.uid % 60)),
    b"ENVELOPE": (b"ENVELOPE", lambda m: b'(NIL "%b" NIL)' % m.octets[9:24].split(b"\r")[0]),
    b"BODYSTRUCTURE": (b"BODYSTRUCTURE", lambda m: b'("TEXT" "PLAIN" %d)' % len(m.octets)),
    b"BODY.PEEK[]": (b"BODY[]", lambda m: _literal(m.octets)),
    b"BODY[]": (b"BODY[]", lambda m: _literal(m.octets)),
    b"BODY.PEEK[HEADER]": (b"BODY[HEADER]", lambda m: _literal(header_of(m.octets))),
    b"BODY.PEEK[TEXT]": (
        b"BODY[TEXT]",
        lambda m: _literal(m.octets[len(header_of(m.octets)) :]),
    ),
    b"BODY[TEXT]<0.9>": (
        b"BODY[TEXT]<0>",
        lambda m: _literal(m.octets[len(header_of(m.octets)) :][:9]),
    ),
    b"BODY.PEEK[]<0.10>": (b"BODY[]<0>", lambda m: _literal(m.octets[:10])),
    b"BODY.PEEK[]<0.99>": (b"BODY[]<0>", lambda m: _literal(m.octets[:99])),
    b"BODY.PEEK[]<30.50>": (b"BODY[]<30>", lambda m: _literal(m.octets[30:80])),
    b"BODY.PEEK[HEADER.FIELDS (SUBJECT)]": (
        b"BODY[HEADER.FIELDS (SUBJECT)]",
        lambda m: _literal(_subject(m.octets)),
    ),
    b"BODY.PEEK[HEADER.FIELDS.NOT (SUBJECT)]": (
        b"BODY[HEADER.FIELDS.NOT (SUBJECT)]",
        lambda m: _literal(_not_subject(m.octets)),
    ),
    # What the proxy asks for to see whether a message can be read.
    b"BODY[]<0.1>": (b"BODY[]<0>", lambda m: _literal(m.octets[:1])),
    b"BODY.PEEK[]<0.1>": (b"BODY[]<0>", lambda m: _literal(m.octets[:1])),
}


def flag_list(flags: Flags) -> bytes:
    """As it stands in a response."""
    return b"(" + b" ".join(sorted(flags)) + b")"


def opens(asked: bytes) -> bool:
    """Whether the server has to open the message to answer this."""
    return asked.startswith(b"BODY") and asked != b"BODYSTRUCTURE"


def sets_seen(asked: bytes) -> bool:
    """Whether a message becomes ``\\Seen`` by being asked for this."""
    return asked.startswith(b"BODY[")


def split_asked(octets: bytes) -> Iterator[bytes]:
    """The attributes in parentheses, as keys of :data:`ANSWERS`."""
    inner = octets.strip()
    inner = inner[1:-1] if inner.startswith(b"(") else inner
    while inner:
        key = max((one for one in ANSWERS if (inner + b" ").startswith(one + b" ")), key=len)
        yield key
        inner = inner[len(key) :].lstrip()
