"""A reactor of its own in a thread of its own, for programs that block.

It is never *the* reactor: nothing is installed as ``twisted.internet.reactor``, so a program is
free to install and run whichever it likes, or none. There is one such thread in a process, for as
long as the process lives: a Twisted reactor that has stopped cannot run again, and keeps its file
descriptors.
"""

import os
import select
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from twisted.internet.base import ReactorBase
from twisted.internet.defer import Deferred, ensureDeferred

T = TypeVar("T")

# How long the thread may take to answer before that is taken for a mistake in the server, seconds.
PATIENCE = 60.0

_lock = threading.Lock()
_threads: dict[int, "ReactorThread"] = {}


def reactor_thread() -> "ReactorThread":
    """The thread of this process, running. A forked child has one of its own."""
    with _lock:
        thread = _threads.get(os.getpid())
        if thread is None:
            thread = _threads[os.getpid()] = ReactorThread()
        return thread


class ReactorThread:
    """Runs functions and coroutines on its reactor, on behalf of other threads."""

    def __init__(self) -> None:
        self.reactor = _new_reactor()
        running = threading.Event()
        self.reactor.callWhenRunning(running.set)
        self._thread = threading.Thread(target=self._run, name="fakeserver", daemon=True)
        self._thread.start()
        running.wait()

    def call(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Call a function there; what it returns or raises is returned or raised here."""
        if threading.current_thread() is self._thread:
            return function(*args, **kwargs)
        result: Future[T] = Future()
        self.reactor.callFromThread(_settle, result, function, args, kwargs)
        return result.result(PATIENCE)

    def wait(self, function: Callable[..., Awaitable[T]], *args: Any, **kwargs: Any) -> T:
        """Call a coroutine function there, or one that returns a Deferred, and wait for its end."""
        result: Future[T] = Future()

        def begin() -> None:
            deferred: Deferred[T] = ensureDeferred(function(*args, **kwargs))  # type: ignore[arg-type]
            deferred.addCallbacks(result.set_result, lambda one: result.set_exception(one.value))

        self.reactor.callFromThread(begin)
        return result.result(PATIENCE)

    def _run(self) -> None:
        # Signals belong to the main thread, which is the user's.
        self.reactor.run(installSignalHandlers=False)


def _settle(
    result: Future[T], function: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    try:
        result.set_result(function(*args, **kwargs))
    except BaseException as error:  # noqa: BLE001 - the other thread's to handle
        result.set_exception(error)


def _new_reactor() -> Any:
    """A reactor of the best kind there is here. Their modules install nothing when imported."""
    reactor: ReactorBase
    if hasattr(select, "epoll"):
        from twisted.internet.epollreactor import EPollReactor  # noqa: PLC0415

        reactor = EPollReactor()
    elif hasattr(select, "poll"):
        from twisted.internet.pollreactor import PollReactor  # noqa: PLC0415

        reactor = PollReactor()
    else:
        from twisted.internet.selectreactor import SelectReactor  # noqa: PLC0415

        reactor = SelectReactor()
    # ``isInIOThread`` is global to the process, and is not ours to answer.
    reactor._registerAsIOThread = False
    return reactor
