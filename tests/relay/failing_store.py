"""A store whose disk fails when it is told to."""

from collections.abc import Callable
from typing import Any

from imapproxy.cache.store import Reader, Store, StoreError, Writer


class _FailingReader:
    def __init__(self, reader: Reader, before: Callable[[str], None]) -> None:
        self._reader = reader
        self._before = before

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._reader, name)

        def call(*values: Any) -> Any:
            self._before(name)
            return method(*values)

        return call


class FailingStore:
    """Passes everything on to ``store``, but for those calls of its reader that are to fail.

    ``calls`` are the names of what was called.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.reader: Any = _FailingReader(store.reader, self._before)
        self.calls: list[str] = []
        self._failing = range(0)

    @property
    def writer(self) -> Writer:
        return self._store.writer

    def fail(self, skip: int = 0, times: int = 1) -> None:
        """The next calls but ``skip`` fail, so many ``times``."""
        begin = len(self.calls) + skip
        self._failing = range(begin, begin + times)

    def _before(self, name: str) -> None:
        self.calls.append(name)
        if len(self.calls) - 1 in self._failing:
            raise StoreError(f"{name} cannot be read; clear the cache")
