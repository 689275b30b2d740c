"""``imapproxy cache stats``: what is held, of whom, and how often it was of use."""

from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

from imapproxy.cache.store import Holding
from imapproxy.cache_commands.selection import account_text, mailbox_text
from imapproxy.octets import tell_octets

# What is not a terminal has no width: lines are as long as they are.
_ENDLESS = 1000


class Taken(NamedTuple):
    """How much room a cache has and takes, in octets.

    ``in_use`` counts against ``limit``; ``on_disk`` is what the files take, their log included.
    """

    directory: Path
    in_use: int
    on_disk: int
    limit: int


def as_json(taken: Taken, holdings: Iterable[Holding]) -> dict[str, Any]:
    """All of it as plain values; octets are octets, times are seconds of the POSIX clock."""
    return {
        "directory": str(taken.directory),
        "octets_in_use": taken.in_use,
        "octets_on_disk": taken.on_disk,
        "max_octets": taken.limit,
        "accounts": [
            {"account": account_text(account), "mailboxes": [_plain(one) for one in its_own]}
            for account, its_own in _by_account(holdings)
        ],
    }


def _plain(holding: Holding) -> dict[str, Any]:
    return {
        "mailbox": mailbox_text(holding),
        "uid_validity": holding.mailbox.uid_validity,
        "messages": holding.messages,
        "bodies": holding.bodies,
        "octets": holding.octets,
        "served": holding.served,
        "missed": holding.missed,
        "hit_rate": _rate(holding.served, holding.missed),
        "used": holding.used,
    }


def show(console: Console, taken: Taken, holdings: list[Holding]) -> None:
    """A table of each account, and the room that all of it takes."""
    for account, its_own in _by_account(holdings):
        console.print(Text(account_text(account), "bold"))
        console.print(_table(list(its_own)))
    share = 100 * taken.in_use / taken.limit
    used = f"{tell_octets(taken.in_use)} of {tell_octets(taken.limit)} ({share:.0f} %)"
    console.print(Text(f"{taken.directory}: {used}, {tell_octets(taken.on_disk)} on disk"))
    if not holdings:
        console.print(
            "Nothing is held yet: it fills as mail is read, or by `imapproxy cache warm`."
        )


def console_for(console: Console) -> Console:
    """The same console, without line breaks where it is no terminal."""
    if not console.is_terminal:
        console.width = _ENDLESS
    return console


def _table(holdings: list[Holding]) -> Table:
    table = Table(box=None, pad_edge=True, header_style="dim")
    table.add_column("mailbox", overflow="fold")
    for title in ("messages", "bodies", "size", "hit rate"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("used last", no_wrap=True)
    for one in holdings:
        table.add_row(Text(mailbox_text(one)), *_figures([one]), _moment(one.used))
    if len(holdings) > 1:
        used = max(one.used for one in holdings)
        table.add_section()
        table.add_row(Text("together", "bold"), *_figures(holdings), _moment(used))
    return table


def _figures(holdings: list[Holding]) -> list[str]:
    rate = _rate(sum(one.served for one in holdings), sum(one.missed for one in holdings))
    return [
        f"{sum(one.messages for one in holdings):,}",
        f"{sum(one.bodies for one in holdings):,}",
        tell_octets(sum(one.octets for one in holdings)),
        "-" if rate is None else f"{100 * rate:.0f} %",
    ]


def _rate(served: int, missed: int) -> float | None:
    """Of the messages that were asked for, the share that came from here."""
    return served / (served + missed) if served + missed else None


def _moment(used: float) -> str:
    if not used:
        return "-"
    return f"{datetime.fromtimestamp(used, UTC).astimezone():%Y-%m-%d %H:%M}"


def _by_account(holdings: Iterable[Holding]) -> Iterable[tuple[bytes, Iterable[Holding]]]:
    ordered = sorted(holdings, key=lambda one: (one.mailbox.account, one.mailbox.name))
    return groupby(ordered, key=lambda one: one.mailbox.account)
