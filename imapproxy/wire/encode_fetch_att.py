"""Writing what a FETCH asks for (RFC 9051 section 9 ``fetch-att``)."""

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
)


def encode_fetch_atts(attributes: tuple[FetchAtt, ...] | Macro) -> bytes:
    """A macro, or attributes in parentheses; a single one goes without.

    Not so one that is not known: what it has in parentheses would be taken for modifiers.
    """
    if isinstance(attributes, Macro):
        return attributes.value.encode("ascii")
    encoded = b" ".join(map(encode_fetch_att, attributes))
    goes_without = len(attributes) == 1 and not isinstance(attributes[0], OpaqueAtt)
    return encoded if goes_without else b"(%b)" % encoded


def encode_fetch_att(attribute: FetchAtt) -> bytes:
    """One attribute."""
    if isinstance(attribute, Item):
        return attribute.value.encode("ascii")
    if isinstance(attribute, BodySection):
        name = b"BODY.PEEK" if attribute.peek else b"BODY"
        return b"%b[%b]%b" % (name, attribute.section.encode(), _partial(attribute.partial))
    if isinstance(attribute, BinarySection):
        name = b"BINARY.PEEK" if attribute.peek else b"BINARY"
        return b"%b[%b]%b" % (name, _part(attribute.part), _partial(attribute.partial))
    if isinstance(attribute, BinarySize):
        return b"BINARY.SIZE[%b]" % _part(attribute.part)
    if isinstance(attribute, Preview):
        return b"PREVIEW (LAZY)" if attribute.lazy else b"PREVIEW"
    return attribute.octets


def _part(numbers: tuple[int, ...]) -> bytes:
    return b".".join(b"%d" % number for number in numbers)


def _partial(partial: Partial | None) -> bytes:
    return b"" if partial is None else b"<%d.%d>" % (partial.offset, partial.length)
