"""Tests in the reactor, which wait for events and never longer than a deadline."""

import functools
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from twisted.internet.defer import Deferred

SECONDS = 60.0  # on a machine that does much else besides

T = TypeVar("T")


def in_reactor(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., Deferred[None]]:
    """Make a test of a coroutine; pytest-twisted waits for the Deferred that it returns."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> Deferred[None]:
        return soon(test(*args, **kwargs))

    return run


def soon(waiting: Coroutine[Any, Any, T]) -> "Deferred[T]":
    """The outcome, or a failure at the deadline."""
    from twisted.internet import reactor  # noqa: TID251

    return Deferred.fromCoroutine(waiting).addTimeout(SECONDS, reactor)
