"""Faults: what goes wrong on purpose, for which command of whom, and how often.

Deterministic: a plan counts the commands that a fault looks at, and nothing is left to chance or
to time. Pure: the protocol asks the plan, and does what the actions say.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from fakeserver.certificates import Kind

# The names by which a fault looks at a new connection, and at the greeting, instead of a command.
# Between the two is the handshake of implicit TLS.
CONNECT = "CONNECT"
GREETING = "GREETING"


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer this instead of running the command; ``condition`` is NO, BAD, OK or BYE.

    BYE goes untagged and ends the connection.
    """

    condition: str
    text: str = "Fault on demand."
    code: str = ""


@dataclass(frozen=True, slots=True)
class Delay:
    """Begin only after some seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Stall:
    """Never answer, and let the connection stand."""


@dataclass(frozen=True, slots=True)
class CloseBefore:
    """Close the connection instead of running the command."""


@dataclass(frozen=True, slots=True)
class CloseAt:
    """Close the connection once this many octets of the reply were sent."""

    octets: int


@dataclass(frozen=True, slots=True)
class CloseAfter:
    """Close the connection behind the tagged reply."""


@dataclass(frozen=True, slots=True)
class TruncateLiteral:
    """Close the connection within the first literal, after ``keep`` octets of it."""

    keep: int = 0


@dataclass(frozen=True, slots=True)
class Fragment:
    """Send the reply in writes of ``size`` octets, each in a turn of the reactor of its own."""

    size: int = 1


@dataclass(frozen=True, slots=True)
class Inject:
    """Send these octets before the reply, or before its tagged line: news, or garbage."""

    octets: bytes
    before_tagged: bool = False


@dataclass(frozen=True, slots=True)
class Garbage:
    """Send a line that is no IMAP before the reply."""

    octets: bytes = b'\x80 garbage {\xff} ( [ "\r\n'


@dataclass(frozen=True, slots=True)
class StallAt:
    """Send this many octets of the reply and no more, and let the connection stand."""

    octets: int


@dataclass(frozen=True, slots=True)
class WrongLiteralSize:
    """Announce the first literal as so many octets longer, or shorter, than it is."""

    by: int = 1


@dataclass(frozen=True, slots=True)
class ReorderUntagged:
    """Send the untagged responses of the reply in the opposite order."""


@dataclass(frozen=True, slots=True)
class DuplicateExists:
    """Send each EXISTS of the reply twice."""


@dataclass(frozen=True, slots=True)
class InjectAfterStartTls:
    """Send these octets in the clear behind the OK of STARTTLS, before TLS begins."""

    octets: bytes


@dataclass(frozen=True, slots=True)
class DropAfterStartTls:
    """Lose the first octets that the client sends behind the OK of STARTTLS: TLS cannot begin."""

    octets: int = 1


@dataclass(frozen=True, slots=True)
class ShowCertificate:
    """Show this certificate; with STARTTLS or, for implicit TLS, with :data:`CONNECT`."""

    kind: Kind


Rewriting = WrongLiteralSize | ReorderUntagged | DuplicateExists
Action = (
    Reply
    | Delay
    | Stall
    | StallAt
    | CloseBefore
    | CloseAt
    | CloseAfter
    | TruncateLiteral
    | Fragment
    | Inject
    | Garbage
    | Rewriting
    | InjectAfterStartTls
    | DropAfterStartTls
    | ShowCertificate
)


@dataclass(frozen=True)
class Fault:
    """Actions, and when they are due.

    ``command`` is a name in upper case, ``UID FETCH`` being other than ``FETCH``; empty for any;
    :data:`CONNECT` and :data:`GREETING` for what comes before any command, where :class:`Delay` is
    a slow accept or a slow greeting. ``user`` and ``connection`` (counted from 1) narrow it down.
    ``nth`` is the first of the commands it is due for, counted from 1; ``times`` how many in a
    row, ``None`` for all.
    """

    actions: tuple[Action, ...]
    command: str = ""
    user: str | None = None
    connection: int | None = None
    nth: int = 1
    times: int | None = 1

    def looks_at(self, command: str, user: str, connection: int) -> bool:
        """Whether this command counts."""
        return (
            (not self.command or self.command == command)
            and (bool(self.command) or command not in (CONNECT, GREETING))
            and self.user in (None, user)
            and self.connection in (None, connection)
        )

    def is_due(self, count: int) -> bool:
        """Whether the fault happens with the ``count``-th command that it looks at."""
        return count >= self.nth and (self.times is None or count < self.nth + self.times)


class FaultPlan:
    """The faults of one server, each with its own count."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._counts: dict[int, int] = {}
        self._faults: dict[int, Fault] = {}
        self._next = 0
        for fault in faults:
            self.add(fault)

    def add(self, fault: Fault) -> None:
        """From now on this fault counts commands."""
        self._faults[self._next] = fault
        self._counts[self._next] = 0
        self._next += 1

    def clear(self) -> None:
        """No more faults."""
        self._faults.clear()
        self._counts.clear()

    def actions_for(self, command: str, user: str, connection: int) -> "CommandFaults":
        """What is due for this command, which is counted by asking."""
        due: list[Action] = []
        for number, fault in self._faults.items():
            if fault.looks_at(command, user, connection):
                self._counts[number] += 1
                if fault.is_due(self._counts[number]):
                    due += fault.actions
        return CommandFaults(tuple(due)) if due else NO_FAULTS


class Ending(Enum):
    """How a reply is cut short."""

    CLOSE = "the connection ends"
    STALL = "nothing more is sent"


@dataclass
class CommandFaults:
    """What is due for one command, and how far its reply has come."""

    actions: tuple[Action, ...] = ()
    _sent: int = field(default=0, init=False)

    @property
    def reply(self) -> Reply | None:
        """The reply to give instead."""
        return next((one for one in self.actions if isinstance(one, Reply)), None)

    @property
    def delay(self) -> float:
        """Seconds to wait before anything else."""
        return sum(one.seconds for one in self.actions if isinstance(one, Delay))

    @property
    def stalls(self) -> bool:
        """Whether there is never to be an answer."""
        return any(isinstance(one, Stall) for one in self.actions)

    @property
    def closes_before(self) -> bool:
        """Whether the connection ends instead."""
        return any(isinstance(one, CloseBefore) for one in self.actions)

    @property
    def closes_after(self) -> bool:
        """Whether the connection ends behind the tagged reply."""
        return any(isinstance(one, CloseAfter) for one in self.actions)

    @property
    def fragment(self) -> int:
        """Octets of a write, 0 for no such fault."""
        return next((one.size for one in self.actions if isinstance(one, Fragment)), 0)

    @property
    def rewritings(self) -> tuple[Rewriting, ...]:
        """What is to be done to the reply as a whole."""
        return tuple(one for one in self.actions if isinstance(one, Rewriting))

    @property
    def certificate(self) -> Kind | None:
        """The certificate to show."""
        return next((one.kind for one in self.actions if isinstance(one, ShowCertificate)), None)

    @property
    def dropped(self) -> int:
        """How many octets of the client are lost behind STARTTLS."""
        return sum(one.octets for one in self.actions if isinstance(one, DropAfterStartTls))

    @property
    def after_start_tls(self) -> bytes:
        """Octets to send behind the OK of STARTTLS."""
        return b"".join(one.octets for one in self.actions if isinstance(one, InjectAfterStartTls))

    def injected(self, *, before_tagged: bool) -> bytes:
        """Octets to send at one of the two places."""
        return b"".join(
            one.octets
            for one in self.actions
            if (isinstance(one, Inject) and one.before_tagged is before_tagged)
            or (isinstance(one, Garbage) and not before_tagged)
        )

    def cut(self, octets: bytes) -> tuple[bytes, Ending | None]:
        """What of the reply's next octets is sent, and whether it ends there, and how."""
        limit, ending = self._limit(octets)
        self._sent += len(octets)
        if limit is None or self._sent < limit:
            return octets, None
        return octets[: max(0, len(octets) - (self._sent - limit))], ending

    def _limit(self, octets: bytes) -> tuple[int | None, Ending]:
        limits: list[tuple[int, Ending]] = []
        announcement = octets.find(b"}\r\n")
        for action in self.actions:
            match action:
                case CloseAt(at):
                    limits.append((at, Ending.CLOSE))
                case StallAt(at):
                    limits.append((at, Ending.STALL))
                case TruncateLiteral(keep) if announcement >= 0:
                    limits.append((self._sent + announcement + 3 + keep, Ending.CLOSE))
        return min(limits, key=lambda limit: limit[0], default=(None, Ending.CLOSE))


NO_FAULTS = CommandFaults()
