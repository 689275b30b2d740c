"""What is known of one message when a search looks at it; ``None`` is what is not known."""

import datetime
from collections.abc import Callable
from functools import cached_property

from imapproxy.cache.store import Form, Mailbox, Need, Reader, Section, StoreError
from imapproxy.offline.search.text import body_of, fields_of, folded, header_of
from imapproxy.wire.cursor import Cursor
from imapproxy.wire.dates import read_date_time
from imapproxy.wire.errors import DecodeError
from imapproxy.wire.flags import flag_key

#: The attributes that a search looks at.
ATTRIBUTES = ("FLAGS", "INTERNALDATE", "RFC822.SIZE")
_HEADER = Need(("HEADER",))
_WHOLE = Need(("",))
# A larger message is not taken into memory to be searched: what its text is counts as not known.
_MAX_OCTETS = 32 * 1024 * 1024


class Facts:
    """One message. ``attributes`` are values of :data:`ATTRIBUTES` as on the wire; ``header`` and
    ``whole`` give octets when they are needed.
    """

    def __init__(
        self,
        number: int,
        uid: int,
        attributes: tuple[bytes | None, ...],
        header: Callable[[], bytes | None],
        whole: Callable[[], bytes | None],
    ) -> None:
        self.number = number
        self.uid = uid
        self._flags, self._internal_date, self._size = attributes
        self._header_octets = header
        self._whole_octets = whole
        self.octets_read = 0

    @cached_property
    def flags(self) -> frozenset[bytes] | None:
        """What each of the flags is compared by."""
        if self._flags is None:
            return None
        return frozenset(map(flag_key, self._flags.strip(b"()").split()))

    @property
    def size(self) -> int | None:
        """Octets."""
        return int(self._size) if self._size is not None and self._size.isdigit() else None

    @cached_property
    def internal_date(self) -> datetime.date | None:
        """Without its time and zone."""
        if self._internal_date is None:
            return None
        try:
            return read_date_time(Cursor(self._internal_date)).date()
        except DecodeError:
            return None

    @cached_property
    def fields(self) -> list[tuple[bytes, str]] | None:
        """The fields of the header: names in upper case, values decoded and folded."""
        octets = self._header_octets()
        if octets is None:
            whole = self._whole
            octets = None if whole is None else header_of(whole)
        if octets is None:
            return None
        self.octets_read += len(octets)
        return list(fields_of(octets))

    @cached_property
    def header_text(self) -> str | None:
        """The whole header, names and all."""
        if self.fields is None:
            return None
        return "\n".join(
            f"{folded(name.decode('latin-1'))}: {value}".rstrip() for name, value in self.fields
        )

    @property
    def body(self) -> str | None:
        """The text of the body, decoded and folded."""
        return None if self._body is None else self._body[0]

    @property
    def headers_within(self) -> str | None:
        """The headers of parts, and of messages within."""
        return None if self._body is None else self._body[1]

    @cached_property
    def _body(self) -> tuple[str, str] | None:
        whole = self._whole
        return None if whole is None else body_of(whole)

    @cached_property
    def _whole(self) -> bytes | None:
        whole = self._whole_octets()
        self.octets_read += len(whole or b"")
        return whole


def facts_of(
    reader: Reader,
    mailbox: Mailbox,
    number: int,
    uid: int,
    attributes: tuple[bytes | None, ...],
) -> Facts:
    """The facts of a message in a store; what cannot be read counts as not known."""
    return Facts(
        number,
        uid,
        attributes,
        lambda: _section(reader, mailbox, uid, _HEADER),
        lambda: _section(reader, mailbox, uid, _WHOLE),
    )


def _section(reader: Reader, mailbox: Mailbox, uid: int, need: Need) -> bytes | None:
    try:
        for section in reader.sections(mailbox, need, uid, uid, 1):
            return _octets(reader, section)
    except StoreError:
        pass
    return None


def _octets(reader: Reader, section: Section) -> bytes | None:
    if section.form is Form.AS_IS or section.size > _MAX_OCTETS:
        return None
    if section.data is not None:
        return section.data
    octets = reader.octets(section.content, 0, section.size)
    return octets if len(octets) == section.size else None
