"""A connection behind its log-in, and what the server said to that."""

import re
from typing import NamedTuple

from imapproxy.upstream.connection import UpstreamConnection
from imapproxy.wire.capability import Capabilities

_ALERT = re.compile(rb"(?:\* )?(?:OK|NO|BAD) \[ALERT\]", re.IGNORECASE)


class LoggedIn(NamedTuple):
    """``untagged`` are the responses during log-in as they came; ``ok`` is the tagged response
    behind its tag.
    """

    connection: UpstreamConnection
    capabilities: Capabilities
    untagged: tuple[bytes, ...]
    ok: bytes

    def for_another(self) -> "LoggedIn":
        """What the next log-in is to hear: the same, less what was news at that time.

        RFC 3501 section 7.1: an alert is to be shown to the user, who has seen this one.
        """
        untagged = tuple(line for line in self.untagged if _ALERT.match(line) is None)
        ok = self.ok if _ALERT.match(self.ok) is None else b"OK Logged in.\r\n"
        return self._replace(untagged=untagged, ok=ok)
