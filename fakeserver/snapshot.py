"""The state of all accounts at one moment, and the way back to it."""

from dataclasses import dataclass

from fakeserver.host import Host
from fakeserver.store.account import Account
from fakeserver.store.mailbox import Mailbox
from imapproxy.wire.mailbox import WireMailbox


@dataclass(frozen=True)
class _AccountState:
    account: Account
    password: bytes
    subscriptions: dict[WireMailbox, None]
    mailboxes: tuple[Mailbox, ...]


@dataclass(frozen=True)
class Snapshot:
    """Copies of all mailboxes. The octets of messages are shared, since they never change."""

    accounts: tuple[_AccountState, ...]


def take_snapshot(host: Host) -> Snapshot:
    """The state of all accounts as it is now."""
    return Snapshot(tuple(map(_state_of, host.accounts.values())))


def restore_snapshot(host: Host, snapshot: Snapshot) -> None:
    """Make all accounts what they were.

    Mailboxes that sessions have selected are gone for them: their next command ends in BYE. UIDs,
    UIDVALIDITY and mod-sequences go back too, which no real server does; clients that keep a cache
    have to begin with an empty one.
    """
    for account in host.accounts.values():
        for mailbox in account.mailboxes.values():
            mailbox.close_views()
    host.accounts = {state.account.user: state.account for state in snapshot.accounts}
    for state in snapshot.accounts:
        state.account.password = state.password
        state.account.subscriptions = dict(state.subscriptions)
        state.account.mailboxes = {one.name: one.copy() for one in state.mailboxes}


def _state_of(account: Account) -> _AccountState:
    return _AccountState(
        account,
        account.password,
        dict(account.subscriptions),
        tuple(mailbox.copy() for mailbox in account.mailboxes.values()),
    )
