"""Random conversations that try a cache: A fetches what it fetched before, B changes it meanwhile.

As in :mod:`tests.real.script` a script is fixed before anybody runs it.
"""

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.real.cache_vocabulary import (
    CONSTANT,
    HABITS,
    MUTABLE,
    PARTIALS,
    READING,
    SEARCHES,
    SECTIONS,
    SETS,
)
from tests.real.changes import change, renew, watched_mailbox
from tests.real.script import idle
from tests.real.steps import After, Side, Step, mailbox_name, one, sequence_set
from tests.real.vocabulary import ABSENT, NEW_MAILBOXES, SEEDED, STATUS_ITEMS


@dataclass(frozen=True)
class Form:
    """What a script has to be like.

    ``warm``: before it begins A fetches everything and logs out. ``restarts``: the proxy is ended
    or killed in the middle, again and again. ``condstore``: A uses CONDSTORE and QRESYNC.
    ``noops``: A says NOOP after each act of B, so that all news is told at the same time.
    ``wild``: pipelines may bring news, of which nobody can say with which command it comes.
    """

    warm: bool = False
    restarts: bool = False
    condstore: bool = True
    noops: bool = False
    wild: bool = False


@dataclass
class Scene:
    """Both clients as the script knows them, and what A is fond of asking for."""

    form: Form
    source: random.Random
    a: Side
    b: Side
    menu: list[bytes] = field(default_factory=list)


_Family = Callable[[Scene], Sequence[Step]]


def cache_script(seed: int, commands: int, form: Form) -> list[Step]:
    """Return the script of a seed, with at least so many commands after its prelude."""
    source = random.Random(f"cache {seed}")
    scene = Scene(form, source, Side("A", source), Side("B", source))
    scene.menu = [fetch_text(source, form) for _ in range(8)]
    steps = _prelude(scene) if form.warm else []
    begun = len(steps)
    steps += _selected(scene, b"INBOX")
    restart_at = begun + source.randint(20, 100)
    while sum(step.commands for step in steps[begun:]) < commands:
        new = _turn(scene)
        if form.restarts and len(steps) > restart_at:
            new = [*new, *_restart(scene)]
            restart_at = len(steps) + source.randint(40, 200)
        steps += new
    return [*steps, *one(scene.a, b"NOOP")]


def _turn(scene: Scene) -> Sequence[Step]:
    source = scene.source
    if source.random() < 0.3:
        if source.random() < 0.04:
            return _renew(scene)
        steps = change(scene.b, scene.a)
        return _with_noops(scene, steps) if scene.form.noops else steps
    if not scene.a.mailbox and source.random() < 0.8:
        return _select(scene)
    families, weights = zip(*FAMILIES, strict=True)
    family: _Family = source.choices(families, weights)[0]
    return family(scene)


def _with_noops(scene: Scene, steps: Sequence[Step]) -> list[Step]:
    """Put A's NOOP behind each act of B."""
    return [each for step in steps for each in (step, *one(scene.a, b"NOOP"))]


def _prelude(scene: Scene) -> list[Step]:
    """A fetches everything there is, without a trace, and goes."""
    a = scene.a
    peeked = [re.sub(rb"BODY\[", b"BODY.PEEK[", text) for text in scene.menu]
    texts = [
        b"(UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)",
        b"(UID BODY RFC822.HEADER)",
        b"(UID BODY.PEEK[])",
        b"(UID BODY.PEEK[HEADER] BODY.PEEK[TEXT] BODY.PEEK[1] BODY.PEEK[2] BODY.PEEK[1.MIME])",
        *(
            text
            for text in peeked
            if not re.search(rb"RFC822(?:\.TEXT)?[ )]|RFC822\Z|BINARY\[", text)
        ),
    ]
    steps: list[Step] = []
    for name in SEEDED:
        steps += one(a, b"SELECT ", mailbox_name(scene.source, name))
        for text in texts:
            verb = scene.source.choice((b"FETCH", b"UID FETCH"))
            steps += one(a, verb, b" 1:* ", text)
    return [*steps, *_leave(scene)]


# One function per family. Each returns the steps of one turn.


def fetch_text(source: random.Random, form: Form) -> bytes:
    """Return what a FETCH asks for."""
    if source.random() < 0.4:
        return source.choice(HABITS)
    items = [_item(source, form) for _ in range(source.choice((1, 1, 2, 2, 3, 4, 6)))]
    # Twice the same is lawful, but of no interest every time.
    if source.random() < 0.9:
        items = list({item.upper(): item for item in items}.values())
    text = b" ".join(items)
    return b"(" + text + b")" if len(items) > 1 or source.random() < 0.5 else text


def _item(source: random.Random, form: Form) -> bytes:
    draw = source.random()
    if draw < 0.3:
        return source.choice(CONSTANT)
    if draw < 0.5:
        return source.choice(MUTABLE)
    if draw < 0.6:
        return source.choice(READING)
    if draw < 0.63 and form.condstore:
        return b"MODSEQ"
    partial = source.choice(PARTIALS) if source.random() < 0.25 else b""
    return b"BODY.PEEK[" + source.choice(SECTIONS) + b"]" + partial


def _fetch(scene: Scene) -> Sequence[Step]:
    source, a = scene.source, scene.a
    verb = source.choice((b"FETCH ", b"FETCH ", b"UID FETCH ", b"UID FETCH ", b"uid fetch "))
    text = source.choice(scene.menu) if source.random() < 0.7 else fetch_text(source, scene.form)
    modifier = b""
    if scene.form.condstore and source.random() < 0.03:
        modifier = b" (CHANGEDSINCE @MODSEQ@)"
    chosen = source.choice(SETS) if source.random() < 0.5 else sequence_set(source)
    return one(a, verb, chosen, b" ", text, modifier)


def _look(scene: Scene) -> Sequence[Step]:
    """The way programs find out what is new: a NOOP, and then the flags of all messages."""
    text = scene.source.choice((b"UID FETCH 1:* (FLAGS)", b"FETCH 1:* (UID FLAGS)"))
    return [*one(scene.a, b"NOOP"), *one(scene.a, text)]


def _pipeline(scene: Scene) -> Sequence[Step]:
    # News is asked for beforehand, and none of the commands may bring any: where the server
    # finds the time to tell it depends on how the octets arrive.
    source, a = scene.source, scene.a
    before = [] if scene.form.wild else one(a, b"NOOP")
    reading = re.compile(rb"RFC822(?:\.TEXT)?[ )\r\n]|BODY\[|BINARY\[", re.IGNORECASE)
    single: list[Step] = []
    families = (_fetch, _fetch, _fetch, _search, _status, *((_store, _noop) * scene.form.wild))
    # At four Dovecot 2.3 gets confused: "BODY.PEEK[header]" as the fourth is answered with BAD,
    # "Missing ']'", or the command is taken for two.
    while len(single) < source.choice((2, 3)):
        step = source.choice(families)(scene)[0]
        if scene.form.wild or not reading.search(step.segments[0]):
            single.append(step)
    octets = b"".join(step.segments[0].rstrip(b"\r\n") + b"\r\n" for step in single)
    tags = tuple(step.tags[0] for step in single)
    return [*before, Step(a.name, (octets,), tags, commands=len(single))]


def _noop(scene: Scene) -> Sequence[Step]:
    return one(scene.a, scene.source.choice((b"NOOP", b"NOOP", b"CHECK")))


def _store(scene: Scene) -> Sequence[Step]:
    source = scene.source
    how = source.choice((b"FLAGS", b"+FLAGS", b"-FLAGS")) + source.choice((b"", b".SILENT"))
    flag = source.choice((b"\\Seen", b"\\Seen", b"\\Flagged", b"\\Answered", b"label1"))
    verb = source.choice((b"STORE ", b"UID STORE "))
    return one(scene.a, verb, sequence_set(source), b" ", how, b" (", flag, b")")


def _search(scene: Scene) -> Sequence[Step]:
    verb = scene.source.choice((b"SEARCH ", b"UID SEARCH "))
    return one(scene.a, verb, scene.source.choice(SEARCHES))


def _status(scene: Scene) -> Sequence[Step]:
    source = scene.source
    items = source.sample([i for i in STATUS_ITEMS if i not in (b"HIGHESTMODSEQ", b"BOGUS")], 3)
    name = mailbox_name(source, source.choice((*SEEDED, NEW_MAILBOXES[0])))
    if not isinstance(name, bytes):
        name = b'"INBOX"'
    return one(scene.a, b"STATUS ", name, b" (" + b" ".join(items) + b")")


def _change(scene: Scene) -> Sequence[Step]:
    """A itself does what B does as a rule."""
    return change(scene.a, scene.a)


def _renew(scene: Scene) -> Sequence[Step]:
    """A mailbox is replaced by another of the same name, as a rule while A has it selected."""
    source, a, b = scene.source, scene.a, scene.b
    target = watched_mailbox(b, a)
    if target == b"INBOX":
        target = source.choice(SEEDED[1:])
    steps = renew(b, target)
    if a.mailbox != target or (scene.form.wild and source.random() < 0.7):
        return _with_noops(scene, steps) if scene.form.noops else steps
    # In a mailbox that is not there any longer Dovecot answers a command, fails "internally" or
    # hangs up, as it happens; so where two runs are compared A leaves it with its next command.
    return [*steps, *_selected(scene, source.choice((target, target, b"INBOX")))]


def _select(scene: Scene) -> Sequence[Step]:
    source, a = scene.source, scene.a
    if a.mailbox and source.random() < 0.2:
        a.mailbox = b""
        return one(a, source.choice((b"CLOSE", b"UNSELECT")))
    draw = source.random()
    name = a.mailbox if draw < 0.2 and a.mailbox else source.choice(SEEDED)
    if draw > 0.94:
        name = source.choice((NEW_MAILBOXES[0], ABSENT[0]))
    return _selected(scene, name)


def _selected(scene: Scene, name: bytes) -> list[Step]:
    source, a = scene.source, scene.a
    verb = source.choice((b"SELECT ", b"SELECT ", b"SELECT ", b"EXAMINE ", b"examine "))
    parameters: Sequence[bytes] = (b"",)
    if scene.form.condstore:
        parameters = (b"", b"", b"", b"", b" (CONDSTORE)")
        if a.qresync:
            parameters = (b"", b" (QRESYNC (@UIDVALIDITY@ @MODSEQ@))",
                          b" (QRESYNC (@UIDVALIDITY@ 1 1:20))", b" (QRESYNC (1 1))")  # fmt: skip
    a.mailbox = name if name in SEEDED else b""
    return one(a, verb, mailbox_name(source, name), source.choice(parameters))


def _enable(scene: Scene) -> Sequence[Step]:
    a = scene.a
    if not scene.form.condstore:
        return one(a, b"CAPABILITY")
    word = scene.source.choice((b"CONDSTORE", b"CONDSTORE", b"QRESYNC"))
    a.qresync |= word == b"QRESYNC"
    return one(a, b"ENABLE ", word)


def _idle(scene: Scene) -> Sequence[Step]:
    return idle(scene.a, scene.b)


def _leave(scene: Scene) -> list[Step]:
    """Go and come back: what was held must be as good in a new session."""
    a = scene.a
    tag = a.tag()
    a.qresync = False
    a.mailbox = b""
    return [Step(a.name, (tag + b" LOGOUT\r\n",), (tag,), after=After.LOGOUT)]


def _come_back(scene: Scene) -> Sequence[Step]:
    name = scene.a.mailbox or b"INBOX"
    return [*_leave(scene), *_selected(scene, name)]


def _restart(scene: Scene) -> Sequence[Step]:
    name = scene.a.mailbox or b"INBOX"
    scene.a.qresync = False
    after = scene.source.choice((After.RESTART, After.KILL))
    return [Step("A", (), after=after, commands=0), *_selected(scene, name)]


FAMILIES: Sequence[tuple[_Family, float]] = (
    (_fetch, 50), (_look, 5), (_pipeline, 6), (_noop, 4), (_store, 4), (_search, 3), (_status, 3),
    (_change, 3), (_select, 9), (_enable, 0.5), (_idle, 1), (_come_back, 2),
)  # fmt: skip
