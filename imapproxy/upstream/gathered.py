"""Which untagged responses belong to which of the commands in flight."""

from imapproxy.upstream.request import Request
from imapproxy.wire import responses

Gathering = tuple[bytes, responses.Response]

# Commands whose data look the same: an EXISTS, a FETCH response do not tell which of two asked.
_SAME_DATA = {b"EXAMINE": b"SELECT", b"STORE": b"FETCH", b"XLIST": b"LIST"}


class Gathered:
    """Untagged responses, each kept as long as a command in flight may claim it.

    IMAP does not say to which command untagged data belong (RFC 3501 section 2.2.2). A command
    claims what came since it was sent, less what came before the end of an older command of the
    same kind: servers may run commands side by side, but not two whose data could be mixed up
    (RFC 3501 section 5.5).
    """

    def __init__(self) -> None:
        self._responses: list[Gathering] = []
        self._starts: dict[Request, int] = {}

    def begin(self, request: Request) -> None:
        """What comes from now on may be for ``request``."""
        self._starts[request] = len(self._responses)

    def add(self, octets: bytes, response: responses.Response) -> None:
        """A response has come; with no command in flight nobody will ask for it."""
        if self._starts:
            self._responses.append((octets, response))

    def claim(self, request: Request) -> tuple[Gathering, ...]:
        """What is for ``request``, which has ended, well or not."""
        start = self._starts.pop(request, len(self._responses))
        claimed = tuple(self._responses[start:])
        kind = _kind(request)
        for other in self._starts:
            if _kind(other) == kind:
                self._starts[other] = len(self._responses)
        self._forget_unclaimed()
        return claimed

    def clear(self) -> None:
        """Nobody may claim what came so far."""
        self._responses.clear()
        self._starts = dict.fromkeys(self._starts, 0)

    def _forget_unclaimed(self) -> None:
        oldest = min(self._starts.values(), default=len(self._responses))
        if oldest:
            del self._responses[:oldest]
            self._starts = {request: start - oldest for request, start in self._starts.items()}


def _kind(request: Request) -> bytes:
    return _SAME_DATA.get(request.name, request.name)
