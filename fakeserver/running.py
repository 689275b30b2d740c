"""One command being answered: its handler, driven as fast as the client reads."""

from collections.abc import Callable
from enum import Enum

from fakeserver.dispatch import refusal
from fakeserver.reply import Ask, BadCommand, Handler, Tagged
from fakeserver.store.errors import StoreError


class Pause(Enum):
    """Why a handler was left where it is."""

    LATER = "it has done enough for one turn"
    FULL = "the client does not read"


class Running:
    """Drives a handler: what it says is written, its end is the tagged reply.

    ``write`` takes octets in one piece or in several.
    """

    def __init__(
        self, handler: Handler, write: Callable[..., None], may_go_on: Callable[[], bool]
    ) -> None:
        self._handler = handler
        self._write = write
        self._may_go_on = may_go_on
        self.asking: Ask | None = None

    def advance(self, steps: int, line: bytes | None = None) -> Tagged | Ask | Pause:
        """Go on for some steps, with the client's ``line`` if one was asked for."""
        self.asking = None
        try:
            for _ in range(steps):
                if not self._may_go_on():
                    return Pause.FULL
                said = next(self._handler) if line is None else self._handler.send(line)
                line = None
                if isinstance(said, Ask):
                    self.asking = said
                    return said
                if isinstance(said, bytes):
                    self._write(said)
                else:
                    self._write(*said)
        except StopIteration as stop:
            reply = stop.value
            assert isinstance(reply, Tagged)
            return reply
        except (StoreError, BadCommand) as error:
            return refusal(error)
        return Pause.LATER

    def close(self) -> None:
        """The connection is gone."""
        self._handler.close()
