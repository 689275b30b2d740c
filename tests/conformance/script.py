"""The scripts: what they look like, and how they are read. ``README.md`` here has the language."""

import datetime
import email.utils
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.conformance.nodes import unescape
from tests.conformance.responses import Continuation, Response, Status, read_response

SCRIPTS = Path(__file__).parent / "scripts"

_SAID = re.compile(r"(C|S)(\d?)(?:\[([\w ]+)\])?(\??|>?): ?(.*)", re.DOTALL)
_DIRECTIVE = re.compile(r"([a-z]+(?: [a-z]+)?):(?: (.*))?")
_MAILS = re.compile(r"(\S+) (\d+)")
_MAIL = re.compile(r'(\S+|"[^"]+") (?:(\([^)]*\)) )?(?:"([^"]+)" )?=([\w.-]+)')


class BadScript(Exception):
    """A script that cannot be read; ``str()`` says where and why."""


@dataclass(frozen=True)
class Say:
    """What a client says: a command that gets a tag or, where it is ``raw``, octets as they are."""

    client: str
    text: str
    number: int
    raw: bool = False


@dataclass(frozen=True)
class Line:
    """A response that is expected; ``servers`` is empty where it is of all.

    ``tag`` is that of a command which was said raw.
    """

    text: str
    response: Response | None
    number: int
    optional: bool = False
    servers: tuple[str, ...] = ()
    tag: str = ""

    @property
    def closes(self) -> bool:
        """Whether the server is to close the connection."""
        return self.response is None

    @property
    def is_last(self) -> bool:
        """Whether nothing is to be expected behind it."""
        response = self.response
        return self.closes or isinstance(response, Continuation) or _is_tagged(response)


@dataclass(frozen=True)
class Hear:
    """What the server is to say to a client then, untagged responses in any order."""

    client: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Act:
    """``connect 2``, ``drop 2``, ``select 2 INBOX``: what becomes of the connection of a client.

    The last is for mailboxes whose SELECT is not what the script is about.
    """

    client: str
    what: str
    number: int
    mailbox: str = ""


Step = Say | Hear | Act


@dataclass(frozen=True)
class Given:
    """What is there before the script begins: a command, or a message in a mailbox."""

    command: str = ""
    mailbox: str = ""
    message: str = ""
    flags: str = ""
    date: str = ""


@dataclass(frozen=True)
class Case:
    """One script: a title, what it needs, what is there before, and the conversation."""

    path: Path
    title: str
    number: int
    state: str = "authenticated"
    needs: tuple[str, ...] = ()
    # Why a server need not, or cannot, be as the script says.
    unlike: dict[str, str] = field(default_factory=dict)
    recent: bool = False
    given: tuple[Given, ...] = ()
    messages: dict[str, bytes] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()

    @property
    def name(self) -> str:
        """The name among the tests."""
        return f"{self.path.stem}: {self.title}"

    @property
    def commands(self) -> int:
        """How many commands are given."""
        return sum(isinstance(step, Say) and not step.raw for step in self.steps)


def all_cases() -> list[Case]:
    """Every script there is."""
    return [case for path in sorted(SCRIPTS.glob("*/*.imap")) for case in read_cases(path)]


def read_cases(path: Path) -> Iterator[Case]:
    """The scripts of a file; what stands before the first is for all of them."""
    lines = path.read_text("utf-8").splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("== ")]
    common = _Parser(Case(path, "", 0), lines[: starts[0] if starts else None], 0).case()
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        case = replace(common, title=lines[start][3:].strip(), number=start + 1)
        yield _Parser(case, lines[start + 1 : end], start + 1).case()


def simple_message(number: int) -> bytes:
    """The message ``m1``, ``m2`` …: each another sender, subject, date and size."""
    date = email.utils.format_datetime(_day(number).replace(hour=10))
    return (
        f"From: Sender {number} <sender{number}@example.org>\r\n"
        f"To: reader@example.org\r\n"
        f"Subject: message {number}\r\n"
        f"Date: {date}\r\n"
        f"Message-ID: <{number}@example.org>\r\n"
        f"\r\n" + "x" * number + f"\r\nbody of message {number}\r\n"
    ).encode()


def _day(number: int) -> datetime.datetime:
    return datetime.datetime(2020, 1, number, 12, tzinfo=datetime.UTC)


class _Parser:
    """Reads the lines of one script on top of what its file says for all."""

    def __init__(self, case: Case, lines: Sequence[str], offset: int) -> None:
        self.base = case
        self.lines = lines
        self.offset = offset
        self.at = 0
        self.values: dict[str, str] = {}
        self.unlike = dict(case.unlike)
        self.given = list(case.given)
        self.messages = dict(case.messages)
        self.steps: list[Step] = list(case.steps)
        self.expected: list[Line] = []

    def case(self) -> Case:
        while self.at < len(self.lines):
            line = self.lines[self.at]
            self.at += 1
            if line.strip() and not line.startswith("#"):
                self.line(line)
        return replace(
            self.base,
            state=self.values.get("state", self.base.state),
            needs=(*self.base.needs, *self.values.get("needs", "").split()),
            unlike=self.unlike,
            recent=self.base.recent or "recent" in self.values,
            given=tuple(self.given),
            messages=self.messages,
            steps=tuple(self.steps),
        )

    @property
    def number(self) -> int:
        """The number of the line in the file."""
        return self.offset + self.at

    def line(self, line: str) -> None:
        if said := _SAID.fullmatch(line):
            kind, client, servers, mark, text = said.groups()
            if kind == "C":
                self.steps.append(Say(client, text, self.number, raw=mark == ">"))
            else:
                self.hear(client, text, optional=mark == "?", servers=(servers or "").split())
        elif line.startswith("message "):
            self.messages[line.removeprefix("message ").strip()] = self.block()
        elif line.startswith(("connect ", "drop ", "select ")):
            what, client, *mailbox = line.split(" ", 2)
            # The first client has no number in "C:".
            client = client.removeprefix("1")
            self.steps.append(Act(client, what, self.number, "".join(mailbox)))
        elif found := _DIRECTIVE.fullmatch(line):
            self.directive(found[1], found[2] or "")
        else:
            raise self.error(f"not understood: {line!r}")

    def hear(self, client: str, text: str, *, optional: bool, servers: list[str]) -> None:
        tag = ""
        if text.startswith("="):
            tag, _, text = text[1:].partition(" ")
        response = None
        if text != "closed":
            response = read_response(text.encode(), _Messages(self.messages))
        line = Line(text, response, self.number, optional, tuple(servers), tag)
        last = self.steps[-1] if self.steps else None
        if isinstance(last, Hear) and last.client == client and not _is_complete(last, line):
            self.steps[-1] = Hear(client, (*last.lines, line))
        else:
            self.steps.append(Hear(client, (line,)))

    def block(self) -> bytes:
        """The octets of the lines that follow and begin with ``|``."""
        pieces: list[bytes] = []
        while self.at < len(self.lines) and self.lines[self.at].startswith("|"):
            text = self.lines[self.at][1:].removeprefix(" ").encode()
            self.at += 1
            # A backslash at the end: no line end follows.
            joined = text.endswith(b"\\") and not text.endswith(b"\\\\")
            pieces.append(unescape(text[:-1]) if joined else unescape(text) + b"\r\n")
        return b"".join(pieces)

    def directive(self, name: str, text: str) -> None:
        if name.startswith("unlike "):
            self.unlike[name.removeprefix("unlike ")] = text
        elif name == "given":
            self.given.append(Given(command=text))
        elif name == "mails":
            self.mails(text)
        elif name == "mail":
            found = _MAIL.fullmatch(text)
            if found is None:
                raise self.error(f"not a mail: {text!r}")
            mailbox, flags, date, message = found.groups()
            date = date or " 1-Jan-2020 12:00:00 +0000"
            self.given.append(Given("", mailbox, message, flags or "", date))
        elif name in ("state", "needs", "recent"):
            self.values[name] = text
        else:
            raise self.error(f"unknown directive {name!r}")

    def mails(self, text: str) -> None:
        found = _MAILS.fullmatch(text)
        if found is None:
            raise self.error(f"mails: MAILBOX COUNT, not {text!r}")
        for number in range(1, int(found[2]) + 1):
            date = f"{_day(number):%d-%b-%Y %H:%M:%S +0000}"
            self.messages[f"m{number}"] = simple_message(number)
            self.given.append(Given("", found[1], f"m{number}", "", date))

    def error(self, text: str) -> BadScript:
        return BadScript(f"{self.base.path.name}:{self.number}: {text}")


class _Messages(dict[str, bytes]):
    """Messages by name; the simple ones need not be told of."""

    def __missing__(self, name: str) -> bytes:
        if re.fullmatch(r"m\d+", name):
            return simple_message(int(name[1:]))
        raise BadScript(f"there is no message {name!r}")


def message_of(case: Case, name: str) -> bytes:
    """The octets of a message that a script names."""
    return _Messages(case.messages)[name]


def _is_tagged(response: Response | None) -> bool:
    return isinstance(response, Status) and response.tagged


def _is_complete(hear: Hear, following: Line) -> bool:
    """Whether the line begins the answer to the next command: alternatives for servers do not."""
    return hear.lines[-1].is_last and not (
        hear.lines[-1].servers and following.servers and following.is_last
    )
