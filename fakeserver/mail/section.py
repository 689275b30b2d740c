"""Sections: the octets that ``BODY[…]`` asks for (RFC 9051 section 6.4.5.1)."""

from fakeserver.mail.header import pick_fields
from fakeserver.mail.mime import Part
from imapproxy.wire.fetch_att import Partial, Section, SectionText


def section_octets(message: Part, section: Section) -> bytes:
    """What stands in a section; a section that does not exist is empty, as with Dovecot."""
    part = find_part(message, section.part)
    if part is None:
        return b""
    text = section.text
    if text is None:
        return part.body_octets if section.part else part.octets[part.start : part.end]
    if text is SectionText.MIME:
        return part.header_octets
    if section.part:
        # "The HEADER, HEADER.FIELDS, HEADER.FIELDS.NOT, and TEXT part specifiers can be the sole
        # part specifier or can be prefixed by one or more numeric part specifiers, provided that
        # the numeric part specifier refers to a part of type MESSAGE/RFC822".
        if not part.is_message:
            return b""
        part = part.children[0]
    return _of_message(part, section)


def _of_message(part: Part, section: Section) -> bytes:
    if section.text is SectionText.HEADER:
        return part.header_octets
    if section.text is SectionText.TEXT:
        return part.body_octets
    exclude = section.text is SectionText.HEADER_FIELDS_NOT
    picked = pick_fields(part.fields, section.fields, exclude=exclude)
    # RFC 3501 section 6.4.5: the empty line "is included in all header fetches, except in the case
    # of a message which has no body and no blank line".
    return picked + b"\r\n" if part.has_empty_line else picked


def find_part(message: Part, path: tuple[int, ...]) -> Part | None:
    """The part with this number, ``None`` where there is none.

    Part 1 of a message that is no multipart is its body; the parts of a message/rfc822 are those
    of the message within.
    """
    part = message
    for depth, number in enumerate(path):
        if depth and part.is_message:
            part = part.children[0]
        elif depth and not part.is_multipart:
            return None
        if part.is_multipart:
            if not 1 <= number <= len(part.children):
                return None
            part = part.children[number - 1]
        elif number != 1:
            return None
    return part


def cut(octets: bytes, partial: Partial | None) -> bytes:
    """The octets of ``<offset.length>``; fewer, or none, where the section ends before."""
    if partial is None:
        return octets
    return octets[partial.offset : partial.offset + partial.length]
