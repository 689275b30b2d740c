"""Setting a new connection up as the one before it was, and learning what has changed since."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from imapproxy.relay.ledger import Selection
from imapproxy.relay.resume import (
    NO_CHANGES,
    CannotResume,
    Changes,
    Inquiry,
    Known,
    changes,
    check_length,
    check_same_mailbox,
    inquiry,
    nothing_went,
    uids_of,
)
from imapproxy.upstream.client import ImapClient, Outcome
from imapproxy.upstream.connection import UpstreamConnection
from imapproxy.upstream.errors import CommandRefused
from imapproxy.upstream.request import Request
from imapproxy.upstream.selected import Selected as Told
from imapproxy.upstream.selected import selected_from
from imapproxy.wire.response_code import MailboxId
from imapproxy.wire.responses import Exists, Expunged, FetchData, Recent, Response, StatusResponse
from imapproxy.wire.responses import Vanished as VanishedData

_LISTED_AT_ONCE = 5_000  # messages; some 100 KB of answers


@dataclass(frozen=True, slots=True)
class Restored:
    """What the server tells of the mailbox now. ``exists`` and ``recent`` are the last it told."""

    told: Told
    changes: Changes
    exists: int
    recent: int


class Restoring:
    """Asks one new connection, by ``client``.

    Raises :class:`CannotResume`, or what became of the connection.
    """

    def __init__(self, connection: UpstreamConnection) -> None:
        self.client = ImapClient(connection)
        self.client.observers.append(self._hear)
        self._connection = connection
        self._exists = 0
        self._recent = 0
        self._numbers_moved = False

    async def set_up(self, commands: Sequence[bytes]) -> None:
        """Say again what the client has said; ``commands`` without their tags."""
        for command in commands:
            await self._run(command)

    async def select(self, selection: Selection, known: Known) -> Restored:
        """Select the mailbox as it was, and see what has changed."""
        outcome = await self._run(selection.words + b"\r\n")
        told = selected_from(outcome.status, outcome.data)
        self._numbers_moved = False  # what was told of another mailbox
        check_same_mailbox(known, told, _mailbox_id(outcome))
        if told.read_only != selection.read_only:
            raise CannotResume("the mailbox may be changed no longer, or again")
        found = await self._changes(known, told)
        return Restored(told, found, self._exists, self._recent)

    async def _changes(self, known: Known, told: Told) -> Changes:
        view = known.view
        to_ask = inquiry(known, told)
        if to_ask is Inquiry.NOTHING:
            return NO_CHANGES
        if to_ask is Inquiry.TAIL:
            check_length(told.exists - view.exists)
            tail = await self._uids(view.exists, told.exists)
            if nothing_went(view, tail):
                return changes(tail[:1], tail)
        check_length(told.exists)
        new = await self._uids(1, told.exists)
        return changes(uids_of(view), new)

    async def _uids(self, first: int, last: int) -> list[int]:
        uids: list[int] = []
        for start in range(first, last + 1, _LISTED_AT_ONCE):
            end = min(last, start + _LISTED_AT_ONCE - 1)
            outcome = await self._run(b" FETCH %d:%d (UID)\r\n" % (start, end))
            told = {int(number): uid for number, uid in _uids_told(outcome)}
            if self._numbers_moved or not all(n in told for n in range(start, end + 1)):
                raise CannotResume("which messages the mailbox has could not be learned")
            uids += (told[number] for number in range(start, end + 1))
        return uids

    async def _run(self, command: bytes) -> Outcome:
        try:
            return await self.client.run_request(Request(self._connection, (command,), "sync"))
        except CommandRefused as error:
            name = command.split(None, 1)[0].decode("ascii", "replace")
            raise CannotResume(f"the server refuses {name}") from error

    def _hear(self, response: Response) -> None:
        match response:
            case Exists(count=count):
                self._exists = count
            case Recent(count=count):
                self._recent = count
            case Expunged():
                self._numbers_moved = True
            case VanishedData(earlier=False):
                self._numbers_moved = True
            case _:
                pass


def _uids_told(outcome: Outcome) -> Iterator[tuple[int, int]]:
    for response in outcome.data:
        if isinstance(response, FetchData) and response.uid is not None:
            yield response.number, response.uid


def _mailbox_id(outcome: Outcome) -> bytes:
    for response in (*outcome.data, outcome.status):
        if isinstance(response, StatusResponse) and isinstance(response.code, MailboxId):
            return response.code.value
    return b""
