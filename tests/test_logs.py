"""The log: one event, one line."""

import io
import json

import pytest
from twisted.logger import Logger, LogLevel, LogPublisher, eventAsText
from twisted.python.failure import Failure

from imapproxy.logs import ExhaustionOnce, _file_observer


def logged(*, as_json: bool) -> tuple[Logger, io.StringIO]:
    file = io.StringIO()
    return Logger("here", observer=LogPublisher(_file_observer(file, as_json))), file


@pytest.mark.parametrize("as_json", [True, False])
def test_a_peers_words_move_no_cursor_and_begin_no_line(as_json):
    log, file = logged(as_json=as_json)
    log.warn("{told}", told="a\x1b[2J\r2026-01-01 info all is well\x9b\x07")
    (line,) = file.getvalue().splitlines()
    assert not {"\x1b", "\r", "\x9b", "\x07"} & set(line)


def test_text():
    log, file = logged(as_json=False)
    log.info("hello {name}", name="you")
    time, level, text = file.getvalue().rstrip("\n").split(" ", 2)
    assert time.startswith("20")
    assert (level, text) == ("info", "hello you")


def test_json_holds_the_text_and_no_objects():
    log, file = logged(as_json=True)
    log.info("hello {name}", name="you\u00e9", secret="opensesame")
    event = json.loads(file.getvalue())
    assert set(event) == {"time", "level", "logger", "text"}
    assert (event["level"], event["logger"], event["text"]) == ("info", "here", "hello you\u00e9")


@pytest.mark.parametrize("as_json", [True, False])
def test_a_fault_of_ours_comes_with_its_traceback(as_json):
    log, file = logged(as_json=as_json)
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        log.failure("oh", Failure())
    lines = file.getvalue().splitlines()
    assert "Traceback" in file.getvalue()
    if as_json:
        (line,) = lines
        assert json.loads(line)["level"] == "critical"
    else:
        assert all(line.startswith("\t") for line in lines[1:])


class TestExhaustion:
    """What Twisted says of each client that it had to close (twisted.internet.tcp)."""

    @staticmethod
    def events(*times: float, text: str = "EMFILE recovery: Closed socket from {address}"):
        for time in times:
            yield {
                "log_time": time,
                "log_namespace": "twisted.internet.tcp.Port",
                "log_level": LogLevel.info,
                "log_format": text,
                "address": "x",
            }

    def test_it_is_told_once_a_minute(self):
        told = []
        observer = ExhaustionOnce(told.append)
        for event in self.events(0, 1, 59, 60, 61, 119, 500):
            observer(event)
        assert [event["log_time"] for event in told] == [0, 60, 500]
        assert {event["log_level"] for event in told} == {LogLevel.warn}
        assert "no file descriptor is left" in eventAsText(told[0])

    def test_everything_else_is_passed_on(self):
        told = []
        observer = ExhaustionOnce(told.append)
        for event in self.events(0, 1, text="Could not accept new connection ({acceptError})"):
            observer({**event, "acceptError": "ENOBUFS"})
            observer({**event, "log_namespace": "imapproxy", "log_format": "EMFILE"})
        assert len(told) == 4
        for event in self.events(2, text="Could not accept new connection ({acceptError})"):
            observer({**event, "acceptError": "EMFILE"})
        assert "no file descriptor" in eventAsText(told[-1])
