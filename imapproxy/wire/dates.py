"""Dates and times of the grammar (RFC 9051 section 9 ``date-time`` and ``date``)."""

import datetime
import re

from imapproxy.wire.cursor import Cursor
from imapproxy.wire.errors import DecodeError, EncodeError

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH_NUMBERS = {name.lower().encode("ascii"): at for at, name in enumerate(_MONTHS, 1)}
_MONTH_RULE = rb"-([A-Za-z]{3})-([0-9]{4})"

# date-time = DQUOTE date-day-fixed "-" date-month "-" date-year SP time SP zone DQUOTE
# date-day-fixed = (SP DIGIT) / 2DIGIT
_DATE_TIME = re.compile(
    rb'"( [0-9]|[0-9]{2})' + _MONTH_RULE + rb" ([0-9]{2}):([0-9]{2}):([0-9]{2})"
    rb' ([+-])([0-9]{2})([0-9]{2})"'
)
# date = date-text / DQUOTE date-text DQUOTE; date-text = 1*2DIGIT "-" date-month "-" date-year
_DATE = re.compile(rb'("?)([0-9]{1,2})' + _MONTH_RULE + rb"\1")


def read_date_time(cursor: Cursor) -> datetime.datetime:
    """Read a quoted date-time; raises ``DecodeError`` for days and zones that do not exist."""
    start = cursor.at
    found = cursor.expect(_DATE_TIME, "a date and time")
    hours, minutes = int(found[8]), int(found[9])
    offset = datetime.timedelta(hours=hours, minutes=minutes)
    if hours > 23 or minutes > 59:
        raise DecodeError("no such time zone", start)
    zone = datetime.timezone(-offset if found[7] == b"-" else offset)
    # A leap second has no place in Python's calendar; it is told as the second before it.
    second = min(int(found[6]), 59) if found[6] == b"60" else int(found[6])
    try:
        return datetime.datetime(
            int(found[3]), _month(found[2]), int(found[1]), int(found[4]), int(found[5]), second,
            tzinfo=zone,
        )  # fmt: skip
    except ValueError:
        raise DecodeError("no such date or time", start) from None


def encode_date_time(moment: datetime.datetime) -> bytes:
    """The quoted date-time in the zone of ``moment``; raises ``EncodeError`` if it has none."""
    offset = moment.utcoffset()
    if offset is None:
        raise EncodeError("a date and time without its zone")
    minutes = int(offset.total_seconds()) // 60
    sign = "-" if minutes < 0 else "+"
    zone = f"{sign}{abs(minutes) // 60:02}{abs(minutes) % 60:02}"
    clock = f"{moment.hour:02}:{moment.minute:02}:{moment.second:02}"
    return f'"{moment.day:02}-{_month_and_year(moment)} {clock} {zone}"'.encode("ascii")


def read_date(cursor: Cursor) -> datetime.date:
    """Read a date as in SEARCH, quoted or not; raises ``DecodeError`` if there is no such day."""
    start = cursor.at
    found = cursor.expect(_DATE, "a date such as 1-Feb-1994")
    try:
        return datetime.date(int(found[4]), _month(found[3]), int(found[2]))
    except ValueError:
        raise DecodeError("no such date", start) from None


def encode_date(date: datetime.date) -> bytes:
    """The date as in SEARCH, ``1-Feb-1994``."""
    return f"{date.day}-{_month_and_year(date)}".encode("ascii")


def _month_and_year(date: datetime.date) -> str:
    # Not by strftime, which goes by the locale.
    return f"{_MONTHS[date.month - 1]}-{date.year:04}"


def _month(name: bytes) -> int:
    number = _MONTH_NUMBERS.get(name.lower())
    if number is None:
        raise ValueError(name)
    return number
