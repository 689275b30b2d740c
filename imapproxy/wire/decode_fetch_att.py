"""Reading what a FETCH asks for (RFC 9051 section 9 ``fetch-att``)."""

import re

from imapproxy.wire.cursor import MAX_NUMBER64, Cursor
from imapproxy.wire.fetch_att import (
    BinarySection,
    BinarySize,
    BodySection,
    FetchAtt,
    Item,
    Macro,
    OpaqueAtt,
    Partial,
    Preview,
    Section,
    SectionText,
)

_ITEMS = {item.value: item for item in Item}
_MACROS = {macro.value.encode("ascii"): macro for macro in Macro}

# The name of an attribute: an atom up to "[" or "<".
_NAME = re.compile(rb"[^\x00-\x20\x7f-\xff(){%*\"\\\[\]<]++")
_MACRO = re.compile(rb"(?:ALL|FAST|FULL)(?![^ \r\n])", re.IGNORECASE)
# section-part = nz-number *("." nz-number)
_PART = re.compile(rb"[1-9][0-9]{0,9}(?:\.[1-9][0-9]{0,9})*+")
# section-msgtext = "HEADER" / "HEADER.FIELDS" [".NOT"] SP header-list / "TEXT"; "MIME" for parts
_TEXT = re.compile(rb"HEADER\.FIELDS\.NOT|HEADER\.FIELDS|HEADER|TEXT|MIME", re.IGNORECASE)
# partial = "<" number64 "." nz-number64 ">"
_PARTIAL = re.compile(rb"<([0-9]{1,19})\.([1-9][0-9]{0,18})>")
_LAZY = re.compile(rb" \(LAZY\)", re.IGNORECASE)
# What may follow the name of an attribute that is not known: "[…]" and "<…>".
_OPAQUE_TAIL = re.compile(rb"(?:\[[^\]\r\n]*+\])?(?:<[0-9.]*+>)?")


def read_fetch_atts(cursor: Cursor) -> tuple[FetchAtt, ...] | Macro:
    """Read a macro, one attribute, or a list of them."""
    macro = cursor.take(_MACRO)
    if macro is not None:
        return _MACROS[macro[0].upper()]
    if cursor.starts_with(b"("):
        return cursor.list_of(lambda: read_fetch_att(cursor, in_list=True))
    return (read_fetch_att(cursor),)


def read_fetch_att(cursor: Cursor, *, in_list: bool = False) -> FetchAtt:
    """Read one attribute.

    An unknown one comes back as ``OpaqueAtt``; a list behind it is taken for its argument only
    ``in_list``, since otherwise it would be the modifiers of the FETCH.
    """
    start = cursor.at
    name = cursor.expect(_NAME, "a data item")[0].decode("ascii").upper()
    if cursor.starts_with(b"["):
        return _with_section(cursor, name, start)
    if name == "PREVIEW":
        return Preview(lazy=cursor.take(_LAZY) is not None)
    item = _ITEMS.get(name)
    if item is not None:
        return item
    if name == "BODY.PEEK" or name.startswith("BINARY"):
        raise cursor.error("expected a section in brackets")
    return _opaque(cursor, start, in_list)


def read_section(cursor: Cursor) -> Section:
    """Read ``[1.2.HEADER.FIELDS (From)]``, brackets included."""
    cursor.require(b"[")
    part = _part(cursor)
    text = _section_text(cursor, part)
    fields: tuple[bytes, ...] = ()
    if text in (SectionText.HEADER_FIELDS, SectionText.HEADER_FIELDS_NOT):
        cursor.space()
        fields = cursor.list_of(cursor.astring)
    cursor.require(b"]")
    return Section(part, text, fields)


def _section_text(cursor: Cursor, part: tuple[int, ...]) -> SectionText | None:
    if part and not cursor.skip(b"."):
        return None
    found = cursor.take(_TEXT)
    if found is None:
        if part:
            raise cursor.error("expected a part of a section")
        return None
    text = SectionText(found[0].decode("ascii").upper())
    if text is SectionText.MIME and not part:
        raise cursor.error("MIME is for parts, not for a message")
    return text


def _with_section(cursor: Cursor, name: str, start: int) -> FetchAtt:
    if name in ("BODY", "BODY.PEEK"):
        section = read_section(cursor)
        return BodySection(section, name != "BODY", _partial(cursor))
    if name in ("BINARY", "BINARY.PEEK"):
        part = _bracketed_part(cursor)
        return BinarySection(part, name != "BINARY", _partial(cursor))
    if name == "BINARY.SIZE":
        return BinarySize(_bracketed_part(cursor))
    return _opaque(cursor, start, in_list=False)


def _opaque(cursor: Cursor, start: int, in_list: bool) -> OpaqueAtt:
    cursor.take(_OPAQUE_TAIL)
    if in_list and cursor.skip(b" ("):
        cursor.at -= 1
        cursor.raw_value()
    return OpaqueAtt(cursor.octets[start : cursor.at])


def _bracketed_part(cursor: Cursor) -> tuple[int, ...]:
    cursor.require(b"[")
    part = _part(cursor)
    cursor.require(b"]")
    return part


def _part(cursor: Cursor) -> tuple[int, ...]:
    found = cursor.take(_PART)
    return () if found is None else tuple(map(int, found[0].split(b".")))


def _partial(cursor: Cursor) -> Partial | None:
    if not cursor.starts_with(b"<"):
        return None
    found = cursor.expect(_PARTIAL, "a partial such as <0.1024>")
    partial = Partial(int(found[1]), int(found[2]))
    if max(partial.offset, partial.length) > MAX_NUMBER64:
        raise cursor.error("partial out of range")
    return partial
