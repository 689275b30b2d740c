"""News that a question of the proxy's own has brought wait for the client's next command.

Servers tell news within commands alone, but for IDLE, and then a client knows which mailbox they
are about. What is told between two commands could cross a SELECT on its way, and the client would
take it for news of the mailbox that it is about to open.
"""

from collections.abc import Callable


class News:
    """Untagged data about messages on its way to the client, which ``say`` tells."""

    def __init__(self, say: Callable[[bytes], None]) -> None:
        self._say = say
        self._held: list[bytes] = []
        self._route = say

    def __bool__(self) -> bool:
        return bool(self._held)

    @property
    def wait(self) -> bool:
        """Whether what has begun last waits, so that the client is in no response."""
        return self._route != self._say

    def begins(self, octets: bytes, *, waits: bool) -> None:
        """Whole responses, or the beginning of one; whether they wait."""
        self._route = self._hold if waits else self._say
        if octets:
            self._route(octets)

    def goes_on(self, octets: bytes) -> None:
        """More of the response that has begun."""
        self._route(octets)

    def tell(self) -> None:
        """The client has said its next command: it hears them before the answer."""
        held, self._held = self._held, []
        for octets in held:
            self._say(octets)
        if self._route == self._hold:
            self._route = self._say

    def drop(self) -> None:
        """The client leaves the mailbox that they are about."""
        self._held = []
        if self._route == self._hold:
            self._route = _nobody

    def _hold(self, octets: bytes) -> None:
        self._held.append(octets)


def _nobody(octets: bytes) -> None:
    """Nobody hears the rest of what the client has left behind."""
