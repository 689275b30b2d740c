"""``imapproxy run``: the proxy as a process of its own, with signals, log, status."""

import sys
from collections.abc import Callable

import click
from twisted.internet.defer import Deferred

from imapproxy.config import Settings
from imapproxy.descriptors import fitting
from imapproxy.logs import begin_logging
from imapproxy.running import on_hangup, on_second_signal, reactor_of_process, run_for_ever
from imapproxy.service import Listener, ProxyService
from imapproxy.status_socket import StatusSocket


def run_daemon(read: Callable[[], Settings], *, verbose: bool, log_json: bool) -> None:
    """Run until a signal. ``read`` is called at the start and at each SIGHUP.

    Raises :class:`ConfigError` if it cannot start.
    """
    reactor = reactor_of_process()
    read_fitted = fitting(read)
    settings = read_fitted()
    service = ProxyService(reactor, settings, on_ready=_print_ready)
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


def _print_ready(listener: Listener) -> None:
    click.echo(listener.ready_line)
    sys.stdout.flush()
