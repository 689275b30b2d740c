"""One client's session: its state, its view, and the news it is told."""

from collections.abc import Callable
from enum import Enum
from typing import Protocol

from fakeserver.events import Listener
from fakeserver.extensions import IN_REV2
from fakeserver.host import Host
from fakeserver.reply import untagged
from fakeserver.store.account import Account
from fakeserver.store.mailbox import StoredMessage
from fakeserver.store.rights import ALL_RIGHTS, Rights, changeable, effective_rights
from fakeserver.store.view import (
    Arrived,
    FlagsChanged,
    Gone,
    KeywordsChanged,
    News,
    RecentCount,
    View,
)
from imapproxy.wire.fetch_att import FetchAtt
from imapproxy.wire.flags import ANY_KEYWORD, RECENT, SYSTEM_FLAGS, Flag
from imapproxy.wire.sequence_set import SequenceSet


class State(Enum):
    """The states of RFC 3501 section 3; the fourth, logout, is a closed connection."""

    NOT_AUTHENTICATED = "not authenticated"
    AUTHENTICATED = "authenticated"
    SELECTED = "selected"


class Stoppable(Protocol):
    """What NOTIFY has asked for of other mailboxes."""

    def stop(self) -> None:
        """Watch them no more."""


class Notified(Protocol):
    """What a client wants to hear of the selected mailbox (RFC 5465), and when."""

    expunges_at_once: bool
    # Whether it is told when no command runs.
    at_once: bool
    # What is to be fetched of new messages.
    attributes: tuple[FetchAtt, ...]

    def wants(self, news: News) -> bool:
        """Whether this is to be told."""


class Session:
    """What is known about one connection. It holds no transport and writes nothing itself."""

    def __init__(self, host: Host, *, tls: bool, tls_available: bool) -> None:
        self.host = host
        self.tls = tls
        self.tls_available = tls_available
        self.account: Account | None = None
        self.view: View | None = None
        # Capabilities that the client enabled, and CONDSTORE where it did so by using it.
        self.enabled: set[str] = set()
        # The name of a mailbox as the client spelled it, where the command is about another one:
        # the same in Unicode's normal form (RFC 9051 section 5.1).
        self.old_name: bytes | None = None
        # Whether COMPRESS was answered OK.
        self.compressed = False
        # What others did, as responses that wait to be told; and who gathers them.
        self._waiting: list[bytes] = []
        self._listeners: list[Listener] = []
        self._tellers: dict[object, Callable[[], bytes]] = {}
        # What NOTIFY has asked for of the selected mailbox; None: nothing was said of it.
        self.notified: Notified | None = None
        self.notification: Stoppable | None = None
        # FETCH responses of messages that came, where the client asked for such.
        self.fetch_new: Callable[[View, Arrived], bytes] = lambda _view, _news: b""
        # Whether what happens now is this session's own doing: it gives a command.
        self.is_acting = False
        self.on_news: Callable[[], None] | None = None
        # What the client said of itself with ID.
        self.client_id: dict[bytes, bytes | None] = {}

    @property
    def state(self) -> State:
        """Where in the protocol the session is."""
        if self.account is None:
            return State.NOT_AUTHENTICATED
        return State.AUTHENTICATED if self.view is None else State.SELECTED

    @property
    def user(self) -> str:
        """Who is logged in, empty for nobody."""
        return "" if self.account is None else self.account.user.decode("utf-8", "replace")

    @property
    def speaks_rev2(self) -> bool:
        """Whether this is IMAP4rev2: the client enabled it, or the server speaks nothing else."""
        offered = self.host.extensions
        return "IMAP4REV2" in self.enabled or (
            "IMAP4rev2" in offered and "IMAP4rev1" not in offered
        )

    @property
    def uids_only(self) -> bool:
        """Whether messages have no numbers, only UIDs (RFC 9586)."""
        return "UIDONLY" in self.enabled

    @property
    def takes_utf8(self) -> bool:
        """Whether names of mailboxes are UTF-8, and not modified UTF-7."""
        return self.speaks_rev2 or "UTF8=ACCEPT" in self.enabled

    @property
    def needs_surrogates(self) -> bool:
        """Whether the client is not to see UTF-8 in headers (RFC 6855 section 8)."""
        return "UTF8=ACCEPT" in self.host.extensions and not self.takes_utf8

    def has(self, extension: str) -> bool:
        """Whether an extension is switched on.

        ``IMAP4rev1`` and ``IMAP4rev2`` are what is in that one only, if the session speaks it.
        """
        return not extension or extension.upper() in self.extensions

    @property
    def extensions(self) -> frozenset[str]:
        """The extensions that are switched on, in upper case, with all that IMAP4rev2 includes."""
        keys = self.host.extensions.keys
        return (keys | IN_REV2) - {"IMAP4REV1"} if self.speaks_rev2 else keys - {"IMAP4REV2"}

    def capabilities(self) -> bytes:
        """The capabilities to tell now."""
        told = self.host.extensions.told(
            tls=self.tls, tls_available=self.tls_available, authenticated=self.account is not None
        )
        vendors = self.host.also_told if self.account is not None else ()
        return " ".join([*map(self._with_value, told), *vendors]).encode()

    def _with_value(self, capability: str) -> str:
        # RFC 7889 section 2: one limit for all mailboxes is told with the capability.
        if capability.upper() == "APPENDLIMIT":
            return f"{capability}={self.host.limits.append}"
        return capability

    @property
    def rights(self) -> Rights:
        """What the user may do with the selected mailbox (RFC 4314)."""
        if self.view is None or self.account is None or not self.has("ACL"):
            return ALL_RIGHTS
        mailbox = self.view.mailbox
        return effective_rights(mailbox.acl, self.account.user, mailbox.owner)

    def deselect(self) -> View | None:
        """Leave the selected mailbox; the view that was left is returned."""
        view, self.view = self.view, None
        if view is not None:
            view.close()
        return view

    def listen(self, listener: Listener) -> None:
        """Let a function hear of what happens on the server, until the session ends."""
        self._listeners.append(listener)
        self.host.listeners[listener] = None

    def leave(self) -> None:
        """The session ends."""
        self.deselect()
        if self.notification is not None:
            self.notification.stop()
        for listener in tuple(self._listeners):
            self.stop_listening(listener)

    def stop_listening(self, listener: Listener) -> None:
        """Let a function hear no more."""
        self.host.listeners.pop(listener, None)
        if listener in self._listeners:
            self._listeners.remove(listener)

    # --- what the session is told ---

    def tell_later(self, response: bytes) -> None:
        """Tell this as soon as something may be told."""
        if response:
            self._waiting.append(response)
            if self.on_news is not None:
                self.on_news()

    def news(self, *, may_expunge: bool, by_uid: bool = False) -> bytes:
        """What happened in the selected mailbox that may be told now, as responses."""
        waiting = b"".join((*self._waiting, *(teller() for teller in self._tellers.values())))
        self._waiting.clear()
        self._tellers.clear()
        if self.notified is not None:
            may_expunge = may_expunge or self.notified.expunges_at_once
            by_uid = True
        view = self.view
        if view is None:
            return waiting
        removed = view.removed_from_contexts() if may_expunge else b""
        return (
            removed + self._view_news(view, may_expunge, by_uid) + view.changed_contexts() + waiting
        )

    def _view_news(self, view: View, may_expunge: bool, by_uid: bool) -> bytes:
        if not view.has_news(may_expunge=may_expunge):
            return b""
        news = view.take_news(may_expunge=may_expunge)
        if self.notified is not None:
            news = [item for item in news if self.notified.wants(item)]
        # RFC 9051 section 7.5.2: FETCH that was not asked for has the UID.
        by_uid = by_uid or self.speaks_rev2
        return b"".join(self._tell(view, item, by_uid=by_uid) for item in news)

    def _tell(self, view: View, news: News, *, by_uid: bool) -> bytes:
        match news:
            case Gone(numbers, uids):
                if "QRESYNC" in self.enabled or self.uids_only:
                    return b"* VANISHED %b\r\n" % SequenceSet.of(uids).encode()
                return b"".join(b"* %d EXPUNGE\r\n" % number for number in numbers)
            case Arrived(exists):
                return b"* %d EXISTS\r\n" % exists + self.fetch_new(view, news)
            case RecentCount(recent):
                return b"* %d RECENT\r\n" % recent
            case FlagsChanged(number, message):
                return self.flags_response(view, number, message, by_uid=by_uid)
            case KeywordsChanged():
                return self.flags_of_mailbox(view)

    def tell_last(self, key: object, teller: Callable[[], bytes]) -> None:
        """Tell what ``teller`` gives when its time comes; of one key only the last."""
        self._tellers[key] = teller
        if self.on_news is not None:
            self.on_news()

    def flags_response(
        self, view: View, number: int, message: StoredMessage, *, by_uid: bool = False
    ) -> bytes:
        """``* n FETCH (FLAGS …)``, with UID and MODSEQ where the client is to have them."""
        items = b""
        # RFC 7162 section 3.2.4: with QRESYNC each such FETCH has to have the UID.
        if (by_uid or "QRESYNC" in self.enabled) and not self.uids_only:
            items += b"UID %d " % message.uid
        if "CONDSTORE" in self.enabled:
            items += b"MODSEQ (%d) " % message.mod_seq
        flags = b" ".join(view.flags_of(message))
        return b"%b%bFLAGS (%b))\r\n" % (self.fetch_begins(number, message), items, flags)

    def fetch_begins(self, number: int, message: StoredMessage) -> bytes:
        """``* n FETCH (``, or what stands for it where there are no numbers (RFC 9586)."""
        if self.uids_only:
            return b"* %d UIDFETCH (" % message.uid
        return b"* %d FETCH (" % number

    def flags_of_mailbox(self, view: View) -> bytes:
        """``* FLAGS`` and PERMANENTFLAGS."""
        flags: tuple[Flag, ...] = (*SYSTEM_FLAGS, *view.mailbox.keywords)
        told = b"* FLAGS (%b)\r\n" % b" ".join(flags)
        if view.read_only:
            return told + untagged(b"OK", "Read-only mailbox.", b"PERMANENTFLAGS ()")
        permanent = b" ".join(changeable((*flags, ANY_KEYWORD), self.rights))
        return told + untagged(b"OK", "Flags permitted.", b"PERMANENTFLAGS (%b)" % permanent)

    def keyword_news(self) -> bytes:
        """New keywords of the mailbox, told before a response that may have one of them."""
        view = self.view
        if view is not None and view.take_keyword_news():
            return self.flags_of_mailbox(view)
        return b""

    def enable_condstore(self) -> bytes:
        """A command that needs mod-sequences enables them (RFC 7162 section 3.1).

        Where a mailbox is selected its HIGHESTMODSEQ is to be told then.
        """
        if "CONDSTORE" in self.enabled:
            return b""
        self.enabled.add("CONDSTORE")
        if self.view is None:
            return b""
        code = b"HIGHESTMODSEQ %d" % self.view.mailbox.highest_mod_seq
        return untagged(b"OK", "Highest", code)


def is_settable(flag: Flag) -> bool:
    r"""Whether a client may set this flag: a keyword, or a system flag other than ``\Recent``."""
    if not flag.startswith(b"\\"):
        return True
    return flag in SYSTEM_FLAGS and flag != RECENT
