r"""What a FETCH asks for: data items, sections, and what each of them means for a cache.

Each attribute knows the name that its answer has, whether asking for it sets ``\Seen``, and
whether what it tells about a message can ever change (RFC 9051 sections 6.4.5 and 7.5.2).
"""

from dataclasses import dataclass
from enum import Enum

from imapproxy.wire.errors import EncodeError
from imapproxy.wire.strings import LiteralPart, encode_astring


class Item(Enum):
    """An attribute that is one word; the value is its name on the wire."""

    ENVELOPE = "ENVELOPE"
    FLAGS = "FLAGS"
    INTERNALDATE = "INTERNALDATE"
    RFC822 = "RFC822"
    RFC822_HEADER = "RFC822.HEADER"
    RFC822_SIZE = "RFC822.SIZE"
    RFC822_TEXT = "RFC822.TEXT"
    # RFC 1730 had these two; RFC 2060 left them out.
    RFC822_PEEK = "RFC822.PEEK"
    RFC822_TEXT_PEEK = "RFC822.TEXT.PEEK"
    BODY = "BODY"
    BODYSTRUCTURE = "BODYSTRUCTURE"
    UID = "UID"
    MODSEQ = "MODSEQ"
    EMAILID = "EMAILID"
    THREADID = "THREADID"
    SAVEDATE = "SAVEDATE"
    X_GM_MSGID = "X-GM-MSGID"
    X_GM_THRID = "X-GM-THRID"
    X_GM_LABELS = "X-GM-LABELS"

    @property
    def response_name(self) -> str:
        """The name that the answer has in a FETCH response."""
        return _ANSWERED_AS.get(self, self.value)

    @property
    def sets_seen(self) -> bool:
        r"""Whether the message becomes ``\Seen`` by being asked for this."""
        return self in _SETS_SEEN

    @property
    def is_immutable(self) -> bool:
        """Whether the answer is the same for ever, for one UID under one UIDVALIDITY."""
        return self not in _MUTABLE


_ANSWERED_AS = {Item.RFC822_PEEK: "RFC822", Item.RFC822_TEXT_PEEK: "RFC822.TEXT"}
_SETS_SEEN = {Item.RFC822, Item.RFC822_TEXT}
# THREADID: RFC 8474 section 5.2 lets a server change it. X-GM-THRID likewise.
_MUTABLE = {Item.FLAGS, Item.MODSEQ, Item.THREADID, Item.X_GM_THRID, Item.X_GM_LABELS}


class Macro(Enum):
    """``ALL``, ``FAST`` and ``FULL`` (RFC 9051 section 6.4.5)."""

    ALL = "ALL"
    FAST = "FAST"
    FULL = "FULL"

    @property
    def items(self) -> tuple[Item, ...]:
        """What the macro stands for."""
        return _MACRO_ITEMS[self]


_FAST = (Item.FLAGS, Item.INTERNALDATE, Item.RFC822_SIZE)
_MACRO_ITEMS = {
    Macro.FAST: _FAST,
    Macro.ALL: (*_FAST, Item.ENVELOPE),
    Macro.FULL: (*_FAST, Item.ENVELOPE, Item.BODY),
}


class SectionText(Enum):
    """What of a message or part is meant; the value is its name on the wire."""

    HEADER = "HEADER"
    HEADER_FIELDS = "HEADER.FIELDS"
    HEADER_FIELDS_NOT = "HEADER.FIELDS.NOT"
    TEXT = "TEXT"
    MIME = "MIME"


@dataclass(frozen=True, slots=True)
class Section:
    """What stands in the brackets of ``BODY[…]``.

    ``part`` is ``(1, 2)`` for ``1.2``, empty for the message itself; ``text`` is ``None`` for the
    whole of it. ``fields`` are names of header fields as the client spelled them, for the two
    kinds of HEADER.FIELDS alone.
    """

    part: tuple[int, ...] = ()
    text: SectionText | None = None
    fields: tuple[bytes, ...] = ()

    def encode(self) -> bytes:
        """As between the brackets: ``1.2.HEADER.FIELDS (From To)``.

        Raises ``EncodeError`` for field names that no header can have.
        """
        words = [b"%d" % number for number in self.part]
        if self.text is not None:
            words.append(self.text.value.encode("ascii"))
        encoded = b".".join(words)
        if self.fields:
            encoded += b" (%b)" % b" ".join(map(_encode_field_name, self.fields))
        return encoded


@dataclass(frozen=True, slots=True)
class Partial:
    """``<offset.length>`` in octets; the answer is named ``<offset>`` alone."""

    offset: int
    length: int


def _encode_field_name(name: bytes) -> bytes:
    part = encode_astring(name)
    if isinstance(part, LiteralPart):
        raise EncodeError("not the name of a header field")
    return part


def _part(numbers: tuple[int, ...]) -> str:
    return ".".join(map(str, numbers))


def _origin(partial: Partial | None) -> str:
    return "" if partial is None else f"<{partial.offset}>"


@dataclass(frozen=True, slots=True)
class BodySection:
    """``BODY[section]<partial>``, or ``BODY.PEEK[…]``."""

    section: Section = Section()
    peek: bool = False
    partial: Partial | None = None

    @property
    def response_name(self) -> str:
        """The name that the answer has in a FETCH response."""
        return f"BODY[{self.section.encode().decode('ascii')}]{_origin(self.partial)}"

    @property
    def sets_seen(self) -> bool:
        r"""Whether the message becomes ``\Seen`` by being asked for this."""
        return not self.peek

    @property
    def is_immutable(self) -> bool:
        """Whether the answer is the same for ever, for one UID under one UIDVALIDITY."""
        return True


@dataclass(frozen=True, slots=True)
class BinarySection:
    """``BINARY[part]<partial>``, decoded by the server (RFC 3516); or ``BINARY.PEEK[…]``."""

    part: tuple[int, ...] = ()
    peek: bool = False
    partial: Partial | None = None

    @property
    def response_name(self) -> str:
        """The name that the answer has in a FETCH response."""
        return f"BINARY[{_part(self.part)}]{_origin(self.partial)}"

    @property
    def sets_seen(self) -> bool:
        r"""Whether the message becomes ``\Seen`` by being asked for this."""
        return not self.peek

    @property
    def is_immutable(self) -> bool:
        """Whether the answer is the same for ever, for one UID under one UIDVALIDITY."""
        return True


@dataclass(frozen=True, slots=True)
class BinarySize:
    """``BINARY.SIZE[part]``: octets of the decoded part (RFC 3516)."""

    part: tuple[int, ...] = ()

    @property
    def response_name(self) -> str:
        """The name that the answer has in a FETCH response."""
        return f"BINARY.SIZE[{_part(self.part)}]"

    @property
    def sets_seen(self) -> bool:
        r"""Whether the message becomes ``\Seen`` by being asked for this."""
        return False

    @property
    def is_immutable(self) -> bool:
        """Whether the answer is the same for ever, for one UID under one UIDVALIDITY."""
        return True


@dataclass(frozen=True, slots=True)
class Preview:
    """``PREVIEW``, or ``PREVIEW (LAZY)``: only if it costs the server nothing (RFC 8970).

    Not immutable: a lazy answer may be NIL today and a text tomorrow.
    """

    lazy: bool = False

    @property
    def response_name(self) -> str:
        """The name that the answer has in a FETCH response."""
        return "PREVIEW"

    @property
    def sets_seen(self) -> bool:
        r"""Whether the message becomes ``\Seen`` by being asked for this."""
        return False

    @property
    def is_immutable(self) -> bool:
        """Whether the answer is the same for ever, for one UID under one UIDVALIDITY."""
        return False


@dataclass(frozen=True, slots=True)
class OpaqueAtt:
    """An attribute that is not known here, as it stood on the wire.

    What is not known is taken not to set ``\\Seen``; a session that asks for it is relayed.
    """

    octets: bytes

    @property
    def response_name(self) -> str:
        """The name that the answer has in a FETCH response."""
        return self.octets.decode("ascii", "replace").partition(" (")[0]

    @property
    def sets_seen(self) -> bool:
        r"""Whether the message becomes ``\Seen`` by being asked for this."""
        return False

    @property
    def is_immutable(self) -> bool:
        """Whether the answer is the same for ever, for one UID under one UIDVALIDITY."""
        return False


FetchAtt = Item | BodySection | BinarySection | BinarySize | Preview | OpaqueAtt
