"""What a server that had enough says, and how long it is left alone for that. Pure."""

import re

from imapproxy.upstream.errors import (
    CommandRefused,
    NoWayToLogIn,
    TlsRefused,
    UpstreamError,
    UpstreamProtocolError,
    UpstreamUnavailable,
)

# RFC 5530 section 3, and THROTTLED, which is of Yahoo and Gmail.
_CODES = re.compile(
    rb"\[(?:THROTTLED|LIMIT|OVERQUOTA|UNAVAILABLE|INUSE|SERVERBUG)\b", re.IGNORECASE
)
# Servers without such codes say it in words: Gmail "Too many simultaneous connections", "exceeded
# command or bandwidth limits", Exchange "Request is throttled", others "try again later".
_WORDS = re.compile(
    rb"throttl|too many|rate limit|bandwidth limit|exceeded .*limit|try again|temporar",
    re.IGNORECASE,
)
# Exchange: "Request is throttled. Suggested Backoff Time: 92415 milliseconds".
_BACKOFF = re.compile(rb"backoff time:? *([0-9]{1,9}) *(milliseconds|ms)", re.IGNORECASE)


def passes(error: UpstreamError) -> bool:
    """Whether it may be another thing after a while, so that waiting is of use."""
    if isinstance(error, CommandRefused):
        return _is_weary(error.text)
    if isinstance(error, TlsRefused | NoWayToLogIn | UpstreamProtocolError):
        return False
    return isinstance(error, UpstreamUnavailable)


def is_weary(error: UpstreamError, farewell: str) -> bool:
    """Whether the server has said that it is asked too much, or too often."""
    if isinstance(error, CommandRefused) and _is_weary(error.text):
        return True
    return _is_weary(getattr(error, "text", b"")) or _is_weary(farewell.encode())


def asked_for(error: UpstreamError, farewell: str) -> float:
    """Seconds that the server wants to be left alone for; 0 if it tells none."""
    told = getattr(error, "text", b"") + b" " + farewell.encode()
    found = _BACKOFF.search(told)
    return int(found[1]) / 1000 if found is not None else 0.0


def _is_weary(text: bytes) -> bool:
    return bool(_CODES.search(text) or _WORDS.search(text))


class Patience:
    """How long is waited, each time longer: ``first`` seconds, then twice as long, ``longest`` at
    most, ``times`` in a row.
    """

    def __init__(self, first: float = 10.0, longest: float = 900.0, times: int = 12) -> None:
        self._first = first
        self._longest = longest
        self._times = times
        self._waited = 0

    def next(self, wanted: float) -> float | None:
        """Seconds to wait now, ``wanted`` at least (an hour at most); ``None`` if it is enough."""
        if self._waited >= self._times:
            return None
        seconds = min(self._first * 2.0**self._waited, self._longest)
        self._waited += 1
        return max(seconds, min(wanted, 3600.0))

    def went_on(self) -> None:
        """Something came: the next time begins anew."""
        self._waited = 0
