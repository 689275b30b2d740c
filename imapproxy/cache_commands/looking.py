"""The commands that need nothing but the store: clear, export and verify, as people see them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from imapproxy.cache.keeper import Checked, Finding, Keeper
from imapproxy.cache.sqlite.keeper import open_keeper
from imapproxy.cache.store import Holding, StoreError
from imapproxy.cache_commands.export import Observer, Target, export, mailboxes_with_bodies
from imapproxy.cache_commands.place import Place
from imapproxy.cache_commands.selection import Selection
from imapproxy.cache_commands.stats import Taken
from imapproxy.config import ConfigError
from imapproxy.octets import tell_octets
from imapproxy.upstream.errors import printable


@contextmanager
def keeper_of(place: Place) -> Iterator[Keeper]:
    """The keeper of the cache. Raises ``StoreError`` where there is none."""
    keeper = open_keeper(place.cache.directory)
    try:
        yield keeper
    finally:
        keeper.close()


def taken_by(keeper: Keeper, place: Place) -> Taken:
    """How much room it has and takes."""
    directory: Path = place.cache.directory
    in_use, on_disk = keeper.octets_in_use(), keeper.octets_on_disk()
    return Taken(directory, in_use, on_disk, place.cache.max_octets)


def clear_selected(place: Place, selection: Selection, *, ask: bool) -> None:
    """Take out what is meant. Raises ``ConfigError`` and ``StoreError``."""
    with keeper_of(place) as keeper:
        there = keeper.holdings()
        chosen = selection.of(there)
        what = _counted(chosen)
        if ask and not _agrees(f"Take {what} out of {place.cache.directory}?"):
            click.echo("Nothing was taken out.")
            return
        before = keeper.octets_on_disk()
        if selection.mailboxes:
            for one in chosen:
                keeper.clear(one.mailbox.account, one.mailbox.name)
        elif selection.account is not None:
            for account in {one.mailbox.account for one in chosen}:
                keeper.clear(account)
        else:
            keeper.clear()
        after = keeper.octets_on_disk()
    given = tell_octets(max(before - after, 0))
    click.echo(f"Taken out: {what}. {given} given back, {tell_octets(after)} left on disk.")


def _counted(chosen: list[Holding]) -> str:
    messages = sum(one.messages for one in chosen)
    return f"{_plural(len(chosen), 'mailbox', 'es')} with {_plural(messages, 'message')}"


def _plural(count: int, noun: str, ending: str = "s") -> str:
    return f"{count:,} {noun}{'' if count == 1 else ending}"


def _agrees(question: str) -> bool:
    try:
        return click.confirm(question, err=True)
    except click.Abort:
        raise ConfigError(
            "nobody said yes, and nothing was taken out; --yes does not ask"
        ) from None


def progress() -> Progress:
    """A bar on standard error, on a terminal alone."""
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )


class _Exporting(Observer):
    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._bar: TaskID | None = None
        self.lost_any = False

    def begins(self, mailbox: str, messages: int) -> None:
        self._bar = self._bars.add_task(mailbox, total=messages)

    def message(self) -> None:
        if self._bar is not None:
            self._bars.advance(self._bar)

    def lost(self, text: str) -> None:
        self.lost_any = True
        click.echo(f"left out: {printable(text)}", err=True)


def export_selected(place: Place, selection: Selection, target: Target) -> int:
    """Write what is meant; 1 if something could not be read. Raises ``ConfigError``."""
    with keeper_of(place) as keeper, progress() as bars:
        chosen = mailboxes_with_bodies(selection.of(keeper.holdings()))
        if not chosen:
            raise ConfigError("no message is held whole; `imapproxy cache warm` gets them")
        observer = _Exporting(bars)
        written = export(keeper, chosen, target, observer)
    click.echo(f"{_plural(written, 'message')} in {target.mbox or target.maildir}")
    return 1 if observer.lost_any else 0


def verify_all(place: Place, *, mend: bool) -> int:
    """Look at everything; 1 if something is wrong. Raises ``StoreError``."""
    with keeper_of(place) as keeper:
        findings = _look(keeper, mend=mend)
        for text in findings:
            click.echo(printable(text))
        if not findings:
            messages = sum(one.messages for one in keeper.holdings())
            click.echo(f"{place.cache.directory}: sound, {_plural(messages, 'message')}")
            return 0
        click.echo(_fate(place, is_sound_now=mend and not _look(keeper, mend=False), mend=mend))
        return 1


def _look(keeper: Keeper, *, mend: bool) -> list[str]:
    """What is not as it should be."""
    findings = []
    bars: dict[str, TaskID] = {}
    with progress() as shown:
        try:
            for one in keeper.verify(mend=mend):
                if isinstance(one, Finding):
                    findings.append(one.text)
                else:
                    _advance(shown, bars, one)
        except StoreError as error:
            findings.append(str(error))
    return findings


def _advance(shown: Progress, bars: dict[str, TaskID], checked: Checked) -> None:
    if checked.what not in bars:
        bars[checked.what] = shown.add_task(checked.what, total=checked.total)
    shown.update(bars[checked.what], completed=checked.done, total=checked.total)


def _fate(place: Place, *, is_sound_now: bool, mend: bool) -> str:
    """What was done about what was found."""
    if is_sound_now:
        return "The cache is sound now; what is missing comes again from the server."
    if not mend:
        return "Nothing was taken out (--dry-run)."
    return (
        "That could not be mended: end the proxy and delete "
        f"{place.cache.directory / 'cache.sqlite'}; nothing is lost, the server has it."
    )
