"""The patterns of LIST: ``*`` is anything, ``%`` anything but the delimiter (RFC 9051 6.3.9)."""

import re

from imapproxy.wire.mailbox import INBOX, is_inbox

# Neighbouring wildcards are one: "*" if there is a "*" among them.
_WILDCARDS = re.compile(rb"[%*]{2,}")


class ListPattern:
    """A pattern, with the reference put before it, that names are held against.

    ``delimiter`` is one octet, or ``None`` for a flat name space, in which ``%`` is ``*``.
    """

    __slots__ = (
        "_accepts",
        "_inbox",
        "_moves",
        "_stays",
        "_stays_at_delimiter",
        "_wild",
        "pattern",
    )

    # All places of the pattern where a name can stand so far are the bits of one integer, and each
    # octet of the name moves all of them at once. So a pattern of many wildcards costs no more
    # than a plain one, whereas with backtracking "*a*a*a*a*b" takes for ever.

    def __init__(self, pattern: bytes, delimiter: bytes | None) -> None:
        self.pattern = pattern
        merged = _WILDCARDS.sub(lambda found: b"*" if b"*" in found[0] else b"%", pattern)
        self._moves: dict[int, int] = {}
        self._wild = stars = 0
        for place, octet in enumerate(merged):
            if octet in b"%*":
                self._wild |= 1 << place
                stars |= (octet == ord("*")) << place
            else:
                self._moves[octet] = self._moves.get(octet, 0) | 1 << place
        self._stays = self._wild
        self._stays_at_delimiter = (delimiter[0], stars) if delimiter else (-1, self._wild)
        self._accepts = 1 << len(merged)
        # "INBOX" is held against the pattern in upper case (RFC 9051 section 6.3.9).
        self._inbox = pattern == pattern.upper() or ListPattern(pattern.upper(), delimiter)

    def matches(self, mailbox: bytes) -> bool:
        """Whether the whole of ``mailbox`` matches."""
        if isinstance(self._inbox, ListPattern) and is_inbox(mailbox):
            return self._inbox.matches(INBOX)
        delimiter, stars = self._stays_at_delimiter
        places = self._past_wildcards(1)
        for octet in mailbox:
            stays = stars if octet == delimiter else self._stays
            moved = (places & self._moves.get(octet, 0)) << 1
            places = self._past_wildcards(moved | places & stays)
            if not places:
                return False
        return bool(places & self._accepts)

    def _past_wildcards(self, places: int) -> int:
        return places | (places & self._wild) << 1

    def __repr__(self) -> str:
        return f"ListPattern({self.pattern!r})"
