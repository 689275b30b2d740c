"""Playing a script: its clients speak, and what the server says is held against it."""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from tests.conformance.matching import Values, matches
from tests.conformance.nodes import Atom, Unreadable, unescape
from tests.conformance.responses import Continuation, Data, Part, Response, Status, read_response
from tests.conformance.script import Act, Case, Given, Hear, Line, Say, message_of
from tests.conformance.targets import Target
from tests.conformance.watch import Watch
from tests.real.raw import Closed, RawClient, Silent
from tests.real.raw import Response as RawResponse

_LITERAL = re.compile(rb"\{([=+])(?:\"((?:[^\"\\]|\\.)*)\"|([\w.-]+))\}")
_NO_PARTS = (Part(b"", ()),)
_VALUE = re.compile(rb"\$\{(\w+)\}")


class Failed(AssertionError):
    """A script that went wrong: where, what was expected, and all that was said."""


@dataclass
class Client:
    """One connection of a script; ``pending`` are tags of commands without their reply."""

    name: str
    raw: RawClient
    pending: list[bytes] = field(default_factory=list)
    arrived: list[RawResponse] = field(default_factory=list)
    watch: Watch = field(default_factory=Watch)
    commands: int = 0

    def tag(self) -> bytes:
        """The tag of the next command."""
        self.commands += 1
        tag = f"{'abcdefghij'[int(self.name or 0)]}{self.commands}".encode()
        self.pending.append(tag)
        return tag


class Player:
    """Plays one case at one target, with an account of its own."""

    def __init__(self, case: Case, target: Target) -> None:
        self.case = case
        self.target = target
        self.account = target.account()
        self.clients: dict[str, Client] = {}
        self.transcript: list[str] = []
        user, password = (text.encode() for text in self.account)
        self.values: Values = {
            "user": user,
            "password": password,
            "user64": base64.b64encode(user),
            "password64": base64.b64encode(password),
            "plain": base64.b64encode(b"\0" + user + b"\0" + password),
        }

    def play(self) -> None:
        """Play it; raises ``Failed``."""
        try:
            self._prepare()
            for step in self.case.steps:
                self.step(step)
            for client in self.clients.values():
                if client.arrived:
                    self.fail(0, f"nobody expected {client.arrived[0].octets!r}")
        finally:
            for client in self.clients.values():
                client.raw.close()

    def step(self, step: Say | Hear | Act) -> None:
        """Take one step."""
        match step:
            case Say():
                self.say(step)
            case Hear():
                self.hear(step)
            case Act():
                self.act(step)

    # --- what there is before ---

    def _prepare(self) -> None:
        if self.case.given:
            with RawClient(self.target.port) as raw:
                self._log_in(raw)
                self._fill(raw)
        state, _, mailbox = self.case.state.partition(" ")
        if state == "connected":
            client = self._connect("")
            client.arrived.append(client.raw.greeting)
        elif state == "unauthenticated":
            self._connect("")
        else:
            client = self._log_in_as("")
            if mailbox:
                verb = {"selected": b"SELECT ", "examined": b"EXAMINE "}[state]
                responses = client.raw.ok(verb + mailbox.encode())
                self._watch(client, responses)

    def _log_in(self, raw: RawClient) -> None:
        user, password = self.account
        raw.ok(f"LOGIN {user} {password}".encode())

    def _log_in_as(self, name: str) -> Client:
        client = self._connect(name)
        self._log_in(client.raw)
        return client

    def _connect(self, name: str) -> Client:
        client = self.clients[name] = Client(name, RawClient(self.target.port))
        return client

    def _fill(self, raw: RawClient) -> None:
        """Do all that is given in one go, and look at all mailboxes so that nothing is recent."""
        commands: list[bytes] = []
        made = ["INBOX"]
        for given in self.case.given:
            if given.mailbox and given.mailbox not in made:
                made.append(given.mailbox)
                commands.append(f"CREATE {given.mailbox}".encode())
            commands.append(self._given(given))
        if not self.case.recent:
            for mailbox in made:
                commands += [f"SELECT {mailbox}".encode(), b"UNSELECT"]
        raw.send(b"".join(b"g%d %b\r\n" % pair for pair in enumerate(commands)))
        for number, command in enumerate(commands):
            tag = b"g%d" % number
            last = raw.read_until(lambda one, tag=tag: one.first_word == tag)[-1]
            if not last.octets.startswith(tag + b" OK"):
                raise Failed(f"{self.case.name}: given {command!r}: {last.octets!r}")

    def _given(self, given: Given) -> bytes:
        if given.command:
            return b"".join(self._segments(given.command.encode()))[:-2]
        octets = message_of(self.case, given.message)
        flags = f"{given.flags} " if given.flags else ""
        start = f'APPEND {given.mailbox} {flags}"{given.date}" {{{len(octets)}+}}\r\n'
        return start.encode() + octets

    # --- what clients do ---

    def act(self, act: Act) -> None:
        """Connect, drop the connection, or select without looking at what is told."""
        if act.what == "select":
            client = self.clients.get(act.client) or self._log_in_as(act.client)
            client.watch.command(b"t", b"SELECT")
            self._watch(client, client.raw.ok(f"SELECT {act.mailbox}".encode()))
        elif act.what == "drop":
            self.clients.pop(act.client).raw.close()
        else:
            self._connect(act.client)

    def say(self, say: Say) -> None:
        """Send a command, its literals when they are asked for."""
        client = self.clients.get(say.client) or self._log_in_as(say.client)
        text = _VALUE.sub(lambda found: self.values[found[1].decode()], say.text.encode())
        self.transcript.append(f"C{say.client}: {say.text}")
        if say.raw:
            client.raw.send(unescape(text) + b"\r\n")
            return
        tag = client.tag()
        self.values["tag"] = tag
        client.watch.command(tag, text)
        segments = self._segments(tag + b" " + text)
        for number, segment in enumerate(segments):
            client.raw.send(segment)
            if number < len(segments) - 1 and not self._continues(client, tag):
                break

    def _continues(self, client: Client, tag: bytes) -> bool:
        """Wait for ``+``; false where the command was answered instead."""
        while True:
            response = self._next(client)
            if response.first_word == b"+":
                return True
            client.arrived.append(response)
            if response.first_word == tag:
                return False

    def _segments(self, text: bytes) -> list[bytes]:
        segments = [b""]
        at = 0
        for found in _LITERAL.finditer(text):
            octets = unescape(found[2]) if found[3] is None else self._message(found[3])
            plus = found[1] == b"+"
            segments[-1] += text[at : found.start()] + b"{%d" % len(octets)
            segments[-1] += b"+}\r\n" if plus else b"}\r\n"
            if not plus:
                segments.append(b"")
            segments[-1] += octets
            at = found.end()
        segments[-1] += text[at:] + b"\r\n"
        return segments

    def _message(self, name: bytes) -> bytes:
        return message_of(self.case, name.decode())

    # --- what the server says ---

    def hear(self, hear: Hear) -> None:
        """Hear what is expected, and nothing else."""
        client = self.clients.get(hear.client) or self._log_in_as(hear.client)
        lines = [
            line for line in hear.lines if not line.servers or self.target.server in line.servers
        ]
        if not lines:
            return
        last = lines[-1]
        if last.closes:
            self._hear_end(client, last)
            lines.pop()
            self._compare(client, lines, client.arrived)
            client.arrived = []
        elif last.is_last:
            tag = b"+" if isinstance(last.response, Continuation) else self._reply_tag(client, last)
            self._compare(client, lines, self._until(client, tag, last))
        else:
            self._hear_news(client, lines)

    def _reply_tag(self, client: Client, line: Line) -> bytes:
        if line.tag:
            return line.tag.encode()
        if not client.pending:
            self.fail(line.number, "no command waits for a reply")
        return client.pending.pop(0)

    def _until(self, client: Client, first_word: bytes, line: Line) -> list[RawResponse]:
        responses: list[RawResponse] = []
        while not responses or responses[-1].first_word != first_word:
            responses.append(self._arrived_or_next(client))
            if first_word == b"+" and responses[-1].first_word in client.pending:
                self.fail(line.number, f"instead of +: {responses[-1].octets!r}")
        return responses

    def _hear_news(self, client: Client, lines: Sequence[Line]) -> None:
        """What is told without a command: until all that has to be there has come."""
        wanted = list(lines)
        while any(not line.optional for line in wanted):
            raw = self._arrived_or_next(client)
            response = self._read(client, raw)
            line = self._find(wanted, response)
            if line is None:
                self.fail(lines[0].number, f"nobody expected {raw.octets!r}")
            wanted.remove(line)

    def _hear_end(self, client: Client, line: Line) -> None:
        try:
            while True:
                client.arrived.append(self._next(client, ending=True))
        except Closed as closed:
            client.arrived += closed.responses
            if closed.rest:
                self.fail(line.number, f"half a line at the end: {closed.rest!r}")
        client.raw.close()
        del self.clients[client.name]

    def _arrived_or_next(self, client: Client) -> RawResponse:
        return client.arrived.pop(0) if client.arrived else self._next(client)

    def _next(self, client: Client, *, ending: bool = False) -> RawResponse:
        try:
            response = client.raw.read_until(lambda _: True)[0]
        except Closed as closed:
            if ending:
                raise
            self.fail(0, f"the server closed the connection: {closed}")
        except Silent as silent:
            self.fail(0, f"the server does not answer: {silent}")
        self.transcript.append(f"S{client.name}: {_shown(response.octets)}")
        return response

    def _compare(
        self, client: Client, lines: Sequence[Line], arrived: Sequence[RawResponse]
    ) -> None:
        wanted = list(lines)
        for response in gathered([self._read(client, raw) for raw in arrived]):
            line = self._find(wanted, response)
            if line is None and _is_always_allowed(response):
                continue
            if line is None:
                missing = "\n".join(f"  {one.text}" for one in wanted if not one.optional)
                self.fail(
                    lines[0].number if lines else 0,
                    f"nobody expected {response}\nstill expected:\n{missing}",
                )
            wanted.remove(line)
        missing = [line for line in wanted if not line.optional]
        if missing:
            self.fail(missing[0].number, f"missing: {missing[0].text}")

    def _find(self, wanted: Sequence[Line], response: Response) -> Line | None:
        for line in wanted:
            assert line.response is not None
            values = matches(line.response, response, self.values)
            if values is not None:
                self.values = values
                return line
        return None

    def _read(self, client: Client, raw: RawResponse) -> Response:
        self._watch(client, [raw])
        octets = raw.octets
        if raw.first_word not in (b"*", b"+"):
            octets = octets[len(raw.first_word) + 1 :]
        try:
            return read_response(octets)
        except Unreadable as error:
            self.fail(0, f"not IMAP: {raw.octets!r}: {error}")

    def _watch(self, client: Client, responses: Sequence[RawResponse]) -> None:
        for response in responses:
            complaint = client.watch.response(response.octets)
            if complaint:
                self.fail(0, f"{complaint}: {response.octets!r}")

    def fail(self, number: int, text: str) -> NoReturn:
        """Say where it went wrong, and all that was said before."""
        told = "\n".join(self.transcript)
        place = f"{self.case.path.name}:{number or self.case.number}"
        raise Failed(f"{place}: {self.case.title} ({self.target.name})\n{text}\n---\n{told}")


# With every SELECT: RFC 7162 section 3.1.2.1, RFC 8474 section 4.2.
_ALWAYS_ALLOWED = (Atom(b"HIGHESTMODSEQ"), Atom(b"NOMODSEQ"), Atom(b"MAILBOXID"))


def _is_always_allowed(response: Response) -> bool:
    """Whether it is what servers with some extension tell unasked."""
    code = response.code if isinstance(response, Status) and not response.tagged else None
    return code is not None and code[0] in _ALWAYS_ALLOWED


def gathered(responses: Sequence[Response]) -> list[Response]:
    """The responses, all EXPUNGE of one answer as one with the numbers from before the answer.

    A server may tell them in any order that comes out the same.
    """
    kept: list[Response] = []
    numbers: list[int] = []
    for response in responses:
        if isinstance(response, Data) and response.name == b"EXPUNGE":
            assert isinstance(response.number, Atom)
            _add_expunged(numbers, int(response.number.text))
        else:
            kept.append(response)
    if len(numbers) == 1:
        kept.insert(0, Data(b"EXPUNGE", Atom(b"%d" % numbers[0]), _NO_PARTS))
    elif numbers:
        told = tuple(Atom(b"%d" % number) for number in sorted(numbers))
        kept.insert(0, Data(b"EXPUNGE", told, _NO_PARTS))
    return kept


def _add_expunged(numbers: list[int], number: int) -> None:
    """``number`` counts without those that went before; keep what it was with them."""
    for other in sorted(numbers):
        if other <= number:
            number += 1
    numbers.append(number)


def _shown(octets: bytes) -> str:
    text = octets.decode("utf-8", "backslashreplace").rstrip("\r\n")
    return text if len(text) < 2000 else text[:2000] + "…"
