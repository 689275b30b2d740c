"""FETCH from what is held, piece by piece."""

from array import array
from collections.abc import Callable

from imapproxy.cache.plan import Targets
from imapproxy.cache.request import Asked, FetchRequest
from imapproxy.cache.shape import Shape, canonical
from imapproxy.offline.account import HeldAccount
from imapproxy.offline.mailbox import HeldMailbox
from imapproxy.offline.refusal import unavailable
from imapproxy.relay.answers import Answers
from imapproxy.relay.shapes import Shapes
from imapproxy.wire.decode_command import decode_command
from imapproxy.wire.fetch_att import Item
from imapproxy.wire.message_commands import Fetch

_AT_ONCE = 1000  # messages whose flags are looked up together


class HeldFetch:
    """Makes the responses and the tagged response (:class:`imapproxy.relay.outbox.Source`).

    A message of which not all is held that was asked for has no response, and then the tagged one
    is NO. ``on_end`` is called with the last piece. Raises
    :class:`imapproxy.offline.refusal.Refused` where the request cannot be answered at all.
    """

    def __init__(
        self,
        account: HeldAccount,
        mailbox: HeldMailbox,
        tag: bytes,
        request: FetchRequest,
        on_end: Callable[[], None],
    ) -> None:
        asked = request.asked
        unknown = [att for att in asked.mutable if att is not Item.FLAGS]
        if unknown:
            raise unavailable(f"{unknown[0].response_name} is not known here")
        self._mailbox = mailbox
        self._tag = tag
        self._tells_flags = bool(asked.mutable)
        self._targets = mailbox.targets(request.sequence_set, by_uid=asked.by_uid)
        self._at = 0
        self._without_flags = 0
        self._on_end = on_end
        self._ended = False
        shapes = Shapes(account.name, account.store.reader, account.store.writer)
        self._answers = Answers(
            account.store,
            mailbox.mailbox,
            asked,
            lambda asked: shapes.shape(asked) or plain_shape(asked),
        )

    def next_piece(self) -> bytes | None:
        """See :class:`imapproxy.relay.outbox.Source`."""
        while not self._ended:
            piece = self._answers.next_piece()
            if piece:
                return piece
            if self._at == len(self._targets.uids):
                self._ended = True
                self._on_end()
                return self._last_word()
            self._add_some()
        return None

    def _add_some(self) -> None:
        some = self._targets.cut(self._at, self._at + _AT_ONCE)
        self._at += len(some.uids)
        if not self._tells_flags:
            self._answers.add_all(some)
            return
        flags = self._mailbox.flags(min(some.uids), max(some.uids))
        known = [index for index, uid in enumerate(some.uids) if uid in flags]
        self._without_flags += len(some.uids) - len(known)
        if known:
            targets = Targets(
                array("I", (some.numbers[index] for index in known)),
                array("I", (some.uids[index] for index in known)),
            )
            self._answers.add_column(targets, b"FLAGS", [flags[uid] for uid in targets.uids])

    def _last_word(self) -> bytes:
        missing = len(self._answers.missing) + self._without_flags
        if not missing:
            return self._tag + b" OK Fetch completed.\r\n"
        told = b"%d of %d messages are not held" % (missing, len(self._targets.uids))
        return self._tag + b" NO [UNAVAILABLE] Offline: " + told + b"\r\n"


def plain_shape(asked: Asked) -> Shape:
    """The shape of an answer if no server has shown one: all in the order of the request."""
    fetch = decode_command(b"x FETCH 1 " + asked.spelled + b"\r\n", lenient=True).body
    assert isinstance(fetch, Fetch)
    names = [att.response_name.encode("ascii", "replace") for att in fetch.items]
    if b"UID" in asked.names and b"UID" not in map(canonical, names):
        names.insert(0, b"UID")
    return tuple(names)
