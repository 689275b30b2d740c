"""Where the log goes: one line an event on standard error, as text or as JSON."""

import json
import sys
from typing import TextIO

from twisted.logger import (
    FileLogObserver,
    FilteringLogObserver,
    ILogObserver,
    LogEvent,
    LogLevel,
    LogLevelFilterPredicate,
    eventAsText,
    formatTime,
    globalLogBeginner,
)

# A peer's words may be in what is logged; they move no cursor and begin no line.
_CONTROLS = {
    code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if code not in (9, 10)
}


def begin_logging(*, verbose: bool, as_json: bool, quiet: bool = False) -> None:
    """Start the log of this process. ``verbose`` shows debug events, ``quiet`` only warnings."""
    level = LogLevel.debug if verbose else LogLevel.warn if quiet else LogLevel.info
    observer = FilteringLogObserver(
        _file_observer(sys.stderr, as_json), [LogLevelFilterPredicate(defaultLogLevel=level)]
    )
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)


def _file_observer(file: TextIO, as_json: bool) -> ILogObserver:
    return FileLogObserver(file, _json_line if as_json else _text_line)


def _text_line(event: LogEvent) -> str | None:
    text = _text(event)
    if text is None:
        return None
    time = formatTime(event.get("log_time"))
    # One event is one line; only the traceback of a fault of ours has more.
    indented = text.replace("\n", "\n\t")
    return f"{time} {_level(event)} {indented}\n"


def _json_line(event: LogEvent) -> str | None:
    # Not Twisted's own form: that writes out whatever object an event holds.
    text = _text(event)
    if text is None:
        return None
    fields = {
        "time": formatTime(event.get("log_time")),
        "level": _level(event),
        "logger": event.get("log_namespace", ""),
        "text": text,
    }
    return json.dumps(fields, ensure_ascii=False) + "\n"


def _text(event: LogEvent) -> str | None:
    text = eventAsText(event, includeTimestamp=False, includeSystem=False).rstrip("\n")
    return text.translate(_CONTROLS) or None


def _level(event: LogEvent) -> str:
    level: LogLevel = event.get("log_level", LogLevel.info)
    return str(level.name)
