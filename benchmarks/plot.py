"""``python -m benchmarks.plot RESULTS.json DIRECTORY``: the picture of :mod:`benchmarks.cache`.

Two files, ``cache-light.svg`` and ``cache-dark.svg``, for pages of either kind. A bar is the time
that the proxy takes, as a share of what the same server takes direct; the mark is the limit.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

import click
import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure


class Palette(NamedTuple):
    """Colours of one kind of page."""

    name: str
    text: str
    grid: str
    bar: str
    missed: str
    limit: str


_PALETTES = (
    Palette("light", "#1f2328", "#d1d9e0", "#0969da", "#bc4c00", "#1f2328"),
    Palette("dark", "#f0f6fc", "#3d444d", "#4493f8", "#db6d28", "#f0f6fc"),
)
_PARTS = {
    "warm": "read before, on this machine",
    "far": "read before, the server 40 ms away",
    "cold": "read for the first time, on this machine",
}
_TITLES = {
    "bodies": "3,000 whole messages",
    "envelopes": "10,000 envelopes and flags",
    "headers": "10,000 headers",
    "single": "300 messages, one by one",
    "flags": "10,000 flags",
    "select": "opening the mailbox",
}


def draw(results: dict[str, Any], palette: Palette) -> Figure:
    """The picture of what ``benchmarks.cache --json`` has written."""
    parts = [part for part in _PARTS if part in results]
    heights = [len(results[part]["rows"]) + 1 for part in parts]
    figure = Figure(figsize=(8, 0.36 * sum(heights) + 0.6), layout="constrained")
    places = figure.subplots(len(parts), 1, squeeze=False, height_ratios=heights)[:, 0]
    for part, axes in zip(parts, places, strict=True):
        _draw_part(axes, _PARTS[part], results[part]["rows"], palette)
    return figure


def _draw_part(axes: Axes, title: str, rows: list[dict[str, Any]], palette: Palette) -> None:
    ratios = [row["median_ratio"]["proxy"] for row in rows]
    places = range(len(rows))
    colours = [palette.bar if row["holds"] else palette.missed for row in rows]
    axes.barh(places, ratios, height=0.6, color=colours)
    for place, row, ratio in zip(places, rows, ratios, strict=True):
        axes.plot([row["limit"]] * 2, [place - 0.4, place + 0.4], color=palette.limit, linewidth=1)
        behind = max(ratio, row["limit"] if row["limit"] < ratio + 0.25 else 0)
        axes.text(behind + 0.02, place, f"{ratio:.2f}", va="center", color=palette.text, fontsize=9)
    axes.axvline(1, color=palette.text, linewidth=1, linestyle=":")
    axes.set_yticks(places, [_TITLES[row["key"]] for row in rows])
    axes.invert_yaxis()
    axes.set_xlim(0, 2.2)
    axes.set_title(f"{title} (direct = 1)", loc="left", color=palette.text, fontsize=10)
    axes.tick_params(colors=palette.text, labelsize=9, length=0)
    axes.xaxis.grid(visible=True, color=palette.grid, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.patch.set_alpha(0)
    for spine in axes.spines.values():
        spine.set_visible(False)


@click.command()
@click.argument("results", type=click.File())
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
def main(results: Any, directory: Path) -> None:
    """Draw what `python -m benchmarks.cache --json RESULTS` has measured."""
    found = json.load(results)
    directory.mkdir(parents=True, exist_ok=True)
    # Text as text, and the same octets from the same numbers.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "imapproxy"}):
        for palette in _PALETTES:
            place = directory / f"cache-{palette.name}.svg"
            draw(found, palette).savefig(place, transparent=True, metadata={"Date": None})
            click.echo(str(place))


if __name__ == "__main__":
    main()
