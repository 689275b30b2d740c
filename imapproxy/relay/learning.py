"""Asking on our own behalf which message has which UID.

It is a FETCH by sequence numbers, never anything else: while no command of the client is in
progress, and while its FETCH, STORE or SEARCH is, the upstream must not tell of expunged messages
(RFC 9051 section 7.5.1), and to a FETCH it does not.
"""

import re
from array import array
from collections.abc import Callable

from imapproxy.cache.shape import canonical
from imapproxy.cache.store import Writer
from imapproxy.relay.selected import Selected
from imapproxy.upstream.errors import UpstreamError
from imapproxy.upstream.exchange import Exchange

#: What the answers tell.
LEARNED_NAMES = frozenset((b"UID", b"EMAILID"))
_UID_ALONE = re.compile(rb"^\* ([0-9]{1,10}) FETCH \(UID ([0-9]{1,9})\)\r\n", re.MULTILINE)


class Learning(Exchange):
    """``FETCH first:last (UID)``, or with ``EMAILID`` where the upstream has it (RFC 8474)."""

    __slots__ = (
        "_first",
        "_last",
        "_open",
        "_selected",
        "_with_emailid",
        "_writer",
        "ended",
        "on_end",
    )

    def __init__(
        self, selected: Selected, writer: Writer, first: int, last: int, *, with_emailid: bool
    ) -> None:
        super().__init__()
        self._selected = selected
        self._writer = writer
        self._first = first
        self._last = last
        self._with_emailid = with_emailid
        self._open = bytearray(b"\x01" * (last - first + 1))
        self.ended = False
        self.on_end: Callable[[], None] = _nobody_waits

    @property
    def words(self) -> bytes:
        """The command behind its tag."""
        items = b"UID EMAILID" if self._with_emailid else b"UID"
        return b" FETCH %d:%d (%b)\r\n" % (self._first, self._last, items)

    def claims(self, number: int, uid: int, items: tuple[tuple[bytes, bytes], ...]) -> bool:
        """Whether a FETCH response is an answer to this; if so, it is used."""
        names = {canonical(name) for name, _ in items}
        if self.ended or not uid or names - LEARNED_NAMES or not self._is_open(number):
            return False
        self._open[number - self._first] = 0
        self._selected.learn(number, uid)
        mailbox = self._selected.mailbox
        if mailbox is not None and len(names) > 1 and self._selected.uid(number) == uid:
            emailid = next(value for name, value in items if canonical(name) == b"EMAILID")
            self._writer.keep_attributes(mailbox, uid, {"EMAILID": emailid})
        return True

    def _is_open(self, number: int) -> bool:
        """Whether the message was asked for, and not told yet: to a second answer another one, of
        the client's, has the claim.
        """
        return self._first <= number <= self._last and bool(self._open[number - self._first])

    def claims_run(self, run: bytes) -> bool:
        """The same for a stretch of whole responses, of which all are taken or none."""
        found = _UID_ALONE.findall(run)
        if self.ended or self._with_emailid or not found or len(found) != run.count(b"\n"):
            return False
        first, last = int(found[0][0]), int(found[-1][0])
        if [int(number) for number, _ in found] != list(range(first, last + 1)):
            return False
        if not self._first <= first <= last <= self._last:
            return False
        start, stop = first - self._first, last + 1 - self._first
        if not all(self._open[start:stop]):
            return False
        self._open[start:stop] = bytes(stop - start)
        self._selected.learn_run(first, array("I", [int(uid) for _, uid in found]))
        return True

    def tagged_response(self, text: bytes) -> None:
        """See :class:`Exchange`. Where it failed nothing was learned, and nothing is lost."""
        self.ended = True
        self.on_end()

    def connection_lost(self, error: UpstreamError) -> None:
        """See :class:`Exchange`; the session is told apart from this."""
        self.ended = True
        self.on_end()


def _nobody_waits() -> None:
    """What is learned between commands keeps no answer waiting."""
