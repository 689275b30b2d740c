"""URLs of messages and their parts, as CATENATE has them (RFC 5092, RFC 4469 section 3)."""

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from imapproxy.wire.cursor import Cursor
from imapproxy.wire.decode_fetch_att import read_section
from imapproxy.wire.errors import WireError
from imapproxy.wire.fetch_att import Partial, Section
from imapproxy.wire.mailbox import WireMailbox, encode_mailbox

# What is longer names no message of ours.
_MAX_URL = 4096
_NUMBER = rb"([1-9][0-9]{0,9})"
# iurl = "/" enc-mailbox [";UIDVALIDITY=" n] "/;UID=" n ["/;SECTION=" s] ["/;PARTIAL=" n ["." n]],
# or from ";UID=" on, of the selected mailbox.
_URL = re.compile(
    rb"(?:/([^;]+?)(?:;UIDVALIDITY=" + _NUMBER + rb")?/|(?:\./)?);UID=" + _NUMBER
    + rb"(?:/;SECTION=([^;]+?))?(?:/;PARTIAL=([0-9]{1,19})(?:\." + _NUMBER + rb")?)?",
    re.IGNORECASE,
)  # fmt: skip
_WHOLE = 2**63 - 1


class BadUrl(Exception):
    """No URL of a message of this account. ``str()`` says why."""


@dataclass(frozen=True, slots=True)
class MessageUrl:
    """What a URL names; ``mailbox`` is ``None`` for the one that is selected."""

    mailbox: WireMailbox | None
    uid_validity: int | None
    uid: int
    section: Section
    partial: Partial | None


def parse_url(url: bytes) -> MessageUrl:
    """Read a relative URL; raises ``BadUrl``.

    One with a host is refused: it would have to be fetched from there, if only to see that it is
    this server.
    """
    found = _URL.fullmatch(url) if len(url) <= _MAX_URL else None
    if found is None:
        raise BadUrl("Invalid IMAP URL")
    partial = None
    if found[5] is not None:
        partial = Partial(int(found[5]), int(found[6] or _WHOLE))
    return MessageUrl(
        None if found[1] is None else _mailbox(found[1]),
        None if found[2] is None else int(found[2]),
        int(found[3]),
        Section() if found[4] is None else _section(unquote_to_bytes(found[4])),
        partial,
    )


def _mailbox(encoded: bytes) -> WireMailbox:
    # RFC 5092 section 3: UTF-8 in a URL, modified UTF-7 in the protocol.
    try:
        return encode_mailbox(unquote_to_bytes(encoded).decode("utf-8"))
    except (UnicodeDecodeError, WireError):
        raise BadUrl("Mailbox name is not UTF-8") from None


def _section(octets: bytes) -> Section:
    cursor = Cursor(b"[" + octets + b"]")
    try:
        section = read_section(cursor)
    except WireError:
        raise BadUrl("Invalid section") from None
    if cursor.at != len(cursor.octets):
        raise BadUrl("Invalid section")
    return section
