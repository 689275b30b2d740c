"""Quota of an account: one root, with limits on what there may be (RFC 9208)."""

from collections.abc import Callable

from fakeserver.store.account import Account
from fakeserver.store.errors import StoreError

# The name of the one root that an account has.
ROOT = b"User quota"

_USAGE: dict[str, Callable[[Account], int]] = {
    # In units of 1024 octets (RFC 9208 section 5.1).
    "STORAGE": lambda account: -(-sum(one.size for one in account.mailboxes.values()) // 1024),
    "MESSAGE": lambda account: sum(len(one.messages) for one in account.mailboxes.values()),
    "MAILBOX": lambda account: len(account.mailboxes),
}
RESOURCES = tuple(_USAGE)


def usage(account: Account, resource: str) -> int:
    """How much of a resource is used."""
    return _USAGE[resource](account)


def check_quota(account: Account, sizes: list[int]) -> None:
    """That messages of these sizes still fit; raises the refusal with ``OVERQUOTA``."""
    limits = account.quota
    if "STORAGE" in limits:
        used = sum(one.size for one in account.mailboxes.values())
        if used + sum(sizes) > limits["STORAGE"] * 1024:
            raise StoreError("Quota exceeded (mailbox for user is full)", b"OVERQUOTA")
    if "MESSAGE" in limits and usage(account, "MESSAGE") + len(sizes) > limits["MESSAGE"]:
        raise StoreError("Quota exceeded (too many messages)", b"OVERQUOTA")


def check_mailboxes(account: Account) -> None:
    """That there may be one mailbox more."""
    if "MAILBOX" in account.quota and usage(account, "MAILBOX") >= account.quota["MAILBOX"]:
        raise StoreError("Quota exceeded (too many mailboxes)", b"OVERQUOTA")
