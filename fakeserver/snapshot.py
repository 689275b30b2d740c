"""The state of all accounts at one moment, and the way back to it."""

from dataclasses import dataclass

from fakeserver.events import MailboxesChanged
from fakeserver.host import Host
from fakeserver.store.account import Account
from fakeserver.store.annotations import Annotations
from fakeserver.store.mailbox import Mailbox
from imapproxy.wire.mailbox import WireMailbox


@dataclass(frozen=True)
class _AccountState:
    account: Account
    password: bytes
    subscriptions: dict[WireMailbox, None]
    quota: dict[str, int]
    mailboxes: tuple[Mailbox, ...]


@dataclass(frozen=True)
class Snapshot:
    """Copies of all mailboxes. The octets of messages are shared, since they never change."""

    accounts: tuple[_AccountState, ...]
    shared: _AccountState | None
    annotations: Annotations


def take_snapshot(host: Host) -> Snapshot:
    """The state of all accounts as it is now."""
    shared = None if host.shared is None else _state_of(host.shared)
    return Snapshot(tuple(map(_state_of, host.accounts.values())), shared, host.annotations.copy())


def restore_snapshot(host: Host, snapshot: Snapshot) -> None:
    """Make all accounts what they were.

    Mailboxes that sessions have selected are gone for them: their next command ends in BYE. UIDs,
    UIDVALIDITY and mod-sequences go back too, which no real server does; clients that keep a cache
    have to begin with an empty one.
    """
    for account in _accounts_of(host):
        for mailbox in account.mailboxes.values():
            mailbox.close_views()
    host.accounts = {state.account.user: state.account for state in snapshot.accounts}
    host.annotations = snapshot.annotations.copy()
    host.shared = None if snapshot.shared is None else snapshot.shared.account
    for state in snapshot.accounts:
        _restore(state)
    if snapshot.shared is not None:
        _restore(snapshot.shared)
    host.announce(MailboxesChanged())


def _accounts_of(host: Host) -> list[Account]:
    return [*host.accounts.values(), *([] if host.shared is None else [host.shared])]


def _restore(state: _AccountState) -> None:
    state.account.password = state.password
    state.account.subscriptions = dict(state.subscriptions)
    state.account.quota = dict(state.quota)
    state.account.mailboxes = {one.name: one.copy() for one in state.mailboxes}
    for mailbox in state.account.mailboxes.values():
        state.account.watch(mailbox)


def _state_of(account: Account) -> _AccountState:
    return _AccountState(
        account,
        account.password,
        dict(account.subscriptions),
        dict(account.quota),
        tuple(mailbox.copy() for mailbox in account.mailboxes.values()),
    )
