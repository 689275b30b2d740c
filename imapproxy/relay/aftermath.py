"""What is done on a new connection before the session goes on with it.

What has become of commands that may not be said twice is found out, and commands that would mean
other messages now than when they were said are said by UIDs.
"""

from collections.abc import Sequence
from typing import NamedTuple

from imapproxy.relay.client_line import ClientLine, read_client_line
from imapproxy.relay.comeback import Comeback, Revived
from imapproxy.relay.command_queue import Command, outcome_unknown
from imapproxy.relay.relayed_command import RelayedCommand
from imapproxy.relay.repeating import (
    Fate,
    changes_up_to_the_last,
    fate_of,
    names_messages_by_number,
)
from imapproxy.relay.restoring import Restored
from imapproxy.relay.resume import CannotResume, Known
from imapproxy.relay.session_state import SessionState
from imapproxy.relay.translating import CannotTranslate, Translation, translate
from imapproxy.upstream.client import ImapClient
from imapproxy.upstream.errors import CommandRefused
from imapproxy.upstream.request import Request

# Each time the mailbox is selected anew. Who never says anything else is sent away in the end.
_MAX_TRANSLATED = 100
_LOST = b"the connection was lost"


class _Waiting(NamedTuple):
    """A command that waits for the new connection; ``item`` is ``None`` for the one held.
    ``misread``: it would mean other messages than when it was said.
    """

    item: Command | None
    line: ClientLine | None
    misread: bool


class Aftermath:
    """One session's. ``translated`` counts the commands that were since the client was told."""

    def __init__(self, state: SessionState) -> None:
        self._state = state
        self.translated = 0

    @property
    def waits(self) -> bool:
        """Whether any command waits for a connection."""
        comeback = self._state.comeback
        is_held = comeback is not None and comeback.held is not None
        return is_held or any(self._state.order.unanswered())

    async def settle(self, revived: Revived) -> bool:
        """Do it; whether the session goes on with the connection.

        Raises :class:`CannotResume`, or what became of the connection: what is done by then is not
        done again.
        """
        comeback = self._state.comeback
        assert comeback is not None
        await self._find_out(revived)
        restored = revived.restored
        if restored is None:
            return True
        misread = _first_misread(self._waiting(comeback, restored))
        if misread:
            await self._translate_all(misread, revived.client, restored)
        return not misread

    # -- what may not be said twice ------------------------------------------------------------

    async def _find_out(self, revived: Revived) -> None:
        state = self._state
        has_uidplus = "UIDPLUS" in revived.partner.capabilities
        for item in list(state.order.unanswered()):
            if not isinstance(item, RelayedCommand) or item.question is None:
                continue
            answer = None
            mailbox = None if state.caching is None else state.caching.selected.mailbox
            is_selected = mailbox is not None and revived.restored is not None
            if (
                mailbox is not None
                and is_selected
                and item.question.about(mailbox.name, mailbox.uid_validity)
            ):
                answer = await item.question.ask(revived.client, has_uidplus=has_uidplus)
            unknown = outcome_unknown(item.client_tag, _LOST)
            answered = unknown if answer is None else item.client_tag + b" " + answer
            state.order.replace(item, answered)

    # -- what would be misread ---------------------------------------------------------------

    def _waiting(self, comeback: Comeback, restored: Restored) -> list[_Waiting]:
        held = comeback.held
        waiting = [
            _Waiting(item, item.line, _is_misread(item.line, restored, whole=True))
            for item in self._state.order.unanswered()
        ]
        line = None if held is None else read_client_line(held.data)
        if held is not None and line is not None:
            whole = held.literal is None
            misread = _is_misread(line, restored, whole=whole)
            waiting.append(_Waiting(None, line if whole else None, misread))
        return waiting

    async def _translate_all(
        self, waiting: Sequence[_Waiting], client: ImapClient, restored: Restored
    ) -> None:
        known = None if self._state.caching is None else self._state.caching.selected.known
        assert known is not None
        # All or none: the client is not told half of what it asks.
        translations = [self._translation(one, known, restored) for one in waiting]
        for one, translation in zip(waiting, translations, strict=True):
            await self._say(one, translation, client, known)

    def _translation(self, waiting: _Waiting, known: Known, restored: Restored) -> Translation:
        comeback = self._state.comeback
        assert comeback is not None
        line = waiting.line
        self.translated += 1
        if line is None or self.translated > _MAX_TRANSLATED:
            raise CannotResume("messages have gone meanwhile")
        words = line.rest.upper()
        if not comeback.ledger.condstore and (b"MODSEQ" in words or b"CHANGEDSINCE" in words):
            raise CannotResume("messages have gone meanwhile")  # it switches something on
        try:
            return translate(line, known.view, restored.changes.gone)
        except CannotTranslate:
            raise CannotResume("messages have gone meanwhile") from None

    async def _say(
        self, waiting: _Waiting, translation: Translation, client: ImapClient, known: Known
    ) -> None:
        line = waiting.line
        assert line is not None
        answer = outcome_unknown(line.tag, _LOST)
        may_repeat = fate_of(line) is not Fate.UNKNOWN
        is_answered = False
        try:
            answer = await self._answer(translation, client, known)
            is_answered = True
        finally:
            # If the connection is lost here, what may be said again is said to the next one.
            if is_answered or not may_repeat:
                self._answered(waiting, answer)

    async def _answer(self, translation: Translation, client: ImapClient, known: Known) -> bytes:
        if translation.words is None:
            return translation.answer(known.view, None)
        request = Request(client.connection, (translation.words,), "sync")
        try:
            outcome = await client.run_request(request)
        except CommandRefused as error:
            return b"%b %b %b\r\n" % (translation.tag, error.status, error.text)
        return translation.answer(known.view, outcome)

    def _answered(self, waiting: _Waiting, answer: bytes) -> None:
        if waiting.item is not None:
            self._state.order.replace(waiting.item, answer)
        elif self._state.comeback is not None:
            self._state.comeback.held = None
            self._state.order.append(answer)


def _is_misread(line: ClientLine | None, restored: Restored, *, whole: bool) -> bool:
    changes = restored.changes
    if line is None:
        return bool(changes.vanished)
    if changes.vanished and names_messages_by_number(line, whole=whole):
        return True
    return bool(changes.arrived) and changes_up_to_the_last(line)


def _first_misread(waiting: Sequence[_Waiting]) -> Sequence[_Waiting]:
    """Those that are misread. Raises :class:`CannotResume` if others come before one of them."""
    count = sum(one.misread for one in waiting)
    if not all(one.misread for one in waiting[:count]):
        raise CannotResume("messages have gone meanwhile")
    return waiting[:count]
