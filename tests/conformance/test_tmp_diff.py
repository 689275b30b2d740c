"""The same random commands of two sessions at the fake server and at Dovecot.

Answers are the same but for what RFC 3501 leaves to the server: in what order untagged responses
come, whether what is known already is told again, texts, UIDVALIDITY.
"""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tests.conformance.matching import matches
from tests.conformance.mirror import Mirror
from tests.conformance.nodes import Atom
from tests.conformance.odd_mail import several
from tests.conformance.responses import Response, Status, read_response
from tests.conformance.script import simple_message
from tests.conformance.targets import Target
from tests.real.raw import RawClient

SEEDS = 200
COMMANDS = 120

_FLAGS = (r"\Seen", r"\Answered", r"\Flagged", r"\Deleted", r"\Draft", "keyword", "$Other")
_KEYS = (
    "ALL", "SEEN", "UNSEEN", "FLAGGED", "UNANSWERED", "DELETED", "NOT DELETED", "KEYWORD keyword",
    "LARGER 200", "SMALLER 200", "SUBJECT message", "FROM sender1", 'TEXT "body of message 2"',
    "BODY text", "SINCE 3-Jan-2020", "BEFORE 4-Jan-2020", "ON 2-Jan-2020", "SENTSINCE 4-Jan-2020",
    "HEADER Message-ID 3@", "UID 1:3", "1:2", "*", "OR SEEN FLAGGED", "OR UNSEEN ANSWERED",
)  # fmt: skip
_ITEMS = (
    "FLAGS", "UID", "(UID FLAGS)", "RFC822.SIZE", "INTERNALDATE", "ENVELOPE", "BODYSTRUCTURE", "BODY",
    "BODY.PEEK[]", "BODY.PEEK[HEADER]", "BODY.PEEK[TEXT]<2.9>", "BODY[1]", "FAST", "ALL",
    "BODY.PEEK[HEADER.FIELDS (SUBJECT FROM)]", "RFC822.HEADER", "RFC822.TEXT", "(FLAGS BODY[])",
)  # fmt: skip
_OTHERS = ("other", "a", "a.b", "new", "new.sub")
# What a server may tell besides, and in what texts may differ.
_MASK = re.compile(rb"(UIDVALIDITY|APPENDUID|COPYUID) \d+")


@dataclass
class Sides:
    """One session, twice: at both servers, with the picture that each of them has painted."""

    clients: tuple[RawClient, RawClient]
    mirrors: tuple[Mirror, Mirror] = field(default_factory=lambda: (Mirror(), Mirror()))
    # The other session expunged, and this one was not told.
    is_behind: bool = False

    def take(self, command: bytes) -> str:
        """Give a command to both; what is different, empty where nothing is."""
        answers = [self._ask(number, command) for number in (0, 1)]
        return _different(*answers) or self.mirrors[0].differs_from(self.mirrors[1])

    def _ask(self, number: int, command: bytes) -> list[Response]:
        raw = self.clients[number].command(command)
        responses = [
            read_response(_MASK.sub(rb"\1 0", one.octets.removeprefix(b"t "))) for one in raw
        ]
        if command.startswith(b"SELECT"):
            self.mirrors[number].forget()
        elif b".SILENT" in command:
            self.mirrors[number].forget_flags()
        return self.mirrors[number].apply(responses)

    def close(self) -> None:
        """Close both connections."""
        for client in self.clients:
            client.close()


def _different(fake: list[Response], dovecot: list[Response]) -> str:
    if _is_about_nothing(fake[-1], dovecot[-1]):
        return ""
    left = [one for one in dovecot if not _is_extra(one)]
    for response in fake:
        if _is_extra(response):
            continue
        same = next((one for one in left if _is_same(one, response)), None)
        if same is None:
            return f"the fake server alone says {response}, Dovecot {left}"
        left.remove(same)
    return f"Dovecot alone says {left}" if left else ""


def _is_same(dovecot: Response, fake: Response) -> bool:
    if isinstance(dovecot, Status) and dovecot.conditions == (b"NO",):
        # Why it is refused may be said in a code or not.
        return isinstance(fake, Status) and fake.conditions == dovecot.conditions
    return matches(dovecot, fake, {}) is not None


def _is_about_nothing(fake: Response, dovecot: Response) -> bool:
    """No message has these UIDs, and the mailbox they go to is not there: what matters more?"""
    assert isinstance(fake, Status)
    assert isinstance(dovecot, Status)
    is_missing = fake.conditions == (b"NO",) and fake.code == (Atom(b"TRYCREATE"),)
    return is_missing and dovecot.text.startswith(b"No messages found")


def _is_extra(response: Response) -> bool:
    """What says nothing of the mailbox, or what a server need not tell."""
    if isinstance(response, Status) and not response.tagged:
        return response.code is None or response.code[0].text != b"UNSEEN"  # type: ignore[union-attr]
    return False


def script(seed: int) -> Iterator[tuple[int, bytes]]:
    """Who says what."""
    source = random.Random(seed)
    for _ in range(COMMANDS):
        who = source.randrange(2)
        kind = source.choices(_KINDS, _WEIGHTS)[0]
        if kind == "select":
            yield who, b"SELECT " + source.choice((b"INBOX", b"INBOX", b"other"))
        else:
            yield who, _COMMANDS[kind](source)


def _set(source: random.Random) -> str:
    first = source.randint(1, 6)
    return source.choice(
        (f"{first}", f"{first}:{first + 1}", f"1,{first}", "*", "1:*", f"{first}:*")
    )


def _uid(source: random.Random) -> str:
    return source.choice(("", "", "UID "))


def _fetch(source: random.Random) -> bytes:
    return f"{_uid(source)}FETCH {_set(source)} {source.choice(_ITEMS)}".encode()


def _store(source: random.Random) -> bytes:
    how = source.choice(("FLAGS", "+FLAGS", "-FLAGS")) + source.choice(("", ".SILENT"))
    flags = " ".join(source.sample(_FLAGS, source.randint(0, 3)))
    return f"{_uid(source)}STORE {_set(source)} {how} ({flags})".encode()


def _search(source: random.Random) -> bytes:
    keys = " ".join(source.sample(_KEYS, source.randint(1, 3)))
    returned = source.choice(("", "", "RETURN (MIN MAX COUNT) ", "RETURN (ALL) "))
    return f"{_uid(source)}SEARCH {returned}{keys}".encode()


def _copy(source: random.Random) -> bytes:
    name = source.choice(("COPY", "COPY", "MOVE"))
    return f"{_uid(source)}{name} {_set(source)} {source.choice(('INBOX', *_OTHERS))}".encode()


def _append(source: random.Random) -> bytes:
    octets = source.choice((simple_message(source.randint(1, 5)), several(source.randint(1, 200))))
    # Dovecot loses count of a partial with a CR alone before it.
    octets = re.sub(rb"\r(?!\n)", b"", octets)
    flags = " ".join(source.sample(_FLAGS, source.randint(0, 2)))
    start = f"APPEND {source.choice(('INBOX', 'INBOX', *_OTHERS))} ({flags}) "
    date = f'"0{source.randint(1, 5)}-Jan-2020 12:00:00 +0000"'
    return f"{start}{date} {{{len(octets)}+}}\r\n".encode() + octets


def _mailboxes(source: random.Random) -> bytes:
    name = source.choice(_OTHERS[1:])
    return source.choice((
        f"CREATE {name}", f"CREATE {name}", f"DELETE {name}", f"SUBSCRIBE {name}",
        f"UNSUBSCRIBE {name}", 'LSUB "" *', 'LSUB "" %', f"STATUS {name} (MESSAGES UIDNEXT UNSEEN)",
        "STATUS other (MESSAGES UIDNEXT UNSEEN)",
    )).encode()  # fmt: skip


_COMMANDS = {
    "fetch": _fetch,
    "store": _store,
    "search": _search,
    "copy": _copy,
    "append": _append,
    "mailboxes": _mailboxes,
    "expunge": lambda source: source.choice((b"EXPUNGE", b"EXPUNGE", b"UID EXPUNGE 1:4")),
    "noop": lambda source: source.choice((b"NOOP", b"CHECK")),
}
_KINDS = (*_COMMANDS, "select")
_WEIGHTS = (6, 6, 4, 2, 3, 2, 1, 2, 1)


def _sides(targets: tuple[Target, Target], accounts: list[tuple[str, str]]) -> Sides:
    clients = (RawClient(targets[0].port), RawClient(targets[1].port))
    for client, (user, password) in zip(clients, accounts, strict=True):
        client.ok(f"LOGIN {user} {password}".encode())
    return Sides(clients)


def _prepare(sides: Sides) -> None:
    for client in sides.clients:
        for number in range(1, 6):
            octets = simple_message(number)
            date = f'"0{number}-Jan-2020 12:00:00 +0000"'.encode()
            client.ok(b"APPEND INBOX %b {%d+}\r\n%b" % (date, len(octets), octets))
        client.ok(b"CREATE other")


@pytest.mark.parametrize("seed", range(SEEDS))
def test_the_same_answers(seed: int, fake: Target, dovecot: Target) -> None:
    targets = (fake, dovecot)
    accounts = [target.account() for target in targets]
    both = [_sides(targets, accounts), _sides(targets, accounts)]
    told: list[str] = []

    def take(who: int, command: bytes) -> None:
        told.append(f"{'AB'[who]}: {command[:200]!r}")
        found = both[who].take(command)
        assert not found, "\n".join([*told[-12:], found])

    try:
        _prepare(both[0])
        for who in (0, 1):
            take(who, b"SELECT INBOX")
            take(who, b"FETCH 1:* (UID FLAGS)")
        for who, command in script(seed):
            # Of messages that are gone and were not told of, servers say different things.
            take(who, b"NOOP")
            take(who, command)
    finally:
        for sides in both:
            sides.close()
