"""``python -m tests.conformance.record FILE…``: write down what Dovecot answers to new scripts.

A script that has ``C:`` lines alone gets the ``S:`` lines that Dovecot says now. They are a draft:
each is to be read against the RFC before it is kept.
"""

import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tests.conformance.nodes import Atom, Node, String
from tests.conformance.player import Player, gathered
from tests.conformance.responses import Continuation, Data, Part, Response, Status
from tests.conformance.script import Act, Case, Say, read_cases, simple_message
from tests.conformance.targets import Target, accounts_of
from tests.real.dovecot import Dovecot
from tests.real.raw import Closed


class Recorder(Player):
    """Plays what clients say, and writes down what is answered, by the line that asked."""

    def __init__(self, case: Case, target: Target) -> None:
        super().__init__(replace(case, steps=()), target)
        self.base_messages = {**{f"m{n}": simple_message(n) for n in range(1, 6)}, **case.messages}
        self.written: dict[int, list[str]] = {}

    def record(self, case: Case) -> dict[int, list[str]]:
        """The lines to put behind each line of the script."""
        self._prepare()
        for step in case.steps:
            if isinstance(step, Act):
                self.act(step)
            elif isinstance(step, Say):
                self.written[step.number] = self._answer(step)
        return self.written

    def _answer(self, say: Say) -> list[str]:
        self.say(say)
        client = self.clients[say.client]
        idle = say.text.upper() == "IDLE"
        word = b"+" if idle else client.pending.pop(0) if client.pending else b""
        if not word:
            return []
        arrived = client.arrived
        client.arrived = []
        closed = False
        try:
            while not arrived or arrived[-1].first_word not in (word, b"+" if not idle else word):
                arrived += client.raw.read_until(lambda _: True)
        except Closed as error:
            arrived += error.responses
            closed = True
        responses = [self._read(client, raw) for raw in arrived]
        told = [f"S{say.client}: {self._text(one)}" for one in gathered(responses)]
        return [*told, f"S{say.client}: closed"] if closed else told

    def _text(self, response: Response) -> str:
        match response:
            case Continuation():
                return "+"
            case Status(conditions, code, _, tagged):
                text = conditions[0].decode()
                if code is not None:
                    text += f" [{self._nodes(code)}]"
                return text if tagged else f"* {text}"
            case Data(name, number, parts):
                front = "" if number is None else f"{self._node(number)} "
                return f"* {front}{name.decode()}{self._parts(name, parts)}"

    def _parts(self, name: bytes, parts: Sequence[Part]) -> str:
        if name in (b"FETCH", b"STATUS", b"ID"):
            told = [
                f"{part.name.decode() if name != b'ID' else self._node(String(part.name))} "
                + self._value(part)
                for part in parts
                if part.name != b"mailbox"
            ]
            front = [self._nodes(part.nodes) for part in parts if part.name == b"mailbox"]
            return " " + " ".join([*front, f"({' '.join(told)})"])
        pieces = []
        for part in parts:
            text = self._nodes(part.nodes)
            if part.name == b"attributes" or name == b"FLAGS":
                text = f"({text})"
            elif name == b"ESEARCH" and part.name not in (b"correlator", b"UID"):
                text = f"{part.name.decode()} {text}"
            if text:
                pieces.append(text)
        return "".join(f" {piece}" for piece in pieces)

    def _value(self, part: Part) -> str:
        if part.name == b"UIDVALIDITY":
            return self._uid_validity(self._nodes(part.nodes))
        if part.name in (b"MODSEQ", b"HIGHESTMODSEQ"):
            return "(${_})" if isinstance(part.nodes[0], tuple) else "${_}"
        return f"({self._nodes(part.nodes)})" if part.unordered else self._nodes(part.nodes)

    def _nodes(self, nodes: Sequence[Node]) -> str:
        told = []
        masked = ""
        for node in nodes:
            text = self._node(node)
            if masked in ("UIDVALIDITY", "APPENDUID", "COPYUID"):
                text = self._uid_validity(text)
            elif masked in ("MODSEQ", "HIGHESTMODSEQ"):
                text = "(${_})" if text.startswith("(") else "${_}"
            told.append(text)
            masked = text.upper()
        return " ".join(told)

    def _uid_validity(self, text: str) -> str:
        if not text.isdigit() or len(text) < 6:
            return text
        for name, value in self.values.items():
            if value == text.encode():
                return f"${{{name}}}"
        name = f"v{sum(one.startswith('v') for one in self.values) or ''}"
        self.values[name] = text.encode()
        return f"${{{name}}}"

    def _node(self, node: Node) -> str:
        if isinstance(node, Atom):
            return node.text.decode()
        if isinstance(node, tuple):
            inside = self._nodes(node)
            if node and all(isinstance(one, tuple) for one in node):
                inside = inside.replace(") (", ")(")
            return f"({inside})"
        assert isinstance(node, String)
        if node.octets == self.values.get("tag") and len(node.octets) < 4:
            return '"${tag}"'
        return self._string(node.octets)

    def _string(self, octets: bytes) -> str:
        for name, message in self.base_messages.items():
            if message == octets and octets:
                return f"{{={name}}}"
        text = octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
        text = text.replace(b"\r", b"\\r").replace(b"\n", b"\\n").replace(b"\t", b"\\t")
        return '"' + re.sub(
            r"[^\x20-\x7e]", lambda found: f"\\x{ord(found[0]):02x}", text.decode("latin-1")
        ) + '"'  # fmt: skip


def record(path: Path, target: Target) -> None:
    """Write the answers into one file."""
    lines = path.read_text("utf-8").splitlines()
    written: dict[int, list[str]] = {}
    for case in read_cases(path):
        if all(isinstance(step, Say | Act) for step in case.steps):
            recorder = Recorder(case, target)
            try:
                written |= recorder.record(case)
            except BaseException as error:
                sys.stderr.write(f"{path.name}: {case.title}: {error}\n")
                if isinstance(error, KeyboardInterrupt):
                    raise
            finally:
                for client in recorder.clients.values():
                    client.raw.close()
    result = []
    for number, line in enumerate(lines, 1):
        result.append(line)
        result += written.get(number, ())
    path.write_text("\n".join(result) + "\n", "utf-8")


def main() -> None:
    """Record the files that are named."""
    with Dovecot() as dovecot:
        target = Target("Dovecot", "dovecot", dovecot.imap_port, accounts_of(dovecot))
        for name in sys.argv[1:]:
            record(Path(name), target)


if __name__ == "__main__":
    main()
