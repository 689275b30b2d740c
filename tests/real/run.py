"""Running a script once: two clients on an account, and the watcher of the first of them."""

from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial

from tests.real.dovecot import Account, Dovecot
from tests.real.lawful import Lawful
from tests.real.mail import corpus
from tests.real.observer import Observer
from tests.real.participant import Participant, Server, Straight, Taken
from tests.real.steps import Step
from tests.real.truth import spool
from tests.real.vocabulary import SEEDED


@dataclass(frozen=True)
class Turn:
    """What came of a step.

    ``gone`` are the numbers, as A counts, of messages that had been expunged when the step began
    without A being told; ``uprooted`` says that A's mailbox had been deleted or renamed. Both are
    of A's steps alone. ``faults`` is what was unlawful in what A was told.
    """

    answer: Sequence[bytes]
    gone: frozenset[int] = frozenset()
    uprooted: bool = False
    faults: Sequence[str] = ()


@dataclass(frozen=True)
class Run:
    """All turns of a run; ``checked`` counts what was held against the server itself."""

    turns: Sequence[Turn]
    checked: int = 0


def account_for_script(dovecot: Dovecot, *, steady: bool) -> Account:
    """Return a fresh account; one is as good as another.

    ``steady`` leaves out the message that has no end of its header: Dovecot tells its fields with
    an empty line behind them or without, depending on what it has in its own cache at the time.
    """
    account = dovecot.account("diff")
    messages = [message for message in corpus() if not steady or b"\n\n" in message.octets]
    account.seed("INBOX", messages)
    for name in SEEDED[1:]:
        account.seed(name.decode(), messages[1:])
    return account


def play(
    dovecot: Dovecot,
    steps: Sequence[Step],
    server_of_a: Server,
    *,
    observed: bool = False,
    steady: bool = False,
) -> Run:
    """Run the steps with A connected to the given server, B straight to Dovecot.

    ``steady``: see :func:`account_for_script`.
    ``observed``: a third connection checks what A is told against what the server says of it.
    """
    account = account_for_script(dovecot, steady=steady)
    with ExitStack() as stack:
        a = stack.enter_context(closing(Participant(server_of_a, account, steady=steady)))
        straight = Straight(dovecot.imap_port)
        b = stack.enter_context(closing(Participant(straight, account, steady=steady)))
        observer = None
        if observed:
            observer = stack.enter_context(closing(Observer(dovecot.imap_port, account)))
        watcher = Lawful(partial(spool, account), observer)
        turns: list[Turn] = []
        for step in steps:
            taken = _watched(watcher, a, step) if step.client == "A" else Turn(b.take(step).answer)
            turns.append(taken)
            if b"silent" in taken.answer:
                break  # nothing behind it is judged, and each wait would be as long again
        return Run(turns, watcher.checked)


def _watched(watcher: Lawful, a: Participant, step: Step) -> Turn:
    gone, uprooted = watcher.behind()
    before = len(watcher.faults)
    taken = a.take(step)
    watch(watcher, step, taken)
    return Turn(taken.answer, gone, uprooted, watcher.faults[before:])


def watch(watcher: Lawful, step: Step, taken: Taken) -> None:
    """Let the watcher see a step and what came of it."""
    watcher.early(taken.early)
    watcher.begin(step)
    watcher.answered(taken.responses[len(taken.early) :], reconnected=taken.reconnected)
