"""How soon a client hears of what others do to its mailbox."""

from dataclasses import dataclass

#: Seconds; half of what the shortest-lived NAT tables give an idle connection.
NEWS_INTERVAL = 30.0


@dataclass(frozen=True, slots=True)
class Freshness:
    """``exact``: news come with the very command with which they would come without a cache.

    That costs a round trip, without payload, for each command that could be answered from here.
    Otherwise (*live*) such a command is answered at once, and the upstream is asked for news
    ``news_interval`` seconds after the last round trip at the latest. Both are what RFC 9051
    section 5.2 allows a server.

    ``list_ttl`` is for how many seconds the answers to LIST, LSUB and NAMESPACE are given again. 0:
    the upstream is asked each time.
    """

    exact: bool = False
    news_interval: float = NEWS_INTERVAL
    list_ttl: float = 0.0
