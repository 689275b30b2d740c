"""A connection on which mail is fetched for the cache alone, by the proxy's own means.

What comes is followed and kept by the same parts that keep what passes on its way to a client, so
that it is kept under the same keys and in the same form.
"""

from twisted.internet.interfaces import IReactorTime

from imapproxy.cache.request import FetchRequest, read_fetch_request
from imapproxy.cache.store import Mailbox, Store
from imapproxy.cache_commands.pace import Disk, Pace
from imapproxy.relay.mailbox_changes import MailboxChanges
from imapproxy.relay.selected import Selected
from imapproxy.relay.shapes import Shapes
from imapproxy.relay.tee import Tee
from imapproxy.relay.untagged import Untagged
from imapproxy.relay.valve import Valve
from imapproxy.upstream.client import ImapClient
from imapproxy.upstream.connection import Receiver
from imapproxy.upstream.errors import UpstreamError, UpstreamUnavailable
from imapproxy.wire.commands import CommandBody
from imapproxy.wire.fetch_scanner import FETCH_BEGINS
from imapproxy.wire.framing import Line, Octets
from imapproxy.wire.mailbox import WireMailbox
from imapproxy.wire.mailbox_commands import Examine

# A server that says nothing at all for so many seconds, with a command before it, is gone.
_SILENCE = 180.0

# UIDs that are asked for at once.
_LEARNED_AT_ONCE = 10_000


class Filling(Receiver):
    """The receiver of ``client``, which is logged in: FETCH responses are for the cache.

    ``octets`` have come so far.
    """

    takes_runs = False
    takes_whole_responses = False

    def __init__(
        self,
        client: ImapClient,
        account: bytes,
        store: Store,
        clock: IReactorTime,
        rate: float | None,
    ) -> None:
        self.client = client
        self.octets = 0
        self._clock = clock
        valve = Valve(client.connection.transport)
        self._pace = Pace(clock, rate, valve)
        self._disk = Disk(store.flushed, valve)
        self._selected = Selected(account, store.reader, store.writer)
        self._shapes = Shapes(account, store.reader, store.writer)
        self._tee = Tee(self._selected, store.writer, self._shapes)
        has_ids = "OBJECTID" in (client.capabilities or ())
        changes = MailboxChanges(account, store.writer, self._selected, has_ids=has_ids)
        self._untagged = Untagged(
            self._selected,
            self._tee,
            changes,
            claimants=lambda: (),
            keep_early=lambda _: None,
            before_expunge=lambda: None,
        )
        self._inside = False  # a response has begun
        self._is_fetch = False
        client.connection.receiver = self

    # -- commands --------------------------------------------------------------------------

    async def examine(self, name: WireMailbox) -> Mailbox | None:
        """Open a mailbox so that nothing in it changes; ``None`` if it cannot be cached.

        Raises :class:`UpstreamError`.
        """
        self._selected.leave()
        self._selected.begin(name)
        await self._run(Examine(name))
        self._selected.opened()
        return self._selected.mailbox

    async def learn_uids(self) -> None:
        """Learn which messages there are, of those that are new. Raises :class:`UpstreamError`."""
        asked = None
        while (unknown := self._selected.unknown()) is not None and unknown != asked:
            asked = unknown
            first, last = unknown
            await self._ask(f"FETCH {first}:{min(last, first + _LEARNED_AT_ONCE - 1)} (UID)")
        self._selected.save()

    @property
    def follows(self) -> bool:
        """Whether it is known which messages there are."""
        view = self._selected.view
        return view is not None and view.complete

    @property
    def uids(self) -> list[int]:
        """The messages of the mailbox; none if it cannot be followed."""
        view = self._selected.view
        return [] if view is None or not view.complete else list(view.uids(1, view.exists))

    def number_of(self, uid: int) -> int:
        """The number of a message; 0 if it is gone."""
        view = self._selected.view
        if view is None or not view.complete:
            return 0
        first, last = view.numbers_of(uid, uid)
        return first if first <= last else 0

    async def fetch(self, line: str) -> None:
        """FETCH or UID FETCH as it is written. Raises :class:`UpstreamError`."""
        await self._ask(line)
        await self.learn_uids()  # of what has come meanwhile

    def knows_shape(self, line: str) -> bool:
        """Whether it is known how this server lays out its answer to this FETCH."""
        request = _request_of(line)
        return request is None or self._shapes.shape(request.asked) is not None

    async def _ask(self, line: str) -> None:
        request = _request_of(line)
        assert request is not None, line
        self._tee.expect([request.asked], certain=True)
        try:
            with _Watch(self, self._clock):
                await self.client.run_text(line)
        finally:
            self._tee.expect((), certain=True)

    async def _run(self, body: CommandBody) -> None:
        with _Watch(self, self._clock):
            await self.client.run(body)

    # -- Receiver --------------------------------------------------------------------------

    def untagged_run(self, octets: bytes, inside_response: bool) -> None:
        """See :class:`Receiver`: ``takes_runs`` is false."""
        raise AssertionError("runs are not for a receiver that looks at every response")

    def untagged_line(self, line: Line) -> None:
        """See :class:`Receiver`."""
        self._came(len(line.data))
        if not self._inside:
            self._is_fetch = FETCH_BEGINS.match(line.data) is not None
        self._inside = line.literal is not None
        self._untagged.line(line)
        if not self._is_fetch:
            self.client.untagged_line(line)

    def untagged_octets(self, octets: Octets) -> None:
        """See :class:`Receiver`."""
        self._came(len(octets.data))
        self._untagged.octets(octets)
        if not self._is_fetch:
            self.client.untagged_octets(octets)

    def batch_received(self) -> None:
        """See :class:`Receiver`."""

    def disconnected(self, error: UpstreamError) -> None:
        """See :class:`Receiver`."""
        self._untagged.lost()
        self._pace.stop()

    def _came(self, octets: int) -> None:
        self.octets += octets
        self._pace.took(octets)
        self._disk.took(octets)


def _request_of(line: str) -> FetchRequest | None:
    return read_fetch_request(b" %b\r\n" % line.encode("ascii"))


class _Watch:
    """While a command runs: a server that says nothing any more is given up."""

    def __init__(self, filling: Filling, clock: IReactorTime) -> None:
        self._filling = filling
        self._clock = clock
        self._octets = -1
        self._call = clock.callLater(_SILENCE, self._look)

    def _look(self) -> None:
        connection = self._filling.client.connection
        if self._filling.octets == self._octets:
            connection.fail(
                UpstreamUnavailable(f"{connection.name} said nothing for {_SILENCE:g} seconds")
            )
        else:
            self._octets = self._filling.octets
            self._call = self._clock.callLater(_SILENCE, self._look)

    def __enter__(self) -> "_Watch":
        self._octets = self._filling.octets
        return self

    def __exit__(self, *_: object) -> None:
        if self._call.active():
            self._call.cancel()
