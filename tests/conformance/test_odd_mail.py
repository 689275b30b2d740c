"""Odd mail: what the fake server tells of it is what Dovecot tells of it.

RFC 3501 says what ENVELOPE and BODYSTRUCTURE are for good mail. For the rest there is no better
rule than what a server that very many programs work with does.
"""

from collections.abc import Iterator, Sequence

import pytest

from tests.conformance.nodes import Reader
from tests.conformance.odd_mail import one_oddness, several
from tests.conformance.targets import Target
from tests.real.raw import RawClient

SEEDS = 250
_BATCH = 50

# What is told otherwise, and why that is right.
DIFFERENT = {
    # A parameter that cannot be read: it is left out, and others are told.
    'Content-Type: text/plain; name="unclosed': "BODY",
    "Content-Type: text/plain;charset=utf-8;;format=flowed": "BODY",
    "Content-Type: text/plain; =x; y=z": "BODY",
    "Content-Type: multipart": "BODY",
    # Dovecot does not keep how such a part wrote it, since nothing depends on that.
    "Content-Type: TEXT/PLAIN": "BODY",
    # There is no disposition, so NIL.
    "Content-Disposition: ": "BODYSTRUCTURE",
    "Content-Disposition: ;filename=x": "BODYSTRUCTURE",
    # White space alone is an empty value.
    "Content-Description:  ": "BODY",
    # The empty line is "included in all header fetches", where there is one (section 6.4.5).
    # Dovecot adds one to fields that it has in its index.
    "header alone": "BODY.PEEK[HEADER.FIELDS",
    # What is no address: a group in a group, a comment without an end.
    "From: group: a@b, other: c@d;;": "ENVELOPE",
    "From: a@b (": "ENVELOPE",
    "Sender, Reply-To, To: group: a@b, other: c@d;;": "ENVELOPE",
    "Sender, Reply-To, To: a@b (": "ENVELOPE",
    # What stands for it: U+FFFD in UTF-8 there, one octet here, so that sizes stay what they are.
    "NUL": "ENVELOPE",
    # Dovecot reads 64 KiB of a field's value at most for what it keeps in its index.
    "very long header": "ENVELOPE",
}


class Pair:
    """One account at each of the two servers, with the same mail."""

    def __init__(self, targets: Sequence[Target]) -> None:
        self.clients = [RawClient(target.port) for target in targets]
        for client, target in zip(self.clients, targets, strict=True):
            user, password = target.account()
            client.ok(f"LOGIN {user} {password}".encode())

    def append(self, messages: Sequence[bytes]) -> None:
        """Put the messages into INBOX and select it."""
        for client in self.clients:
            for octets in messages:
                # A message without any octets is refused by both.
                client.send(b'a APPEND INBOX "01-Jan-2020 12:00:00 +0000" {%d+}\r\n' % len(octets))
                client.send(octets + b"\r\n")
            for octets in messages:
                last = client.read_until(lambda one: one.first_word == b"a")[-1]
                assert last.octets.startswith(b"a OK"), (octets, last)
            client.ok(b"SELECT INBOX")

    def both(self, command: bytes) -> list[bytes]:
        """What each of them says, without the text of the tagged response."""
        answers = []
        for client in self.clients:
            told = client.command(command)
            octets = b"".join(one.octets for one in told[:-1])
            answers.append(octets + b" ".join(told[-1].octets.split()[1:2]))
        return answers

    def close(self) -> None:
        """Close both."""
        for client in self.clients:
            client.close()


@pytest.fixture
def pair(fake: Target, dovecot: Target) -> Iterator[Pair]:
    """Both servers."""
    pair = Pair((fake, dovecot))
    yield pair
    pair.close()


def parts_of(body: bytes) -> list[str]:
    """The numbers of parts that may be there, by how deep the structure is nested."""
    depth = min(body.count(b"(("), 3)
    numbers = ["1", "2", "3"]
    for _ in range(depth):
        numbers += [f"{number}.{below}" for number in numbers[-9:] for below in ("1", "2")]
    return numbers[:24]


def differences(pair: Pair, number: int) -> list[str]:
    """What the two tell otherwise of message ``number``."""
    found = []
    for item in ("RFC822.SIZE", "ENVELOPE", "BODY", "BODYSTRUCTURE", "BODY.PEEK[]",
                 "BODY.PEEK[HEADER]", "BODY.PEEK[TEXT]",
                 "BODY.PEEK[HEADER.FIELDS (SUBJECT FROM X-OTHER)]",
                 "BODY.PEEK[HEADER.FIELDS.NOT (SUBJECT FROM)]"):  # fmt: skip
        fake, dovecot = pair.both(f"FETCH {number} {item}".encode())
        if _comparable(fake) != _comparable(dovecot):
            found.append(f"{item}\n    fake server: {fake!r}\n    Dovecot:     {dovecot!r}")
        if item == "BODYSTRUCTURE":
            structure = dovecot
    for part in parts_of(structure):
        for item in (part, f"{part}.MIME", f"{part}.HEADER", f"{part}.TEXT"):
            fake, dovecot = pair.both(f"FETCH {number} BODY.PEEK[{item}]".encode())
            if fake != dovecot and not _is_below_a_leaf(pair, number, item, dovecot):
                found.append(f"{item}\n    fake server: {fake!r}\n    Dovecot:     {dovecot!r}")
    return found


def _comparable(octets: bytes) -> object:
    """Quoted strings and literals are the same."""
    line, _, rest = octets.rpartition(b"\r\n")
    return (Reader(line).nodes(), rest) if line else rest


def _is_below_a_leaf(pair: Pair, number: int, item: str, dovecot: bytes) -> bool:
    """Dovecot takes ``1.1`` for part 1 where that has no parts; RFC 3501 knows no such part."""
    above = item.replace(".1.MIME", ".MIME") if item.endswith(".MIME") else item.removesuffix(".1")
    if above == item:
        return False
    other = pair.both(f"FETCH {number} BODY.PEEK[{above}]".encode())[1]
    return other.partition(b"]")[2] == dovecot.partition(b"]")[2]


def assert_the_same(pair: Pair, names: Sequence[str], messages: Sequence[bytes]) -> None:
    pair.append(messages)
    report = []
    for number, name in enumerate(names, 1):
        known = DIFFERENT.get(name, "")
        found = [one for one in differences(pair, number) if not (known and one.startswith(known))]
        report += [f"{name!r} {messages[number - 1]!r}\n  {one}" for one in found[:3]]
    assert not report, "\n\n".join([f"{len(report)} differences", *report])[:20_000]


def test_one_oddness_at_a_time(pair: Pair) -> None:
    messages = one_oddness()
    assert_the_same(pair, list(messages), list(messages.values()))


@pytest.mark.parametrize("start", range(0, SEEDS, _BATCH))
def test_several_at_once(pair: Pair, start: int) -> None:
    seeds = range(start, start + _BATCH)
    messages = [several(seed) or b"\r\n" for seed in seeds]
    assert_the_same(pair, [f"seed {seed}" for seed in seeds], messages)


_WORDS = (b"body", b"text", b"ada", b"example.org", b"group", b"folded", b"=?", b"x", b"one", b"")
_SEARCHES = (
    *(b'%b "%b"' % (key, word) for key in (b"TEXT", b"BODY", b"SUBJECT") for word in _WORDS),
    b"HEADER Content-Type text", b"HEADER Content-Type charset", b'HEADER To ""', b'HEADER Date ""',
    b"LARGER 100", b"SMALLER 100",
)  # fmt: skip
# Dovecot does not look into what it cannot decode.
_NOT_SEARCHED = {
    "Content-Transfer-Encoding: x-odd", "Content-Transfer-Encoding: ", "Content-Type: text",
    "Content-Transfer-Encoding: bin ary", "Content-Transfer-Encoding: 8bit;",
}  # fmt: skip


def test_searched(pair: Pair) -> None:
    messages = [octets for name, octets in one_oddness().items() if name not in _NOT_SEARCHED]
    pair.append(messages)
    report = []
    for search in _SEARCHES:
        fake, dovecot = (
            set(answer.partition(b"\r\n")[0].split()[2:])
            for answer in pair.both(b"SEARCH CHARSET UTF-8 " + search)
        )
        for number in sorted(map(int, fake ^ dovecot)):
            who = "fake server" if b"%d" % number in fake else "Dovecot"
            report.append(f"{search!r}: the {who} alone finds {messages[number - 1][:300]!r}")
    assert not report, "\n".join([f"{len(report)} differences", *report])[:20_000]
