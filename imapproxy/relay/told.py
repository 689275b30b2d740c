"""What a FETCH response tells of a message, and what of that is kept."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from imapproxy.cache.derive import find_header
from imapproxy.cache.shape import canonical
from imapproxy.cache.store import ATTRIBUTES, Form, Keeping, Mailbox
from imapproxy.wire.framing import Octets

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


class KeptSection(NamedTuple):
    """A section that came with the response, whole."""

    key: str
    form: Form
    octets: bytes


class Told:
    """A sink of FETCH responses (``wire.fetch_scanner``): what the last one told.

    ``partials`` are the partials that were asked for, by the canonical names of the answers: an
    answer tells where it begins, and not how much was wanted.
    """

    def __init__(self, partials: Mapping[bytes, str]) -> None:
        self.partials = partials
        self.begin(0, 0)

    def begin(self, number: int, uid: int) -> None:
        """Nothing has been told of this message."""
        self.number = number
        self.uid = uid
        self.names: list[bytes] = []
        self.attributes: dict[str, bytes] = {}
        self.sections: list[KeptSection] = []
        self._pieces: list[bytes] | None = None
        self._literal = ("", Form.LITERAL)

    @property
    def octets(self) -> int:
        """How much was told that could be kept."""
        return sum(map(len, self.attributes.values())) + sum(len(s.octets) for s in self.sections)

    def keep(self, keeping: Keeping, mailbox: Mailbox, uid: int) -> bool:
        """Keep it as told of this message; ``False`` if none of it is to be believed."""
        attributes = self.attributes
        if any(attributes.get(name) == value for name, value in _INVENTED):
            return False
        # Flags alone are no news worth a write: what is held of them is a memory at best.
        if attributes.keys() - {"FLAGS"} or self.sections:
            keeping.keep_attributes(mailbox, uid, attributes)
        for section in self.sections:
            _keep_section(keeping, mailbox, uid, section)
        return True

    # -- FetchSink -------------------------------------------------------------------------

    def fetch_begins(self, number: int) -> None:
        """See :class:`imapproxy.wire.fetch_scanner.FetchSink`."""
        self.begin(number, 0)

    def item(self, name: bytes, value: bytes) -> None:
        """See :meth:`fetch_begins`."""
        self.names.append(name)
        upper = name.upper()
        attribute = _ATTRIBUTES.get(upper)
        if attribute is not None:
            self.attributes[attribute] = value
        elif upper == b"UID":
            self.uid = int(value) if value.isdigit() else 0
        else:
            key = self.key(upper)
            if key is not None and value not in _NOTHING:
                self.sections.append(KeptSection(key, Form.AS_IS, value))

    def literal_begins(self, name: bytes, size: int, binary: bool) -> None:
        """See :meth:`fetch_begins`."""
        self.names.append(name)
        key = self.key(name.upper())
        self._pieces = None if key is None else []
        self._literal = (key or "", Form.LITERAL8 if binary else Form.LITERAL)

    def literal_passes(self, name: bytes) -> None:
        """An item whose value is a literal that is not gathered here."""
        self.names.append(name)
        self._pieces = None

    def literal_octets(self, octets: Octets) -> None:
        """See :meth:`fetch_begins`."""
        if self._pieces is not None:
            self._pieces.append(octets.data)
            if not octets.left:
                self.sections.append(KeptSection(*self._literal, b"".join(self._pieces)))
                self._pieces = None

    def literal(self, name: bytes, octets: bytes, binary: bool) -> None:
        """See :meth:`fetch_begins`."""
        self.names.append(name)
        key = self.key(name.upper())
        if key is not None:
            form = Form.LITERAL8 if binary else Form.LITERAL
            self.sections.append(KeptSection(key, form, octets))

    def fetch_ends(self) -> None:
        """See :meth:`fetch_begins`."""

    def fetch_unreadable(self) -> None:
        """See :meth:`fetch_begins`."""
        self.begin(0, 0)

    def key(self, name: bytes) -> str | None:
        """Under which key a section is kept; ``None`` for what is none, or is not known enough."""
        same = _SAME_AS.get(name)
        if same is not None:
            return same
        found = _SECTION.match(name)
        if found is None:
            return None
        if found[3] is not None:
            return self.partials.get(canonical(name))
        section = canonical(found[2]).decode("ascii", "replace")
        return section if found[1] == b"BODY" else f"{found[1].decode()}[{section}]"


def _keep_section(keeping: Keeping, mailbox: Mailbox, uid: int, section: KeptSection) -> None:
    key, form, octets = section
    header = None
    if form is Form.LITERAL and key in ("", "HEADER"):
        header = find_header(octets, whole=True)
    if header is None:
        keeping.keep_section(mailbox, uid, key, form, octets)
    elif key:
        clean = header.clean and header.octets == octets
        keeping.keep_section(mailbox, uid, key, form, octets, clean=clean)
    else:
        has_text = len(header.octets) < len(octets)
        keeping.keep_section(mailbox, uid, key, form, octets, clean=has_text)
        keeping.keep_section(mailbox, uid, "HEADER", form, header.octets, clean=header.clean)
