"""Answers to LIST and its kin, kept on their way to the client for when the upstream is away."""

import re
import time
from collections.abc import Callable

from imapproxy.cache.listing_request import ANSWERED_BY, listing_request
from imapproxy.cache.notes import LISTINGS, Listing, Listings
from imapproxy.cache.store import Reader, StoreError, Writer
from imapproxy.relay.client_line import ClientLine
from imapproxy.relay.relayed_command import RelayedCommand
from imapproxy.wire.framing import Line, Octets

_NAME = re.compile(rb"\* (LIST|LSUB|XLIST|NAMESPACE) ", re.IGNORECASE)
_MAX_OCTETS = 256 * 1024  # of one answer; a longer one is not kept
# Programs ask again and again. What has not changed is written down this often, in seconds.
_WRITTEN_AGAIN = 600.0


class _Answer:
    """What came so far; ``request`` is ``None`` where it is not to be kept."""

    def __init__(self, request: bytes | None) -> None:
        self.request = request
        self.pieces: list[bytes] = []
        self.octets = 0

    def add(self, piece: bytes) -> None:
        self.octets += len(piece)
        if self.octets > _MAX_OCTETS:
            self.request = None
        if self.request is not None:
            self.pieces.append(piece)


class KeptLists:
    """Follows one session. ``now`` tells the time in seconds of the POSIX clock.

    Of two commands under way whose responses have the same name neither answer is kept: nobody
    says which response belongs to which.
    """

    def __init__(
        self,
        account: bytes,
        reader: Reader,
        writer: Writer,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._account = account
        self._reader = reader
        self._writer = writer
        self._now = now
        self._under_way: dict[RelayedCommand, _Answer] = {}
        self._is_apart = False  # this session may be told other lists than the others
        self._inside: _Answer | None = None  # its response has begun and not ended
        self._mine = Listings()  # what this session has put in may not be there to be read yet

    @property
    def listens(self) -> bool:
        """Whether responses have to be looked at."""
        return bool(self._under_way)

    def relaying(
        self, command: RelayedCommand, line: ClientLine, *, whole: bool, followed: bool
    ) -> None:
        """A command is about to be relayed; ``whole`` tells that its line is all of it.

        ``followed`` tells that it is known what it can do.
        """
        kind = ANSWERED_BY.get(command.name)
        if kind is None:
            # UTF8=ACCEPT and IMAP4rev2 spell names in another way.
            self._is_apart = self._is_apart or not followed
            return
        is_kept = whole and not self._is_apart
        answer = _Answer(listing_request(command.name, line.rest) if is_kept else None)
        for other, before in self._under_way.items():
            if ANSWERED_BY[other.name] == kind:
                answer.request = before.request = None
        self._under_way[command] = answer

    def line(self, line: Line) -> None:
        """A line of an untagged response."""
        answer, self._inside = self._inside, None
        if answer is None:
            found = _NAME.match(line.data)
            answer = None if found is None else self._answer(found[1].upper())
        if answer is not None:
            answer.add(line.data)
            if line.literal is not None:
                self._inside = answer

    def octets(self, octets: Octets) -> None:
        """A piece of a literal."""
        if self._inside is not None:
            self._inside.add(octets.data)

    def _answer(self, name: bytes) -> _Answer | None:
        for command, answer in self._under_way.items():
            if ANSWERED_BY[command.name] == name:
                return answer
        return None

    def ended(self, command: RelayedCommand, text: bytes) -> None:
        """The upstream has answered a command that was relayed."""
        answer = self._under_way.pop(command, None)
        if answer is not None and answer.request is not None and text[:3].upper() == b"OK ":
            self._keep(Listing(answer.request, b"".join(answer.pieces), self._now()))

    def lost(self) -> None:
        """No answer comes any more."""
        self._under_way.clear()
        self._inside = None

    def _keep(self, listing: Listing) -> None:
        kept = self._kept()
        before = kept.answer_to(listing.request)
        is_old = before is None or listing.seen - before.seen >= _WRITTEN_AGAIN
        if before is None or is_old or before.responses != listing.responses:
            self._mine = self._mine.with_added([listing])
            added = kept.with_added([listing])
            self._writer.keep_note(self._account, LISTINGS, added.encode())

    def _kept(self) -> Listings:
        try:
            octets = self._reader.note(self._account, LISTINGS)
        except StoreError:
            octets = None
        return (Listings.decode(octets) or Listings()).with_added(self._mine.listings)
