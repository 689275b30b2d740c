"""What a relay session needs of the side that talks to the legacy client."""

from typing import Protocol

from imapproxy.upstream.connection import UpstreamConnection


class ClientPort(Protocol):
    """The client as the session sees it; the listener implements it on a transport."""

    def write(self, data: bytes) -> None:
        """Send octets to the client."""

    def close(self) -> None:
        """Send what was written and close the connection."""

    def accept_literal(self) -> None:
        """The client was told to send the literal that its last line announced."""

    def refuse_literal(self) -> None:
        """The client was told not to: what it says next is a new command."""

    def expect_commands(self, commands: bool) -> None:
        """Whether the next lines are commands; otherwise no literal is looked for in them."""

    def partner_lost(self) -> None:
        """The partner is gone; the client is read all the same."""

    def partner_changed(self, connection: UpstreamConnection) -> None:
        """Another connection is the client's partner now."""

    def proceed(self) -> None:
        """The session can take fragments again."""
