"""One run: a program works until so much has broken, and then the mail is looked at."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from tests.real.caching_proxy import CachingProxy
from tests.real.chaos.line import BreakingLine
from tests.real.chaos.mail_program import MailProgram
from tests.real.chaos.work import MAILBOXES, Mail, Work
from tests.real.dovecot import Account, Dovecot
from tests.real.raw import RawClient

# The proxy itself is killed between two things that the program does, about once in so many.
_KILLED_ONCE_IN = 25


@dataclass
class Outcome:
    """What a run has come to; ``wrong`` is what should not be, one line each."""

    seed: int
    done: int = 0
    commands: int = 0
    sent_away: int = 0
    unknown: int = 0
    offline: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        faults = ", ".join(f"{count} {kind}" for kind, count in sorted(self.faults.items()))
        return (
            f"seed {self.seed}: {self.done} things done by {self.commands} commands, "
            f"{self.faults.total()} faults ({faults}), {self.sent_away} connections of the client "
            f"ended, {self.offline} offline, {self.unknown} outcomes unknown, "
            f"{len(self.wrong)} wrong"
        )


def run(
    dovecot: Dovecot,
    seed: int,
    faults: int,
    freshness: str = "live",
    progress: Callable[[int], None] | None = None,
) -> Outcome:
    """Work until ``faults`` faults have happened. Raises WrongAnswer, which names the command."""
    chance = Random(seed)
    account = dovecot.account("chaos")
    for mailbox in MAILBOXES:
        account.seed(mailbox.decode())
    outcome = Outcome(seed)
    with (
        TemporaryDirectory(prefix="imapproxy-chaos-") as directory,
        BreakingLine(dovecot.imaps_port, Random(seed + 1)) as line,
        CachingProxy(
            f"imaps://localhost:{line.port}",
            dovecot.ca_file,
            Path(directory),
            freshness,
            offline=True,
        ) as proxy,
        MailProgram(lambda: proxy.port, account) as program,
    ):
        work = Work(program, chance)
        while (so_far := line.broken.total() + outcome.faults.total()) < faults:
            if progress is not None:
                progress(so_far)
            work.something()
            if chance.random() < 1 / _KILLED_ONCE_IN:
                line.quiet = True  # it dials once at its start
                proxy.restart(kill=True)
                line.quiet = False
                outcome.faults["proxy killed"] += 1
        outcome.faults += line.broken
        outcome.wrong = list(_differences(work.mail, _mail(dovecot, account)))
        line.quiet = True
        outcome.wrong += _differences(work.mail, _mail(dovecot, account, proxy.port))
    outcome.done, outcome.commands = work.done, program.commands
    outcome.sent_away, outcome.unknown = program.sent_away, program.unknown
    outcome.offline = program.offline
    return outcome


_Found = dict[bytes, Counter[tuple[bytes, frozenset[bytes]]]]
_FLAGS = re.compile(rb"FLAGS \(([^)]*)\)")


def _mail(dovecot: Dovecot, account: Account, port: int | None = None) -> _Found:
    """What is there, by a connection of its own: straight, or by the proxy."""
    found: _Found = {}
    with RawClient(port or dovecot.imap_port) as client:
        client.ok(f"LOGIN {account.user} {account.password}".encode())
        for mailbox in MAILBOXES:
            client.ok(b"EXAMINE " + mailbox)
            found[mailbox] = Counter()
            for response in client.ok(b"UID FETCH 1:* (FLAGS BODY.PEEK[])")[:-1]:
                if b"BODY[]" in response.octets:
                    outside = response.fragments[0] + response.fragments[2]
                    flags = _FLAGS.search(outside)
                    assert flags is not None, response
                    told = frozenset(flags[1].split()) - {b"\\Recent"}
                    found[mailbox][response.fragments[1], told] += 1
    return found


def _differences(should: Mail, found: _Found) -> list[str]:
    lines = []
    for mailbox, messages in should.items():
        wanted = Counter((kept.octets, frozenset(kept.flags)) for kept in messages.values())
        for what, odd in (
            ("missing", wanted - found[mailbox]),
            ("too much", found[mailbox] - wanted),
        ):
            lines += [
                f"{mailbox.decode()}: {what}: {octets[:40]!r} {sorted(flags)!r} x {count}"
                for (octets, flags), count in odd.items()
            ]
    return lines
