"""A cache that is kept from one conversation to the next, and how most of them begin."""

from typing import Any

from twisted.internet.task import Clock

from imapproxy.cache.memory_store import MemoryStore
from imapproxy.relay.account_lists import AccountLists
from imapproxy.relay.cached_account import CachedAccount
from imapproxy.relay.comeback import NO_RECONNECTING, ReconnectRules
from imapproxy.relay.freshness import Freshness
from imapproxy.relay.traffic import Traffic
from tests.relay.conversation import Conversation

ACCOUNT = b"imaps://upstream user"
SELECT = r"""
    C: s SELECT INBOX
    U: s SELECT INBOX
    S. * 3 EXISTS\r\n* OK [UIDVALIDITY 7] .\r\n* OK [UIDNEXT 20] .\r\ns OK [READ-WRITE] .\r\n
    R. * 3 EXISTS\r\n* OK [UIDVALIDITY 7] .\r\n* OK [UIDNEXT 20] .\r\ns OK [READ-WRITE] .\r\n
"""
FETCH_ENVELOPES = r"""
    C: e1 FETCH 1:3 (UID ENVELOPE)
    U: e1 FETCH 1:3 (UID ENVELOPE)
    S. * 1 FETCH (UID 11 ENVELOPE (a))\r\n* 2 FETCH (UID 12 ENVELOPE (b))\r\n
    R. * 1 FETCH (UID 11 ENVELOPE (a))\r\n* 2 FETCH (UID 12 ENVELOPE (b))\r\n
    S. * 3 FETCH (UID 13 ENVELOPE ("c" NIL))\r\ne1 OK .\r\n
    R. * 3 FETCH (UID 13 ENVELOPE ("c" NIL))\r\ne1 OK .\r\n
"""


class Cached:
    """A store, and lists of mailboxes, that are kept from conversation to conversation."""

    def __init__(self, *, exact: bool = False, store: Any = None, list_ttl: float = 0.0) -> None:
        self.store = store or MemoryStore(Clock())
        self.freshness = Freshness(exact=exact, news_interval=30.0, list_ttl=list_ttl)
        self.lists = AccountLists()
        self.traffic = Traffic()

    def talk(
        self, *, has_emailid: bool = False, reconnect: ReconnectRules = NO_RECONNECTING
    ) -> Conversation:
        account = CachedAccount(
            ACCOUNT, self.store, self.freshness, has_emailid, self.lists, self.traffic
        )
        return Conversation(account=account, reconnect=reconnect)
