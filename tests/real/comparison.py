"""Holding two runs of a script against each other, and saying what kind of difference there is."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from tests.real.dovecot import Dovecot
from tests.real.fetch_response import Unreadable, fetch_response
from tests.real.participant import Server, Straight
from tests.real.run import Run, Turn, play
from tests.real.steps import Step

_EXISTS = re.compile(rb"\* (\d+) EXISTS\r\n", re.IGNORECASE)
_EXPUNGE = re.compile(rb"\* (\d+) EXPUNGE\r\n", re.IGNORECASE)
_MODSEQ = re.compile(rb"MODSEQ \((\d+)\)")
_FETCH_OF = re.compile(rb"\* (\d+) FETCH \(", re.IGNORECASE)


class Kind(Enum):
    """What a difference is about; all but the first are counted apart from the real ones."""

    REAL = "differences"
    # A pipeline was answered the same in another order. Dovecot works on four commands at a time,
    # and which is finished first depends on when it gets to read the fifth.
    REORDERED = "in another order"
    # The same items of the same messages, but in another order within the FETCH responses.
    ITEM_ORDER = "items in another order"
    # A MOVE of B's into the same mailbox is two things to Dovecot: a message comes, and one goes. A
    # cache that is ``live`` may ask for news in between, and then A is told the same in two parts.
    IN_TWO_PARTS = "news in two parts"
    # Only the lowest MODSEQ differs: that of messages which have not changed since Dovecot began to
    # count in this mailbox. From which number it counts depends on when it has written its index;
    # two runs without a proxy differ in it now and then, too, on a machine that is busy.
    FIRST_MODSEQ = "in where MODSEQs begin"
    # About messages that another session had expunged and A was not told of: data, NIL and NO are
    # all allowed (RFC 2180 section 4.1), and Dovecot's answer depends on what it has in memory.
    UNANNOUNCED_EXPUNGE = "about messages expunged unannounced"
    # The mailbox had been deleted or renamed under A (RFC 2180 sections 3 and 5: likewise).
    UPROOTED = "in a mailbox deleted or renamed under A"


@dataclass(frozen=True)
class Difference:
    """A step that was answered differently."""

    title: str
    number: int
    steps: Sequence[Step]
    direct: Turn
    proxied: Turn

    @property
    def kind(self) -> Kind:
        """What it is about."""
        left, right = self.direct.answer, self.proxied.answer
        if len(self.steps[self.number].tags) > 1 and sorted(left) == sorted(right):
            return Kind.REORDERED
        if [_items(response) for response in left] == [_items(response) for response in right]:
            return Kind.ITEM_ORDER
        if _mailbox_after(left) == _mailbox_after(right):
            return Kind.IN_TWO_PARTS
        if _from_first_modseq(left) == _from_first_modseq(right):
            return Kind.FIRST_MODSEQ
        gone = self.direct.gone & self.proxied.gone
        tags = self.steps[self.number].tags
        if gone and _without(left, gone, tags) == _without(right, gone, tags):
            return Kind.UNANNOUNCED_EXPUNGE
        if self.direct.uprooted and self.proxied.uprooted:
            return Kind.UPROOTED
        return Kind.REAL

    def __str__(self) -> str:
        lines = [f"{self.title}, step {self.number}: {self.kind.value}"]
        if self.direct.gone:
            lines.append(f"Expunged, and A does not know: {sorted(self.direct.gone)}")
        lines.append("The last steps:")
        for step in self.steps[max(0, self.number - 5) : self.number + 1]:
            lines.append(f"  {step.client}: {short(step.segments)} {step.after.name}")
        lines += ["direct:", *_differing(self.direct.answer, self.proxied.answer)]
        lines += ["through the proxy:", *_differing(self.proxied.answer, self.direct.answer)]
        return "\n".join(lines)


def _items(response: bytes) -> object:
    try:
        fetch = fetch_response(response)
    except Unreadable:
        return response
    return response if fetch is None else (fetch.number, sorted(fetch.items))


def _from_first_modseq(answer: Sequence[bytes]) -> list[bytes]:
    """The answer, with a word in the place of the lowest MODSEQ that is told in it."""
    told = [int(number) for response in answer for number in _MODSEQ.findall(response)]
    lowest = b"MODSEQ (%d)" % min(told, default=0)
    return [response.replace(lowest, b"MODSEQ (first)") for response in answer]


def _mailbox_after(answer: Iterable[bytes]) -> tuple[list[bytes], int | None, list[bytes]]:
    """What was expunged in which order, how many messages are there behind it, and all else."""
    expunged: list[bytes] = []
    exists: int | None = None
    others: list[bytes] = []
    for response in answer:
        if match := _EXISTS.fullmatch(response):
            exists = int(match[1])
        elif _EXPUNGE.fullmatch(response):
            expunged.append(response)
            exists = None if exists is None else exists - 1
        else:
            others.append(response)
    return expunged, exists, others


def _without(answer: Iterable[bytes], gone: frozenset[int], tags: Sequence[bytes]) -> list[bytes]:
    """Return what is not about those messages; of tagged replies the tag."""
    rest = []
    for response in answer:
        match = _FETCH_OF.match(response)
        if match is None or int(match[1]) not in gone:
            tag = response.partition(b" ")[0]
            rest.append(tag if tag in tags else response)
    return rest


@dataclass(frozen=True)
class Comparison:
    """What came of a script: how many commands were compared, and where the answers differed.

    ``ended`` says why the script was not followed to its end, if it was not. ``faults`` is what
    was unlawful in what A was told through the proxy.
    """

    title: str
    commands: int
    all: Sequence[Difference]
    ended: str = ""
    faults: Sequence[str] = ()

    @property
    def kinds(self) -> Counter[Kind]:
        """How many differences there are of each kind."""
        return Counter(difference.kind for difference in self.all)

    @property
    def differences(self) -> Sequence[Difference]:
        """The real ones."""
        return [difference for difference in self.all if difference.kind is Kind.REAL]

    @property
    def reordered(self) -> int:
        """How many pipelines were answered in another order."""
        return self.kinds[Kind.REORDERED]

    def __str__(self) -> str:
        kinds = self.kinds
        parts = [f"{kinds[Kind.REAL]} differences in {self.commands} commands"]
        parts += [f"{kinds[k]} {k.value}" for k in Kind if k is not Kind.REAL and kinds[k]]
        parts += [f"{len(self.faults)} unlawful"] if self.faults else []
        return f"{self.title}: {', '.join([*parts, *filter(None, [self.ended])])}"


def compare(
    dovecot: Dovecot, server: Server, steps: Sequence[Step], title: str, *, steady: bool = False
) -> Comparison:
    """Run a script directly and with A connected to ``server``; for ``steady`` see ``run``."""
    direct = play(dovecot, steps, Straight(dovecot.imap_port), steady=steady).turns
    steps, ended = followed(steps, direct)
    proxied = play(dovecot, steps, server, steady=steady).turns
    # Now and then Dovecot fails in one of the runs alone, and from there on they are two stories.
    steps, ended_too = followed(steps, proxied)
    direct = direct[: len(steps)]
    differences = [
        Difference(title, number, steps, left, right)
        for number, (left, right) in enumerate(zip(direct, proxied, strict=False))
        if left.answer != right.answer
    ]
    ended = ended_too or ended
    return Comparison(title, count(steps), differences, ended, _new_faults(steps, direct, proxied))


def _new_faults(
    steps: Sequence[Step], direct: Sequence[Turn], proxied: Sequence[Turn]
) -> Sequence[str]:
    """What was unlawful, and was not so without the proxy: then it is the script, or Dovecot."""
    new = [
        turn if not before.faults else replace(turn, faults=())
        for before, turn in zip(direct, proxied, strict=False)
    ]
    return faults_of(steps, new)


@dataclass(frozen=True)
class Watched:
    """What came of a script that was judged by itself."""

    title: str
    steps: Sequence[Step]
    run: Run

    @property
    def faults(self) -> Sequence[str]:
        """What was unlawful."""
        return faults_of(self.steps, self.run.turns)

    @property
    def commands(self) -> int:
        """How many commands there were."""
        return count(self.steps)

    @property
    def ended(self) -> str:
        """Why the script could not be followed, if it could not."""
        return followed(self.steps, self.run.turns)[1]

    def __str__(self) -> str:
        parts = [f"{len(self.faults)} unlawful in {self.commands} commands"]
        parts += [f"{self.run.checked} values held against the server", *filter(None, [self.ended])]
        return f"{self.title}: {', '.join(parts)}"


def watch(dovecot: Dovecot, server: Server, steps: Sequence[Step], title: str) -> Watched:
    """Run a script once, with A connected to ``server``, and judge what A is told by itself."""
    return Watched(title, steps, play(dovecot, steps, server, observed=True, steady=True))


def count(steps: Iterable[Step]) -> int:
    """Return the number of commands."""
    return sum(step.commands for step in steps)


def faults_of(steps: Sequence[Step], turns: Sequence[Turn]) -> list[str]:
    """Return what was unlawful, each with the step."""
    return [
        f"step {number} {short(steps[number].segments)}: {fault}"
        for number, turn in enumerate(turns[: len(steps)])
        for fault in turn.faults
    ]


def followed(steps: Sequence[Step], turns: Sequence[Turn]) -> tuple[Sequence[Step], str]:
    """Return the steps up to where nothing can be compared any more, and why."""
    for number, turn in enumerate(turns):
        if ended := why_it_ends(steps[number], turn):
            return steps[:number], ended
    return steps, ""


def why_it_ends(step: Step, turn: Turn) -> str:
    """Return why nothing can be compared from this step on, or an empty string."""
    answer = turn.answer
    if any(b"NO [SERVERBUG]" in response for response in answer):
        return f"Dovecot got confused by {short(step.segments)}"
    if b"silent" in answer:
        return f"the script waits for what never comes: {step}"
    if b"closed" in answer and not any(response.startswith(b"* BYE") for response in answer):
        # Then the proxy answers the command, as it must: NO [UNAVAILABLE], and BYE.
        return f"Dovecot crashed on {short(step.segments)}"
    if step.commands == 1 and step.tags:
        # Dovecot reads the octets of a non-synchronizing literal as commands if it refused the
        # command before it came to the literal; from there on they mean something else to it.
        expected = (b"* ", b"+ ", b"*\r", *(tag + b" " for tag in step.tags))
        marks = (b"closed", b"end", b"")
        if not all(part.startswith(expected) or part in marks for part in answer):
            return f"Dovecot lost the framing of {short(step.segments)}"
    return ""


def short(segments: Iterable[bytes]) -> str:
    """Return octets to be shown, their middle left out if they are many."""
    return " ".join(repr(s if len(s) < 300 else s[:200] + b"..." + s[-60:]) for s in segments)


def _differing(mine: Sequence[bytes], other: Sequence[bytes]) -> list[str]:
    """Return the responses from the first on that is not the same in both."""
    first = 0
    while first < min(len(mine), len(other)) and mine[first] == other[first]:
        first += 1
    shown = [f"  {short([response])}" for response in mine[first : first + 6]]
    return [f"  ({first} responses the same)", *shown]
