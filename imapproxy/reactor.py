"""The reactor of the proxy's own process: Twisted's on epoll, less what nobody here reads.

Twisted calls whoever has something to read inside of a logging context, that tells its old log
whose event it was; ours is of the new kind and does not look at it (:mod:`imapproxy.logs`). In a
proxy the context is made twice for each command, and with it a NOOP costs an eighth more.
"""

import sys
from typing import Any

from twisted.internet.main import installReactor

if sys.platform == "linux":
    from twisted.internet.epollreactor import EPollReactor

    class PromptReactor(EPollReactor):
        """Tells events to whom they belong, and to nobody else."""

        def doPoll(self, timeout: float | None) -> None:
            """Wait ``timeout`` seconds at most, ``None`` for as long as it takes; then tell."""
            selectables: Any = self._selectables
            act: Any = self._doReadOrWrite
            for descriptor, event in self._poller.poll(timeout, len(selectables)):
                selectable = selectables.get(descriptor)
                if selectable is not None:  # else one of those before it has closed it
                    act(selectable, descriptor, event)

        doIteration = doPoll


def install_reactor() -> None:
    """Make it this process's reactor, unless there is one already (under ``twist``)."""
    if sys.platform == "linux" and "twisted.internet.reactor" not in sys.modules:
        installReactor(PromptReactor())  # type: ignore[no-untyped-call]
