"""A mailbox as it was when its list of messages was kept last."""

from array import array
from bisect import bisect_left

from imapproxy.cache.notes import MailboxNote
from imapproxy.cache.plan import Targets
from imapproxy.cache.store import Mailbox, StoreError
from imapproxy.offline.account import HeldAccount, age
from imapproxy.offline.refusal import unavailable, wrong
from imapproxy.wire.encode_mailbox_data import encode_status
from imapproxy.wire.flags import SEEN, flag_key
from imapproxy.wire.mailbox import WireMailbox, canonical_mailbox
from imapproxy.wire.responses import StatusData
from imapproxy.wire.sequence_set import SequenceSet

_RECENT = rb"\recent"


def open_mailbox(account: HeldAccount, name: WireMailbox) -> "HeldMailbox":
    """Raises :class:`Refused` where nothing is held of it."""
    name = canonical_mailbox(name)
    try:
        note = account.mailbox_note(name)
        if note is None:
            raise unavailable("this mailbox was never opened")
        mailbox = Mailbox(account.name, name, note.mailbox_id, note.uid_validity)
        kept = account.store.reader.uid_list(mailbox)
    except StoreError:
        raise unavailable("the cache cannot be read") from None
    if kept is not None:
        return HeldMailbox(account, mailbox, note, kept.uids, kept.uid_next)
    if note.exists:
        raise unavailable("which messages this mailbox has was never told")
    return HeldMailbox(account, mailbox, note, array("I"), 0)


class HeldMailbox:
    """Which messages there are, by number and UID, and what was told of their flags.

    Messages of which nothing else is held are among them: a program that keeps a copy of the
    mailbox would take those that are missing for deleted.
    """

    def __init__(
        self,
        account: HeldAccount,
        mailbox: Mailbox,
        note: MailboxNote,
        uids: "array[int]",
        uid_next: int,
    ) -> None:
        self.mailbox = mailbox
        self.uids = uids
        self._reader = account.store.reader
        self._note = note
        # An empty mailbox has given UIDs, too; how many nobody remembers if it always was empty.
        self._uid_next = max(uid_next, uids[-1] + 1 if uids else 1)

    @property
    def exists(self) -> int:
        """How many messages there are."""
        return len(self.uids)

    def select_responses(self, now: float) -> bytes:
        """The untagged responses to SELECT (RFC 3501 section 6.3.1); ``now`` in POSIX seconds."""
        return (
            b"* FLAGS %b\r\n"
            b"* OK [PERMANENTFLAGS ()] Nothing can be changed offline\r\n"
            b"* %d EXISTS\r\n* 0 RECENT\r\n"
            b"* OK [UIDVALIDITY %d] UIDs valid\r\n"
            b"* OK [UIDNEXT %d] Predicted next UID\r\n"
            b"* OK Offline: this is how the mailbox was %b ago\r\n"
            % (
                self._note.flags,
                self.exists,
                self.mailbox.uid_validity,
                self._uid_next,
                age(now - self._note.seen).encode(),
            )
        )

    def status(self, name: WireMailbox, items: tuple[str, ...]) -> bytes:
        """The STATUS response (RFC 3501 section 6.3.10). Raises :class:`Refused`."""
        values = tuple((item, self._status(item)) for item in items)
        return encode_status(StatusData(name, values)) + b"\r\n"

    def _status(self, item: str) -> int:
        match item:
            case "MESSAGES":
                return self.exists
            case "RECENT":
                return 0
            case "UIDNEXT":
                return self._uid_next
            case "UIDVALIDITY":
                return self.mailbox.uid_validity
            case "UNSEEN":
                return self._unseen()
        raise unavailable(f"STATUS {item} is not known here")

    def _unseen(self) -> int:
        if not self.uids:
            return 0
        flags = self.flags(self.uids[0], self.uids[-1])
        if any(uid not in flags for uid in self.uids):
            raise unavailable("the flags of some messages of this mailbox were never told")
        return sum(SEEN.lower() not in _keys(flags[uid]) for uid in self.uids)

    def flags(self, low: int, high: int) -> dict[int, bytes]:
        r"""``(\Seen)`` as it was told last, of the UIDs from ``low`` to ``high``, where it was.

        Less ``\Recent``, which no message is offline.
        """
        try:
            rows = self._reader.attributes(self.mailbox, ("FLAGS",), low, high)
        except StoreError:
            return {}
        return {
            uid: _without_recent(told)
            for uid, told in rows
            if isinstance(uid, int) and isinstance(told, bytes)
        }

    def targets(self, wanted: SequenceSet, *, by_uid: bool) -> Targets:
        """The messages of a set. Raises :class:`Refused` for numbers that no message has.

        UIDs that no message has are no mistake (RFC 3501 section 6.4.8).
        """
        if wanted.is_saved_result:
            raise unavailable("no result of a search is saved here")
        numbers = array("I")
        largest = (self.uids[-1] if by_uid else self.exists) if self.uids else 0
        for low, high in wanted.resolve(largest):
            if by_uid:
                numbers.extend(range(self._first(low) + 1, self._first(high + 1) + 1))
            elif high > self.exists:
                raise wrong("there is no message of that number")
            else:
                numbers.extend(range(low, high + 1))
        return Targets(numbers, array("I", (self.uids[number - 1] for number in numbers)))

    def _first(self, uid: int) -> int:
        """The index of the first message with this UID or a higher one."""
        return bisect_left(self.uids, uid)


def _without_recent(flags: bytes) -> bytes:
    if _RECENT not in flags.lower():
        return flags
    return b"(%b)" % b" ".join(
        flag for flag in flags.strip(b"()").split() if flag.lower() != _RECENT
    )


def _keys(flags: bytes) -> frozenset[bytes]:
    """What each of the flags in the list is compared by."""
    return frozenset(map(flag_key, flags.strip(b"()").split()))
