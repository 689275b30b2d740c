"""SELECT, EXAMINE, CLOSE, UNSELECT, CHECK."""

from fakeserver.commands.listing import announce
from fakeserver.commands.require import (
    access_of,
    need_extension,
    refuse_parameters,
    view_of,
)
from fakeserver.commands.resync import resync
from fakeserver.commands.url_auth import URL_MECHANISMS
from fakeserver.reply import BadCommand, Handler, Tagged, untagged
from fakeserver.session import Session
from fakeserver.store.rights import CHANGING
from fakeserver.store.view import View
from imapproxy.wire import commands as wire


def select(session: Session, command: wire.Select | wire.Examine) -> Handler:
    """RFC 3501 sections 6.3.1 and 6.3.2, RFC 7162 sections 3.1.8 and 3.2.5."""
    read_only = isinstance(command, wire.Examine)
    _check_parameters(session, command)
    if session.deselect() is not None:
        # RFC 7162 section 3.2.11. A mailbox that cannot be selected leaves none selected.
        yield untagged(b"OK", "Previous mailbox closed.", b"CLOSED")
    access = access_of(session)
    mailbox = access.find(command.mailbox, needs="r")
    # RFC 4314 section 5.2: who may change nothing selects READ-ONLY.
    read_only = read_only or not access.rights(mailbox) & CHANGING
    if command.condstore or command.qresync is not None:
        session.enable_condstore()
    view = session.view = View(
        mailbox,
        read_only=read_only,
        tells_recent=not session.speaks_rev2,
        is_own_doing=lambda: session.is_acting,
    )
    view.saved = frozenset() if session.has("SEARCHRES") else None
    yield session.flags_of_mailbox(view)
    yield _counts(session, view)
    if session.speaks_rev2:
        yield announce(session, access.name_of(mailbox), old=session.old_name)
    if command.qresync is not None:
        yield from resync(session, view, command.qresync)
    text = "Examine completed." if isinstance(command, wire.Examine) else "Select completed."
    return Tagged(text, b"READ-ONLY" if read_only else b"READ-WRITE")


def close(session: Session, _command: wire.Close) -> Handler:
    """RFC 3501 section 6.4.2: what is deleted goes, and this session is not told."""
    view = view_of(session)
    may_expunge = "e" in session.rights
    session.deselect()
    if may_expunge and not view.read_only and not view.closed:
        view.mailbox.expunge(message for message in view.messages if rb"\Deleted" in message.flags)
    yield b""
    return Tagged("Close completed.", _highest_mod_seq(session, view))


def unselect(session: Session, _command: wire.Unselect) -> Handler:
    """RFC 3691."""
    view_of(session)
    session.deselect()
    yield b""
    return Tagged("Unselect completed.")


def check(session: Session, _command: wire.Check) -> Handler:
    """RFC 3501 section 6.4.1: there is nothing to write to a disk."""
    view_of(session)
    yield b""
    return Tagged("Check completed.")


def _check_parameters(session: Session, command: wire.Select | wire.Examine) -> None:
    refuse_parameters(command.parameters)
    if command.condstore:
        need_extension(session, "CONDSTORE", "CONDSTORE")
    if command.qresync is not None:
        need_extension(session, "QRESYNC", "QRESYNC")
        if session.uids_only and command.qresync.known_match is not None:
            raise BadCommand("Message numbers are not used here.", b"UIDREQUIRED")
        if "QRESYNC" not in session.enabled:
            # RFC 7162 section 3.2.5: a client that did not enable it hears BAD.
            raise BadCommand("QRESYNC not enabled.")


def _counts(session: Session, view: View) -> bytes:
    mailbox = view.mailbox
    lines = [b"* %d EXISTS\r\n" % view.exists]
    if not session.speaks_rev2:
        lines.append(b"* %d RECENT\r\n" % len(view.recent))
    if view.first_unseen is not None and not (session.speaks_rev2 or session.uids_only):
        lines.append(untagged(b"OK", "First unseen.", b"UNSEEN %d" % view.first_unseen))
    lines += [
        untagged(b"OK", "UIDs valid", b"UIDVALIDITY %d" % mailbox.uid_validity),
        untagged(b"OK", "Predicted next UID", b"UIDNEXT %d" % mailbox.uid_next),
    ]
    if session.has("OBJECTID"):
        # RFC 8474 section 4.2
        lines.append(untagged(b"OK", "Ok", b"MAILBOXID (%b)" % mailbox.object_id))
    if session.has("CONDSTORE"):
        code = b"HIGHESTMODSEQ %d" % mailbox.highest_mod_seq
        lines.append(untagged(b"OK", "Highest", code))
    if session.has("URLAUTH"):
        # RFC 4467 section 8
        lines.append(untagged(b"OK", "Mechanisms of URLs.", URL_MECHANISMS))
    return b"".join(lines)


def _highest_mod_seq(session: Session, view: View) -> bytes:
    # RFC 7162 section 3.2.8: the client's cache is then known to be as new as this.
    if "QRESYNC" not in session.enabled or view.read_only:
        return b""
    return b"HIGHESTMODSEQ %d" % view.mailbox.highest_mod_seq
