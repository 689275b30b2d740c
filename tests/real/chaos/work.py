"""What the mail program does, drawn by a seed, and what the mail is like afterwards."""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from tests.real.chaos.mail_program import MailProgram, WrongAnswer

MAILBOXES = (b"INBOX", b"Archive", b"Sent")
_FLAGS = (b"\\Seen", b"\\Flagged", b"\\Answered", b"$Work")
# Sizes of one read, of several, and of more than is gathered in memory anywhere.
_SIZES = (40, 3_000, 50_000, 300_000)


@dataclass
class Kept:
    """A message in a mailbox."""

    octets: bytes
    flags: set[bytes] = field(default_factory=set)


Mail = dict[bytes, dict[bytes, Kept]]


def nothing() -> Mail:
    """No mail in any mailbox."""
    return {mailbox: {} for mailbox in MAILBOXES}


class Work:
    """Does one thing after the other, and knows what should have become of it."""

    def __init__(self, program: MailProgram, chance: Random) -> None:
        self.mail = nothing()
        self.done = 0
        self._program = program
        self._chance = chance
        self._new = 0

    def something(self) -> None:
        """Do something."""
        full = [mailbox for mailbox in MAILBOXES if self.mail[mailbox]]
        acts: list[Callable[[bytes, bytes], None]] = [
            self._read,
            self._read,
            self._look,
            self._flag,
            self._flag,
            self._copy,
            self._move,
            self._delete,
        ]
        if not full or self._chance.random() < 0.25:
            self._append(self._chance.choice(MAILBOXES))
        else:
            mailbox = self._chance.choice(full)
            name = self._chance.choice(sorted(self.mail[mailbox]))
            self._chance.choice(acts)(mailbox, name)
        self.done += 1

    def _append(self, mailbox: bytes) -> None:
        self._new += 1
        name = b"%d@chaos" % self._new
        text = b"%d\r\n" % self._chance.getrandbits(64)
        size = self._chance.choice(_SIZES)
        octets = b"Message-ID: <%b>\r\n\r\n" % name + text * (size // len(text) + 1)
        program = self._program
        program.surely(
            lambda: void(program.ask(b"APPEND %b {%d+}\r\n%b" % (mailbox, len(octets), octets))),
            lambda: program.uid_of(mailbox, name) > 0,
        )
        self.mail[mailbox][name] = Kept(octets)

    def _read(self, mailbox: bytes, name: bytes) -> None:
        def read() -> None:
            if self._program.body(mailbox, name) != self.mail[mailbox][name].octets:
                raise WrongAnswer(f"{name!r} in {mailbox!r} has other octets")

        self._program.surely(read)

    def _look(self, mailbox: bytes, name: bytes) -> None:
        def look() -> None:
            told = self._program.flags(mailbox, name) - {b"\\Recent"}
            if told != self.mail[mailbox][name].flags:
                raise WrongAnswer(f"{name!r} in {mailbox!r} has flags {sorted(told)!r}")

        self._program.surely(look)

    def _flag(self, mailbox: bytes, name: bytes) -> None:
        flag = self._chance.choice(_FLAGS)
        sign = self._chance.choice((b"+", b"-", b""))
        flags = self.mail[mailbox][name].flags
        self._store(mailbox, name, b"%bFLAGS (%b)" % (sign, flag))
        if sign == b"-":
            flags.discard(flag)
        else:
            flags.intersection_update(flags if sign else ())
            flags.add(flag)

    def _store(self, mailbox: bytes, name: bytes, what: bytes) -> None:
        def store() -> None:
            uid = self._program.uid_of(mailbox, name)
            self._program.ask(b"UID STORE %d %b" % (uid, what))

        self._program.surely(store)

    def _copy(self, mailbox: bytes, name: bytes) -> None:
        target = self._chance.choice(MAILBOXES)
        if name in self.mail[target]:
            return
        self._program.surely(
            lambda: self._to(b"COPY", mailbox, name, target),
            lambda: self._program.uid_of(target, name) > 0,
        )
        kept = self.mail[mailbox][name]
        self.mail[target][name] = Kept(kept.octets, set(kept.flags))

    def _to(self, verb: bytes, mailbox: bytes, name: bytes, target: bytes) -> None:
        uid = self._program.uid_of(mailbox, name)
        self._program.ask(b"UID %b %d %b" % (verb, uid, target))

    def _move(self, mailbox: bytes, name: bytes) -> None:
        target = self._chance.choice(MAILBOXES)
        if name in self.mail[target]:
            return
        program = self._program
        program.surely(
            lambda: self._to(b"MOVE", mailbox, name, target),
            lambda: program.uid_of(target, name) > 0 and not program.uid_of(mailbox, name),
        )
        self.mail[target][name] = self.mail[mailbox].pop(name)

    def _delete(self, mailbox: bytes, name: bytes) -> None:
        def expunge() -> None:
            uid = self._program.uid_of(mailbox, name)
            if uid:
                self._program.ask(b"UID STORE %d +FLAGS.SILENT (\\Deleted)" % uid)
                self._program.ask(b"UID EXPUNGE %d" % uid)

        self._program.surely(expunge)
        del self.mail[mailbox][name]


def void(_: object) -> None:
    """Whatever it was, it was done."""
