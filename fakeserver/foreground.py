"""A server as the program that runs: until a signal, with one line when ready."""

import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import click
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.error import CannotListenError


def run_until_signal(
    reactor: Any,
    start: Callable[[], Awaitable[dict[str, Any]]],
    stop: Callable[[], Awaitable[None]],
) -> int:
    """Start, print what ``start`` returns as a line of JSON, and run; the exit code."""
    codes: list[int] = []

    async def begin() -> None:
        try:
            ready = await start()
        except CannotListenError as error:
            place = f"{error.interface}:{error.port}"
            click.echo(f"fakeserver: cannot listen on {place}: {error.socketError}", err=True)
            codes.append(2)
            reactor.stop()
            return
        click.echo(json.dumps(ready))
        sys.stdout.flush()

    def end() -> "Deferred[None]":
        return ensureDeferred(stop())  # type: ignore[arg-type]

    # What else goes wrong is a mistake in the server, and is logged as such.
    reactor.callWhenRunning(lambda: Deferred.fromCoroutine(begin()))
    reactor.addSystemEventTrigger("before", "shutdown", end)
    reactor.run()
    return codes[0] if codes else 0
