"""What the handler of a command says: octets, a question to the client, and how it ended."""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from enum import Enum


class Then(Enum):
    """What becomes of the connection behind a tagged reply."""

    GO_ON = "go on"
    START_TLS = "start TLS"
    COMPRESS = "compress"
    CLOSE = "close"


@dataclass(frozen=True, slots=True)
class Tagged:
    """The tagged reply: ``condition`` is ``OK``, ``NO`` or ``BAD``, ``code`` without brackets."""

    text: str
    code: bytes = b""
    condition: bytes = b"OK"
    then: Then = Then.GO_ON

    def encode(self, tag: bytes) -> bytes:
        """The line."""
        return tag + b" " + status(self.condition, self.text, self.code)


@dataclass(frozen=True, slots=True)
class Ask:
    """A continuation request; the handler is sent the client's next line, without its end.

    ``idle``: meanwhile news is told as it comes. ``secret``: the line is a credential.
    """

    prompt: bytes
    idle: bool = False
    secret: bool = False


class BadCommand(Exception):
    """The client made a mistake; the command is answered BAD with this text."""

    def __init__(self, text: str, code: bytes = b"") -> None:
        super().__init__(text)
        self.text = text
        self.code = code


# What is said, in pieces where some are large: so they are not copied on the way.
Pieces = tuple[bytes, ...]
Handler = Generator[bytes | Pieces | Ask, bytes, Tagged]
HandlerOf = Callable[..., Handler]


def refused(reply: Tagged) -> Handler:
    """A handler that says nothing but this."""
    yield b""
    return reply


def status(condition: bytes, text: str, code: bytes = b"") -> bytes:
    """A status response without its tag: ``OK [code] text``, CRLF."""
    # Text echoes names of mailboxes; nothing of it may end the line.
    clean = text.translate(_LINE_ENDS).encode("utf-8", "replace")
    return condition + (b" [%b] " % code if code else b" ") + clean + b"\r\n"


def untagged(condition: bytes, text: str, code: bytes = b"") -> bytes:
    """``* OK [code] text``."""
    return b"* " + status(condition, text, code)


_LINE_ENDS = {0: " ", 10: " ", 13: " "}
