"""Meeting the upstream before the first client does.

Many programs read the capabilities once, before they log in, and never use what is not in that
list; so the proxy has to know what the upstream would tell them (see
:class:`imapproxy.relay.partner.PartnerSource`).
"""

from typing import Any

from twisted.internet.defer import Deferred, TimeoutError
from twisted.logger import Logger

from imapproxy.relay.partner import PartnerSource
from imapproxy.upstream.errors import UpstreamError

_PATIENCE = 3.0  # seconds that the upstream gets before clients are let in without it

_log = Logger()


async def introduce(reactor: Any, partners: PartnerSource) -> None:
    """Let the upstream introduce itself; one that is away keeps nobody from starting."""
    introduction = Deferred.fromCoroutine(partners.introduce())
    try:
        await introduction.addTimeout(_PATIENCE, reactor)
    except TimeoutError:
        _log.warn("{upstream} has not answered yet", upstream=partners)
    except UpstreamError as error:
        _log.warn("{error}; until that is mended nobody can log in to it", error=str(error))
