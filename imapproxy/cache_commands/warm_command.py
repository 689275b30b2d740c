"""``imapproxy cache warm`` as people see it."""

from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text
from twisted.internet.defer import Deferred

from imapproxy.cache.sqlite.keeper import open_keeper
from imapproxy.cache.store import StoreError
from imapproxy.cache_commands.place import Place
from imapproxy.cache_commands.refusals import Patience
from imapproxy.cache_commands.wanted import Wishes
from imapproxy.cache_commands.warming import Account, Report, Room, Warming
from imapproxy.logs import begin_logging
from imapproxy.mail_cache import open_cache
from imapproxy.octets import tell_octets
from imapproxy.running import reactor_of_process, run_to_end
from imapproxy.upstream.errors import UpstreamError

_INTERRUPTED = 130  # as shells have it of SIGINT


class Shown(Report):
    """A line for each mailbox that was filled, on standard error, and a bar for the one that is.

    ``octets`` have come altogether.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self.bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[came]}"),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._bar = self.bars.add_task("", total=None, came="")
        self._name = ""
        self._wanted = self._held = self._came = 0
        self._is_hushed = False
        self.octets = 0

    def mailbox(self, name: str, messages: int) -> None:
        """See :class:`Report`."""
        if name != self._name:
            self.end_of_mailbox()
            self._came = 0
        self._name, self._wanted, self._held = name, messages, 0
        self.bars.reset(self._bar, description=name, total=messages, came="")

    def held(self, messages: int) -> None:
        """See :class:`Report`."""
        self._held += messages
        self.bars.advance(self._bar, messages)

    def came(self, octets: int) -> None:
        """See :class:`Report`."""
        self._came += octets
        self.octets += octets
        self.bars.update(self._bar, came=tell_octets(self._came))

    def note(self, text: str) -> None:
        """See :class:`Report`."""
        if not self._is_hushed:
            self._console.print(Text(text))

    def interrupted(self) -> None:
        """Say that it ends, and no more: connections that are cut now are no news."""
        self.note("interrupted; what has come is kept, and the next run goes on from there")
        self._is_hushed = True

    def end_of_mailbox(self) -> None:
        """Say how it went."""
        if self._wanted:
            came = f", {tell_octets(self._came)} came" if self._came else ""
            self.note(f"{self._name}: {self._held:,} of {self._wanted:,} are held{came}")
        self._wanted = 0


def warm(place: Place, account: Account, wishes: Wishes) -> int:
    """Fill the cache. 0 when all that was wanted is held, 1 when not.

    Raises ``ConfigError``, ``StoreError`` and ``UpstreamError``.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        console.width = 1000
    begin_logging(verbose=False, as_json=False, quiet=True)
    reactor = reactor_of_process()
    shown = Shown(console)
    outcome: list[int] = []
    with shown.bars:
        run_to_end(reactor, _fill(reactor, place, account, wishes, shown, outcome))
    return outcome[0] if outcome else _INTERRUPTED


class _Interruption:
    """A signal that ends the reactor: ``close`` is waited for, so that what has come is written."""

    def __init__(self, reactor: Any, shown: Shown, close: Callable[[], "Deferred[None]"]) -> None:
        self.came = False
        self._reactor = reactor
        self._shown = shown
        self._close = close
        self._trigger = reactor.addSystemEventTrigger("before", "shutdown", self._come)

    def _come(self) -> "Deferred[None]":
        self.came = True
        self._shown.interrupted()
        return self._close()

    def expect_no_more(self) -> None:
        """It is over anyway."""
        if not self.came:
            self._reactor.removeSystemEventTrigger(self._trigger)


async def _fill(
    reactor: Any, place: Place, account: Account, wishes: Wishes, shown: Shown, outcome: list[int]
) -> int:
    store = open_cache(reactor, place.cache).store
    interruption = _Interruption(reactor, shown, store.close)
    keeper = open_keeper(place.cache.directory)
    room = Room(place.cache.max_octets, keeper.octets_in_use)
    warming = Warming(reactor, account, store, room, wishes, shown, Patience())
    try:
        await warming.run()
        in_use = keeper.octets_in_use()
    except (StoreError, UpstreamError):
        if interruption.came:  # the store was closed under it
            return _INTERRUPTED
        raise
    finally:
        keeper.close()
        interruption.expect_no_more()
        await store.close()
    _conclude(place, warming, in_use, shown)
    outcome.append(1 if warming.is_full or warming.left_out else 0)
    return outcome[0]


def _conclude(place: Place, warming: Warming, in_use: int, shown: Shown) -> None:
    shown.end_of_mailbox()
    room = f"{tell_octets(in_use)} of {tell_octets(place.cache.max_octets)}"
    shown.note(f"{tell_octets(shown.octets)} came; the cache has {room}")
    if warming.is_full:
        shown.note("it is full: nothing was pushed out; raise [cache] max_size to keep more")
