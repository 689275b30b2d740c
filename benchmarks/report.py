"""The table that people read, and the same as JSON for programs."""

import statistics
from collections.abc import Sequence
from typing import Any

from benchmarks.measure import Measured
from benchmarks.memory import Cost

_HEAD = f"{'':<52} {'octets':>11} {'direct':>9}"


def table(measured: Sequence[Measured], base: str, targets: Sequence[str]) -> str:
    """A line for each row: the time direct, then median ratio and spread for each other target."""
    others = [target for target in targets if target != base]
    lines = [_HEAD + "".join(f"  {name:<18}" for name in others) + "  limit"]
    for result in measured:
        line = f"{result.row.title[:52]:<52} {result.octets:>11,} {_time(result.median(base)):>9}"
        for name in others:
            line += f"  {_ratio(result.ratios(name, base)):<18}"
        lines.append(line + "  " + _verdict(result, base))
    lines.append("")
    lines.append("Ratios to direct: median (least to greatest) of the rounds; smaller is faster.")
    return "\n".join(lines)


def holds(result: Measured, base: str) -> bool:
    """Whether the proxy is within the row's limit."""
    limit = result.row.limit
    return limit is None or statistics.median(result.ratios("proxy", base)) <= limit


def as_json(measured: Sequence[Measured], base: str, costs: Sequence[Cost]) -> dict[str, Any]:
    """All that was measured; seconds for each round."""
    return {
        "base": base,
        "rows": [
            {
                "key": result.row.key,
                "title": result.row.title,
                "octets": result.octets,
                "limit": result.row.limit,
                "holds": holds(result, base),
                "seconds": result.seconds,
                "median_ratio": {
                    name: statistics.median(result.ratios(name, base)) for name in result.seconds
                },
            }
            for result in measured
        ],
        "memory": [{**cost._asdict(), "holds": cost.holds} for cost in costs],
    }


def _time(seconds: float) -> str:
    return f"{seconds * 1000:,.0f} ms"


def _ratio(ratios: Sequence[float]) -> str:
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"


def _verdict(result: Measured, base: str) -> str:
    if result.row.limit is None:
        return ""
    return f"{result.row.limit:<5g} {'holds' if holds(result, base) else 'MISSED'}"
