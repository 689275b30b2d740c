"""Sizes as people write them: ``2GiB``, ``500 MB``, ``1048576``."""

import re

_SIZE = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([KMGT]?)(i?)B?\s*", re.IGNORECASE)


def parse_octets(text: str) -> int:
    """The number of octets. Raises ``ValueError`` with the mend."""
    found = _SIZE.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a size; write it as 500MB or 2GiB")
    base = 1024 if found[3] else 1000
    return int(
        float(found[1]) * base ** "KMGT".index(found[2].upper()) * base
        if found[2]
        else float(found[1])
    )


def tell_octets(octets: int) -> str:
    """A size for people: ``1.4 GiB``."""
    value = float(octets)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"
