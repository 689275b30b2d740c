"""STATUS: the figures of a mailbox that need not be selected."""

from collections.abc import Callable, Iterable

from fakeserver.commands.names import mailbox_name
from fakeserver.commands.require import access_of
from fakeserver.reply import BadCommand, Handler, Tagged
from fakeserver.session import Session
from fakeserver.store.mailbox import Mailbox
from imapproxy.wire import commands as wire

_Figure = Callable[[Session, Mailbox], int | bytes]


def _recent(session: Session, mailbox: Mailbox) -> int:
    view = session.view
    # Of the selected mailbox they are this session's own.
    return len(view.recent) if view is not None and view.mailbox is mailbox else mailbox.recent


# Items, and the extensions that each of them belongs to: any of them will do.
_FIGURES: dict[str, tuple[str, _Figure]] = {
    "MESSAGES": ("", lambda session, mailbox: len(mailbox.messages)),
    "RECENT": ("IMAP4rev1", _recent),
    "UIDNEXT": ("", lambda session, mailbox: mailbox.uid_next),
    "UIDVALIDITY": ("", lambda session, mailbox: mailbox.uid_validity),
    "UNSEEN": ("", lambda session, mailbox: mailbox.unseen),
    "HIGHESTMODSEQ": ("CONDSTORE", lambda session, mailbox: mailbox.highest_mod_seq),
    "SIZE": ("STATUS=SIZE", lambda session, mailbox: mailbox.size),
    "MAILBOXID": ("OBJECTID", lambda session, mailbox: b"(%b)" % mailbox.object_id),
    # RFC 9208 section 4.1.4, RFC 9051 section 6.3.11
    "DELETED": ("IMAP4rev2|QUOTA=RES-MESSAGE", lambda session, mailbox: mailbox.deleted),
    "DELETED-STORAGE": ("QUOTA=RES-STORAGE", lambda session, mailbox: mailbox.deleted_size),
    "APPENDLIMIT": ("APPENDLIMIT", lambda session, mailbox: session.host.limits.append),
}


def status(session: Session, command: wire.Status) -> Handler:
    """RFC 3501 section 6.3.10."""
    check_items(session, command.items)
    mailbox = access_of(session).find(command.mailbox, needs="r")
    if "HIGHESTMODSEQ" in command.items:
        yield session.enable_condstore()
    yield status_response(session, mailbox, command.items)
    if session.view is not None and session.view.mailbox is mailbox:
        return Tagged("Status on selected mailbox completed.", b"CLIENTBUG")
    return Tagged("Status completed.")


def check_items(session: Session, items: Iterable[str]) -> None:
    """That all items are known, and their extensions switched on."""
    for item in items:
        known = _FIGURES.get(item)
        if known is None or not any(map(session.has, known[0].split("|"))):
            raise BadCommand(f"Invalid status item {item}")


def status_response(session: Session, mailbox: Mailbox, items: Iterable[str]) -> bytes:
    """``* STATUS mailbox (item value …)``."""
    name = access_of(session).name_of(mailbox)
    told = []
    for item in dict.fromkeys(items):
        figure = _FIGURES[item][1](session, mailbox)
        value = figure if isinstance(figure, bytes) else b"%d" % figure
        told.append(item.encode() + b" " + value)
    return b"* STATUS %b (%b)\r\n" % (mailbox_name(session, name), b" ".join(told))
