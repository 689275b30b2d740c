"""``imapproxy run``: the proxy as a process of its own, with signals, log, status."""

import sys
from collections.abc import Callable
from typing import Any

import click
from twisted.internet.defer import Deferred

from imapproxy.config import Settings
from imapproxy.descriptors import fitting
from imapproxy.logs import begin_logging
from imapproxy.running import on_hangup, on_second_signal, reactor_of_process, run_for_ever
from imapproxy.service import Listener, ProxyService
from imapproxy.status_socket import StatusSocket
from imapproxy.workers.door import Door
from imapproxy.workers.supervisor import Supervisor


def proxy_of(
    reactor: Any,
    settings: Settings,
    on_ready: Callable[[Listener | Door], None],
    *,
    verbose: bool = False,
    log_json: bool = False,
) -> ProxyService | Supervisor:
    """The proxy in one process or, where the settings want several, in front of its workers."""
    if settings.workers > 1:
        return Supervisor(reactor, settings, on_ready, verbose=verbose, log_json=log_json)
    return ProxyService(reactor, settings, on_ready)


def run_daemon(read: Callable[[], Settings], *, verbose: bool, log_json: bool) -> None:
    """Run until a signal. ``read`` is called at the start and at each SIGHUP.

    Raises :class:`ConfigError` if it cannot start.
    """
    reactor = reactor_of_process()
    read_fitted = fitting(read)
    settings = read_fitted()
    service = proxy_of(reactor, settings, _print_ready, verbose=verbose, log_json=log_json)
    status = StatusSocket(reactor, service.report, settings.status_socket)

    async def start() -> None:
        await service.start()
        # Not before: an address that is taken is told in one line, without a log around it.
        begin_logging(verbose=verbose, as_json=log_json)
        status.start()

    async def stop() -> None:
        await service.stopService()
        await status.stop()

    reactor.addSystemEventTrigger("before", "shutdown", lambda: Deferred.fromCoroutine(stop()))
    on_second_signal(reactor, service.cut)
    on_hangup(reactor, lambda: service.reload_from(read_fitted))
    run_for_ever(reactor, start())


def _print_ready(listener: Listener | Door) -> None:
    click.echo(listener.ready_line)
    sys.stdout.flush()
