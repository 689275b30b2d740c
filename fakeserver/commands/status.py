"""STATUS: the figures of a mailbox that need not be selected."""

from collections.abc import Callable, Iterable

from fakeserver.commands.names import astring
from fakeserver.commands.require import account_of
from fakeserver.reply import BadCommand, Handler, Tagged
from fakeserver.session import Session
from fakeserver.store.mailbox import Mailbox
from imapproxy.wire import commands as wire

_FIGURES: dict[str, tuple[str, Callable[[Mailbox], int]]] = {
    "MESSAGES": ("IMAP4rev1", lambda mailbox: len(mailbox.messages)),
    "RECENT": ("IMAP4rev1", lambda mailbox: mailbox.recent),
    "UIDNEXT": ("IMAP4rev1", lambda mailbox: mailbox.uid_next),
    "UIDVALIDITY": ("IMAP4rev1", lambda mailbox: mailbox.uid_validity),
    "UNSEEN": ("IMAP4rev1", lambda mailbox: mailbox.unseen),
    "HIGHESTMODSEQ": ("CONDSTORE", lambda mailbox: mailbox.highest_mod_seq),
    "SIZE": ("STATUS=SIZE", lambda mailbox: mailbox.size),
}


def status(session: Session, command: wire.Status) -> Handler:
    """RFC 3501 section 6.3.10."""
    check_items(session, command.items)
    mailbox = account_of(session).find(command.mailbox)
    if "HIGHESTMODSEQ" in command.items:
        yield session.enable_condstore()
    yield status_response(session, mailbox, command.items)
    if session.view is not None and session.view.mailbox is mailbox:
        return Tagged("Status on selected mailbox completed.", b"CLIENTBUG")
    return Tagged("Status completed.")


def check_items(session: Session, items: Iterable[str]) -> None:
    """That all items are known, and their extensions switched on."""
    for item in items:
        if item not in _FIGURES or not session.has(_FIGURES[item][0]):
            raise BadCommand(f"Invalid status item {item}")


def status_response(session: Session, mailbox: Mailbox, items: Iterable[str]) -> bytes:
    """``* STATUS mailbox (item value …)``."""
    figures = {item: _FIGURES[item][1](mailbox) for item in items}
    view = session.view
    if "RECENT" in figures and view is not None and view.mailbox is mailbox:
        # They are this session's own.
        figures["RECENT"] = len(view.recent)
    told = " ".join(f"{item} {figure}" for item, figure in figures.items()).encode()
    return b"* STATUS %b (%b)\r\n" % (astring(mailbox.name), told)
