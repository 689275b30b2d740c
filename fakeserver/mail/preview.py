"""The first words of a message, for a list of messages (RFC 8970)."""

import html
import re
from collections.abc import Iterator

from fakeserver.mail.decoded import decode_charset, decode_transfer
from fakeserver.mail.mime import Part

# RFC 8970 section 4: no more than 256 characters; 200 are what servers tell.
LENGTH = 200
# Octets of a part that are looked at.
_LOOKED_AT = 16 * 1024
_WHITE = re.compile(r"\s+")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_NOT_SHOWN = re.compile(
    r"<(script|style|title|template)\b.*?(?:</\1\s*>|\Z)", re.DOTALL | re.IGNORECASE
)
_TAG = re.compile(r"</?[A-Za-z!?][^<>]*+>?")
_TEXT_TYPES = (b"plain", b"html")


def preview(message: Part) -> str:
    """The beginning of the message's text, quotations left out where there is more than these."""
    part = _text_part(message)
    if part is None:
        return ""
    charset = (part.content_type.parameter(b"charset") or b"utf-8").decode("ascii", "replace")
    text = decode_charset(decode_transfer(part)[:_LOOKED_AT], charset)
    if part.content_type.subtype.lower() == b"html":
        text = _from_html(text)
    lines = text.splitlines()
    own = " ".join(line for line in lines if not line.startswith(">"))
    return _WHITE.sub(" ", own if own.strip() else " ".join(lines)).strip()[:LENGTH]


def _text_part(message: Part) -> Part | None:
    """The first part that is plain text or, of none, HTML; other messages within do not count."""
    parts = list(_text_parts(message))
    for subtype in _TEXT_TYPES:
        for part in parts:
            if part.content_type.subtype.lower() == subtype:
                return part
    return parts[0] if parts else None


def _text_parts(part: Part) -> Iterator[Part]:
    if part.is_multipart:
        for child in part.children:
            yield from _text_parts(child)
    elif part.content_type.is_type(b"text"):
        yield part


def _from_html(text: str) -> str:
    shown = _TAG.sub(" ", _NOT_SHOWN.sub(" ", _COMMENT.sub(" ", text)))
    return html.unescape(shown)
