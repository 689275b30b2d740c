"""Commands in which the server asks for more: AUTHENTICATE and IDLE."""

import base64
from collections.abc import Sequence

from twisted.internet.defer import Deferred

from imapproxy.upstream.connection import UpstreamConnection
from imapproxy.upstream.errors import CommandRefused, LoginRefused, UpstreamError
from imapproxy.upstream.request import Request
from imapproxy.wire.framing import CRLF
from imapproxy.wire.secret import Secret


class AuthenticateRequest(Request):
    """AUTHENTICATE with answers that are known beforehand (RFC 3501 section 6.2.2).

    ``answers`` are the SASL responses in order, not yet base64. With ``initial_response`` the
    first goes along with the command (SASL-IR, RFC 4959). A challenge behind the last is answered
    with an empty line, which ends the mechanisms that send error details (RFC 7628 section 3.2.3).
    """

    __slots__ = ("_answers",)

    def __init__(
        self,
        connection: UpstreamConnection,
        mechanism: str,
        answers: Sequence[Secret],
        *,
        initial_response: bool,
    ) -> None:
        self._answers = list(answers)
        line = b" AUTHENTICATE " + mechanism.encode()
        if initial_response:
            line += b" " + (self._encoded_answer() or b"=")
        super().__init__(connection, [line + CRLF], "sync")

    def _encoded_answer(self) -> bytes:
        return base64.b64encode(self._answers.pop(0).reveal())

    def _written(self) -> None:
        """The turn to write is kept until the answer: the server takes any line for a response."""
        if self._answered:
            super()._written()

    def continuation_request(self, line: bytes) -> None:
        """The server's challenge."""
        answer = self._encoded_answer() if self._answers else b""
        self._connection.write(answer + CRLF)

    def refused(self, status: bytes, text: bytes) -> CommandRefused:
        """See :class:`Request`."""
        return LoginRefused(status, text)


class LoginRequest(Request):
    """LOGIN (RFC 3501 section 6.2.3)."""

    __slots__ = ()

    def refused(self, status: bytes, text: bytes) -> CommandRefused:
        """See :class:`Request`."""
        return LoginRefused(status, text)


class IdleRequest(Request):
    """IDLE (RFC 2177); other commands wait until :meth:`end` has said DONE.

    ``idling`` fires with ``True`` when the server has begun, with ``False`` when it never will:
    then :meth:`end` tells why.
    """

    __slots__ = ("_end_asked", "idling")

    def __init__(self, connection: UpstreamConnection) -> None:
        super().__init__(connection, [b" IDLE\r\n"], "sync")
        self.idling: Deferred[bool] = Deferred()
        self._end_asked = False

    def continuation_request(self, line: bytes) -> None:
        """The server idles."""
        if not self.idling.called:
            self.idling.callback(True)
            self._say_done()

    def end(self) -> Deferred[bytes]:
        """Say DONE as soon as the server idles; fires with the text of the tagged response."""
        if not self._end_asked:
            self._end_asked = True
            self._say_done()
        return self.done

    def _say_done(self) -> None:
        # Before the server's "+" DONE would be a command, and behind its answer too.
        if self._end_asked and self.idling.called and not self._answered:
            self._connection.write(b"DONE\r\n")
            super()._written()

    def _written(self) -> None:
        """The turn to write is kept until DONE: the server takes any other line for an error."""
        if self._answered:
            super()._written()

    def tagged_response(self, text: bytes) -> None:
        """See :class:`Request`."""
        super().tagged_response(text)
        self._begins_no_more()

    def connection_lost(self, error: UpstreamError) -> None:
        """See :class:`Request`."""
        super().connection_lost(error)
        self._begins_no_more()

    def _begins_no_more(self) -> None:
        if not self.idling.called:
            self.idling.callback(False)
