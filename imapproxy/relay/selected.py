"""Which mailbox is selected, and what its messages are called: one session's knowledge of it.

The partner's stream is followed from SELECT on. Where something comes that this model does not
know, it *goes blind*: nothing is believed, and everything is relayed, until the next SELECT.
"""

import re
import time
from array import array
from collections.abc import Callable
from typing import Any, TypeVar

from twisted.logger import Logger

from imapproxy.cache.notes import MailboxNote, mailbox_key
from imapproxy.cache.store import Mailbox, Reader, StoreError, UidList, Writer
from imapproxy.relay.restoring import Restored
from imapproxy.relay.resume import Known
from imapproxy.relay.view import UNKNOWN, View, ViewError
from imapproxy.wire.decode_response import decode_response
from imapproxy.wire.errors import DecodeError
from imapproxy.wire.mailbox import canonical_mailbox
from imapproxy.wire.response_code import Count, MailboxId
from imapproxy.wire.responses import StatusResponse, Vanished

_News = TypeVar("_News")
_FLAGS = re.compile(rb"\* FLAGS (\([^()\r\n]*\)) *\r\n", re.IGNORECASE)


class Selected:
    """The selected mailbox of one session; ``view`` is ``None`` while nothing can be told of it.

    ``account`` is whose mailboxes these are. ``now`` tells the time in seconds of the POSIX clock.
    """

    log = Logger()

    def __init__(
        self,
        account: bytes,
        reader: Reader,
        writer: Writer,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._now = now
        self._account = account
        self._reader = reader
        self._writer = writer
        self.view: View | None = None
        self.mailbox: Mailbox | None = None
        self.selecting: bytes | None = None  # the mailbox that is asked for
        self._told: dict[str, int] = {}  # by the SELECT under way
        self._mailbox_id = b""
        self._flags = b"()"  # of the FLAGS response
        self._uid_next = 0
        self._candidate: array[int] | None = None  # the list of last time, not yet confirmed
        self._unsaved = False

    # -- selecting -------------------------------------------------------------------------

    def leave(self) -> None:
        """The mailbox is about to be deselected: what is known of it is remembered."""
        self.save()
        self.blind()

    def blind(self, reason: str = "") -> None:
        """Nothing is known from here to the next SELECT."""
        if self.view is not None and reason:
            self.log.debug("relaying only, until the next SELECT: {reason}", reason=reason)
        self.view = self.mailbox = self.selecting = self._candidate = None
        self._unsaved = False

    def begin(self, name: bytes) -> None:
        """``SELECT name`` was sent."""
        self.selecting = canonical_mailbox(name)
        self.begin_again()

    def begin_again(self) -> None:
        """What was told so far belongs to something before the SELECT."""
        self._told = {}
        self._mailbox_id = b""
        self._flags = b"()"

    def opened(self) -> None:
        """The SELECT has succeeded."""
        name, self.selecting = self.selecting, None
        if name is None or not {"EXISTS", "UIDVALIDITY"} <= self._told.keys():
            return
        self.mailbox = Mailbox(self._account, name, self._mailbox_id, self._told["UIDVALIDITY"])
        self._uid_next = self._told.get("UIDNEXT", 0)
        self._open_view(self._told["EXISTS"])
        self._note_down(self._told["EXISTS"])

    def _open_view(self, exists: int) -> None:
        stored = self._stored()
        self._candidate = None
        if stored is None or len(stored.uids) > exists:
            self.view = View(array("I", bytes(4 * exists)))
        elif len(stored.uids) == exists and stored.uid_next == self._uid_next:
            # RFC 9051 section 2.3.1.1: no UID was given since, so nothing came, and as many are
            # there as were, so nothing went.
            self.view = View(stored.uids)
        else:
            self.view = View(array("I", bytes(4 * exists)))
            self._candidate = stored.uids if len(stored.uids) else None
        self._unsaved = self.view.exists > 0 and not self.view.complete

    def _stored(self) -> UidList | None:
        assert self.mailbox is not None
        try:
            return self._reader.uid_list(self.mailbox)
        except StoreError:
            return None  # said in the log by the store; the mailbox is learned anew

    # -- what the partner says ---------------------------------------------------------------

    def status(self, line: bytes) -> None:
        """An untagged status response: what a SELECT tells, or that it is no longer true."""
        try:
            response = decode_response(line)
        except DecodeError:
            return
        if not isinstance(response, StatusResponse):
            return
        if self.selecting is None:
            self._status_of_selected(response)
            return
        match response.code:
            case Count(name=name, value=value):
                self._told[name] = value
            case MailboxId(value=value):
                self._mailbox_id = value
            case code if getattr(code, "name", "") == "CLOSED":
                self.begin_again()
            case code if getattr(code, "name", "") == "UIDNOTSTICKY":
                # RFC 4315 section 2: nothing here has the same UID next time.
                self.selecting = None

    def _status_of_selected(self, response: StatusResponse) -> None:
        match response.code:
            case Count(name="UIDVALIDITY", value=value):
                if self.mailbox is not None and value != self.mailbox.uid_validity:
                    self.blind("the mailbox has another UIDVALIDITY now")
            case code if getattr(code, "name", "") == "UIDNOTSTICKY":
                self.blind("the mailbox keeps no UIDs")

    def flags(self, line: bytes) -> None:
        """``* FLAGS (…)``: also in the middle of a session, when there is a new keyword."""
        found = _FLAGS.fullmatch(line)
        if found is not None:
            self._flags = found[1]

    def exists(self, count: int) -> None:
        """``* count EXISTS``."""
        if self.selecting is not None:
            self._told["EXISTS"] = count
        elif self.view is not None:
            self._unsaved = self._unsaved or count != self.view.exists
            self._follow(self.view.grow, count)

    def expunge(self, number: int) -> None:
        """``* number EXPUNGE``."""
        if self.view is None:
            return
        uid = self._follow(self.view.expunge, number)
        self._candidate = None
        self._unsaved = True
        if uid and self.mailbox is not None:
            self._writer.forget(self.mailbox, [uid])

    def vanished(self, line: bytes) -> None:
        """``* VANISHED …`` (RFC 7162 section 3.2.10)."""
        if self.view is None:
            return
        try:
            response = decode_response(line)
        except DecodeError as error:
            self.blind(str(error))
            return
        if isinstance(response, Vanished) and not response.earlier:
            for low, high in response.uids.resolve(0):
                self._vanished(low, high)

    def _vanished(self, low: int, high: int) -> None:
        if self.view is None:
            return
        gone = self._follow(self.view.vanish, low, high)
        self._unsaved = True
        if gone and self.mailbox is not None:
            self._writer.forget(self.mailbox, gone)

    def learn(self, number: int, uid: int) -> None:
        """Message ``number`` was said to have this UID."""
        view = self.view
        if view is None:
            return
        candidate = self._candidate
        if candidate is not None and number == len(candidate):
            self._candidate = None
            if candidate[-1] == uid:
                # UIDs ascend: as many messages as ever have UIDs up to this one, so that none of
                # them has gone.
                self._follow(view.adopt, candidate)
                return
        self._follow(view.learn, number, uid)

    def learn_run(self, number: int, uids: "array[int]") -> None:
        """The messages from ``number`` on have these UIDs."""
        if self.view is not None and self._candidate is None:
            self._follow(self.view.fill, number, uids)
            return
        for offset, uid in enumerate(uids):
            self.learn(number + offset, uid)

    def _follow(self, news: Callable[..., _News], *values: Any) -> _News | None:
        try:
            return news(*values)
        except ViewError as error:
            self.log.warn("the upstream contradicts itself: {error}", error=str(error))
            self.blind(str(error))
            return None

    @property
    def has_candidate(self) -> bool:
        """Whether the list of last time may still be good, and one message would show it."""
        return self._candidate is not None

    # -- another connection ------------------------------------------------------------------

    @property
    def known(self) -> Known | None:
        """What another connection has to agree with; ``None`` if nothing is known."""
        if self.view is None or self.mailbox is None:
            return None
        return Known(
            self.view,
            self.mailbox.uid_validity,
            self._uid_next,
            self._told.get("HIGHESTMODSEQ", 0),
            self._mailbox_id,
        )

    def resumed(self, restored: Restored) -> None:
        """The same mailbox is selected on another connection; this has changed."""
        for number in restored.changes.vanished:
            self.expunge(number)
        view = self.view
        if view is None:
            return
        first = view.exists + 1
        if restored.exists > view.exists:
            self.exists(restored.exists)
        for number, uid in enumerate(restored.changes.arrived, first):
            self.learn(number, uid)
        self._uid_next = restored.told.uid_next or 0
        self._told["HIGHESTMODSEQ"] = restored.told.highest_mod_seq or 0

    # -- what is to be learned, and remembered -----------------------------------------------

    def unknown(self) -> tuple[int, int] | None:
        """First and last number of the messages whose UIDs should be asked for.

        Where the list of last time may still be good it begins with the message that shows it.
        """
        view = self.view
        if view is None or view.complete:
            return None
        if self._candidate is not None:
            return len(self._candidate), view.exists
        return view.unknown_range()

    def save(self) -> None:
        """Remember the list, if it is whole and another than was stored."""
        view = self.view
        if not self._unsaved or view is None or self.mailbox is None or not view.complete:
            return
        self._unsaved = False
        uids = view.uids(1, view.exists)
        # Safe if the upstream has given more UIDs unseen: then its next SELECT tells another
        # UIDNEXT than this.
        uid_next = max(self._uid_next, uids[-1] + 1 if uids else 0)
        self._writer.keep_uid_list(self.mailbox, UidList(uid_next, uids))
        self._note_down(view.exists)

    def _note_down(self, exists: int) -> None:
        """Remember what is told of the mailbox while the upstream is away."""
        mailbox = self.mailbox
        assert mailbox is not None
        note = MailboxNote(
            mailbox.uid_validity, mailbox.mailbox_id, exists, self._flags, self._now()
        )
        name = canonical_mailbox(mailbox.name)
        self._writer.keep_note(self._account, mailbox_key(name), note.encode())

    def uid(self, number: int) -> int:
        """The UID of a message, 0 where it is not known."""
        view = self.view
        if view is None or not 0 < number <= view.exists:
            return UNKNOWN
        return view.uid(number)
