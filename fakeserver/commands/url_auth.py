"""GENURLAUTH, URLFETCH and RESETKEY (RFC 4467)."""

import hmac
import secrets

from fakeserver.commands.names import astring
from fakeserver.commands.require import access_of, account_of
from fakeserver.mail.authorized_url import AuthorizedUrl, parse_authorized_url
from fakeserver.mail.quoting import nstring
from fakeserver.mail.url import BadUrl
from fakeserver.reply import BadCommand, Handler, Tagged
from fakeserver.session import Session
from fakeserver.store.mailbox import Mailbox
from imapproxy.wire import commands as wire

_MECHANISM = "INTERNAL"
URL_MECHANISMS = b"URLMECH INTERNAL"


def generate(session: Session, command: wire.GenUrlAuth) -> Handler:
    """GENURLAUTH (section 7): the URLs, each with a token behind it."""
    told = []
    for written, mechanism in command.requests:
        if mechanism != _MECHANISM:
            raise BadCommand("Unknown mechanism.")
        url, mailbox = _checked(session, written)
        key = mailbox.url_keys.setdefault(url.user, secrets.token_bytes(16))
        told.append(nstring(b"%b:internal:%b" % (written, url.token_for(key))))
    yield b"* GENURLAUTH %b\r\n" % b" ".join(told)
    return Tagged("Genurlauth completed.")


def _checked(session: Session, written: bytes) -> tuple[AuthorizedUrl, Mailbox]:
    """A URL of a mailbox of the user's own; anything else is BAD (section 7)."""
    try:
        url = parse_authorized_url(written)
    except BadUrl as error:
        raise BadCommand(f"{error}.") from None
    mailbox = _mailbox(session, url)
    if url.token or url.user != account_of(session).user or mailbox is None:
        raise BadCommand("Not a URL of yours that is to be authorized.")
    if url.by and url.by not in session.host.accounts and url.access == "user":
        raise BadCommand("Unknown user.")
    return url, mailbox


def fetch(session: Session, command: wire.UrlFetch) -> Handler:
    """URLFETCH (section 7): NIL for what may not be had, and for what is not there."""
    for written in command.urls:
        octets = _octets(session, written)
        yield b"* URLFETCH %b %b\r\n" % (astring(written), nstring(octets))
    return Tagged("Urlfetch completed.")


def _octets(session: Session, written: bytes) -> bytes | None:
    try:
        url = parse_authorized_url(written)
    except BadUrl:
        return None
    mailbox = _mailbox(session, url)
    if mailbox is None or not _may_have(session, url, mailbox):
        return None
    message = mailbox.find(url.message.uid)
    if message is None or url.message.uid_validity not in (None, mailbox.uid_validity):
        return None
    return message.content.section(url.message.section, url.message.partial)


def _may_have(session: Session, url: AuthorizedUrl, mailbox: Mailbox) -> bool:
    key = mailbox.url_keys.get(url.user)
    if key is None or url.mechanism != _MECHANISM:
        return False
    if url.expires is not None and url.expires < session.host.clock():
        return False
    user = account_of(session).user
    # Section 3: "submit+" is for submission servers alone, whoever is named behind it.
    by_access = {
        "submit": user in session.host.submission_users,
        "user": user == url.by,
        "authuser": True,
        "anonymous": True,
    }
    return by_access[url.access] and hmac.compare_digest(url.token_for(key), url.token)


def _mailbox(session: Session, url: AuthorizedUrl) -> Mailbox | None:
    account = session.host.accounts.get(url.user)
    if account is None or url.message.mailbox is None:
        return None
    return account.mailboxes.get(account.canonical(url.message.mailbox))


def reset_key(session: Session, command: wire.ResetKey) -> Handler:
    """RESETKEY (section 7): URLs that were authorized are so no more."""
    account = account_of(session)
    if command.mailbox is None:
        for mailbox in account.mailboxes.values():
            mailbox.url_keys.pop(account.user, None)
        yield b""
        return Tagged("All keys removed.")
    if set(command.mechanisms) - {_MECHANISM}:
        raise BadCommand("Unknown mechanism.")
    access_of(session).find(command.mailbox, needs="r").url_keys.pop(account.user, None)
    yield b""
    return Tagged("Key removed.", URL_MECHANISMS)
