"""The little of a reactor that a store needs, for tests and programs that wait for it."""

import queue
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred

from imapproxy.cache.sqlite.store import SqliteStore, open_store
from tests.deadline import SECONDS


class Waiting:
    """Does what other threads ask for while somebody waits, and not otherwise."""

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[Callable[[], Any]] = queue.SimpleQueue()

    def callFromThread(self, call: Callable[..., Any], *arguments: Any, **keywords: Any) -> None:
        self._calls.put(lambda: call(*arguments, **keywords))

    def seconds(self) -> float:
        return time.time()

    def wait(self, deferred: "Deferred[Any]") -> Any:
        """The outcome of ``deferred``."""
        found: list[Any] = []
        deferred.addBoth(found.append)
        while not found:
            self._calls.get(timeout=SECONDS)()
        return found[0]


class Opened:
    """A store that is open, and its reactor."""

    def __init__(self, directory: Path, **settings) -> None:
        self.reactor = Waiting()
        self.database = directory / "cache.sqlite"
        self.store: SqliteStore = open_store(self.reactor, directory, **settings)

    def __enter__(self) -> "Opened":
        return self

    def __exit__(self, *_) -> None:
        self.reactor.wait(self.store.close())

    def flush(self) -> None:
        self.reactor.wait(self.store.flushed())

    def settle(self) -> None:
        self.reactor.wait(self.store.settled())
