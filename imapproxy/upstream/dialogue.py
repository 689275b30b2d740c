"""Commands in which the server asks for more: AUTHENTICATE and IDLE."""

import base64
from collections.abc import Sequence

from twisted.internet.defer import Deferred

from imapproxy.upstream.connection import UpstreamConnection
from imapproxy.upstream.errors import CommandRefused, LoginRefused
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
    """IDLE (RFC 2177). ``idling`` fires when the server has begun; :meth:`end` says DONE."""

    __slots__ = ("_ended", "idling")

    def __init__(self, connection: UpstreamConnection) -> None:
        super().__init__(connection, [b" IDLE\r\n"], "sync")
        self.idling: Deferred[None] = Deferred()
        self._ended = False

    def continuation_request(self, line: bytes) -> None:
        """The server idles."""
        if not self.idling.called:
            self.idling.callback(None)

    def end(self) -> Deferred[bytes]:
        """Say DONE; fires with the text of the tagged response."""
        if not self._ended:
            self._ended = True
            self._connection.write(b"DONE\r\n")
        return self.done
