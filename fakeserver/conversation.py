r"""Conversations as text that can be read, kept, edited and replayed.

    == connection 1, imaps
    S: * OK ready
    C: a1 LOGIN (hidden)
    S: a1 OK done

Each line is one line of the conversation, ``C:`` the client's and ``S:`` the server's, with CRLF at
its end. ``C.`` and ``S.`` are pieces without a line end. Octets that are no UTF-8, or control
characters, are ``\xNN``, and so is a backslash that stands before something of that look. Lines
that begin with ``#`` and empty ones say nothing.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

Entry = tuple[str, bytes]

_TITLE = "== "
_ESCAPE = re.compile(rb"\\x([0-9a-f]{2})")
_SPECIAL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]|\\(?=x[0-9a-f]{2})")
_WHOLE_OR_REST = re.compile(rb".*?\r\n|.+\Z", re.DOTALL)
_LINE = re.compile(r"([CS])([:.])(?: (.*))?", re.DOTALL)


class ConversationMistake(ValueError):
    """A text is no conversation; ``str()`` names the line."""


@dataclass
class Conversation:
    """One connection: who said what, line by line, ``C`` or ``S``, CRLF included."""

    title: str = "connection"
    entries: list[Entry] = field(default_factory=list)


def text_of(conversations: Iterable[Conversation]) -> str:
    """Conversations as text."""
    return "\n".join(map(_text_of_one, conversations))


def parse_conversations(text: str) -> list[Conversation]:
    """Conversations from text. Raises :class:`ConversationMistake`."""
    conversations: list[Conversation] = []
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        if line.startswith(_TITLE):
            conversations.append(Conversation(line.removeprefix(_TITLE)))
        elif line and not line.startswith("#"):
            found = _LINE.fullmatch(line)
            if found is None:
                raise ConversationMistake(f"line {number}: neither C: nor S:, but {line[:40]!r}")
            if not conversations:
                conversations.append(Conversation())
            end = b"\r\n" if found[2] == ":" else b""
            conversations[-1].entries.append((found[1], _unescaped(found[3] or "") + end))
    return conversations


def lines_of(chunks: Iterable[Entry]) -> list[Entry]:
    """What was said in pieces of any size, as lines; a piece that never ended stays one."""
    entries: list[Entry] = []
    for who, octets in chunks:
        begun = b""
        if entries and entries[-1][0] == who and not entries[-1][1].endswith(b"\r\n"):
            begun = entries.pop()[1]
        entries += [(who, line) for line in _WHOLE_OR_REST.findall(begun + octets)]
    return entries


def _text_of_one(conversation: Conversation) -> str:
    lines = [f"{_TITLE}{conversation.title}\n"]
    for who, octets in lines_of(conversation.entries):
        mark, line = (":", octets[:-2]) if octets.endswith(b"\r\n") else (".", octets)
        lines.append(f"{who}{mark} {_escaped(line)}\n")
    return "".join(lines)


def _escaped(octets: bytes) -> str:
    escaped = _SPECIAL.sub(lambda found: b"\\x%02x" % found[0][0], octets)
    text = escaped.decode("utf-8", "backslashreplace")
    # Line ends of Unicode would end a line for an editor.
    return re.sub("[\x85\u2028\u2029]", lambda found: _hex(found[0].encode()), text)


def _hex(octets: bytes) -> str:
    return "".join(f"\\x{octet:02x}" for octet in octets)


def _unescaped(text: str) -> bytes:
    return _ESCAPE.sub(lambda found: bytes([int(found[1], 16)]), text.encode())
