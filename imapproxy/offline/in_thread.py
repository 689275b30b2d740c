"""Doing slow sums beside the reactor, one at a time."""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.threads import deferToThreadPool

_T = TypeVar("_T")


class InThread(Protocol):
    """Calls something where it may take its time."""

    def __call__(self, work: Callable[[], _T]) -> "Deferred[_T]":
        """Fires with what ``work`` returns."""


class OneAtATime:
    """In a thread of the reactor's pool. What is called waits for what was called before.

    One scrypt takes 64 MiB; many at a time would let who guesses passwords take all memory.
    """

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._lock = DeferredLock()

    def __call__(self, work: Callable[[], _T]) -> "Deferred[_T]":
        """See :class:`InThread`."""
        pool = self._reactor.getThreadPool()
        return self._lock.run(deferToThreadPool, self._reactor, pool, work)
