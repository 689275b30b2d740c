"""GETQUOTA, GETQUOTAROOT, SETQUOTA (RFC 9208 section 4)."""

from fakeserver.commands.names import astring, mailbox_name
from fakeserver.commands.require import access_of, account_of
from fakeserver.reply import Handler, Tagged
from fakeserver.session import Session
from fakeserver.store.account import Account
from fakeserver.store.errors import StoreError
from fakeserver.store.quota import RESOURCES, ROOT, usage
from imapproxy.wire import commands as wire


def get_quota(session: Session, command: wire.GetQuota) -> Handler:
    """Section 4.1.1."""
    yield _response(_account_of_root(session, command.root))
    return Tagged("Getquota completed.")


def get_quota_root(session: Session, command: wire.GetQuotaRoot) -> Handler:
    """Section 4.1.2; the quota of others is not shown, as with Dovecot."""
    access, own = access_of(session), account_of(session)
    mailbox = access.find(command.mailbox, b"NONEXISTENT", needs="r")
    if access.account_of(mailbox) is not own:
        raise StoreError("Not showing other users' quota", b"NOPERM")
    name = mailbox_name(session, access.name_of(mailbox))
    yield b"* QUOTAROOT %b %b\r\n" % (name, astring(ROOT))
    yield _response(own)
    return Tagged("Getquotaroot completed.")


def set_quota(session: Session, command: wire.SetQuota) -> Handler:
    """Section 4.1.3: these limits and no others.

    Users may do it themselves, so that a test in any language can. Where they may not, as with
    most servers, QUOTASET is to be switched off.
    """
    account = _account_of_root(session, command.root)
    for resource, _ in command.limits:
        if resource not in RESOURCES:
            raise StoreError(f"Unknown resource {resource}", b"CANNOT")
    account.quota = dict(command.limits)
    yield _response(account)
    return Tagged("Setquota completed.")


def _account_of_root(session: Session, root: bytes) -> Account:
    if root != ROOT:
        raise StoreError("Quota root doesn't exist", b"NONEXISTENT")
    return account_of(session)


def _response(account: Account) -> bytes:
    told = [
        f"{resource} {usage(account, resource)} {limit}".encode()
        for resource, limit in account.quota.items()
    ]
    return b"* QUOTA %b (%b)\r\n" % (astring(ROOT), b" ".join(told))
