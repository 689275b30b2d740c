"""The tree of MIME parts in a message, as offsets into its octets (RFC 2045, RFC 2046)."""

import re
from dataclasses import dataclass, field
from functools import cached_property

from fakeserver.mail.header import Field, Header, find_body
from fakeserver.mail.parameters import (
    MESSAGE_RFC822,
    TEXT_PLAIN,
    ContentType,
    parse_content_type,
)

# As Dovecot: what is nested deeper is taken for plain octets.
MAX_DEPTH = 64
MAX_PARTS = 10_000

_EMPTY_LINE = re.compile(rb"(?:\A|\n)\r?\n\Z")


@dataclass
class Part:
    """A message or a part of one: ``octets[start:body]`` is its header, ``[body:end]`` its body.

    A multipart has its parts as ``children``; a message/rfc822 has the message within as its only
    one.
    """

    octets: bytes = field(repr=False)
    start: int
    body: int
    end: int
    default_type: ContentType = TEXT_PLAIN
    children: list["Part"] = field(default_factory=list)
    header_end: int = 0

    @cached_property
    def header(self) -> Header:
        """The header, cut into fields."""
        return Header(self.octets[self.start : self.body])

    @property
    def fields(self) -> list[Field]:
        """The fields of the header."""
        return self.header.fields

    @cached_property
    def content_type(self) -> ContentType:
        """What the part says that it is, or what it is by default."""
        value = self.field_value(b"content-type")
        return self.default_type if value is None else parse_content_type(value)

    def field_value(self, name: bytes) -> bytes | None:
        """The value of the first field called ``name`` (lower case); of none, ``None``."""
        return self.header.value(name)

    @property
    def is_multipart(self) -> bool:
        """Whether the body is a sequence of parts."""
        return self.content_type.is_type(b"multipart")

    @property
    def is_message(self) -> bool:
        """Whether the body is a message, which then is the only child."""
        return bool(self.children) and not self.is_multipart

    @property
    def has_empty_line(self) -> bool:
        """Whether the header ends with the empty line, as it does where there is a body."""
        return bool(_EMPTY_LINE.search(self.header_octets))

    @property
    def header_octets(self) -> bytes:
        """The header, the empty line behind it included.

        The last line end before a delimiter belongs to that (RFC 2046 section 5.1.1), of a part
        that is nothing but a header too.
        """
        return self.octets[self.start : min(self.body, self.header_end)]

    @property
    def body_octets(self) -> bytes:
        """The body as it stands, still encoded."""
        return self.octets[self.body : self.end]

    @property
    def size(self) -> int:
        """Octets of the body."""
        return self.end - self.body

    @property
    def lines(self) -> int:
        """Line ends in the body."""
        return self.octets.count(b"\n", self.body, self.end)


def parse_message(octets: bytes, *, with_global: bool = False) -> Part:
    """The tree of parts of a whole message. Never fails: what is no MIME is text.

    ``with_global``: a message/global (RFC 6532) is a message within, as IMAP4rev2 has it.
    """
    kinds = (b"rfc822", b"global") if with_global else (b"rfc822",)
    return _Parser(octets, kinds).entity(0, TEXT_PLAIN)[0]


@dataclass(slots=True)
class _Delimiter:
    """A boundary's line: whose it is, whether it is the last, where it starts and ends."""

    level: int
    closes: bool
    start: int
    end: int


class _Parser:
    """Reads parts from left to right; ``boundaries`` are those of the multiparts it is within.

    RFC 2046 section 5.1.1: a line that begins with a boundary is a delimiter, whatever follows;
    section 5.1.2: an outer boundary ends whatever is still open within.
    """

    def __init__(self, octets: bytes, messages: tuple[bytes, ...]) -> None:
        self.octets = octets
        self.messages = messages
        self.boundaries: list[bytes] = []
        self.depth = 0
        self.parts = 0

    def entity(self, start: int, default_type: ContentType) -> tuple[Part, _Delimiter | None]:
        """The part that starts here, and the delimiter of an outer multipart that ends it."""
        self.parts += 1
        self.depth += 1
        delimiter = self.next_delimiter(start)
        limit = delimiter.start if delimiter is not None else len(self.octets)
        body = find_body(self.octets, start, limit)
        part = Part(self.octets, start, body, limit, default_type)
        # What a line within has as its end is not the delimiter's: a header that runs up to it, a
        # multipart within whose last line is its own delimiter.
        inner = 0
        if self.depth < MAX_DEPTH and self.parts < MAX_PARTS:
            delimiter, inner = self.descend(part, delimiter)
        part.header_end = self.before(delimiter)
        part.end = max(body, inner, part.header_end)
        self.depth -= 1
        return part, delimiter

    def descend(self, part: Part, delimiter: _Delimiter | None) -> tuple[_Delimiter | None, int]:
        """Read what is within; the delimiter that ends it, and where the last line of it ends."""
        content_type = part.content_type
        if content_type.is_type(b"message") and content_type.subtype.lower() in self.messages:
            child, delimiter = self.entity(part.body, TEXT_PLAIN)
            part.children.append(child)
            return delimiter, child.end
        if content_type.is_type(b"multipart"):
            boundary = content_type.parameter(b"boundary")
            if boundary:
                return self.multipart(part, boundary)
        return delimiter, 0

    def multipart(self, part: Part, boundary: bytes) -> tuple[_Delimiter | None, int]:
        level = len(self.boundaries)
        self.boundaries.append(boundary)
        is_digest = part.content_type.subtype.lower() == b"digest"
        default_type = MESSAGE_RFC822 if is_digest else TEXT_PLAIN
        delimiter = self.next_delimiter(part.body)
        end = 0
        while delimiter is not None and delimiter.level == level and not delimiter.closes:
            if self.parts >= MAX_PARTS:
                delimiter = None
                break
            child, delimiter = self.entity(delimiter.end, default_type)
            part.children.append(child)
            end = child.end
        self.boundaries.pop()
        if delimiter is not None and delimiter.level == level:
            end = delimiter.end
            delimiter = self.next_delimiter(end)
        return delimiter, end

    def next_delimiter(self, start: int) -> _Delimiter | None:
        """The first delimiter from ``start`` on, which is where a line begins."""
        if not self.boundaries:
            return None
        at = start if self.octets.startswith(b"--", start) else self.next_dashes(start - 1)
        while at >= 0:
            delimiter = self.delimiter_at(at)
            if delimiter is not None:
                return delimiter
            at = self.next_dashes(at)
        return None

    def next_dashes(self, start: int) -> int:
        """Where the next line begins that begins with ``--``; -1 for nowhere."""
        found = self.octets.find(b"\n--", max(start, 0))
        return found + 1 if found >= 0 else -1

    def delimiter_at(self, at: int) -> _Delimiter | None:
        # The longest boundary that fits: "--ab" is not to be taken for "--a" of the multipart
        # around; of two that are the same, the inner.
        fitting = [
            (len(boundary), level)
            for level, boundary in enumerate(self.boundaries)
            if self.octets.startswith(boundary, at + 2)
        ]
        if not fitting:
            return None
        length, level = max(fitting)
        closes = self.octets.startswith(b"--", at + 2 + length)
        end = self.octets.find(b"\n", at)
        return _Delimiter(level, closes, at, end + 1 if end >= 0 else len(self.octets))

    def before(self, delimiter: _Delimiter | None) -> int:
        """Where the body before a delimiter ends: the line end belongs to the delimiter."""
        if delimiter is None:
            return len(self.octets)
        end = delimiter.start
        if self.octets.endswith(b"\n", 0, end):
            end -= 1
        if self.octets.endswith(b"\r", 0, end) and end < delimiter.start:
            end -= 1
        return end
