"""``imapproxy cache warm`` as people see it."""

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

from imapproxy.cache.sqlite.keeper import open_keeper
from imapproxy.cache_commands.place import Place
from imapproxy.cache_commands.refusals import Patience
from imapproxy.cache_commands.wanted import Wishes
from imapproxy.cache_commands.warming import Account, Report, Room, Warming
from imapproxy.logs import begin_logging
from imapproxy.mail_cache import open_cache
from imapproxy.octets import tell_octets
from imapproxy.running import reactor_of_process, run_to_end

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
        self._console.print(Text(text))

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
    if not outcome:
        shown.note("interrupted; what has come is kept, and the next run goes on from there")
        return _INTERRUPTED
    return outcome[0]


async def _fill(
    reactor: Any, place: Place, account: Account, wishes: Wishes, shown: Shown, outcome: list[int]
) -> int:
    store = open_cache(reactor, place.cache).store
    # Also when a signal ends it: what has come is written first.
    closing = reactor.addSystemEventTrigger("before", "shutdown", store.close)
    keeper = open_keeper(place.cache.directory)
    try:
        room = Room(place.cache.max_octets, keeper.octets_in_use)
        warming = Warming(reactor, account, store, room, wishes, shown, Patience())
        await warming.run()
        shown.end_of_mailbox()
        in_use = tell_octets(keeper.octets_in_use())
    finally:
        keeper.close()
        reactor.removeSystemEventTrigger(closing)
        await store.close()
    limit = tell_octets(place.cache.max_octets)
    shown.note(f"{tell_octets(shown.octets)} came; the cache has {in_use} of {limit}")
    if warming.is_full:
        shown.note("it is full: nothing was pushed out; raise [cache] max_size to keep more")
    outcome.append(1 if warming.is_full or warming.left_out else 0)
    return outcome[0]
