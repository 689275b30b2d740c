"""What one client does to the mailboxes that another one looks at."""

from collections.abc import Callable, Sequence

from tests.real.script import append_data
from tests.real.steps import Part, Side, Step, mailbox_name, one
from tests.real.vocabulary import NEW_MAILBOXES, SEEDED

_DATE = b'" 7-Nov-2022 08:30:00 +0100" '
_OTHER_NAME = NEW_MAILBOXES[0]


def change(side: Side, watched: Side) -> Sequence[Step]:
    """Return the steps by which ``side`` changes what a mailbox holds, as a rule A's."""
    source = side.source
    target = watched_mailbox(side, watched)
    changes, weights = zip(*CHANGES, strict=True)
    chosen: Callable[[Side, bytes], Sequence[Step]] = source.choices(changes, weights)[0]
    return chosen(side, target)


def watched_mailbox(side: Side, watched: Side) -> bytes:
    """Return a mailbox to change something in: as a rule the one that ``watched`` looks at."""
    if not watched.mailbox or side.source.random() < 0.25:
        return side.source.choice(SEEDED)
    return watched.mailbox


def _in(side: Side, target: bytes) -> list[Step]:
    """Have the mailbox selected."""
    if side.mailbox == target and side.source.random() < 0.95:
        return []
    side.mailbox = target
    return one(side, b"SELECT ", mailbox_name(side.source, target))


def _some(side: Side) -> bytes:
    """One or two messages, that often are there."""
    source = side.source
    first = source.randint(1, 14)
    return source.choice((b"%d" % first, b"%d" % first, b"%d:%d" % (first, first + 1), b"*", b"1"))


def _append(side: Side, target: bytes) -> Sequence[Step]:
    source = side.source
    parts: list[Part] = [b"APPEND ", mailbox_name(source, target)]
    for _ in range(source.choice((1, 1, 2, 3))):
        flags = source.choice((b"", b"(\\Seen) ", b"(\\Flagged label1) ", b"(\\Deleted) "))
        # Without a date the server would take the time of day, and no two runs were the same.
        parts += [b" ", flags, _DATE, *append_data(source)]
    return one(side, *parts)


def _store(side: Side, target: bytes) -> Sequence[Step]:
    source = side.source
    how = source.choice((b"FLAGS", b"+FLAGS", b"-FLAGS", b"+FLAGS.SILENT"))
    flag = source.choice((b"\\Seen", b"\\Seen", b"\\Flagged", b"\\Answered", b"$Forwarded"))
    return [*_in(side, target), *one(side, b"STORE ", _some(side), b" ", how, b" (", flag, b")")]


def _expunge(side: Side, target: bytes) -> Sequence[Step]:
    source = side.source
    steps = [*_in(side, target)]
    steps += one(side, b"STORE ", _some(side), b" +FLAGS.SILENT (\\Deleted)")
    command = source.choice(
        (b"EXPUNGE", b"EXPUNGE", b"UID EXPUNGE 1:*", b"UID EXPUNGE 5:20", b"CLOSE")
    )
    if command == b"CLOSE":
        side.mailbox = b""
    return [*steps, *one(side, command)]


def _copy(side: Side, target: bytes) -> Sequence[Step]:
    """Copy from wherever the client is, or from INBOX."""
    steps = [] if side.mailbox else _in(side, b"INBOX")
    return [*steps, *one(side, b"COPY ", _some(side), b" ", mailbox_name(side.source, target))]


def _move(side: Side, target: bytes) -> Sequence[Step]:
    to = mailbox_name(side.source, side.source.choice(SEEDED))
    verb = side.source.choice((b"MOVE ", b"UID MOVE "))
    return [*_in(side, target), *one(side, verb, _some(side), b" ", to)]


def _read(side: Side, target: bytes) -> Sequence[Step]:
    """Messages become ``\\Seen`` by being read."""
    text = side.source.choice((b" BODY[]", b" (UID BODY[TEXT])", b" RFC822"))
    return [*_in(side, target), *one(side, b"FETCH ", _some(side), text)]


def renew(side: Side, target: bytes) -> Sequence[Step]:
    """The mailbox goes, and comes back under its name: another UIDVALIDITY, other messages."""
    source = side.source
    name = mailbox_name(source, target)
    if side.mailbox == target:
        side.mailbox = b""
    steps = [] if side.mailbox == b"INBOX" else _in(side, b"INBOX")
    # Of a parent only the name can go: renaming takes the children along.
    go = _delete if target == b"Archive" else source.choice(_WAYS_TO_GO)
    steps += [*go(side, name), *one(side, b"CREATE ", name)]
    for _ in range(source.choice((1, 2))):
        steps += one(side, b"COPY ", source.choice((b"1:9", b"2:4", b"3")), b" ", name)
    return [*steps, *_append(side, target)]


def _delete(side: Side, name: Part) -> list[Step]:
    return one(side, b"DELETE ", name)


def _rename(side: Side, name: Part) -> list[Step]:
    return [
        *one(side, b"DELETE ", _OTHER_NAME),
        *one(side, b"RENAME ", name, b" ", _OTHER_NAME),
    ]


def _there_and_back(side: Side, name: Part) -> list[Step]:
    return [*_rename(side, name), *one(side, b"RENAME ", _OTHER_NAME, b" ", name)]


_WAYS_TO_GO = (_delete, _delete, _rename, _there_and_back)

CHANGES: Sequence[tuple[Callable[[Side, bytes], Sequence[Step]], float]] = (
    (_append, 30), (_store, 20), (_expunge, 14), (_copy, 12), (_move, 6), (_read, 8),
)  # fmt: skip
