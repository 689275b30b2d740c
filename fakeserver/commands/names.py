"""Names of mailboxes: in modified UTF-7 in the store, on the wire as the session has enabled."""

import unicodedata
from dataclasses import fields, replace
from typing import NamedTuple

from fakeserver.mail.quoting import literal
from fakeserver.session import Session
from imapproxy.wire.commands import CommandBody, Opaque
from imapproxy.wire.errors import DecodeError, EncodeError
from imapproxy.wire.list_pattern import ListPattern
from imapproxy.wire.mailbox import WireMailbox, decode_mailbox, encode_mailbox
from imapproxy.wire.strings import encode_astring

# The arguments of commands that are names.
_NAMES = frozenset({"mailbox", "new_name"})
# Not for names, besides controls (RFC 9051 section 5.1).
_LINE_ENDS = "\u2028\u2029"


def astring(octets: bytes) -> bytes:
    """The octets as an atom, a quoted string or a literal, whichever it needs."""
    part = encode_astring(octets)
    return part if isinstance(part, bytes) else literal(part.octets)


def mailbox_name(session: Session, name: bytes) -> bytes:
    """A name as it goes to the client: UTF-8 in quotes for one that takes it."""
    return utf8_name(in_utf8(name)) if session.takes_utf8 else astring(name)


def in_utf8(name: bytes) -> bytes:
    """A name as the store has it, in UTF-8; one that no client can have made stays as it is."""
    if b"&" not in name:
        return name
    try:
        return decode_mailbox(name).encode("utf-8")
    except DecodeError:
        return name


def utf8_name(octets: bytes) -> bytes:
    """A name in UTF-8 as an atom or in quotes."""
    part = encode_astring(octets, utf8=True)
    return part if isinstance(part, bytes) else literal(part.octets)


class Stored(NamedTuple):
    """A command with names as the store has them.

    ``old_name`` is the first of its names as it came, if its normal form is another.
    """

    body: CommandBody
    old_name: bytes | None = None


def stored_names(body: CommandBody) -> Stored:
    """A command whose names came as UTF-8, with the same in modified UTF-7.

    Raises ``DecodeError`` for what is not UTF-8. Names are put in Unicode's normal form C (RFC
    9051 section 5.1, RFC 5198).
    """
    if isinstance(body, Opaque):
        return Stored(body)
    changes: dict[str, object] = {}
    old_name = None
    for field in fields(body):
        value = getattr(body, field.name)
        if field.name in _NAMES and isinstance(value, bytes):
            changes[field.name] = stored_name(value)
            if field.name == "mailbox" and _normal(value) != value.decode("utf-8"):
                old_name = value
    return Stored(replace(body, **changes), old_name)  # type: ignore[arg-type]


class NamePattern:
    """A pattern of LIST or LSUB, which is matched in the characters that the session uses."""

    def __init__(self, session: Session, pattern: bytes, delimiter: bytes) -> None:
        self._utf8 = session.takes_utf8
        if self._utf8:
            pattern = unicodedata.normalize("NFC", pattern.decode("utf-8", "replace")).encode()
        self._pattern = ListPattern(WireMailbox(pattern), delimiter)

    def matches(self, name: bytes) -> bool:
        """Whether a name, as the store has it, is of the pattern."""
        return self._pattern.matches(WireMailbox(in_utf8(name) if self._utf8 else name))


def stored_name(octets: bytes) -> WireMailbox:
    """A name that came as UTF-8, as the store has it; raises ``DecodeError``."""
    text = _normal(octets)
    if any(unicodedata.category(char) == "Cc" or char in _LINE_ENDS for char in text):
        raise DecodeError("mailbox name with control characters")
    try:
        return encode_mailbox(text)
    except EncodeError as error:
        raise DecodeError(str(error)) from None


def _normal(octets: bytes) -> str:
    try:
        return unicodedata.normalize("NFC", octets.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise DecodeError("mailbox name is not UTF-8", error.start) from None
