"""Running a script twice, once through the proxy and once without, and comparing every answer.

``python -m tests.real.differential --seeds 1-100`` runs more of them than the tests do.
"""

import argparse
import re
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tests.real.dovecot import Account, Dovecot
from tests.real.mail import corpus
from tests.real.proxy import Proxy
from tests.real.raw import Closed, RawClient, Response, Silent
from tests.real.script import script
from tests.real.steps import After, Step
from tests.real.vocabulary import SEEDED

# What differs between two runs on the same server; each has to have its reason.
_MASKS: Sequence[tuple[re.Pattern[bytes], bytes]] = (
    # Dovecot says how long it took.
    (re.compile(rb"\(\d+\.\d{3} \+ \d+\.\d{3}(?: \+ \d+\.\d{3})? secs\)"), b"(secs)"),
    # Which of two sessions is the first to see a message, and so gets to call it recent, is
    # decided by whose process wakes up first while one of them is in IDLE.
    (re.compile(rb"(?<=\()\\Recent ?| \\Recent(?=[ )])"), b""),
    (re.compile(rb"(?<=\bRECENT )\d+"), b"n"),
    # Dovecot compares the times of files, in seconds, with the time of the last look.
    (re.compile(rb"(?<=\()\\(?:Un)?Marked ?| \\(?:Un)?Marked(?=[ )])", re.IGNORECASE), b""),
    # "Refer to server log for more information. [2022-11-01 08:30:00]"
    (re.compile(rb"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\]"), b"[now]"),
    # Said of a line without a tag. Such a line ends at the proxy, which has to put a tag of its
    # own in the place of the client's; so the text, which is for people, is the proxy's.
    (re.compile(rb"\A\* BAD .*", re.DOTALL), b"* BAD text"),
    # These are about the hop: the proxy says itself that it does not offer them.
    (
        re.compile(rb"\Aa BAD .*\b(?:COMPRESS|STARTTLS|UNAUTHENTICATE)\b.*", re.DOTALL),
        b"a BAD text",
    ),
    # A line whose last quoted string is open and ends in "{5}" could be taken for the
    # announcement of a literal by one server and not by the next, so the proxy keeps it.
    (
        re.compile(rb"\Aa BAD (?:.*: Missing '\"'|quoted string without).*", re.DOTALL),
        b"a BAD open quoted string",
    ),
)
_RECENT = re.compile(rb"\A\* \d+ RECENT\r\n\Z")
# UIDVALIDITY comes of the time of day. Each value gets a number by its first appearance, so that
# the same mailbox must still have the same one, and another mailbox another.
_UIDVALIDITY = re.compile(rb"(\bUIDVALIDITY |\bAPPENDUID |\bCOPYUID )(\d+)")
# The capabilities of the hop: about the connection itself, which is another one with the proxy.
_HOP = re.compile(
    rb" (?:STARTTLS|LOGINDISABLED|AUTH=\S+|COMPRESS=\S+|SASL-IR|LOGIN-REFERRALS|MAILBOX-REFERRALS"
    rb"|\S+-PLUS)(?=[ \r\]])"
)
_HIGHEST = re.compile(rb"\[HIGHESTMODSEQ (\d+)\]")


@dataclass
class Normaliser:
    """Masks what two runs may differ in, and remembers what the placeholders stand for."""

    uid_validities: dict[bytes, int] = field(default_factory=dict)
    mod_seq: bytes = b"1"
    uid_validity: bytes = b"1"

    def fill(self, octets: bytes) -> bytes:
        """Put this run's numbers in the places of the placeholders."""
        octets = octets.replace(b"@MODSEQ@", self.mod_seq)
        return octets.replace(b"@UIDVALIDITY@", self.uid_validity)

    def normalise(self, responses: Iterable[Response]) -> list[bytes]:
        """Return the responses as they are compared: literals as they came, lines masked."""
        normal = []
        for response in responses:
            if _RECENT.match(response.octets):
                continue
            fragments = [
                self._line(fragment) if number % 2 == 0 else fragment
                for number, fragment in enumerate(response.fragments)
            ]
            normal.append(b"".join(fragments))
        return normal

    def _line(self, line: bytes) -> bytes:
        if match := _HIGHEST.search(line):
            self.mod_seq = match[1]
        if match := re.search(rb"\[UIDVALIDITY (\d+)\]", line):
            self.uid_validity = match[1]
        line = _UIDVALIDITY.sub(self._number_uid_validity, line)
        for pattern, replacement in _MASKS:
            line = pattern.sub(replacement, line)
        if b"CAPABILITY" in line:
            line = _HOP.sub(b"", line)
        return line

    def _number_uid_validity(self, match: re.Match[bytes]) -> bytes:
        # Dovecot answers 0 and 1 for what it does not have; those are not times.
        number = self.uid_validities.setdefault(match[2], len(self.uid_validities) + 1)
        return match[1] + b"v%d" % number


class Participant:
    """One of the two clients: a connection, made anew when the script says so or the server."""

    def __init__(self, port: int, account: Account) -> None:
        self._port = port
        self._account = account
        self._normaliser = Normaliser()
        self._client = self._connect()

    def take(self, step: Step) -> list[bytes]:
        """Do a step and return the normalised answer."""
        try:
            responses = self._converse(step)
        except Closed as closed:
            answer = [*self._normaliser.normalise(closed.responses), b"closed", closed.rest]
            self._reconnect()
            return answer
        except Silent as silent:
            answer = [*self._normaliser.normalise(silent.responses), b"silent", silent.rest]
            self._reconnect()
            return answer
        answer = self._normaliser.normalise(responses)
        if step.after is After.LOGOUT:
            answer += [b"end", self._client.read_to_end()]
        if step.after is not After.NOTHING:
            self._reconnect()
        return answer

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _converse(self, step: Step) -> list[Response]:
        responses: list[Response] = []
        tags = set(step.tags)
        for number, segment in enumerate(step.segments):
            self._client.send(self._normaliser.fill(segment))
            if number < len(step.segments) - 1:
                ends = {b"+", *tags}
                responses += self._client.read_until(lambda r, ends=ends: r.first_word in ends)
                if responses[-1].first_word in tags:
                    return responses
        if step.event:
            event = re.compile(step.event)
            responses += self._client.read_until(lambda r: bool(event.match(r.octets)))
        while tags:
            responses += self._client.read_until(lambda r: r.first_word in tags)
            tags.discard(responses[-1].first_word)
        return responses

    def _connect(self) -> RawClient:
        client = RawClient(self._port)
        client.ok(f"LOGIN {self._account.user} {self._account.password}".encode(), b"login")
        return client

    def _reconnect(self) -> None:
        self._client.close()
        self._client = self._connect()


@dataclass(frozen=True)
class Difference:
    """The first step that was answered differently."""

    seed: int
    number: int
    steps: Sequence[Step]
    direct: Sequence[bytes]
    proxied: Sequence[bytes]

    @property
    def is_order_alone(self) -> bool:
        """Whether the step is a pipeline and its answers are the same but for their order."""
        pipelined = len(self.steps[self.number].tags) > 1
        return pipelined and sorted(self.direct) == sorted(self.proxied)

    def __str__(self) -> str:
        lines = [
            f"seed {self.seed}, step {self.number}: the answers differ.",
            f"Again: make differential SEEDS={self.seed}",
            "The last steps:",
        ]
        for step in self.steps[max(0, self.number - 5) : self.number + 1]:
            lines.append(f"  {step.client}: {_short(step.segments)} {step.after.name}")
        lines += ["direct:", *_differing(self.direct, self.proxied)]
        lines += ["through the proxy:", *_differing(self.proxied, self.direct)]
        return "\n".join(lines)


def account_for_script(dovecot: Dovecot) -> Account:
    """Return a fresh account; one is as good as another."""
    account = dovecot.account("diff")
    messages = corpus()
    account.seed("INBOX", messages)
    for name in SEEDED[1:]:
        account.seed(name.decode(), messages[1:])
    return account


def answers(dovecot: Dovecot, steps: Sequence[Step], port_of_a: int) -> list[list[bytes]]:
    """Run the steps with A connected to the given port, B straight to Dovecot."""
    account = account_for_script(dovecot)
    sides = {
        "A": Participant(port_of_a, account),
        "B": Participant(dovecot.imap_port, account),
    }
    try:
        return [sides[step.client].take(step) for step in steps]
    finally:
        for side in sides.values():
            side.close()


@dataclass(frozen=True)
class Comparison:
    """What came of one seed: how many commands were compared, and where the answers differed.

    ``reordered`` counts the pipelines that were answered the same in another order: Dovecot works
    on four commands at a time, and which is finished first depends on when it gets to read the
    fifth. ``ended`` says why the script was not followed to its end, if it was not.
    """

    seed: int
    commands: int
    differences: Sequence[Difference]
    reordered: int = 0
    ended: str = ""

    def __str__(self) -> str:
        found = f"{len(self.differences)} differences in {self.commands} commands"
        order = f", {self.reordered} in another order" if self.reordered else ""
        return f"seed {self.seed}: {found}{order}{self.ended and ', '}{self.ended}"


def compare(dovecot: Dovecot, port: int, seed: int, commands: int) -> Comparison:
    """Run the script of a seed directly and through ``port``."""
    steps = script(seed, commands)
    direct = answers(dovecot, steps, dovecot.imap_port)
    ended = ""
    for number, answer in enumerate(direct):
        if ended := _why_it_ends(steps[number], answer):
            steps, direct = steps[:number], direct[:number]
            break
    proxied = answers(dovecot, steps, port)
    differences = [
        Difference(seed, number, steps, left, right)
        for number, (left, right) in enumerate(zip(direct, proxied, strict=True))
        if left != right
    ]
    reordered = [difference for difference in differences if difference.is_order_alone]
    different = [difference for difference in differences if difference not in reordered]
    count = sum(step.commands for step in steps)
    return Comparison(seed, count, different, len(reordered), ended)


def _why_it_ends(step: Step, answer: Sequence[bytes]) -> str:
    """Return why nothing can be compared from this step on, or an empty string."""
    if b"silent" in answer:
        return f"the script waits for what never comes: {step}"
    if b"closed" in answer and not any(response.startswith(b"* BYE") for response in answer):
        # Then the proxy answers the command, as it must: NO [UNAVAILABLE], and BYE.
        return f"Dovecot crashed on {_short(step.segments)}"
    if step.commands == 1 and step.tags:
        # Dovecot reads the octets of a non-synchronizing literal as commands if it refused the
        # command before it came to the literal; from there on they mean something else to it.
        expected = (b"* ", b"+ ", b"*\r", *(tag + b" " for tag in step.tags))
        marks = (b"closed", b"end", b"")
        if not all(part.startswith(expected) or part in marks for part in answer):
            return f"Dovecot lost the framing of {_short(step.segments)}"
    return ""


def _short(segments: Iterable[bytes]) -> str:
    return " ".join(repr(s if len(s) < 300 else s[:200] + b"..." + s[-60:]) for s in segments)


def _differing(mine: Sequence[bytes], other: Sequence[bytes]) -> list[str]:
    """Return the responses from the first on that is not the same in both."""
    first = 0
    while first < min(len(mine), len(other)) and mine[first] == other[first]:
        first += 1
    shown = [f"  {_short([response])}" for response in mine[first : first + 6]]
    return [f"  ({first} responses the same)", *shown]


def seed_list(text: str) -> list[int]:
    """Return the seeds of ``1,5,10-20``."""
    seeds: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        seeds += range(int(first), int(last or first) + 1)
    return seeds


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare as many scripts as asked for; the exit code is 1 if there was a difference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="1-20", help="1,5,10-20 (default: %(default)s)")
    parser.add_argument("--commands", type=int, default=850, help="commands in each script")
    parser.add_argument("--direct", action="store_true", help="compare Dovecot with itself")
    parser.add_argument("--keep-going", action="store_true", help="do not stop at the first seed")
    parser.add_argument("--show", type=int, default=1, help="differences to show of each seed")
    options = parser.parse_args(arguments)
    if missing := Dovecot.missing():
        sys.stderr.write(f"{missing}\n")
        return 2
    found = 0
    with Dovecot() as dovecot:
        proxy = None if options.direct else Proxy(dovecot.upstream, dovecot.ca_file)
        if proxy is not None:
            proxy.start()
        port = dovecot.imap_port if proxy is None else proxy.port
        for seed in seed_list(options.seeds):
            started = time.monotonic()
            comparison = compare(dovecot, port, seed, options.commands)
            shown = [f"{comparison} ({time.monotonic() - started:.1f} s)"]
            shown += map(str, comparison.differences[: options.show])
            sys.stdout.write("\n".join(shown) + "\n")
            sys.stdout.flush()
            found += len(comparison.differences)
            if found and not options.keep_going:
                break
        if proxy is not None:
            proxy.stop()
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
