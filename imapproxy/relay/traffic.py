"""How much of what clients fetch comes from here, and how much from upstream: for the status."""

from dataclasses import dataclass

from imapproxy.relay.answers import Answers


@dataclass(slots=True)
class Traffic:
    """Counted since the process was started, for all of its sessions.

    ``messages_asked`` were wanted and not held; ``octets_asked`` are those of responses about
    messages that the upstream sent, whatever it was that it had been asked.
    """

    messages_served: int = 0
    messages_asked: int = 0
    octets_served: int = 0
    octets_asked: int = 0


class CountedAnswers(Answers):
    """Answers of which the octets are counted when they are made."""

    traffic: Traffic

    def next_piece(self) -> bytes | None:
        """See :class:`Answers`."""
        piece = super().next_piece()
        if piece is not None:
            self.traffic.octets_served += len(piece)
        return piece
