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
from zope.interface import implementer

_ONCE_A_MINUTE = 60.0
_EXHAUSTED = (
    "no file descriptor is left, and clients were turned away; "
    "allow more open files (LimitNOFILE= of systemd, ulimit -n), or lower max_sessions"
)
# A peer's words may be in what is logged; they move no cursor and begin no line.
_CONTROLS = {
    code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if code not in (9, 10)
}


def begin_logging(
    *, verbose: bool, as_json: bool, quiet: bool = False, worker: int | None = None
) -> None:
    """Start the log of this process. ``verbose`` shows debug events, ``quiet`` only warnings.

    Several processes may log to the same place; ``worker`` tells in each line which of them it was.
    """
    level = LogLevel.debug if verbose else LogLevel.warn if quiet else LogLevel.info
    observer = FilteringLogObserver(
        ExhaustionOnce(_file_observer(sys.stderr, as_json, worker)),
        [LogLevelFilterPredicate(defaultLogLevel=level)],
    )
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)


@implementer(ILogObserver)
class ExhaustionOnce:
    """Passes events on; that no file descriptor is left it tells once a minute, for people.

    Twisted goes on accepting then, by closing who comes, and has three lines for each of them.
    """

    def __init__(self, observer: ILogObserver) -> None:
        self._observer = observer
        self._told = -_ONCE_A_MINUTE

    def __call__(self, event: LogEvent) -> None:
        """Take an event."""
        if not _tells_of_exhaustion(event):
            self._observer(event)
            return
        now = event["log_time"]
        if now - self._told >= _ONCE_A_MINUTE:
            self._told = now
            told = dict(event, log_level=LogLevel.warn, log_format=_EXHAUSTED)
            told.pop("log_failure", None)
            self._observer(told)


def _tells_of_exhaustion(event: LogEvent) -> bool:
    if not event.get("log_namespace", "").startswith("twisted.internet.tcp."):
        return False
    return "EMFILE" in (event.get("log_format") or "") or event.get("acceptError") == "EMFILE"


def _file_observer(file: TextIO, as_json: bool, worker: int | None = None) -> ILogObserver:
    form = _json_line if as_json else _text_line
    return FileLogObserver(file, lambda event: form(event, worker))


def _text_line(event: LogEvent, worker: int | None) -> str | None:
    text = _text(event)
    if text is None:
        return None
    time = formatTime(event.get("log_time"))
    # One event is one line; only the traceback of a fault of ours has more.
    indented = text.replace("\n", "\n\t")
    whose = f"[{worker}] " if worker is not None else ""
    return f"{time} {_level(event)} {whose}{indented}\n"


def _json_line(event: LogEvent, worker: int | None) -> str | None:
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
    if worker is not None:
        fields["worker"] = worker
    return json.dumps(fields, ensure_ascii=False) + "\n"


def _text(event: LogEvent) -> str | None:
    text = eventAsText(event, includeTimestamp=False, includeSystem=False).rstrip("\n")
    return text.translate(_CONTROLS) or None


def _level(event: LogEvent) -> str:
    level: LogLevel = event.get("log_level", LogLevel.info)
    return str(level.name)
