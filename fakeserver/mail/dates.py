"""The Date field (RFC 5322 section 3.3), as far as mail keeps to it."""

import datetime
import re

_MONTHS = b"jan feb mar apr may jun jul aug sep oct nov dec".split()
_DATE = re.compile(
    rb"(?:[A-Za-z]+,?\s*)?(\d{1,2})[\s-]+([A-Za-z]{3})[A-Za-z]*[\s-]+(\d{2,4})"
    rb"(?:\s+(\d{1,2}):(\d{2})(?::(\d{2}))?(?:\s*([+-]\d{4}|[A-Za-z]+))?)?"
)
# obs-zone (RFC 5322 section 4.3); any other name is +0000.
_ZONES = {
    b"EDT": -4, b"EST": -5, b"CDT": -5, b"CST": -6, b"MDT": -6, b"MST": -7, b"PDT": -7, b"PST": -8,
}  # fmt: skip


def parse_date(value: bytes) -> datetime.datetime | None:
    """The moment that a Date field tells, with its zone; ``None`` where it tells none."""
    found = _DATE.match(value.strip())
    if found is None:
        return None
    name = found[2].lower()
    if name not in _MONTHS:
        return None
    try:
        return datetime.datetime(
            _year(found[3]), _MONTHS.index(name) + 1, int(found[1]), int(found[4] or 0),
            int(found[5] or 0), min(int(found[6] or 0), 59), tzinfo=_zone(found[7] or b""),
        )  # fmt: skip
    except ValueError:
        return None


def _year(digits: bytes) -> int:
    # obs-year (RFC 5322 section 4.3)
    year = int(digits)
    if len(digits) == 2:
        return year + (2000 if year < 50 else 1900)
    return year + 1900 if len(digits) == 3 else year


def _zone(name: bytes) -> datetime.timezone:
    if name[:1] in (b"+", b"-") and int(name[1:3]) < 24 and int(name[3:5]) < 60:
        offset = datetime.timedelta(hours=int(name[1:3]), minutes=int(name[3:5]))
        return datetime.timezone(-offset if name[:1] == b"-" else offset)
    return datetime.timezone(datetime.timedelta(hours=_ZONES.get(name.upper(), 0)))
