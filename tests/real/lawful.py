"""Whether what a client is told is lawful: one that watches over its shoulder and keeps count.

This needs no second run to compare with, so it can judge a proxy that tells news at other times
than the server would (RFC 3501 sections 5.2 and 7 leave that to the server).
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.real.client_view import UNKNOWN, ClientView
from tests.real.commands import Attribute, Said, fetched, numbers, said
from tests.real.fetch_response import FetchResponse, Unreadable, fetch_response
from tests.real.observer import Observer, is_constant
from tests.real.raw import Response
from tests.real.steps import Step
from tests.real.truth import Spool

_NUMBERED = re.compile(rb"\* (\d+) (EXISTS|EXPUNGE)\r?\n", re.IGNORECASE)
_VANISHED = re.compile(rb"\* VANISHED ([\d:,]+)\r?\n", re.IGNORECASE)
_FOUND = re.compile(rb"\* (?:SEARCH|SORT)((?: \d+)*)", re.IGNORECASE)
_VALIDITY = re.compile(rb"\* OK \[UIDVALIDITY (\d+)\]", re.IGNORECASE)
# What Dovecot tells of messages that are gone.
_INVENTED = re.compile(
    rb'NIL|0|""|\{0\}\r\n|\{2\}\r\n\r\n|"01-Jan-1970 00:00:00 \+0000"|\((?:NIL ?)+\)'
    rb'|\("text" "plain".*',
    re.DOTALL | re.IGNORECASE,
)
_WORDS = re.compile(rb'"((?:[^"\\]|\\.)*)"|\{\d+\+?\}\r?\n|(\S+)')


@dataclass(frozen=True)
class Told:
    """An item that a client was told of a message, for checking it afterwards."""

    uid: int
    name: bytes
    value: bytes
    lengths: tuple[int | None, ...]


@dataclass
class Wanted:
    """The messages that the answer to a FETCH has to be about.

    ``without_newer`` are those of them that were not named by ``*`` alone: a message that comes
    while the command is on its way is then meant in the place of the last one, and only the server
    knows which it was (RFC 3501 section 9, seq-number).
    """

    uids: set[int]
    without_newer: set[int]
    attributes: list[Attribute]

    def newer_came(self) -> None:
        """The client was told of more messages before the answer was over."""
        self.uids = self.without_newer


class Lawful:
    """The model of one client. ``faults`` is what was unlawful in the steps so far.

    ``spool`` looks at the disk, for the UIDs; ``observer`` asks the server straight, for flags and
    for what cannot change. Without an observer only numbers and the order of things are judged.
    """

    def __init__(
        self, spool: Callable[[bytes], Spool | None], observer: Observer | None = None
    ) -> None:
        self._spool = spool
        self._observer = observer
        self.faults: list[str] = []
        self.view: ClientView | None = None
        self._opening: ClientView | None = None
        self._uid_validity = 0
        self._pending: list[Said] = []
        self._fetches = 0  # commands of this step
        self._gone: frozenset[int] = frozenset()  # UIDs
        self._told: list[Told] = []
        self._answered: dict[int, Counter[bytes]] = {}
        self._wanted: dict[bytes, Wanted] = {}
        self.checked = 0

    def behind(self) -> tuple[frozenset[int], bool]:
        """Which messages are gone without the client's knowing, and whether the mailbox is."""
        if self.view is None:
            return frozenset(), False
        there = self._spool(self.view.mailbox)
        return self.view.gone(there), self.view.is_uprooted(there)

    def _gone_uids(self) -> frozenset[int]:
        view = self.view
        gone, uprooted = self.behind()
        if view is None or uprooted:
            return frozenset(view.uids if view is not None else ())
        return frozenset(view.uid(number) for number in gone)

    def early(self, responses: Sequence[Response]) -> None:
        """Take what came before the client said anything."""
        for response in responses:
            self._take(response)

    def begin(self, step: Step) -> None:
        """The client does a step."""
        self._answered = {}
        self._gone = self._gone_uids()
        commands = said(step)
        self._fetches = sum(command.is_fetch for command in commands)
        for command in commands:
            self._pending.append(command)
            if command.is_fetch and self.view is not None:
                self._expect(self.view, command)
            if command.name in (b"STORE", b"UID STORE") and self.view is not None:
                # What .SILENT leaves unsaid the client may think itself; this one does not.
                self.view.flags.clear()
            if command.name in (b"SELECT", b"EXAMINE"):
                self._opening = ClientView(_mailbox_of(command, step))

    def answered(self, responses: Sequence[Response], *, reconnected: bool) -> None:
        """Take all that came, and judge it."""
        for response in responses:
            self._take(response)
        self._check_contents()
        if reconnected:
            self.view = self._opening = None
            self._pending = []

    def _expect(self, view: ClientView, command: Said) -> None:
        request = fetched(command.rest)
        if request is None:
            return
        by_uid = command.name == b"UID FETCH"
        largest = max(view.uids, default=0) if by_uid else len(view.uids)
        chosen = numbers(request[0], largest)
        if chosen is None or UNKNOWN in view.uids:
            return
        certain = numbers(request[0].replace(b"*", b"%d" % (largest + 1)), largest) or set()
        both = [
            {uid for uid in view.uids if uid in some}
            if by_uid
            else {view.uid(number) for number in some}
            for some in (chosen, certain)
        ]
        uids, without_newer = (some - self._gone for some in both)
        self._wanted[command.tag] = Wanted(uids, without_newer, request[1])

    # -- one response ------------------------------------------------------------------------

    def _take(self, response: Response) -> None:
        word = response.first_word
        if word == b"+":
            return
        if word != b"*":
            self._tagged(response)
            return
        octets = response.octets
        try:
            fetch = fetch_response(octets)
        except Unreadable as unreadable:
            self._fault(f"unreadable: {unreadable}: {octets[:200]!r}")
            return
        if fetch is not None:
            self._fetch(fetch)
        elif match := _NUMBERED.match(octets):
            self._numbered(int(match[1]), match[2].upper())
        elif match := _VANISHED.match(octets):
            self._vanished(numbers(match[1], 0xFFFFFFFF) or set())
        elif match := _FOUND.match(octets):
            self._found([int(number) for number in match[1].split()])
        elif match := _VALIDITY.match(octets):
            self._uid_validity = int(match[1])
            if self._opening is not None:
                self._opening.uid_validity = self._uid_validity

    @property
    def _current(self) -> Said | None:
        return self._pending[0] if self._pending else None

    def _selected(self) -> ClientView | None:
        """What the untagged responses are about now."""
        current = self._current
        if current is not None and current.name in (b"SELECT", b"EXAMINE"):
            return self._opening
        return self.view

    def _numbered(self, number: int, kind: bytes) -> None:
        view = self._selected()
        if view is None:
            self._fault(f"{number} {kind.decode()}, and no mailbox is selected")
        elif kind == b"EXPUNGE":
            self._may_expunge(f"EXPUNGE {number}")
            self._fault(view.expunge(number))
        elif view is self._opening:
            # The UIDVALIDITY comes behind it, so what is on the disk is looked up later.
            view.uids = [UNKNOWN] * number
        else:
            self._fault(view.exists(number, self._spool(view.mailbox)))
            for wanted in self._wanted.values():
                wanted.newer_came()

    def _vanished(self, uids: set[int]) -> None:
        view = self._selected()
        if view is None:
            self._fault("VANISHED, and no mailbox is selected")
            return
        self._may_expunge("VANISHED")
        self._fault(view.vanished(uids))

    def _may_expunge(self, what: str) -> None:
        # Of a pipeline nobody can say which command is being answered: servers work on several.
        if not self._pending:
            self._fault(f"{what} with no command in progress (RFC 3501 section 7.4.1)")
        elif all(command.keeps_numbers for command in self._pending):
            during = self._pending[0].name.decode()
            self._fault(f"{what} during {during} (RFC 3501 section 7.4.1)")

    def _found(self, found: list[int]) -> None:
        view = self._selected()
        if view is None or any(command.name.startswith(b"UID ") for command in self._pending):
            return
        if wrong := [number for number in found if not 1 <= number <= len(view.uids)]:
            self._fault(f"{wrong} found, of {len(view.uids)} messages")

    def _fetch(self, fetch: FetchResponse) -> None:
        view = self._selected()
        if view is None:
            self._fault(f"FETCH of {fetch.number}, and no mailbox is selected")
            return
        if not 1 <= fetch.number <= len(view.uids):
            self._fault(f"FETCH of {fetch.number}, of {len(view.uids)} messages")
            return
        if fetch.uid is not None:
            self._fault(view.names(fetch.number, fetch.uid))
        constant = [(name, value) for name, value in fetch.items if is_constant(name)]
        self._needs_uid(fetch, bool(constant))
        uid = view.uid(fetch.number)
        if uid == UNKNOWN:
            return
        if fetch.flags is not None:
            view.flags[uid] = fetch.flags
        counts = self._answered.setdefault(uid, Counter())
        counts.update({name for name, _ in fetch.items})
        self._told += [Told(uid, name, value, self._lengths(name)) for name, value in constant]

    def _needs_uid(self, fetch: FetchResponse, constant: bool) -> None:
        by_uid = all(command.name == b"UID FETCH" for command in self._pending)
        if constant and by_uid and self._pending and fetch.uid is None:
            self._fault(f"UID FETCH answered without UID: {fetch.number} (RFC 3501 section 6.4.8)")

    def _lengths(self, name: bytes) -> tuple[int | None, ...]:
        asked = (fetched(command.rest) for command in self._pending if command.is_fetch)
        attributes = (attribute for request in asked if request for attribute in request[1])
        return tuple(attribute.length for attribute in attributes if attribute.name == name)

    # -- tagged ------------------------------------------------------------------------------

    def _tagged(self, response: Response) -> None:
        tag, _, text = response.octets.partition(b" ")
        command = next((command for command in self._pending if command.tag == tag), None)
        if command is None:
            self._fault(f"a reply to no command: {response.octets[:100]!r}")
            return
        succeeded = text[:3].upper() == b"OK "
        alone = len(self._pending) == 1
        if command.is_fetch:
            self._fetch_answered(command, succeeded=succeeded)
        elif command.name in (b"SELECT", b"EXAMINE"):
            self._select_answered(succeeded=succeeded)
        elif command.name in (b"CLOSE", b"UNSELECT") and succeeded:
            self.view = None
        elif command.name in (b"STORE", b"UID STORE") and self.view is not None:
            self.view.flags.clear()  # in a pipeline they may have been told before they changed
        elif command.name in (b"NOOP", b"CHECK") and succeeded and alone:
            self._check_view()
        self._pending.remove(command)

    def _select_answered(self, *, succeeded: bool) -> None:
        view, self._opening = self._opening if succeeded else None, None
        self.view = view
        there = None if view is None else self._spool(view.mailbox)
        if view is None or there is None or view.is_uprooted(there):
            return
        if len(there.uids) == len(view.uids):
            known, view.uids = view.uids, list(there.uids)
            pairs = zip(known, there.uids, strict=True)
            if any(uid not in (UNKNOWN, true) for uid, true in pairs):
                self._fault(f"UIDs {known}, and on the disk are {there.uids}")

    def _fetch_answered(self, command: Said, *, succeeded: bool) -> None:
        wanted = self._wanted.pop(command.tag, Wanted(set(), set(), []))
        names = {attribute.name for attribute in wanted.attributes}
        for uid, counts in self._answered.items():
            body = [name for name in counts if is_constant(name)]
            if wrong := [name for name in body if counts[name] > self._fetches]:
                self._fault(f"UID {uid} was answered twice for {wrong}")
        if not succeeded:
            return
        for uid in sorted(wanted.uids):
            if missing := names - set(self._answered.get(uid, ())):
                self._fault(f"OK, and of UID {uid} nothing was said of {sorted(missing)}")

    # -- against the server -------------------------------------------------------------------

    def _check_view(self) -> None:
        """At this moment a client has been told of everything (RFC 3501 section 6.1.2)."""
        view = self.view
        if view is None or self._observer is None:
            return
        state = self._observer.state(view.mailbox)
        if state is None or state.uid_validity != view.uid_validity:
            return
        if list(state.flags) != view.uids:
            self._fault(f"after NOOP the UIDs are {view.uids}; in truth {list(state.flags)}")
        for uid, flags in view.flags.items():
            true = state.flags.get(uid)
            if true is not None and true != flags:
                self._fault(f"after NOOP UID {uid} has {sorted(flags)}; in truth {sorted(true)}")
        self.checked += 1

    def _check_contents(self) -> None:
        told, self._told = self._told, []
        view = self.view
        if view is None or self._observer is None or not told or self.behind()[1]:
            return  # of a mailbox that is gone, or another by its name, nobody can tell the truth
        wanted = [(item.uid, item.name) for item in told]
        true = self._observer.items(view.mailbox, view.uid_validity, wanted)
        for item in told:
            value = true.get((item.uid, item.name))
            if value is None or (item.uid in self._gone and _INVENTED.fullmatch(item.value)):
                continue  # RFC 2180 section 4.1.3: what is expunged may be answered as empty
            if b"<" in item.name and not item.lengths:
                continue  # how much of it was asked for is not known
            self.checked += 1
            if not value.agrees(item.name, item.value, item.lengths):
                self._fault(
                    f"UID {item.uid} {item.name.decode()}: {item.value[:120]!r};"
                    f" in truth {value.octets[:120]!r}"
                )

    def _fault(self, text: str) -> None:
        if text:
            self.faults.append(text)


def _mailbox_of(command: Said, step: Step) -> bytes:
    """The name as on the wire; a literal stands in the next segment, or behind its line."""
    rest = b"".join(step.segments).partition(b" ")[2].partition(b" ")[2]
    match = _WORDS.match(rest)
    if match is None:
        return b""
    if match[2] is None and match[1] is None:
        size = int(re.sub(rb"\D", b"", match[0]))
        return rest[match.end() :][:size]
    name = match[2] if match[1] is None else re.sub(rb"\\(.)", rb"\1", match[1])
    return b"INBOX" if name.upper() == b"INBOX" else name
