"""Running the reactor for a command of the command line: once, with an exit code."""

import contextlib
import resource
import signal
from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ReactorNotRunning
from twisted.logger import Logger
from twisted.python.failure import Failure

from imapproxy.cache.store import StoreError
from imapproxy.config import ConfigError
from imapproxy.names import NameResolver
from imapproxy.reactor import install_reactor
from imapproxy.upstream.errors import UpstreamError

_log = Logger()


def reactor_of_process() -> Any:
    """The reactor. Only the command line asks for it; everything else is given one."""
    install_reactor()
    from twisted.internet import reactor  # noqa: TID251, PLC0415

    process: Any = reactor
    process.installNameResolver(NameResolver(process))
    return process


def leave_no_core() -> None:
    """A core file would have every password in it that is in use."""
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, most))


def run_to_end(reactor: Any, main: Coroutine[Any, Any, int]) -> int:
    """Run the reactor until ``main`` is done; its result, or it raises what ``main`` raised."""
    outcome: list[int | Failure] = []

    def begin() -> None:
        done = Deferred.fromCoroutine(main)
        done.addBoth(outcome.append)
        done.addBoth(lambda _: _stop(reactor))

    reactor.callWhenRunning(begin)
    reactor.run()
    if not outcome:
        return 0  # stopped by a signal
    result = outcome[0]
    if isinstance(result, Failure):
        result.raiseException()
    assert isinstance(result, int)
    return result


def _stop(reactor: Any) -> None:
    with contextlib.suppress(ReactorNotRunning):  # a signal was quicker
        reactor.stop()


def run_for_ever(reactor: Any, start: Coroutine[Any, Any, None]) -> None:
    """Run the reactor until a signal; raises what ``start`` raised, if it did."""
    failures: list[Failure] = []

    def failed(failure: Failure) -> None:
        failures.append(failure)
        reactor.stop()

    reactor.callWhenRunning(lambda: Deferred.fromCoroutine(start).addErrback(failed))
    reactor.run()
    if failures:
        failures[0].raiseException()


def on_second_signal(reactor: Any, hurry: Callable[[], None]) -> None:
    """The first SIGTERM or SIGINT ends the reactor in order; call ``hurry`` at those that follow.

    Twisted would complain that it is ending already.
    """

    def listen() -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: reactor.callFromThread(hurry))

    reactor.addSystemEventTrigger("before", "shutdown", listen)


def on_hangup(reactor: Any, reload: Any) -> None:
    """Call ``reload`` in the reactor at each SIGHUP, where the system has it."""
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, lambda *_: reactor.callFromThread(reload))


def sentence_for(error: Exception) -> str | None:
    """One line for an error that is the user's to mend; ``None`` for a fault of ours."""
    if isinstance(error, ConfigError | StoreError):
        return str(error)
    if isinstance(error, UpstreamError):
        advice = getattr(error, "advice", "")
        return f"{error}; {advice}" if advice else str(error)
    return None
