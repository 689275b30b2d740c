"""How many sessions are offline, for the status."""

from dataclasses import dataclass


@dataclass(slots=True)
class OfflineFigures:
    """``sessions`` at the moment; since the start how many were let in, and how many were not."""

    sessions: int = 0
    let_in: int = 0
    not_let_in: int = 0

    def left(self) -> None:
        """A session has ended, or gone online."""
        self.sessions -= 1
