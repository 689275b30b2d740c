"""Where the log goes: one line an event on standard error, as text or as JSON."""

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
    globalLogBeginner,
    jsonFileLogObserver,
)


def begin_logging(*, verbose: bool, as_json: bool, quiet: bool = False) -> None:
    """Start the log of this process. ``verbose`` shows debug events, ``quiet`` only warnings."""
    level = LogLevel.debug if verbose else LogLevel.warn if quiet else LogLevel.info
    observer = FilteringLogObserver(
        _file_observer(sys.stderr, as_json), [LogLevelFilterPredicate(defaultLogLevel=level)]
    )
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)


def _file_observer(file: TextIO, as_json: bool) -> ILogObserver:
    if as_json:
        return jsonFileLogObserver(file, recordSeparator="")
    return FileLogObserver(file, _line)


def _line(event: LogEvent) -> str | None:
    text = eventAsText(event, includeTraceback=True, includeSystem=False)
    if not text:
        return None
    level = event.get("log_level", LogLevel.info).name
    # One event is one line; only the traceback of a fault of ours has more.
    return text.replace("\n", "\n\t").replace(" ", f" {level} ", 1) + "\n"
