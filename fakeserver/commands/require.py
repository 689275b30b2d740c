"""What handlers ask for before they begin; each raises the refusal that the client hears."""

from collections.abc import Iterable

from fakeserver.reply import BadCommand
from fakeserver.session import Session
from fakeserver.store.access import Access
from fakeserver.store.account import Account
from fakeserver.store.errors import StoreError
from fakeserver.store.mailbox import Mailbox, StoredMessage
from fakeserver.store.quota import check_quota
from fakeserver.store.view import View
from imapproxy.wire import commands as wire
from imapproxy.wire.commands import Parameter
from imapproxy.wire.sequence_set import SequenceSet

Numbered = list[tuple[int, StoredMessage]]


def account_of(session: Session) -> Account:
    """The account of a session that is logged in."""
    if session.account is None:
        raise BadCommand("Please login first.")
    return session.account


def access_of(session: Session) -> Access:
    """What the session's user sees of all mailboxes."""
    own = account_of(session)
    if not session.has("ACL"):
        return Access(own, None, None)
    return Access(own, session.host.accounts, session.host.shared)


def view_of(session: Session) -> View:
    """The view of a session that has a mailbox selected."""
    if session.view is None:
        raise BadCommand("No mailbox selected.")
    return session.view


def writable_view_of(session: Session) -> View:
    """The view, if it is not read-only."""
    view = view_of(session)
    if view.read_only:
        raise StoreError("Mailbox is read-only.", b"READ-ONLY")
    return view


def need_right(session: Session, rights: str) -> None:
    """That the user has these rights on the selected mailbox (RFC 4314 section 4)."""
    if not session.rights.issuperset(rights):
        raise StoreError("Permission denied.", b"NOPERM")


def messages_of(session: Session, numbers: SequenceSet, *, by_uid: bool) -> Numbered:
    """The messages that a command names in the selected mailbox."""
    view = view_of(session)
    if numbers.is_saved_result:
        return saved_messages_of(view)
    if by_uid:
        return view.by_uids(numbers)
    messages = view.by_numbers(numbers)
    if messages is not None:
        return messages
    if "absent-numbers-left-out" in session.host.quirks.names:
        return view.by_present_numbers(numbers)
    # "It is an error to use a message sequence number that is not in the mailbox": a client that
    # does has lost count.
    raise BadCommand("Invalid messageset.")


def refuse_no_numbers(messages: Numbered, command: wire.Copy | wire.Fetch | wire.Move) -> None:
    """That a command with numbers names some message, where ``messages_of`` left out others."""
    if not messages and not command.by_uid and not command.sequence_set.is_saved_result:
        raise StoreError("No matching messages")


def saved_messages_of(view: View) -> Numbered:
    """The messages of ``$`` (RFC 5182)."""
    if view.saved is None:
        raise BadCommand("Invalid messageset.")
    return view.by_saved()


def check_room(session: Session, mailbox: Mailbox, sizes: list[int]) -> None:
    """That messages of these sizes fit into the quota of whom the mailbox belongs to."""
    if session.has("QUOTA"):
        check_quota(access_of(session).account_of(mailbox), sizes)


def tells_uids(session: Session, mailbox: Mailbox) -> bool:
    """Whether APPENDUID and COPYUID of this mailbox may be told.

    Not to who may put something into it and not read it (RFC 4315 section 3).
    """
    return session.has("UIDPLUS") and "r" in access_of(session).rights(mailbox)


def refuse_parameters(parameters: Iterable[Parameter]) -> None:
    """Parameters that were not understood."""
    for parameter in parameters:
        raise BadCommand(f"Unknown parameter {parameter.name}")


def need_extension(session: Session, extension: str, what: str) -> None:
    """That an extension is switched on, for ``what`` belongs to it."""
    if not session.has(extension):
        raise BadCommand(f"Unknown parameter {what}")
