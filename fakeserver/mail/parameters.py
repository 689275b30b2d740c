"""Fields of MIME: ``type/subtype; name=value`` (RFC 2045 section 5.1, RFC 2183, RFC 2231)."""

import re
from typing import NamedTuple

Parameters = tuple[tuple[bytes, bytes], ...]

# token = 1*<any CHAR except SPACE, CTLs, or tspecials>; octets over 0x7f are let through.
_TOKEN = re.compile(rb"[^\x00-\x20\x7f()<>@,;:\\\"/\[\]?=]++")
_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*+)"?', re.DOTALL)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_WHITE = re.compile(rb"[ \t\r\n]+")
_FOLD = re.compile(rb"\r?\n(?=[ \t])|[\r\n]")
_TO_SEMICOLON = re.compile(rb'(?:[^;"]|"(?:[^"\\]|\\.)*+"?)*+', re.DOTALL)
# name*0, name*1*: a value in pieces (RFC 2231 section 3).
_PIECE = re.compile(rb"(.+)\*([0-9]{1,3})(\*?)\Z", re.DOTALL)


class ContentType(NamedTuple):
    """A Content-Type. ``type`` and ``subtype`` as they were written; use ``matches`` to compare."""

    type: bytes
    subtype: bytes
    parameters: Parameters = ()

    def is_type(self, name: bytes) -> bool:
        """Whether the type is ``name``, given in lower case."""
        return self.type.lower() == name

    def parameter(self, name: bytes) -> bytes | None:
        """The value of the parameter ``name``, given in lower case."""
        for key, value in self.parameters:
            if key.lower() == name:
                return value
        return None


# RFC 2045 section 5.2. Within multipart/digest the other (RFC 2046 section 5.1.5).
TEXT_PLAIN = ContentType(b"text", b"plain")
MESSAGE_RFC822 = ContentType(b"message", b"rfc822")
# What Dovecot says of a field that cannot be read.
UNREADABLE = ContentType(b"", b"")


class Disposition(NamedTuple):
    """A Content-Disposition (RFC 2183)."""

    name: bytes
    parameters: Parameters


def parse_content_type(value: bytes) -> ContentType:
    """The Content-Type that a field's value means."""
    reader = _Reader(value)
    main = reader.token()
    if main is None:
        return UNREADABLE
    if not reader.skip(b"/"):
        if not reader.ends_item() or main.lower() == b"multipart":
            return UNREADABLE
        return ContentType(main, b"", reader.parameters())
    subtype = reader.token()
    if subtype is None or not reader.ends_item():
        return UNREADABLE
    return ContentType(main, subtype, reader.parameters())


def parse_disposition(value: bytes) -> Disposition | None:
    """The Content-Disposition that a field's value means, if any."""
    reader = _Reader(value)
    name = reader.token()
    return None if name is None else Disposition(name, reader.parameters())


def parse_token(value: bytes) -> bytes | None:
    """A value that is a single token, as Content-Transfer-Encoding is; ``None`` for others."""
    reader = _Reader(value)
    token = reader.token()
    return token if reader.at == len(reader.value) else None


def parse_languages(value: bytes) -> tuple[bytes, ...]:
    """The tags of a Content-Language (RFC 3282)."""
    reader = _Reader(value)
    tags = []
    while (tag := reader.token()) is not None:
        tags.append(tag)
        reader.skip(b",")
    return tuple(tags)


class _Reader:
    """A place in a value; comments and white space count for nothing."""

    def __init__(self, value: bytes) -> None:
        self.value = _FOLD.sub(b"", value)
        self.at = 0
        self.skip_white()

    def token(self) -> bytes | None:
        found = _TOKEN.match(self.value, self.at)
        if found is None:
            return None
        self.at = found.end()
        self.skip_white()
        return found[0]

    def ends_item(self) -> bool:
        """Whether nothing follows, or a parameter."""
        return self.value[self.at : self.at + 1] in (b"", b";")

    def skip(self, octet: bytes) -> bool:
        if not self.value.startswith(octet, self.at):
            return False
        self.at += 1
        self.skip_white()
        return True

    def parameters(self) -> Parameters:
        found: list[tuple[bytes, bytes]] = []
        while self.at < len(self.value):
            skipped = _TO_SEMICOLON.match(self.value, self.at)
            self.at = skipped.end() if skipped is not None else len(self.value)
            if not self.skip(b";"):
                break
            name = self.token()
            if name is not None and self.skip(b"="):
                found.append((name, self.parameter_value()))
        return _joined(found)

    def parameter_value(self) -> bytes:
        quoted = _QUOTED.match(self.value, self.at)
        if quoted is None:
            return self.token() or b""
        self.at = quoted.end()
        self.skip_white()
        return _ESCAPED.sub(rb"\1", quoted[1])

    def skip_white(self) -> None:
        while True:
            found = _WHITE.match(self.value, self.at)
            if found is not None:
                self.at = found.end()
            if not self.value.startswith(b"(", self.at):
                return
            self.skip_comment()

    def skip_comment(self) -> None:
        depth = 0
        while self.at < len(self.value):
            octet = self.value[self.at]
            self.at += 2 if octet == 0x5C else 1
            depth += (octet == 0x28) - (octet == 0x29)
            if not depth:
                break
        self.at = min(self.at, len(self.value))


def _joined(found: list[tuple[bytes, bytes]]) -> Parameters:
    """Put values that came in pieces together (RFC 2231 section 3), where no piece is missing."""
    pieces: dict[bytes, dict[int, tuple[bytes, bool]]] = {}
    for name, value in found:
        piece = _PIECE.match(name)
        if piece is not None:
            pieces.setdefault(piece[1].lower(), {})[int(piece[2])] = (value, bool(piece[3]))
    whole = {
        name: numbered
        for name, numbered in pieces.items()
        if set(numbered) == {*range(len(numbered))}
    }
    joined: list[tuple[bytes, bytes]] = []
    for name, value in found:
        piece = _PIECE.match(name)
        if piece is None or piece[1].lower() not in whole:
            joined.append((name, value))
        elif int(piece[2]) == 0:
            joined.append(_whole(piece[1], whole[piece[1].lower()]))
    return tuple(joined)


def _whole(name: bytes, numbered: dict[int, tuple[bytes, bool]]) -> tuple[bytes, bytes]:
    values: list[bytes] = []
    while (piece := numbered.get(len(values))) is not None:
        values.append(piece[0])
    encoded = any(is_encoded for _, is_encoded in numbered.values())
    if not encoded:
        return name, b"".join(values)
    # RFC 2231 section 4.1: charset and language come with the first piece.
    prefix = b"" if numbered[0][1] else b"''"
    return name + b"*", prefix + b"".join(values)
