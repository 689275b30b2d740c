"""Who takes what the client says: first the log-in, then the relay session."""

from typing import Protocol

from imapproxy.wire.framing import Fragment


class Stage(Protocol):
    """One phase of a client's connection."""

    @property
    def ready(self) -> bool:
        """Whether it can take the client's next fragment now."""

    def client_fragment(self, fragment: Fragment) -> None:
        """Take the next fragment; called only while :attr:`ready`."""

    def flush(self) -> None:
        """Everything that had arrived was told: write out what was gathered."""

    def client_input_ended(self) -> None:
        """The client will say no more, but may still read."""

    def client_gone(self) -> None:
        """The client's connection is lost."""

    def drain(self, grace: float) -> None:
        """Finish what is under way within ``grace`` seconds, say BYE, close."""
