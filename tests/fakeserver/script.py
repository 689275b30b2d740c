r"""Conversations as text: what clients say, and what a server has to answer.

A file has sections, each begun by ``== title``; each section is a conversation of its own, with an
account that is as new. Its lines::

    only fakeserver: why no other server does this
    C: SELECT INBOX          a command, which is given a tag
    S: * 0 EXISTS            the next response, exactly
    S: * OK [UIDNEXT <n>]    or its beginning; <n> is a number, <...> is anything
    S? * 0 RECENT            a response that may be left out
    S: ...                   any number of responses
    S~ * LIST () "." a       neighbouring lines of this kind come in any order
    S: OK                    the tagged reply, or its beginning: each command has to end with it
    C2: NOOP                 another connection's; S2: its answer
    C| DONE                  a line that is sent as it is, without a tag
    N2: * 1 EXISTS           a response that comes without a command

``{@name}`` stands for a literal with the message of that name, ``{=text=}`` for one with that
text, in which ``\t`` and ``\0`` are octets as well.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.fakeserver.peers import Connect, Peer

_LINE = re.compile(r"([CSN])(\d*)([:?~|]) ?(.*)")
_MESSAGE = re.compile(r"\{@(\w+)\}")
_WILD = re.compile(r"<(n|\.\.\.)>")


@dataclass(frozen=True)
class Line:
    """One line of a section: who, on which connection, of what kind, what."""

    place: str
    who: str
    connection: str
    kind: str
    text: str


@dataclass
class Section:
    """A conversation."""

    name: str
    lines: list[Line] = field(default_factory=list)
    only: str = ""


def read_sections(path: Path) -> Iterator[Section]:
    """The sections of a file."""
    section: Section | None = None
    for number, text in enumerate(path.read_text("utf-8").splitlines(), 1):
        if text.startswith("== "):
            if section is not None:
                yield section
            section = Section(f"{path.stem}: {text[3:]}")
        elif section is not None and text.startswith("only fakeserver:"):
            section.only = text
        elif section is not None and text.strip() and not text.startswith("#"):
            found = _LINE.fullmatch(text)
            assert found is not None, f"{path.name}:{number}: {text}"
            place = f"{path.name}:{number}"
            section.lines.append(Line(place, found[1], found[2], found[3], found[4]))
    if section is not None:
        yield section


class Conversation:
    """Plays a section against a server."""

    def __init__(
        self, connect: Connect, user: str, password: str, messages: Mapping[str, bytes]
    ) -> None:
        self._connect = connect
        self._login = f"LOGIN {user} {password}"
        self._messages = messages
        self._peers: dict[str, Peer] = {}
        self._tags = 0
        self._tag: dict[str, bytes] = {}
        self._pending: dict[str, list[bytes]] = {}

    def play(self, section: Section) -> None:
        """Raises ``AssertionError`` with the place in the script."""
        try:
            lines = section.lines
            at = 0
            while at < len(lines):
                at = self._step(lines, at)
        finally:
            for peer in self._peers.values():
                peer.close()

    def _step(self, lines: list[Line], at: int) -> int:
        line = lines[at]
        if line.who == "C":
            self._say(line)
            return at + 1
        if line.kind == "~":
            group = at
            while group < len(lines) and lines[group].kind == "~" and lines[group].who == line.who:
                group += 1
            self._expect_any_order(lines[at:group])
            return group
        if line.text == "...":
            self._skip_until(lines[at + 1])
        elif line.kind == "?":
            self._expect_optional(line)
        else:
            self._expect(line)
        return at + 1

    def _say(self, line: Line) -> None:
        peer = self._peer(line.connection)
        octets = self._octets(line.text, "+")
        if line.kind == "|":
            peer.send(octets + b"\r\n")
            return
        self._tags += 1
        self._tag[line.connection] = b"t%d" % self._tags
        peer.send(self._tag[line.connection] + b" " + octets + b"\r\n")

    def _expect(self, line: Line) -> None:
        response = self._read(line.connection)
        assert self._matches(line, response), (
            f"{line.place}\nexpected {line.text}\ngot {response!r}"
        )

    def _expect_optional(self, line: Line) -> None:
        response = self._read(line.connection)
        if response and not self._matches(line, response):
            self._pending.setdefault(line.connection, []).insert(0, response)

    def _expect_any_order(self, group: list[Line]) -> None:
        left = list(group)
        while left:
            response = self._read(group[0].connection)
            found = next((line for line in left if self._matches(line, response)), None)
            expected = "\n         ".join(line.text for line in left)
            assert found is not None, f"{left[0].place}\nexpected {expected}\ngot {response!r}"
            left.remove(found)

    def _skip_until(self, following: Line) -> None:
        while True:
            response = self._read(following.connection)
            if self._matches(following, response):
                self._pending.setdefault(following.connection, []).insert(0, response)
                return
            tag = self._tag[following.connection]
            is_tagged = response.startswith(tag + b" ")
            assert response and not is_tagged, (
                f"{following.place}\nexpected {following.text}\ngot {response!r}"
            )

    def _matches(self, line: Line, response: bytes) -> bool:
        expected = line.text
        if re.match(r"(OK|NO|BAD)\b", expected):
            expected = f"{self._tag[line.connection].decode()} {expected}"
            return re.match(self._pattern(expected), response) is not None
        if "[" in expected and expected.startswith("* OK"):
            return re.match(self._pattern(expected), response) is not None
        return re.fullmatch(self._pattern(expected) + rb"\r\n", response) is not None

    def _pattern(self, expected: str) -> bytes:
        pieces = []
        for piece in re.split(r"(<n>|<\.\.\.>)", expected):
            if piece == "<n>":
                pieces.append(rb"\d+")
            elif piece == "<...>":
                pieces.append(rb"(?s:.*)")
            else:
                pieces.append(re.escape(self._octets(piece, "")))
        return b"".join(pieces)

    def _octets(self, text: str, plus: str) -> bytes:
        def literal(found: re.Match[bytes]) -> bytes:
            message = self._messages[found[1].decode()]
            return b"{%d%b}\r\n%b" % (len(message), plus.encode(), message)

        def inline(found: re.Match[bytes]) -> bytes:
            octets = found[1].replace(rb"\t", b"\t").replace(rb"\0", b"\0")
            return b"{%d%b}\r\n%b" % (len(octets), plus.encode(), octets)

        encoded = text.encode("utf-8").replace(rb"\r\n", b"\r\n")
        encoded = re.sub(rb"\{=(.*?)=\}", inline, encoded, flags=re.DOTALL)
        return re.sub(rb"\{@(\w+)\}", literal, encoded)

    def _read(self, connection: str) -> bytes:
        pending = self._pending.get(connection)
        return pending.pop(0) if pending else self._peer(connection).read()

    def _peer(self, connection: str) -> Peer:
        peer = self._peers.get(connection)
        if peer is None:
            peer = self._peers[connection] = self._connect()
            peer.read()
            if connection != "0":
                peer.send(f"login {self._login}\r\n".encode())
                while not (response := peer.read()).startswith(b"login "):
                    assert response, "no reply to LOGIN"
                assert response.startswith(b"login OK"), response
        return peer
