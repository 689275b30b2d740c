"""Whether a server refuses a log-in only because the account has as many connections as it may."""

import re

from imapproxy.upstream.errors import LoginRefused, TurnedAway, UpstreamError

# There is no response code for it: Dovecot says [UNAVAILABLE] "Maximum number of connections from
# user+IP exceeded", Gmail [ALERT] "Too many simultaneous connections", Yahoo [LIMIT] with the same
# words; and [LIMIT] is also the code for too many log-ins an hour, where no room would ever help.
_WORDS = re.compile(
    rb"too many [^.]{0,40}(?:connections|sessions)"
    rb"|max(?:imum|\.)? [^.]{0,40}connections"
    rb"|connections? limit|connections? [^.]{0,20}exceeded",
    re.IGNORECASE,
)


def says_too_many(text: bytes) -> bool:
    """Whether a refusal's text is about the number of connections."""
    return _WORDS.search(text) is not None


def is_too_many(error: UpstreamError) -> bool:
    """Whether a failed log-in could work with one connection less."""
    return isinstance(error, LoginRefused | TurnedAway) and says_too_many(error.text)
