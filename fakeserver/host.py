"""What all sessions of one server share: accounts, extensions, limits, the clock."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field

from fakeserver.events import Event, Listener
from fakeserver.extensions import Extensions
from fakeserver.quirks import Quirks
from fakeserver.store.account import Account
from fakeserver.store.annotations import Annotations
from fakeserver.store.mailbox import Mailbox
from fakeserver.store.rights import ANYONE, parse_rights
from imapproxy.wire.flags import Flag
from imapproxy.wire.framing import CLIENT_MAX_LINE


@dataclass(frozen=True)
class Limits:
    """Bounds on what a client may send. Sizes are octets, times seconds.

    Before a login they are small: whoever is there has not said who they are. ``append`` is the
    APPENDLIMIT (RFC 7889), below ``literal`` so that what passes it can be refused properly.
    ``progress`` is how long a command runs before the client is told that it does (RFC 9585).
    ``connections`` more than which hear BYE, ``connections_per_user`` NO when they log in.
    """

    line: int = CLIENT_MAX_LINE
    literal: int = 64 * 1024 * 1024
    append: int = 32 * 1024 * 1024
    command: int = 80 * 1024 * 1024
    line_before_login: int = 16 * 1024
    literal_before_login: int = 8 * 1024
    bad_commands: int = 20
    progress: float = 15.0
    autologout: float = 30 * 60.0
    login_timeout: float = 180.0
    connections: int | None = None
    connections_per_user: int | None = None


@dataclass
class Host:
    """The state of a server that does not belong to any one session."""

    extensions: Extensions = field(default_factory=Extensions)
    limits: Limits = field(default_factory=Limits)
    accounts: dict[bytes, Account] = field(default_factory=dict)
    # Mailboxes that are nobody's own (RFC 2342), if there are such.
    shared: Account | None = None
    greeting: str = "fakeserver ready."
    # What a persona brings: see :mod:`fakeserver.personas`.
    quirks: Quirks = field(default_factory=Quirks)
    also_told: tuple[str, ...] = ()
    throttle_after: int = 1000
    delimiter: str = "."
    account_kind: type[Account] = Account
    mailboxes: Mapping[bytes, bytes] = field(default_factory=dict)
    frozen_at: datetime.datetime | None = None
    # Annotations of the server itself (RFC 5464).
    annotations: Annotations = field(default_factory=Annotations)
    # Users who are submission servers, to whom "submit+" URLs are open (RFC 4467 section 3).
    submission_users: frozenset[bytes] = frozenset({b"submit"})
    # Who wants to hear of what happens to mailboxes that they have not selected.
    listeners: dict[Listener, None] = field(default_factory=dict)
    # Who is logged in, once for each connection; and how many connections there are.
    logged_in: list[bytes] = field(default_factory=list)
    connected: int = 0

    def announce(self, event: Event) -> None:
        """Let all listeners hear of something."""
        for listener in tuple(self.listeners):
            listener(event)

    def clock(self) -> datetime.datetime:
        """What time it is, to the second: the real one, unless it was frozen."""
        if self.frozen_at is not None:
            return self.frozen_at
        return datetime.datetime.now(datetime.UTC).replace(microsecond=0)

    def add_account(self, user: str, password: str, delimiter: str | None = None) -> Account:
        """Add a user with an empty INBOX, and the mailboxes that the persona has besides."""
        between = (delimiter or self.delimiter).encode()
        account = self.account_kind(user.encode(), password.encode(), self.clock, between)
        account.announce = self.announce
        for name, use in self.mailboxes.items():
            account.add_mailbox(name).special_use = (Flag(use),) if use else ()
        self.accounts[account.user] = account
        return account

    def add_shared_mailbox(self, name: bytes, rights: bytes, delimiter: str = ".") -> Mailbox:
        """Add a mailbox that everybody has these rights on, as ``shared.NAME`` (RFC 2342)."""
        if self.shared is None:
            # No client can log in to it: there is no user without a name.
            self.shared = Account(b"", b"", self.clock, delimiter.encode())
            self.shared.announce = self.announce
            self.shared.mailboxes.clear()
        mailbox = self.shared.add_mailbox(name)
        mailbox.acl = {ANYONE: parse_rights(rights)}
        return mailbox

    def log_in(self, user: bytes, password: bytes) -> Account | None:
        """The account of this user, if the password is theirs."""
        account = self.accounts.get(user)
        if account is None or account.password != password:
            return None
        return account

    def is_full(self, account: Account | None = None) -> bool:
        """Whether one connection more, or one more of this account, would be too many."""
        if account is None:
            return self.limits.connections is not None and self.connected > self.limits.connections
        limit = self.limits.connections_per_user
        return limit is not None and self.logged_in.count(account.user) >= limit
