"""A scripted server for programs that block; see :mod:`fakeserver.replay`."""

from pathlib import Path
from types import TracebackType
from typing import Self

from fakeserver.conversation import parse_conversations
from fakeserver.reactor_thread import reactor_thread
from fakeserver.replay import ReplayServer


class ThreadedReplay:
    """Plays a conversation, given as a file or as text, to clients in any thread."""

    host = "127.0.0.1"

    def __init__(self, conversation: Path | str) -> None:
        text = conversation.read_text("utf-8") if isinstance(conversation, Path) else conversation
        self._thread = reactor_thread()
        self._server = ReplayServer(self._thread.reactor, parse_conversations(text))

    @property
    def port(self) -> int:
        """The port of plaintext and STARTTLS."""
        return self._server.port

    @property
    def tls_port(self) -> int:
        """The port of implicit TLS."""
        return self._server.tls_port

    @property
    def ca_file(self) -> str:
        """The certificate authority to trust, in PEM."""
        return str(self._server.ca_file)

    @property
    def mismatches(self) -> list[str]:
        """Where clients said something else than the conversation has."""
        return self._thread.call(self._server.mismatches.copy)

    def start(self) -> None:
        """Listen on free ports of the loopback."""
        self._thread.wait(self._server.start)

    def stop(self) -> None:
        """Close all."""
        self._thread.wait(self._server.stop)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
