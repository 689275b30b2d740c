"""A fault that is only logged is a fault: tests fail on it, unless they say that they expect it."""

import gc
from collections.abc import Iterator

import pytest
from twisted.logger import LogEvent, LogLevel, eventAsText, globalLogPublisher


class LoggedErrors:
    """The critical errors and failures that were logged, and everything else for those who look."""

    def __init__(self) -> None:
        self.events: list[LogEvent] = []
        self._errors: list[LogEvent] = []

    def __call__(self, event: LogEvent) -> None:
        self.events.append(event)
        if event.get("log_level") is LogLevel.critical or "log_failure" in event:
            self._errors.append(event)

    def flush(self) -> list[str]:
        """The errors so far, which are expected and no fault of the test."""
        errors, self._errors = self._errors, []
        return [eventAsText(event, includeTimestamp=False) for event in errors]

    def text(self) -> str:
        """Everything that was logged, as a log file would have it."""
        return "\n".join(eventAsText(event, includeTimestamp=False) for event in self.events)


@pytest.fixture(autouse=True)
def logged_errors() -> Iterator[LoggedErrors]:
    errors = LoggedErrors()
    globalLogPublisher.addObserver(errors)
    try:
        yield errors
        gc.collect()  # a Deferred tells of its unhandled error when it goes
        gc.freeze()  # what is left is pytest's and is not looked through at each test
        unexpected = errors.flush()
    finally:
        globalLogPublisher.removeObserver(errors)
    assert not unexpected, "logged:\n" + "\n".join(unexpected)
