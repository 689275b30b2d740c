"""Taking one section out of another: what a whole message tells of its parts, and what not.

HEADER, TEXT, HEADER.FIELDS(.NOT) and every partial follow from octets that are held. MIME parts do
not: servers disagree on where the parts of malformed mail begin, so a part is served only if it
was fetched as that part. Neither do headers that are not made of fields alone; what a server makes
of those is its own affair.

Pure: octets in, octets out.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from imapproxy.cache.shape import canonical
from imapproxy.cache.store import Need
from imapproxy.wire.fetch_att import (
    BinarySection,
    BinarySize,
    BodySection,
    FetchAtt,
    Item,
    Partial,
    Section,
    SectionText,
)

# field-name = 1*ftext, printable US-ASCII except ":" (RFC 5322 section 2.2); white space between
# the name and the colon is obsolete, and not all servers take it for a part of the name.
_FIELD = re.compile(rb"([!-9;-~]++):[^\r\n\x00]*+\r\n(?:[ \t][^\r\n\x00]*+\r\n)*+")
_FIELDS = re.compile(rb"(?:[!-9;-~]++:[^\r\n\x00]*+\r\n(?:[ \t][^\r\n\x00]*+\r\n)*+)++")
_END = b"\r\n\r\n"
_SAME_AS = {
    Item.RFC822: Section(),
    Item.RFC822_PEEK: Section(),
    Item.RFC822_HEADER: Section(text=SectionText.HEADER),
    Item.RFC822_TEXT: Section(text=SectionText.TEXT),
    Item.RFC822_TEXT_PEEK: Section(text=SectionText.TEXT),
}


class Header(NamedTuple):
    """The HEADER section of a message, with the empty line that ends it.

    ``clean``: every line of it is a field or the continuation of one.
    """

    octets: bytes
    clean: bool


def find_header(octets: bytes, *, whole: bool) -> Header | None:
    """The header of the message that begins with ``octets``; ``None`` where it cannot be told.

    ``whole`` tells that ``octets`` are all of it. A message that begins with its text, or never
    comes to it, has a header that servers do not agree on.
    """
    end = octets.find(_END)
    if end <= 0 or octets.startswith(b"\r\n"):
        return None
    header = octets[: end + len(_END)]
    if _is_odd(header):
        return None
    return Header(header, _FIELDS.fullmatch(header, 0, end + 2) is not None)


def _is_odd(header: bytes) -> bool:
    """Whether there is a bare CR, a bare LF or a NUL: servers mend those, each in its own way.

    Counting is four times as fast as one pattern for the three (hot: each message that is kept).
    """
    ends = header.count(b"\r\n")
    return header.count(b"\n") != ends or header.count(b"\r") != ends or b"\0" in header


class Way(Enum):
    """How a section is taken out of another one than itself."""

    NONE = "it is part of nothing that is known here"
    TEXT = "what is behind the header of the whole message"
    FIELDS = "some fields of the header"


@dataclass(frozen=True, slots=True)
class Extract:
    """How to answer one section from what is held.

    ``need`` says what it can be made of, ``whole_key`` is the key of the section without its
    ``partial``. ``fields`` are names in upper case; with ``others`` those are left out instead.
    """

    need: Need
    whole_key: str
    way: Way = Way.NONE
    fields: frozenset[bytes] = frozenset()
    others: bool = False
    partial: Partial | None = None

    @property
    def partial_key(self) -> str | None:
        """The key of what is fetched as a partial; the response names where it begins alone."""
        return None if self.partial is None else self.need.keys[0]

    def is_exact(self, key: str) -> bool:
        """Whether the section under ``key`` is the answer, as it is held."""
        return key == self.need.keys[0]

    def window(self, key: str, size: int, text_at: Callable[[], int | None]) -> range | None:
        """Which octets of the section under ``key``, of ``size`` octets, are the answer.

        ``text_at`` tells where in a whole message the text begins. ``None``: it is none of its
        octets as they stand.
        """
        start, stop = 0, size
        if self.is_exact(key):
            return range(start, stop)
        if key != self.whole_key:
            found = text_at() if self.way is Way.TEXT else None
            if found is None:
                return None
            start = found
        if self.partial is not None:
            start += self.partial.offset
            stop = min(stop, start + self.partial.length)
        return range(min(start, stop), stop)

    def cut(self, key: str, octets: bytes) -> bytes | None:
        """The answer, of the whole section under ``key``; ``None`` if it cannot be told."""
        if self.is_exact(key):
            return octets
        if self.way is Way.FIELDS and key != self.whole_key:
            chosen = pick_fields(octets, self.fields, others=self.others)
            partial = self.partial
            if partial is None:
                return chosen
            return chosen[partial.offset : partial.offset + partial.length] or None

        def text_at() -> int | None:
            header = find_header(octets, whole=True)
            return None if header is None else len(header.octets)

        window = self.window(key, len(octets), text_at)
        # Nothing at all: servers spell that in several ways, and nobody has shown which.
        return octets[window.start : window.stop] or None if window is not None else None


def pick_fields(header: bytes, names: frozenset[bytes], *, others: bool) -> bytes:
    """The fields of a clean header that are named, or all others, and the empty line.

    RFC 9051 section 6.4.5: names are compared without case, fields are passed on unchanged.
    """
    chosen = [
        field[0] for field in _FIELD.finditer(header) if (field[1].upper() in names) is not others
    ]
    return b"".join(chosen) + b"\r\n"


def extract_of(att: FetchAtt) -> Extract | None:
    """How an attribute is answered; ``None`` for what is no section of a message."""
    if isinstance(att, Item):
        section = _SAME_AS.get(att)
        return None if section is None else _of_section(section, None)
    if isinstance(att, BodySection):
        return _of_section(att.section, att.partial)
    if isinstance(att, BinarySection | BinarySize):
        partial = att.partial if isinstance(att, BinarySection) else None
        name = att.response_name.partition("<")[0]
        return _extract(name, (), partial)
    return None


def _of_section(section: Section, partial: Partial | None) -> Extract:
    key = canonical(section.encode()).decode("ascii", "replace")
    if section.part:
        return _extract(key, (), partial)
    if section.text is SectionText.TEXT:
        return _extract(key, ("",), partial, Way.TEXT)
    if section.text in (SectionText.HEADER_FIELDS, SectionText.HEADER_FIELDS_NOT):
        return _extract(
            key,
            ("HEADER",),
            partial,
            Way.FIELDS,
            frozenset(name.upper() for name in section.fields),
            section.text is SectionText.HEADER_FIELDS_NOT,
        )
    return _extract(key, (), partial)


def _extract(
    key: str,
    sources: tuple[str, ...],
    partial: Partial | None,
    way: Way = Way.NONE,
    fields: frozenset[bytes] = frozenset(),
    others: bool = False,
) -> Extract:
    if partial is None:
        need = Need((key, *sources), clean=bool(sources))
        return Extract(need, key, way, fields, others)
    exact = f"{key}<{partial.offset}.{partial.length}>"
    # How long the text or the chosen fields are is not known before they are cut out; so only
    # their beginning, which is never empty, can be promised.
    sources = () if partial.offset or not partial.length else sources
    need = Need((exact, key, *sources), clean=bool(sources), beyond=partial.offset)
    return Extract(need, key, way, fields, others, partial)
