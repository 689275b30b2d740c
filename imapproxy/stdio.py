"""One session on standard input and output (``imapproxy stdio``)."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.stdio import StandardIO

import imapproxy
from imapproxy.config import Settings
from imapproxy.introduction import introduce
from imapproxy.listener.factory import ListenerFactory
from imapproxy.listener.offline_entrance import RememberedPartners
from imapproxy.mail_cache import open_cache
from imapproxy.relay.partner import PartnerSource


async def serve_stdio(reactor: Any, settings: Settings) -> int:
    """Serve the one client at the other end of the pipe; done when it is gone."""
    cache = None if settings.cache is None else open_cache(reactor, settings.cache)
    partners = PartnerSource(reactor, settings.listeners[0].upstream, accounts=cache)
    entrance = None if cache is None else cache.entrance(settings.listeners[0].upstream.address)
    factory = ListenerFactory(
        reactor,
        partners if entrance is None else RememberedPartners(partners, entrance, reactor),
        settings.limits,
        imapproxy.__version__,
        reconnect=settings.reconnect,
        entrance=entrance,
    )
    await introduce(reactor, partners)
    connection = factory.buildProtocol()
    reactor.addSystemEventTrigger("before", "shutdown", factory.drain)
    gone: Deferred[None] = Deferred()
    connection.on_lost = lambda: gone.callback(None)
    StandardIO(connection, reactor=reactor)
    await gone
    await connection.partner_gone()
    if cache is not None:
        await cache.close()
    return 0
