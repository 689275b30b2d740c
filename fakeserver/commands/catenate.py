"""CATENATE (RFC 4469): a message made of texts and of what the account has already."""

from fakeserver.commands.require import access_of
from fakeserver.mail.url import BadUrl, MessageUrl, parse_url
from fakeserver.session import Session
from fakeserver.store.errors import StoreError
from fakeserver.store.mailbox import Mailbox
from imapproxy.wire import commands as wire

Parts = tuple[wire.CatenateText | wire.CatenateUrl, ...]


def catenate(session: Session, parts: Parts) -> bytes:
    """The octets of all parts; raises the refusal with ``BADURL`` (RFC 4469 section 5)."""
    return b"".join(
        part.octets if isinstance(part, wire.CatenateText) else _of_url(session, part.url)
        for part in parts
    )


def has_binary(parts: Parts) -> bool:
    """Whether one of the texts came as ``~{n}``."""
    texts = (part for part in parts if isinstance(part, wire.CatenateText))
    return any(text.binary and not text.utf8 for text in texts)


def has_utf8(data: bytes | Parts) -> bool:
    """Whether one of the texts came as ``UTF8 (~{n})`` (RFC 6855 section 4)."""
    if isinstance(data, bytes):
        return False
    return any(isinstance(part, wire.CatenateText) and part.utf8 for part in data)


def _of_url(session: Session, octets: bytes) -> bytes:
    try:
        url = parse_url(octets)
        mailbox = _mailbox(session, url)
        message = mailbox.find(url.uid)
        if message is None:
            raise BadUrl("Message not found")
        if url.partial is not None and "URL-PARTIAL" not in session.host.extensions:
            raise BadUrl("Invalid URL")
    except (BadUrl, StoreError) as error:
        raise StoreError(str(error), b"BADURL " + _in_code(octets)) from None
    return message.content.section(url.section, url.partial)


def _mailbox(session: Session, url: MessageUrl) -> Mailbox:
    if url.mailbox is not None:
        mailbox = access_of(session).find(url.mailbox, needs="r")
    elif session.view is not None:
        mailbox = session.view.mailbox
    else:
        raise BadUrl("Mailbox-relative URL, but no mailbox selected")
    if url.uid_validity not in (None, mailbox.uid_validity):
        raise BadUrl("Invalid UIDVALIDITY")
    return mailbox


def _in_code(url: bytes) -> bytes:
    """The URL as a response code can hold it: nothing that ends it, and not without bound."""
    return bytes(octet for octet in url[:200] if 0x20 < octet < 0x7F and octet not in b'"\\]')
