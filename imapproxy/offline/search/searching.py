"""A search over a mailbox, a little at a time, so that others have their turn."""

from collections.abc import Callable, Iterator
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from imapproxy.cache.store import Reader, StoreError
from imapproxy.offline.mailbox import HeldMailbox
from imapproxy.offline.refusal import Refused, unavailable
from imapproxy.offline.search.facts import ATTRIBUTES, facts_of
from imapproxy.offline.search.program import Program
from imapproxy.wire.message_commands import Search

# What is done in one turn of the reactor: so many messages, or so many octets of them.
_MESSAGES = 500
_OCTETS = 256 * 1024


class Searching:
    """One SEARCH. ``on_end`` is told the whole answer, untagged and tagged.

    Raises :class:`imapproxy.offline.refusal.Refused` where it cannot be answered at all.
    """

    def __init__(
        self,
        mailbox: HeldMailbox,
        reader: Reader,
        tag: bytes,
        search: Search,
        clock: IReactorTime,
        on_end: Callable[[bytes], None],
    ) -> None:
        if search.return_options is not None:
            raise unavailable("RETURN is not known here")
        program = Program(search.charset, mailbox.exists, mailbox.uids[-1] if mailbox.uids else 0)
        self._test = program.all_of(search.keys)
        self._mailbox = mailbox
        self._reader = reader
        self._by_uid = search.by_uid
        self._tag = tag
        self._clock = clock
        self._on_end = on_end
        self._found: list[int] = []
        self._unknown = 0
        self._steps = self._look()
        self._turn: IDelayedCall | None = None

    def begin(self) -> None:
        """Do the first turn's work; :meth:`stop` if nobody waits for it any more."""
        self._turn = None
        if next(self._steps, False):
            self._turn = self._clock.callLater(0, self.begin)
            return
        self._on_end(self._answer())

    def stop(self) -> None:
        """Nobody waits for it any more."""
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None

    def _look(self) -> Iterator[bool]:
        """Look at all messages; true for each turn that is over while some are left."""
        uids = self._mailbox.uids
        for at in range(0, len(uids), _MESSAGES):
            if at:
                yield True
            some = uids[at : at + _MESSAGES]
            rows = self._attributes(some[0], some[-1])
            octets = 0
            for number, uid in enumerate(some, at + 1):
                facts = facts_of(
                    self._reader, self._mailbox.mailbox, number, uid, rows.get(uid, _NOTHING)
                )
                self._judge(self._test(facts), uid if self._by_uid else number)
                octets += facts.octets_read
                if octets > _OCTETS:
                    octets = 0
                    yield True

    def _judge(self, answer: bool | None, number: int) -> None:
        if answer is None:
            self._unknown += 1
        elif answer:
            self._found.append(number)

    def _attributes(self, low: int, high: int) -> dict[int, tuple[bytes | None, ...]]:
        try:
            rows: list[Any] = self._reader.attributes(self._mailbox.mailbox, ATTRIBUTES, low, high)
        except StoreError:
            return {}
        return {row[0]: row[1:] for row in rows}

    def _answer(self) -> bytes:
        if self._unknown:
            # Fewer messages than there are would be a wrong answer.
            error: Refused = unavailable(
                f"of {self._unknown} messages not enough is held to search them by this"
            )
            return self._tag + b" " + error.answer + b"\r\n"
        numbers = b"".join(b" %d" % number for number in self._found)
        return b"* SEARCH%b\r\n%b OK Search completed.\r\n" % (numbers, self._tag)


_NOTHING: tuple[bytes | None, ...] = (None,) * len(ATTRIBUTES)
