"""News that is told when no command is being answered: in IDLE, and with NOTIFY."""

from collections.abc import Callable
from enum import Enum

from fakeserver.connection import Connection


class Busy(Enum):
    """What the server is doing for the client."""

    NOT = "it waits for a command"
    IDLE = "it waits for the end of IDLE, or for another line that it asked for"
    ANSWERING = "it answers a command"


class NewsTeller:
    """Tells what happens in the selected mailbox as it happens, where that is wanted."""

    def __init__(self, connection: Connection, busy: Callable[[], Busy]) -> None:
        self._connection = connection
        self._busy = busy

    def begin_idle(self) -> None:
        """From here on all news is told as it comes."""
        self._listen()
        self._tell()

    def end_idle(self) -> None:
        """News waits for the next command again."""
        session = self._connection.session
        session.on_news = None
        if session.view is not None:
            session.view.on_news = None

    def begin_notify(self) -> None:
        """With NOTIFY news comes when no command runs, too (RFC 5465 section 3.1)."""
        session = self._connection.session
        if session.notified is not None:
            self._listen(to_view=session.notified.at_once)

    def _listen(self, *, to_view: bool = True) -> None:
        session = self._connection.session
        session.on_news = self._soon
        if session.view is not None and to_view:
            session.view.on_news = self._soon

    def _soon(self) -> None:
        self._connection.timers.later("news", 0, self._tell)

    def _tell(self) -> None:
        connection, busy = self._connection, self._busy()
        if not connection.may_go_on or connection.held or busy is Busy.ANSWERING:
            return
        if busy is Busy.NOT and connection.session.notified is None:
            return
        connection.out.write(connection.session.news(may_expunge=busy is Busy.IDLE))
        connection.out.release()
        if connection.mailbox_is_gone:
            connection.bye_to_mailbox()
