"""A message: octets that never change, and what was worked out about them so far."""

import datetime
import hashlib
from functools import cached_property

from fakeserver.mail.binary import Decoded, binary_section, encode_binary
from fakeserver.mail.bodystructure import body_structure
from fakeserver.mail.collation import casemap, collation_key
from fakeserver.mail.dates import parse_date
from fakeserver.mail.decoded import decode_field, part_headers, part_texts
from fakeserver.mail.envelope import envelope
from fakeserver.mail.header import Header, find_body
from fakeserver.mail.message_id import message_ids
from fakeserver.mail.mime import Part, parse_message
from fakeserver.mail.preview import preview
from fakeserver.mail.quoting import without_nul
from fakeserver.mail.section import cut, section_octets
from fakeserver.mail.subject import Subject, base_subject
from fakeserver.mail.surrogate import surrogate
from imapproxy.wire.fetch_att import Partial, Section


class Message:
    """The octets of one message. Copies in several mailboxes share it."""

    def __init__(self, octets: bytes, *, with_global: bool = False) -> None:
        self.octets = bytes(octets)
        self._with_global = with_global
        self._field_texts: dict[bytes, list[str]] = {}

    @property
    def size(self) -> int:
        """RFC822.SIZE."""
        return len(self.octets)

    @cached_property
    def root(self) -> Part:
        """The tree of MIME parts."""
        return parse_message(without_nul(self.octets), with_global=self._with_global)

    @cached_property
    def for_rev2(self) -> "Message":
        """The same octets with the parts that IMAP4rev2 sees (RFC 9051 section 7.5.2).

        To it a message/global is what a message/rfc822 is; RFC 3501 does not know the one.
        """
        return Message(self.octets, with_global=True) if b"lobal" in self.octets else self

    @cached_property
    def surrogate(self) -> "Message":
        """What a client sees that does not take UTF-8 in headers (RFC 6858)."""
        octets = surrogate(self.root)
        return self if octets is self.root.octets else Message(octets)

    @cached_property
    def header(self) -> Header:
        """The message's own header; nothing behind it is looked at."""
        octets = without_nul(self.octets)
        return Header(octets[: find_body(octets, 0, len(octets))])

    @cached_property
    def envelope(self) -> bytes:
        """ENVELOPE, ready for a response."""
        return envelope(self.header)

    @cached_property
    def body(self) -> bytes:
        """BODY, ready for a response."""
        return body_structure(self.root, extended=False)

    @cached_property
    def body_structure(self) -> bytes:
        """BODYSTRUCTURE, ready for a response."""
        return body_structure(self.root, extended=True)

    @cached_property
    def sent(self) -> datetime.datetime | None:
        """The moment that the Date field tells."""
        value = self.header.value(b"date")
        return None if value is None else parse_date(value)

    @cached_property
    def subject(self) -> Subject:
        """The base subject (RFC 5256 section 2.1)."""
        return base_subject(self.header.value(b"subject") or b"")

    @cached_property
    def subject_key(self) -> bytes:
        """What subjects are ordered and told apart by."""
        return collation_key(self.subject.base)

    @cached_property
    def message_id(self) -> bytes | None:
        """The Message-ID without its brackets, ``None`` where there is none that is one."""
        return next(message_ids(self.header.value(b"message-id") or b""), None)

    @cached_property
    def references(self) -> tuple[bytes, ...]:
        """The ids of the messages before this one: References or, of none, In-Reply-To."""
        ids = tuple(message_ids(self.header.value(b"references") or b""))
        if not ids:
            # RFC 5256 section 4: of that field the first id alone.
            ids = tuple(message_ids(self.header.value(b"in-reply-to") or b""))[:1]
        return ids

    @cached_property
    def preview(self) -> bytes:
        """PREVIEW, in UTF-8."""
        return preview(self.root).encode("utf-8", "replace")

    @cached_property
    def email_id(self) -> bytes:
        """EMAILID: the same for the same octets, which RFC 8474 section 5.1 allows."""
        return b"M" + _digest(self.octets)

    @cached_property
    def thread_id(self) -> bytes:
        """THREADID: messages that go back to the same first one have the same."""
        first = (*self.references, self.message_id or self.octets)[0]
        return b"T" + _digest(first)

    def field_texts(self, name: bytes) -> list[str]:
        """Texts of the fields called ``name`` (lower case), normalized for comparison."""
        texts = self._field_texts.get(name)
        if texts is None:
            texts = [casemap(decode_field(value)) for value in self.header.values(name)]
            self._field_texts[name] = texts
        return texts

    def headers_contain(self, text: str) -> bool:
        """Whether a header, the message's or a part's, contains the normalized ``text``."""
        return any(text in casemap(header) for header in part_headers(self.root))

    def body_contains(self, text: str) -> bool:
        """Whether the text of a part contains the normalized ``text``."""
        # With no text to look for every message matches, even one that has no text at all.
        return not text or any(text in casemap(body) for body in part_texts(self.root))

    def section(self, section: Section, partial: Partial | None = None) -> bytes:
        """The octets of ``BODY[section]<partial>``."""
        if not section.part and section.text is None:
            return cut(without_nul(self.octets), partial)
        return cut(section_octets(self.root, section), partial)

    def binary(self, path: tuple[int, ...]) -> Decoded:
        """The octets of ``BINARY[path]``; raises ``UnknownEncoding`` and ``BadEncoding``."""
        return binary_section(self.octets, self.root, path)

    def without_binary(self) -> "Message":
        """The same message with parts that are ``binary`` in base64."""
        return Message(encode_binary(self.octets, self.root))

    def __repr__(self) -> str:
        return f"Message({self.size} octets)"


def _digest(octets: bytes) -> bytes:
    return hashlib.sha256(octets).hexdigest()[:32].encode()
