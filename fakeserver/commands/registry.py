"""Which command is which function, in which states, and by which extension."""

from dataclasses import dataclass

from fakeserver.commands import (
    acl,
    append,
    authentication,
    connection,
    copy,
    fetch,
    idle,
    listing,
    mailboxes,
    metadata,
    notify,
    quota,
    replace,
    search,
    selecting,
    status,
    store,
    thread,
    url_auth,
)
from fakeserver.commands.matching import has_numbers
from fakeserver.reply import HandlerOf
from fakeserver.session import State
from imapproxy.wire import commands as wire

_ANY = frozenset(State)
_BEFORE_LOGIN = frozenset({State.NOT_AUTHENTICATED})
_AFTER_LOGIN = frozenset({State.AUTHENTICATED, State.SELECTED})
_SELECTED = frozenset({State.SELECTED})


@dataclass(frozen=True, slots=True)
class Entry:
    """A command: ``states`` it is allowed in, ``extension`` it belongs to, if to any.

    ``may_expunge``: whether EXPUNGE may be told behind it. It may not in FETCH, STORE and SEARCH,
    whose numbers the client has to be able to trust (RFC 3501 section 7.4.1); in their UID forms
    it may. ``wants_tag``: the function is handed the tag as well.
    """

    run: HandlerOf
    states: frozenset[State]
    extension: str = ""
    may_expunge: bool = True
    wants_tag: bool = False


_COMMANDS: dict[type, Entry] = {
    wire.Capability: Entry(connection.capability, _ANY),
    wire.Noop: Entry(connection.noop, _ANY),
    wire.Logout: Entry(connection.logout, _ANY),
    wire.Id: Entry(connection.identify, _ANY, "ID"),
    wire.StartTls: Entry(connection.start_tls, _BEFORE_LOGIN, "STARTTLS"),
    wire.Authenticate: Entry(authentication.authenticate, _BEFORE_LOGIN),
    wire.Login: Entry(authentication.login, _BEFORE_LOGIN),
    wire.Enable: Entry(connection.enable, _AFTER_LOGIN, "ENABLE"),
    wire.Select: Entry(selecting.select, _AFTER_LOGIN),
    wire.Examine: Entry(selecting.select, _AFTER_LOGIN),
    wire.Create: Entry(mailboxes.create, _AFTER_LOGIN),
    wire.Delete: Entry(mailboxes.delete, _AFTER_LOGIN),
    wire.Rename: Entry(mailboxes.rename, _AFTER_LOGIN),
    wire.Subscribe: Entry(mailboxes.subscribe, _AFTER_LOGIN),
    wire.Unsubscribe: Entry(mailboxes.unsubscribe, _AFTER_LOGIN),
    wire.List: Entry(listing.list_mailboxes, _AFTER_LOGIN),
    wire.Lsub: Entry(listing.lsub, _AFTER_LOGIN, "IMAP4rev1"),
    wire.Namespace: Entry(mailboxes.namespace, _AFTER_LOGIN, "NAMESPACE"),
    wire.Status: Entry(status.status, _AFTER_LOGIN),
    wire.Append: Entry(append.append, _AFTER_LOGIN),
    wire.Compress: Entry(connection.compress, _AFTER_LOGIN, "COMPRESS=DEFLATE"),
    wire.Idle: Entry(idle.idle, _AFTER_LOGIN, "IDLE"),
    wire.GetAcl: Entry(acl.get_acl, _AFTER_LOGIN, "ACL"),
    wire.SetAcl: Entry(acl.set_acl, _AFTER_LOGIN, "ACL"),
    wire.DeleteAcl: Entry(acl.delete_acl, _AFTER_LOGIN, "ACL"),
    wire.ListRights: Entry(acl.list_rights, _AFTER_LOGIN, "ACL"),
    wire.MyRights: Entry(acl.my_rights, _AFTER_LOGIN, "ACL"),
    wire.GetQuota: Entry(quota.get_quota, _AFTER_LOGIN, "QUOTA"),
    wire.GetQuotaRoot: Entry(quota.get_quota_root, _AFTER_LOGIN, "QUOTA"),
    wire.SetQuota: Entry(quota.set_quota, _AFTER_LOGIN, "QUOTASET"),
    wire.GenUrlAuth: Entry(url_auth.generate, _AFTER_LOGIN, "URLAUTH"),
    wire.UrlFetch: Entry(url_auth.fetch, _AFTER_LOGIN, "URLAUTH"),
    wire.ResetKey: Entry(url_auth.reset_key, _AFTER_LOGIN, "URLAUTH"),
    wire.Notify: Entry(notify.notify, _AFTER_LOGIN, "NOTIFY"),
    wire.GetMetadata: Entry(metadata.get_metadata, _AFTER_LOGIN, "METADATA"),
    wire.SetMetadata: Entry(metadata.set_metadata, _AFTER_LOGIN, "METADATA"),
    wire.Check: Entry(selecting.check, _SELECTED, "IMAP4rev1"),
    wire.Close: Entry(selecting.close, _SELECTED),
    wire.Unselect: Entry(selecting.unselect, _SELECTED, "UNSELECT"),
    wire.Expunge: Entry(copy.expunge, _SELECTED),
    wire.Search: Entry(search.search, _SELECTED, may_expunge=False, wants_tag=True),
    wire.Sort: Entry(search.sort, _SELECTED, "SORT", may_expunge=False, wants_tag=True),
    wire.CancelUpdate: Entry(search.cancel_update, _SELECTED, "CONTEXT=SEARCH"),
    wire.Thread: Entry(thread.thread, _SELECTED, may_expunge=False),
    wire.Fetch: Entry(fetch.fetch, _SELECTED, may_expunge=False),
    wire.Store: Entry(store.store, _SELECTED, may_expunge=False),
    wire.Copy: Entry(copy.copy, _SELECTED),
    wire.Replace: Entry(replace.replace, _SELECTED, "REPLACE"),
    wire.Move: Entry(copy.move, _SELECTED, "MOVE"),
}


def find_entry(body: wire.CommandBody) -> Entry | None:
    """The entry of a command, ``None`` for one that this server does not know."""
    return _COMMANDS.get(type(body))


def extension_of(entry: Entry, body: wire.CommandBody) -> str:
    """The extension that a command belongs to."""
    if isinstance(body, wire.Expunge) and body.uids is not None:
        return "UIDPLUS"
    if isinstance(body, wire.Thread):
        return f"THREAD={body.algorithm}"
    return entry.extension


def may_expunge(entry: Entry, body: wire.CommandBody) -> bool:
    """Whether EXPUNGE may be told behind this command.

    Not where message numbers are searched for, even by UID (RFC 7162 section 3.2.10.2).
    """
    if isinstance(body, wire.Search | wire.Sort | wire.Thread) and has_numbers(body.keys):
        return False
    return entry.may_expunge or is_by_uid(body)


def is_by_uid(body: wire.CommandBody) -> bool:
    """Whether this is the UID form of a command, whose news has UIDs."""
    return bool(getattr(body, "by_uid", False))
