"""Random conversations: what two clients, A and B, say to one account, decided by a seed.

A script is fixed before anybody runs it, so that running it twice asks exactly the same. Where a
command needs a number that only the run can know it holds a placeholder (``@MODSEQ@``).
"""

import random
import re
from collections.abc import Callable, Sequence

from tests.real.steps import (
    After,
    Literal,
    Part,
    Side,
    Step,
    any_mailbox,
    astring,
    flag_list,
    mailbox_name,
    message_octets,
    one,
    sequence_set,
)
from tests.real.vocabulary import (
    ABSENT,
    CHARSETS,
    FETCH_ITEMS,
    KEYWORDS,
    MACROS,
    MAILBOXES,
    MALFORMED,
    NEW_MAILBOXES,
    PATTERNS,
    READING_ITEMS,
    RETURNS,
    SEARCH_KEYS,
    SEARCH_TEXTS,
    SEARCHED,
    SECTIONS,
    SEEDED,
    SORTS,
    STATUS_ITEMS,
    SYSTEM_FLAGS,
    THREADS,
    WRONG_ITEMS,
)


def script(seed: int, commands: int) -> list[Step]:
    """Return the script of a seed, with at least so many commands."""
    source = random.Random(seed)
    sides = [Side("A", source), Side("B", source)]
    steps: list[Step] = []
    for side in sides:
        side.mailbox = b"INBOX"
        steps += one(side, b"SELECT INBOX")
    while sum(step.commands for step in steps) < commands:
        # A is the one that goes through the proxy: B is there to surprise it.
        side = sides[source.random() < 0.3]
        other = sides[1] if side is sides[0] else sides[0]
        # Most of IMAP needs a selected mailbox, and an error is the same error every time.
        family = _family(source) if side.mailbox or source.random() < 0.2 else _select
        steps += family(side, other)
    return steps


def _family(source: random.Random) -> Callable[[Side, Side], Sequence[Step]]:
    families, weights = zip(*FAMILIES, strict=True)
    family: Callable[[Side, Side], Sequence[Step]] = source.choices(families, weights)[0]
    return family


# One function per family of commands. Each returns the steps of one turn.


def _select(side: Side, _other: Side) -> Sequence[Step]:
    source = side.source
    draw = source.random()
    if draw < 0.2:
        side.mailbox = b""
        return one(side, source.choice((b"CLOSE", b"UNSELECT", b"close")))
    name = source.choice(ABSENT + NEW_MAILBOXES) if draw < 0.3 else source.choice(SEEDED)
    verb = source.choice((b"SELECT ", b"SELECT ", b"SELECT ", b"EXAMINE ", b"select "))
    parameters = source.choice((b"", b"", b"", b" (CONDSTORE)"))
    if side.qresync:
        parameters = source.choice((b"", b" (QRESYNC (@UIDVALIDITY@ @MODSEQ@))",
                                    b" (QRESYNC (@UIDVALIDITY@ 1 1:20))"))  # fmt: skip
    if source.random() < 0.03:
        parameters = source.choice((b" (QRESYNC (1 1))", b" (BOGUS)"))
        name = ABSENT[0]
    side.mailbox = name if name in SEEDED else b""
    return one(side, verb, mailbox_name(source, name), parameters)


def _fetch(side: Side, _other: Side) -> Sequence[Step]:
    source = side.source
    verb = source.choice((b"FETCH ", b"FETCH ", b"UID FETCH ", b"uid fetch "))
    items = [_fetch_item(source) for _ in range(source.choice((1, 1, 1, 2, 2, 3, 5)))]
    if len(items) > 1 or source.random() < 0.3:
        text = b"(" + b" ".join(items) + b")"
    else:
        text = source.choice(MACROS) if source.random() < 0.1 else items[0]
    modifier = b""
    if source.random() < 0.06:
        modifier = source.choice((b" (CHANGEDSINCE @MODSEQ@)", b" (CHANGEDSINCE 1)", b" (BOGUS)",
                                  b" (CHANGEDSINCE 1 VANISHED)"))  # fmt: skip
    return one(side, verb, sequence_set(source), b" ", text, modifier)


def _fetch_item(source: random.Random) -> bytes:
    draw = source.random()
    if draw < 0.45:
        return source.choice(FETCH_ITEMS)
    if draw < 0.53:
        return source.choice(READING_ITEMS)
    if draw < 0.55:
        return source.choice(WRONG_ITEMS)
    partial = source.choice(
        (b"", b"", b"", b"<0.10>", b"<5.100000>", b"<99999.10>", b"<0.0>", b"<0.4294967295>")
    )
    return b"BODY.PEEK[" + source.choice(SECTIONS) + b"]" + partial


def _store(side: Side, _other: Side) -> Sequence[Step]:
    source = side.source
    verb = source.choice((b"STORE ", b"STORE ", b"UID STORE "))
    unchanged = b""
    if source.random() < 0.08:
        unchanged = source.choice((b"(UNCHANGEDSINCE @MODSEQ@) ", b"(UNCHANGEDSINCE 0) "))
    how = source.choice((b"FLAGS", b"+FLAGS", b"-FLAGS", b"+flags"))
    silent = source.choice((b" ", b" ", b".SILENT "))
    flags = flag_list(source)
    return one(side, verb, sequence_set(source), b" ", unchanged, how, silent, flags)


def _copy(side: Side, _other: Side) -> Sequence[Step]:
    source = side.source
    verb = source.choice((b"COPY ", b"COPY ", b"UID COPY ", b"MOVE ", b"UID MOVE "))
    return one(side, verb, sequence_set(source), b" ", any_mailbox(source))


def _append(side: Side, _other: Side) -> Sequence[Step]:
    source = side.source
    parts: list[Part] = [b"APPEND ", any_mailbox(source)]
    for _ in range(source.choice((1, 1, 1, 1, 2, 3))):
        parts.append(b" ")
        if source.random() < 0.4:
            parts.append(b"(" + b" ".join(source.sample(SYSTEM_FLAGS + KEYWORDS, 2)) + b") ")
        # Without a date the server would take the time of day, and no two runs were the same.
        parts.append(
            b'"%2d-Nov-2022 08:30:00 +0%d00" ' % (source.randint(1, 30), source.randint(0, 9))
        )
        parts += append_data(source)
    return one(side, *parts)


def append_data(source: random.Random) -> list[Part]:
    """Return what is appended, in one of the forms a message can come in."""
    message = message_octets(source)
    plus = source.random() < 0.4
    draw = source.random()
    if draw < 0.1:
        return [
            b"CATENATE (TEXT ", Literal(b"Subject: joined\r\n\r\n", plus),
            b' URL "/INBOX/;UID=%d/;SECTION=TEXT" TEXT ' % source.randint(1, 12),
            Literal(message, plus), b")",
        ]  # fmt: skip
    if draw < 0.15:
        return [Literal(message + b"\x00\x01", plus, binary=True)]
    return [Literal(message, plus)]


def _expunge(side: Side, _other: Side) -> Sequence[Step]:
    source = side.source
    if source.random() < 0.5:
        return one(side, source.choice((b"EXPUNGE", b"expunge")))
    return one(side, b"UID EXPUNGE ", sequence_set(source))


def _search(side: Side, _other: Side) -> Sequence[Step]:
    source = side.source
    verb = source.choice((b"SEARCH ", b"SEARCH ", b"UID SEARCH ", b"search "))
    returning = source.choice(RETURNS) if source.random() < 0.3 else b""
    parts: list[Part] = [verb]
    if returning:
        parts.append(b"RETURN " + returning + b" ")
    if source.random() < 0.2:
        parts.append(b"CHARSET " + source.choice(CHARSETS) + b" ")
    steps = one(side, *parts, *search_program(source))
    if b"UPDATE" in returning:
        side.updates.append(steps[0].tags[0])
    return steps


def search_program(source: random.Random) -> list[Part]:
    parts: list[Part] = []
    for number in range(source.choice((1, 1, 2, 3))):
        parts.append(b" " if number else b"")
        draw = source.random()
        if draw < 0.1:
            parts += [b"NOT ", *_search_key(source)]
        elif draw < 0.2:
            parts += [b"OR ", *_search_key(source), b" (", *_search_key(source), b" SEEN)"]
        else:
            parts += _search_key(source)
    return parts


def _search_key(source: random.Random) -> list[Part]:
    draw = source.random()
    if draw < 0.15:
        return [sequence_set(source)]
    if draw < 0.25:
        return [b"UID ", sequence_set(source)]
    if draw < 0.5:
        return [source.choice(SEARCH_TEXTS), b" ", astring(source, source.choice(SEARCHED))]
    return [source.choice(SEARCH_KEYS)]


def _sort(side: Side, _other: Side) -> Sequence[Step]:
    source = side.source
    charset = source.choice(CHARSETS)
    uid = source.choice((b"", b"UID "))
    if source.random() < 0.3:
        how = b"THREAD " + source.choice(THREADS)
        return one(side, uid, how, b" ", charset, b" ", *search_program(source))
    returning = source.choice((b"", b"", b"RETURN " + source.choice(RETURNS) + b" "))
    criteria = b"(" + source.choice(SORTS) + b")"
    return one(side, uid, b"SORT ", returning, criteria, b" ", charset, b" ",
                *search_program(source))  # fmt: skip


def _status(side: Side, _other: Side) -> Sequence[Step]:
    source = side.source
    items = source.sample(STATUS_ITEMS, source.randint(1, 4))
    return one(side, b"STATUS ", any_mailbox(source), b" (" + b" ".join(items) + b")")


def _list(side: Side, _other: Side) -> Sequence[Step]:
    source = side.source
    pattern = astring(source, source.choice(PATTERNS))
    reference = astring(source, source.choice((b"", b"", b"", b"Archive.", b"New")))
    draw = source.random()
    if draw < 0.35:
        return one(side, source.choice((b"LIST ", b"LSUB ", b"list ")), reference, b" ", pattern)
    selection = source.choice((b"", b"(SUBSCRIBED) ", b"(REMOTE) ", b"(SUBSCRIBED RECURSIVEMATCH) ",
                               b"() ", b"(SPECIAL-USE) ", b"(BOGUS) "))  # fmt: skip
    returning = source.choice((
        b"", b" RETURN (CHILDREN)", b" RETURN (SUBSCRIBED CHILDREN)", b" RETURN ()",
        b" RETURN (STATUS (MESSAGES UNSEEN UIDNEXT))", b" RETURN (STATUS (HIGHESTMODSEQ))",
        b" RETURN (SPECIAL-USE)",
    ))  # fmt: skip
    patterns: list[Part] = [pattern]
    if source.random() < 0.2:
        patterns = [b"(", pattern, b" ", astring(source, source.choice(PATTERNS)), b")"]
    return one(side, b"LIST ", selection, reference, b" ", *patterns, returning)


def _mailboxes(side: Side, _other: Side) -> Sequence[Step]:
    source = side.source
    name = source.choice(NEW_MAILBOXES + MAILBOXES[4:])
    verb = source.choice((b"CREATE ", b"CREATE ", b"CREATE ", b"DELETE ", b"RENAME ",
                          b"SUBSCRIBE ", b"UNSUBSCRIBE "))  # fmt: skip
    if source.random() < 0.1:
        name = source.choice(ABSENT)
    parts: list[Part] = [verb, mailbox_name(source, name)]
    if verb == b"RENAME ":
        parts += [b" ", mailbox_name(source, source.choice(NEW_MAILBOXES))]
    return one(side, *parts)


def _session(side: Side, _other: Side) -> Sequence[Step]:
    simple = (
        b"NOOP", b"noop", b"CHECK", b"CAPABILITY", b"cApAbIlItY", b"NAMESPACE", b"ID NIL",
        b'ID ("name" "odd client" "version" NIL)', b"ENABLE CONDSTORE", b"ENABLE QRESYNC",
        b"ENABLE CONDSTORE BOGUS UTF8=ACCEPT",
    )  # fmt: skip
    weights = [30, 3, 3, 3, 3, 3, 3, 3, 1, 2, 1]
    command = side.source.choices(simple, weights)[0]
    side.qresync |= command == b"ENABLE QRESYNC"
    if side.updates and side.source.random() < 0.5:
        # RFC 5267 section 4.3.4: the tag of an earlier command is an argument of this one.
        command = b'CANCELUPDATE "%s"' % side.updates.pop()
    return one(side, command)


def _pipeline(side: Side, _other: Side) -> Sequence[Step]:
    """Several commands in one write; their replies have to come in this order."""
    source = side.source
    # News is told where the server finds the time between two commands, and in a pipeline that
    # depends on how the octets arrive; so it is asked for beforehand.
    before = one(side, b"NOOP")
    # For the same reason none of them may bring news itself, as one does that sets \\Seen.
    reading = re.compile(rb"RFC822(?:\.TEXT)?[ )\r\n]|BODY\[|BINARY\[|UPDATE")
    single: list[Step] = []
    families = (_fetch, _fetch, _search, _status, _list, _sort)
    while len(single) < source.choice((2, 3, 4, 8)):
        step = source.choice(families)(side, side)[0]
        if len(step.segments) == 1 and not reading.search(step.segments[0]):
            single.append(step)
    octets = b"".join(step.segments[0] for step in single)
    tags = tuple(step.tags[0] for step in single)
    return [*before, Step(side.name, (octets,), tags, commands=len(single))]


def _malformed(side: Side, _other: Side) -> Sequence[Step]:
    """A line a server can make nothing of, and a good command behind it in the same write."""
    source = side.source
    line = source.choice(MALFORMED) if source.random() < 0.6 else _mutated(source)
    ending = source.choice((b"\r\n", b"\r\n", b"\r\n", b"\n"))
    tag = side.tag()
    return [Step(side.name, (line + ending + tag + b" NOOP\r\n",), (tag,), commands=2)]


def _mutated(source: random.Random) -> bytes:
    """Return a good command with a few octets changed."""
    side = Side("M", source)
    while True:
        families = (_fetch, _store, _search, _sort, _status, _list, _select, _copy)
        step = source.choice(families)(side, side)[0]
        line = bytearray(step.segments[0].rstrip(b"\r\n"))
        if len(step.segments) > 1 or b"\n" in line:
            continue
        begin = line.index(b" ") + 1
        for _ in range(source.choice((1, 1, 2, 4))):
            place = source.randrange(begin, len(line) + 1)
            what = bytes([source.choice(b' ()[]"\\<>.:,*%+-azAZ09{}\x00\x7f\x80\xff')])
            line[place : place + source.choice((0, 1))] = source.choice((b"", what))
        # It must not have become the announcement of a literal, that would swallow what follows.
        if b"\n" not in line and not line.endswith(b"}"):
            return bytes(line)


def _refused_literal(side: Side, _other: Side) -> Sequence[Step]:
    """A literal that the server does not want: it says NO or BAD instead of asking for it."""
    source = side.source
    commands: tuple[tuple[Part, ...], ...] = (
        (b"APPEND ", mailbox_name(source, b"No such box"), b" ", Literal(b"x" * 50)),
        (b'APPEND INBOX " 1-Nov-2022 08:30:00 +0000" ', Literal(b"x" * 10), b" BOGUS"),
        (b"XYZZY ", Literal(b"abc")),
        (b"NOOP ", Literal(b"abc")),
        (b"FETCH 1 ", Literal(b"BODY")),
        (b"UID XYZZY ", Literal(b"abc")),
        (b"SELECT ", Literal(b"m" * 70_000)),
        (b"SELECT foo\\ ", Literal(b"INBOX")),
        (b"STATUS ", Literal(b"INBOX"), b" ", Literal(b"MESSAGES")),
        (b"SEARCH SUBJECT ", Literal(b"a\x00b")),
        (b'APPEND INBOX " 1-Nov-2022 08:30:00 +0000" ', Literal(b"")),
    )
    chosen = source.choice(commands)
    if chosen[0] == b"SELECT ":
        side.mailbox = b""
    return one(side, *chosen)


def idle(side: Side, other: Side) -> Sequence[Step]:
    """IDLE, and what the other does meanwhile. One change at a time, each waited for."""
    source = side.source
    side.mailbox = other.mailbox = b"INBOX"
    tag = side.tag()
    steps = [*one(side, b"SELECT INBOX")]
    begin = Step(side.name, (tag + b" IDLE\r\n",), event=rb"\A\+ ")
    done = Step(side.name, (source.choice((b"DONE\r\n", b"done\r\n")),), (tag,), commands=0)
    if source.random() < 0.4:
        return [*steps, begin, done]
    message = Literal(message_octets(source), plus=True)
    append = one(other, b'APPEND INBOX (\\Seen) " 1-Nov-2022 08:30:00 +0000" ', message)
    steps += [*one(other, b"SELECT INBOX"), *one(side, b"NOOP"), begin, *append]
    steps.append(Step(side.name, (), event=rb"\A\* \d+ EXISTS", commands=0))
    if source.random() < 0.5:
        steps += one(other, b"STORE * +FLAGS.SILENT (\\Deleted)")
        steps.append(Step(side.name, (), event=rb"\A\* \d+ FETCH", commands=0))
        steps += one(other, b"UID EXPUNGE *")
        steps.append(Step(side.name, (), event=rb"\A\* (?:\d+ EXPUNGE|VANISHED)", commands=0))
    return [*steps, done]


def _leave(side: Side, _other: Side) -> Sequence[Step]:
    """Go and come back."""
    source = side.source
    side.mailbox = b""
    side.qresync = False
    side.updates.clear()
    draw = source.random()
    if draw < 0.6:
        tag = side.tag()
        logout = Step(side.name, (tag + b" LOGOUT\r\n",), (tag,), after=After.LOGOUT)
        return [logout, *one(side, b"CAPABILITY"), *_select(side, side)]
    # Gone in the middle of something. The server must not take what it has for all there was.
    octets = source.choice((
        b"half NOO", b"half APPEND INBOX {100+}\r\nSubject: never", b"half SELECT {5}\r\n",
        b"half IDLE\r\n",
    ))  # fmt: skip
    drop = Step(side.name, (octets,), after=After.DROP)
    return [drop, *_select(side, side)]


FAMILIES: Sequence[tuple[Callable[[Side, Side], Sequence[Step]], float]] = (
    (_select, 8), (_fetch, 30), (_store, 10), (_copy, 7), (_append, 8), (_expunge, 3),
    (_search, 10), (_sort, 4), (_status, 5), (_list, 5), (_mailboxes, 6), (_session, 8),
    (_pipeline, 3), (_malformed, 8), (_refused_literal, 2), (idle, 0.6), (_leave, 0.7),
)  # fmt: skip
