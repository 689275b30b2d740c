"""What passes on its way to the client is kept, and never waits for it."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from imapproxy.cache.derive import find_header
from imapproxy.cache.request import Asked
from imapproxy.cache.shape import canonical
from imapproxy.cache.store import ATTRIBUTES, Form, Mailbox, SectionWriter, Writer
from imapproxy.relay.selected import Selected
from imapproxy.relay.shapes import Shapes
from imapproxy.wire.framing import Octets

# Gathered before it is kept; what is larger is written as it comes.
_SMALL = 64 * 1024
# Of messages whose UIDs are not known yet so much may wait for them.
_MAX_UNNAMED = 4 * 1024 * 1024
_ATTRIBUTES = {name.encode(): name for name in ATTRIBUTES}
_SECTION = re.compile(rb"(BODY|BINARY|BINARY\.SIZE)\[([^\]]*)\](<[0-9]+>)?\Z")
# What servers tell of a message that is gone already and of which nobody may say so yet (RFC 2180
# section 4.1.3). Dovecot does so; of a section it tells NIL, or nothing.
_INVENTED = (
    ("RFC822.SIZE", b"0"),
    ("INTERNALDATE", b'"01-Jan-1970 00:00:00 +0000"'),
    ("ENVELOPE", b"(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"),
)
_NOTHING = (b"NIL", b'""')
_SAME_AS = {b"RFC822": "", b"RFC822.HEADER": "HEADER", b"RFC822.TEXT": "TEXT"}


class _Kept(NamedTuple):
    """A section that came with the response, whole."""

    key: str
    form: Form
    octets: bytes


class _Unnamed(NamedTuple):
    """What a response told of a message whose UID is not known yet."""

    attributes: dict[str, bytes]
    sections: list[_Kept]


class _Streamed:
    """A section that is written while it comes. ``start`` are its first octets."""

    def __init__(self, writer: SectionWriter, key: str) -> None:
        self.writer = writer
        self.key = key
        self.start = b""
        self.is_whole = False

    def write(self, octets: Octets) -> None:
        if len(self.start) < _SMALL:
            self.start += octets.data[:_SMALL]
        self.writer.write(octets.data)
        self.is_whole = not octets.left

    def close(self) -> None:
        header = find_header(self.start, whole=False) if not self.key else None
        if header is None:
            self.writer.close()
        else:
            self.writer.close(header.octets, header.clean)


class Tee:
    """A sink of FETCH responses (``wire.fetch_scanner``) that keeps what they tell."""

    def __init__(self, selected: Selected, writer: Writer, shapes: Shapes) -> None:
        self._selected = selected
        self._writer = writer
        self._shapes = shapes
        #: Whether nothing that passes can be of use to the cache.
        self.idle = True
        self._asked: Asked | None = None  # of whose answers the shape is not known
        # What was asked for in part, by the canonical names of the answers: an answer tells where
        # it begins, and not how much was wanted.
        self._partials: dict[bytes, str] = {}
        self._unnamed: dict[int, _Unnamed] = {}
        self._unnamed_octets = 0
        self._begin(0, 0)

    def _begin(self, number: int, uid: int) -> None:
        self._number = number
        self._uid = uid
        self._names: list[bytes] = []
        self._attributes: dict[str, bytes] = {}
        self._sections: list[_Kept] = []
        self._pieces: list[bytes] | None = None
        self._literal = ("", Form.LITERAL)
        self._streams: list[_Streamed] = []
        self._streaming: _Streamed | None = None

    def expect(self, asked: Iterable[Asked], *, certain: bool) -> None:
        """These are asked of the upstream in the client's own words, and (``certain``) no others.

        To which of several requests a response is the answer nobody says; what could be the answer
        to two that mean different things by it tells nothing.
        """
        requests = {one.key: one for one in asked}
        self.idle = not any(one.is_cacheable for one in requests.values())
        one = next(iter(requests.values())) if certain and len(requests) == 1 else None
        self._asked = one if one is not None and self._shapes.shape(one) is None else None
        partials = [partial for one in requests.values() for partial in one.partials]
        if not certain or len(dict(partials)) != len(set(partials)):
            partials = []
        self._partials = dict(partials)

    def abandon(self) -> None:
        """The rest of a response will not come."""
        for stream in self._streams:
            stream.writer.abort()
        self._begin(0, 0)

    # -- FetchSink -------------------------------------------------------------------------

    def fetch_begins(self, number: int) -> None:
        """See :class:`imapproxy.wire.fetch_scanner.FetchSink`."""
        self._begin(number, self._selected.uid(number))

    def item(self, name: bytes, value: bytes) -> None:
        """See :meth:`fetch_begins`."""
        self._names.append(name)
        upper = name.upper()
        attribute = _ATTRIBUTES.get(upper)
        if attribute is not None:
            self._attributes[attribute] = value
        elif upper == b"UID":
            self._uid = int(value) if value.isdigit() else 0
        else:
            key = self._key(upper)
            if key is not None and value not in _NOTHING:
                self._sections.append(_Kept(key, Form.AS_IS, value))

    def literal_begins(self, name: bytes, size: int, binary: bool) -> None:
        """See :meth:`fetch_begins`."""
        self._names.append(name)
        key = self._key(name.upper())
        mailbox = self._selected.mailbox
        form = Form.LITERAL8 if binary else Form.LITERAL
        self._pieces = self._streaming = None
        if key is None or mailbox is None:
            return
        if size <= _SMALL:
            self._pieces = []
            self._literal = (key, form)
        elif self._uid:
            writer = self._writer.begin_section(mailbox, self._uid, key, form, size)
            self._streaming = _Streamed(writer, key)
            self._streams.append(self._streaming)

    def literal_octets(self, octets: Octets) -> None:
        """See :meth:`fetch_begins`."""
        if self._streaming is not None:
            self._streaming.write(octets)
        elif self._pieces is not None:
            self._pieces.append(octets.data)
            if not octets.left:
                self._sections.append(_Kept(*self._literal, b"".join(self._pieces)))
                self._pieces = None

    def literal(self, name: bytes, octets: bytes, binary: bool) -> None:
        """See :meth:`fetch_begins`."""
        self._names.append(name)
        key = self._key(name.upper())
        if key is not None:
            form = Form.LITERAL8 if binary else Form.LITERAL
            self._sections.append(_Kept(key, form, octets))

    def fetch_ends(self) -> None:
        """See :meth:`fetch_begins`."""
        selected = self._selected
        if self._uid:
            selected.learn(self._number, self._uid)
        mailbox = selected.mailbox
        if mailbox is None or (self._uid and selected.uid(self._number) != self._uid):
            self.abandon()
            return
        self._learn_shapes()
        if self._uid:
            if self._keep(mailbox, self._uid, self._attributes, self._sections):
                for stream in self._streams:
                    stream.close()
            else:
                self.abandon()
        else:
            self._keep_until_known()

    def fetch_unreadable(self) -> None:
        """See :meth:`fetch_begins`."""
        self.abandon()

    # -- whose UID is not known ------------------------------------------------------------

    def _keep_until_known(self) -> None:
        """A client that names messages by number need not ask for their UIDs."""
        size = sum(map(len, self._attributes.values())) + sum(len(s.octets) for s in self._sections)
        if self._unnamed_octets + size <= _MAX_UNNAMED and (self._attributes or self._sections):
            self._unnamed[self._number] = _Unnamed(self._attributes, self._sections)
            self._unnamed_octets += size
        self.abandon()

    @property
    def unnamed(self) -> tuple[int, int] | None:
        """The first and last number of the messages that wait for their UIDs."""
        return (min(self._unnamed), max(self._unnamed)) if self._unnamed else None

    def keep_named(self) -> None:
        """Keep those whose UIDs were learned meanwhile."""
        mailbox = self._selected.mailbox
        waiting, self._unnamed = self._unnamed, {}
        self._unnamed_octets = 0
        for number, (attributes, sections) in waiting.items():
            uid = self._selected.uid(number)
            if uid and mailbox is not None:
                self._keep(mailbox, uid, attributes, sections)

    def forget_unnamed(self) -> None:
        """The numbers mean other messages from now on."""
        self._unnamed = {}
        self._unnamed_octets = 0

    # -- keeping ---------------------------------------------------------------------------

    def _keep(
        self, mailbox: Mailbox, uid: int, attributes: dict[str, bytes], sections: list[_Kept]
    ) -> bool:
        """Keep what was told of a message; ``False`` if none of it is to be believed."""
        if any(attributes.get(name) == value for name, value in _INVENTED):
            return False
        # Flags alone are no news worth a write: what is held of them is a memory at best.
        if attributes.keys() - {"FLAGS"} or sections:
            self._writer.keep_attributes(mailbox, uid, attributes)
        for key, form, octets in sections:
            self._keep_section(mailbox, uid, key, form, octets)
        return True

    def _keep_section(
        self, mailbox: Mailbox, uid: int, key: str, form: Form, octets: bytes
    ) -> None:
        header = None
        if form is Form.LITERAL and key in ("", "HEADER"):
            header = find_header(octets, whole=True)
        if header is None:
            self._writer.keep_section(mailbox, uid, key, form, octets)
        elif key:
            clean = header.clean and header.octets == octets
            self._writer.keep_section(mailbox, uid, key, form, octets, clean=clean)
        else:
            has_text = len(header.octets) < len(octets)
            self._writer.keep_section(mailbox, uid, key, form, octets, clean=has_text)
            self._writer.keep_section(
                mailbox, uid, "HEADER", form, header.octets, clean=header.clean
            )

    def _learn_shapes(self) -> None:
        if self._asked is not None and self._shapes.learn(self._asked, self._names):
            self._asked = None

    def _key(self, name: bytes) -> str | None:
        """Under which key a section is kept; ``None`` for what is none, or is not known enough."""
        same = _SAME_AS.get(name)
        if same is not None:
            return same
        found = _SECTION.match(name)
        if found is None:
            return None
        if found[3] is not None:
            return self._partials.get(canonical(name))
        section = canonical(found[2]).decode("ascii", "replace")
        return section if found[1] == b"BODY" else f"{found[1].decode()}[{section}]"
