"""One session's part in the lists of its account: it learns answers, gives them, and drops them."""

import re
from collections.abc import Collection

from twisted.internet.interfaces import IReactorTime

from imapproxy.relay.account_lists import AccountLists
from imapproxy.relay.client_line import ClientLine
from imapproxy.relay.relayed_command import RelayedCommand
from imapproxy.upstream.exchange import Exchange
from imapproxy.wire.framing import Line

#: The commands whose answers are kept.
LISTS = frozenset((b"LIST", b"LSUB", b"NAMESPACE"))
# With a LIST these ask for what changes all the time, or by commands that are harmless here
# (RFC 5819, RFC 9590, RFC 8440).
_ASKS_FOR_MORE = re.compile(rb"STATUS|METADATA|MYRIGHTS", re.IGNORECASE)
# These change no mailbox's name, place or subscription. APPEND and COPY are not among them: a
# server should not create what they name, and may (RFC 9051 section 6.3.12).
_HARMLESS = LISTS | frozenset(
    b"CAPABILITY NOOP CHECK ID LOGOUT IDLE SELECT EXAMINE CLOSE UNSELECT EXPUNGE FETCH SEARCH SORT"
    b" THREAD STATUS XLIST GETACL LISTRIGHTS MYRIGHTS GETQUOTA GETQUOTAROOT GETMETADATA STORE"
    b" ESEARCH".split()
)
# At Gmail a new label is a new mailbox.
_LABELS = re.compile(rb"X-GM-LABELS", re.IGNORECASE)
# Nobody asks for these with another command than those (RFC 9051 sections 6.3.1 and 6.3.2 for LIST
# behind SELECT): then they are news (RFC 5465 sections 5.4 and 5.5).
_NEWS = re.compile(rb"\* (?:LIST|LSUB|XLIST|STATUS)\b", re.IGNORECASE)
_TELL_LISTS = frozenset(b"LIST LSUB XLIST STATUS SELECT EXAMINE".split())
_MAX_OCTETS = 512 * 1024


class _Collected:
    """The answer to ``command`` as far as it has come; it was asked at ``since`` in ``epoch``."""

    def __init__(self, command: RelayedCommand, words: bytes, since: float, epoch: int) -> None:
        self.command = command
        self.words = words
        self.since = since
        self.epoch = epoch
        self.lines: list[bytes] = []
        self.octets = 0
        self._begins = b"* " + command.name + b" "

    def take(self, line: Line) -> bool:
        """Take a line; ``False`` if there is more in the answer than is understood here."""
        data = line.data
        if data[2:3].isdigit():
            return True  # news of messages, which is nothing to keep
        self.octets += len(data)
        self.lines.append(data)
        begins = data[: len(self._begins)].upper() == self._begins
        return begins and line.literal is None and self.octets <= _MAX_OCTETS


class ListAnswers:
    """Sees every command of a session before it is relayed, and what is told untagged.

    ``ttl`` is how many seconds an answer may be given again; with 0 none is, and the session only
    tells the others what it changes.
    """

    def __init__(self, lists: AccountLists, ttl: float, clock: IReactorTime) -> None:
        self._lists = lists
        self._ttl = ttl
        #: Whether :meth:`untagged` has to see all there is.
        self.watches = ttl > 0
        self._clock = clock
        self._is_apart = False  # this session may be told other lists than the others
        self._changes: set[RelayedCommand] = set()
        self._collected: _Collected | None = None

    def answer(self, command: ClientLine, in_flight: Collection[object]) -> bytes | None:
        """The answer to one of :data:`LISTS` that is here whole, if it can be given from here.

        What is in flight before it could change it.
        """
        if not self._ttl or self._is_apart or in_flight or not _is_kept(command):
            return None
        not_before = self._clock.seconds() - self._ttl
        return self._lists.answer(command.rest, command.tag, not_before)

    def relaying(
        self,
        command: RelayedCommand,
        line: ClientLine,
        in_flight: Collection[Exchange],
        *,
        whole: bool,
        followed: bool,
    ) -> None:
        """A command is about to be relayed; ``in_flight`` is what has no answer yet.

        ``whole`` tells that its line is all of it, ``followed`` that it is known what it can do.
        """
        # Nobody says to which command an untagged response belongs.
        self._collected = None
        is_alone = not any(isinstance(other, RelayedCommand) for other in in_flight)
        if not followed:
            self._is_apart = True  # UTF8=ACCEPT and IMAP4rev2 spell names in another way
        if not _is_harmless(line, whole=whole):
            self._changes.add(command)
            self._lists.change_begins()
        elif self._ttl and whole and is_alone and not self._is_apart and _is_kept(line):
            since, epoch = self._clock.seconds(), self._lists.epoch
            self._collected = _Collected(command, line.rest, since, epoch)

    def untagged(self, line: Line, in_flight: Collection[Exchange]) -> None:
        """A line of an untagged response."""
        collected = self._collected
        if collected is not None:
            if not collected.take(line):
                self._collected = None
        elif _NEWS.match(line.data) is not None and not any(
            isinstance(command, RelayedCommand) and command.name in _TELL_LISTS
            for command in in_flight
        ):
            self._lists.drop()

    def ended(self, command: RelayedCommand, text: bytes) -> None:
        """The upstream has answered a command that was relayed."""
        if command in self._changes:
            self._changes.remove(command)
            self._lists.change_ends()
        collected = self._collected
        if collected is None or collected.command is not command:
            return
        self._collected = None
        # A response code may be about this very moment, as ALERT is.
        if text[:3].upper() == b"OK " and not text[3:].startswith(b"["):
            answer = (collected.since, b"".join(collected.lines), text)
            self._lists.keep(collected.words, answer, collected.epoch)

    def lost(self) -> None:
        """Nothing more is answered. What was under way is like a change by somebody else."""
        self._collected = None
        while self._changes:
            self._changes.pop()
            self._lists.change_ends()


def _is_kept(line: ClientLine) -> bool:
    return line.name in LISTS and _ASKS_FOR_MORE.search(line.rest) is None


def _is_harmless(line: ClientLine, *, whole: bool) -> bool:
    name = line.name.removeprefix(b"UID ")
    if name not in _HARMLESS:
        return False
    return name != b"STORE" or (whole and _LABELS.search(line.rest) is None)
