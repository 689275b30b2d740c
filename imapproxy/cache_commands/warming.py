"""Filling the cache: one account, mailbox by mailbox, newest messages first.

Only what is not held is asked for, so that who is interrupted goes on where it was. A server that
says it is asked too much is left alone for a while.
"""

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from os import fsencode
from typing import Any, NamedTuple, Protocol

from twisted.internet.task import deferLater

from imapproxy.cache.store import Mailbox, Need, Store, StoreError
from imapproxy.cache_commands import wanted
from imapproxy.cache_commands.filling import Filling
from imapproxy.cache_commands.refusals import Patience, asked_for, is_weary, passes
from imapproxy.cache_commands.wanted import Wishes
from imapproxy.mail_cache import account_name
from imapproxy.upstream.client import ImapClient
from imapproxy.upstream.dial import Upstream, dial
from imapproxy.upstream.errors import CommandRefused, UpstreamError, UpstreamUnavailable, printable
from imapproxy.upstream.log_in import log_in
from imapproxy.wire.credentials import Credentials
from imapproxy.wire.mailbox import (
    INBOX,
    WireMailbox,
    decode_mailbox_lossless,
    encode_mailbox,
)
from imapproxy.wire.responses import Condition, ListData, Response, StatusResponse
from imapproxy.wire.secret import Secret

_NO_MAILBOX = frozenset((b"\\noselect", b"\\nonexistent"))

# To learn how the server lays out its answers a message is asked for that is no longer than this.
_SAMPLE = 64 * 1024
# An answer that has no message in it has fewer octets.
_NOTHING = 100
_SAMPLED = 200  # of the newest, the smallest is taken


class Report(Protocol):
    """Is told how it goes."""

    def mailbox(self, name: str, messages: int) -> None:
        """A mailbox is begun, of which so many messages are wanted."""

    def held(self, messages: int) -> None:
        """So many more of them are held as they are wanted, or cannot be had."""

    def came(self, octets: int) -> None:
        """So many octets came."""

    def note(self, text: str) -> None:
        """Something that is worth a line."""


class Room(NamedTuple):
    """``limit`` octets are there in all; ``in_use`` tells how many of them are taken."""

    limit: int
    in_use: Callable[[], int]

    def has(self, octets: int, messages: int) -> bool:
        """Whether these fit in, so that nothing that is held has to go for them."""
        return self.in_use() + octets + messages * wanted.OVERHEAD <= self.limit

    def takes(self, octets: int) -> bool:
        """Whether a store of this size keeps a message of so many octets at all."""
        return octets <= self.limit // 2


class Account(NamedTuple):
    """Whose mail, and where it is. ``rate`` is in octets a second, ``None`` is no limit."""

    upstream: Upstream
    credentials: Credentials
    rate: float | None = None


def account_of(upstream: Upstream, user: str, password: str | None, rate: int | None) -> Account:
    """The account that a user name and a password open."""
    credentials = Credentials(fsencode(user), Secret(fsencode(password or "")))
    return Account(upstream, credentials, rate)


class _Full(Exception):
    """There is no more room."""


class Warming:
    """One run. ``is_full`` tells that it ended for want of room, ``left_out`` that something that
    was wanted could not be had.
    """

    def __init__(
        self,
        reactor: Any,
        account: Account,
        store: Store,
        room: Room,
        wishes: Wishes,
        report: Report,
        patience: Patience,
    ) -> None:
        self._reactor = reactor
        self._account = account
        self._store = store
        self._room = room
        self._wishes = wishes
        self._report = report
        self._patience = patience
        self._waiting: deque[WireMailbox] | None = None  # mailboxes; None: not listed yet
        self._attributes: tuple[str, ...] = ()
        self._sampled = False
        self._farewell = ""  # what the server says when it says BYE
        self.is_full = False
        self.left_out = False

    async def run(self) -> None:
        """Fill until all that is wanted is held, or there is no more room.

        Raises :class:`UpstreamError` for what waiting does not mend, and :class:`StoreError`.
        """
        while True:
            try:
                await self._session()
                return
            except _Full:
                self.is_full = True
                return
            except UpstreamError as error:
                await self._wait(error)

    async def _session(self) -> None:
        filling = await self._log_in()
        try:
            await self._fill(filling)
        except Exception:  # and not when the program ends: then nothing can be said any more
            await self._leave(filling)
            raise
        await self._leave(filling)

    async def _leave(self, filling: Filling) -> None:
        if filling.client.connection.error is None:
            await filling.client.logout()

    # -- the connection --------------------------------------------------------------------

    async def _log_in(self) -> Filling:
        upstream, credentials, rate = self._account
        self._farewell = ""
        client = await dial(self._reactor, upstream)
        client.observers.append(self._hear)
        try:
            await log_in(client, credentials)
        except UpstreamError:
            client.close()
            raise
        name = account_name(upstream.address, credentials)
        self._attributes = wanted.attributes(has_emailid="OBJECTID" in (client.capabilities or ()))
        if self._waiting is None:
            self._waiting = deque(await self._mailboxes(client))
        return Filling(client, name, self._store, self._reactor, rate)

    async def _mailboxes(self, client: ImapClient) -> list[WireMailbox]:
        if self._wishes.mailboxes:
            return [encode_mailbox(name) for name in self._wishes.mailboxes]
        listed = [one.mailbox for one in await client.list() if _can_be_opened(one)]
        return sorted(listed, key=lambda name: name != INBOX)  # INBOX first, others as they came

    def _hear(self, response: Response) -> None:
        if isinstance(response, StatusResponse) and response.condition is Condition.BYE:
            code = getattr(response.code, "name", "")
            self._farewell = f"BYE {f'[{code}] ' if code else ''}{printable(response.text)}"

    async def _wait(self, error: UpstreamError) -> None:
        farewell = self._farewell
        has_begun = self._waiting is not None
        if not (is_weary(error, farewell) or (has_begun and passes(error))):
            raise error
        seconds = self._patience.next(asked_for(error, farewell))
        if seconds is None:
            raise UpstreamUnavailable(
                f"it is of no use now: {error}",
                "what has come is kept; run this again later and it goes on from there",
            ) from None
        said = f"{error} ({farewell})" if farewell else str(error)
        self._report.note(f"{said}; waiting {seconds:.0f} seconds")
        await deferLater(self._reactor, seconds)

    # -- mailboxes -------------------------------------------------------------------------

    async def _fill(self, filling: Filling) -> None:
        assert self._waiting is not None
        while self._waiting:
            name = self._waiting[0]
            try:
                await self._fill_mailbox(filling, name)
            except CommandRefused as error:
                if passes(error):
                    raise
                self._leave_out(f"{_text(name)} cannot be had: {error}")
            self._waiting.popleft()

    async def _fill_mailbox(self, filling: Filling, name: WireMailbox) -> None:
        mailbox = await filling.examine(name)
        if mailbox is not None:
            await filling.learn_uids()
        uids = wanted.newest_first(filling.uids, self._wishes.newest)
        self._report.mailbox(_text(name), len(uids))
        if mailbox is None or not filling.follows:
            self._leave_out(f"{_text(name)}: its messages cannot be told apart for good")
            return
        self._forget_what_is_gone(mailbox, filling.uids)
        if not uids:
            return
        await self._fill_attributes(filling, mailbox, uids)
        await self._fill_sections(filling, mailbox, uids)
        await self._sample(filling, mailbox, uids)

    async def _fill_attributes(self, filling: Filling, mailbox: Mailbox, uids: list[int]) -> None:
        names = self._attributes
        held = self._held(mailbox, uids, names, ())
        for portion in wanted.portions([uid for uid in uids if uid not in held], {}):
            if not self._room.has(0, len(portion)):
                raise _Full
            await self._ask(filling, portion, lambda some: wanted.fetch_attributes(some, names))

    async def _fill_sections(self, filling: Filling, mailbox: Mailbox, uids: list[int]) -> None:
        headers_only = self._wishes.headers_only
        sizes = {} if headers_only else self._sizes(mailbox, uids)
        need = wanted.HEADER if headers_only else wanted.WHOLE
        held = self._held(mailbox, uids, (), (need,))
        self._report.held(len(held))
        missing = [uid for uid in uids if uid not in held]
        for portion in wanted.portions(self._without_giants(missing, sizes), sizes):
            octets = sum(sizes.get(uid, 0) for uid in portion)
            if not self._room.has(octets, len(portion)):
                raise _Full
            before = filling.octets
            await self._ask(
                filling,
                portion,
                lambda some: wanted.fetch_sections(some, headers_only=headers_only),
            )
            came = filling.octets - before
            self._see_that_it_is_kept(mailbox, portion, need, filling, came)
            self._report.held(len(portion))

    def _without_giants(self, uids: Sequence[int], sizes: dict[int, int]) -> list[int]:
        """Those that a store of this size keeps."""
        kept = [uid for uid in uids if self._room.takes(sizes.get(uid, 0))]
        if len(kept) < len(uids):
            count = len(uids) - len(kept)
            self._leave_out(f"{count} too large for this cache (more than half of it each)")
            self._report.held(count)
        return kept

    # -- what is held ----------------------------------------------------------------------

    def _forget_what_is_gone(self, mailbox: Mailbox, uids: Sequence[int]) -> None:
        """Messages that were expunged while nobody looked make room."""
        held = self._store.reader.held(mailbox, (), (), 1, 2**32 - 1)
        gone = frozenset(held).difference(uids)
        if gone:
            self._store.writer.forget(mailbox, gone)

    def _held(
        self,
        mailbox: Mailbox,
        uids: Sequence[int],
        names: Sequence[str],
        needs: Sequence[Need],
    ) -> frozenset[int]:
        """Of these UIDs those of which that is held."""
        found = self._store.reader.held(mailbox, names, needs, min(uids), max(uids))
        return frozenset(found).intersection(uids)

    def _sizes(self, mailbox: Mailbox, uids: Sequence[int]) -> dict[int, int]:
        rows = self._store.reader.attributes(mailbox, ("RFC822.SIZE",), min(uids), max(uids))
        return {
            uid: int(size)
            for uid, size in rows
            if isinstance(uid, int) and isinstance(size, bytes) and size.isdigit()
        }

    def _see_that_it_is_kept(
        self, mailbox: Mailbox, uids: Sequence[int], need: Need, filling: Filling, came: int
    ) -> None:
        """Raises :class:`StoreError` if all of this was fetched for nothing."""
        kept = self._held(mailbox, uids, (), (need,))
        lost = [uid for uid in uids if uid not in kept and filling.number_of(uid)]
        if lost and not kept and came > _NOTHING * len(uids):
            raise StoreError("the cache does not keep what comes: is its disk full, or read-only?")
        if lost:
            self._leave_out(f"{len(lost)} messages of {_text(mailbox.name)} could not be kept")

    # -- asking ----------------------------------------------------------------------------

    async def _ask(
        self, filling: Filling, uids: Sequence[int], line: Callable[[Sequence[int]], str]
    ) -> None:
        """Ask for a portion; where that is refused, for each message alone."""
        before = filling.octets
        try:
            await filling.fetch(line(uids))
        except CommandRefused as error:
            if passes(error):
                raise
            if len(uids) == 1:
                self._leave_out(f"UID {uids[0]} cannot be had: {error}")
            else:
                for uid in uids:
                    await self._ask(filling, [uid], line)
            return
        await self._store.flushed()
        self._report.came(filling.octets - before)
        self._patience.went_on()

    async def _sample(self, filling: Filling, mailbox: Mailbox, uids: Sequence[int]) -> None:
        """Ask for one message as programs do, so that the proxy knows the answer's layout."""
        if self._sampled:
            return
        sizes = self._sizes(mailbox, uids[:_SAMPLED])
        size, uid = min(((size, uid) for uid, size in sizes.items()), default=(_SAMPLE + 1, 0))
        number = filling.number_of(uid)
        if size > _SAMPLE or not number:
            return
        for line in wanted.usual_questions(number, uid):
            if filling.number_of(uid) == number and not filling.knows_shape(line):
                with suppress(CommandRefused):  # then programs learn nothing by it either
                    await filling.fetch(line)
        await self._store.flushed()
        self._sampled = True

    def _leave_out(self, text: str) -> None:
        self.left_out = True
        self._report.note(text)


def _can_be_opened(listed: ListData) -> bool:
    return not _NO_MAILBOX.intersection(bytes(flag).lower() for flag in listed.attributes)


def _text(name: bytes) -> str:
    return printable(decode_mailbox_lossless(name))
