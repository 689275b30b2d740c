"""Whose mail a session may answer from the cache."""

from typing import NamedTuple

from imapproxy.cache.store import Store
from imapproxy.relay.account_lists import AccountLists
from imapproxy.relay.freshness import Freshness
from imapproxy.relay.traffic import Traffic
from imapproxy.wire.capability import Capabilities


class CachedAccount(NamedTuple):
    """Whose mail is cached, where, and how fresh the answers have to be.

    ``name`` tells the account from all others: the upstream and the user. ``has_emailid`` is true
    where the upstream offers OBJECTID (RFC 8474), ``offered`` is all that it offers behind the
    log-in, if that is known. ``lists`` are what all its sessions here share,
    ``traffic`` what all sessions of the process do.
    """

    name: bytes
    store: Store
    freshness: Freshness
    has_emailid: bool = False
    lists: AccountLists | None = None
    traffic: Traffic | None = None
    offered: Capabilities | None = None
