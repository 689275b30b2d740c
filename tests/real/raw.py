"""A client that knows IMAP's framing and nothing else, and keeps the exact octets of each answer.

It is written apart from the package's own framer on purpose: it is what the proxy is judged by.
"""

import re
import socket
import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

# An answer that takes longer is a hang: the peers are on loopback and the mailboxes small.
DEADLINE = 60.0

_LITERAL = re.compile(rb"~?\{(\d+)\}\r\n\Z")
# The text of a status response is free: what looks like a literal at its end is none.
_STATUS = re.compile(rb"\S+ (?:OK|NO|BAD|BYE|PREAUTH)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Response:
    """One response as it came: lines and literals in turns, beginning and ending with a line."""

    fragments: tuple[bytes, ...]

    @property
    def octets(self) -> bytes:
        """All of it."""
        return b"".join(self.fragments)

    @property
    def first_word(self) -> bytes:
        """The tag, ``*`` or ``+``."""
        return self.fragments[0].split(None, 1)[0] if self.fragments[0].strip() else b""

    @property
    def lines(self) -> tuple[bytes, ...]:
        """What is not literal."""
        return self.fragments[::2]


class Closed(Exception):
    """The server closed the connection; ``responses`` is what came before, ``rest`` half a line."""

    def __init__(self, responses: list[Response], rest: bytes) -> None:
        super().__init__(f"closed after {[r.octets for r in responses[-3:]]!r} and {rest[-200:]!r}")
        self.responses = responses
        self.rest = rest


class Silent(Exception):
    """The answer did not come; ``responses`` is what came, ``rest`` what was left half way."""

    def __init__(self, responses: list[Response], rest: bytes) -> None:
        super().__init__(
            f"no answer in {DEADLINE} s after {[r.octets for r in responses[-3:]]!r}"
            f" and {rest[-200:]!r}"
        )
        self.responses = responses
        self.rest = rest


class RawClient:
    """A connection, its greeting read."""

    def __init__(self, port: int, context: ssl.SSLContext | None = None) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), DEADLINE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context is not None:
            self._socket = context.wrap_socket(self._socket, server_hostname="localhost")
        self._buffer = bytearray()
        self._waits = True
        try:
            self.greeting = self.read_until(lambda response: True)[0]
        except (Closed, Silent):
            self._socket.close()
            raise

    def send(self, octets: bytes) -> None:
        """Send octets as they are."""
        try:
            self._socket.sendall(octets)
        except OSError:
            raise Closed([], b"") from None

    def read_until(self, last: Callable[[Response], bool]) -> list[Response]:
        """Read responses up to and with the one that ``last`` is true for."""
        responses: list[Response] = []
        while not responses or not last(responses[-1]):
            try:
                responses.append(self._response())
            except EOFError:
                raise Closed(responses, bytes(self._buffer)) from None
            except TimeoutError:
                raise Silent(responses, bytes(self._buffer)) from None
            except OSError:
                # A reset is how a server closes that did not read all we sent.
                raise Closed(responses, b"") from None
        return responses

    def arrived(self) -> list[Response]:
        """Return the responses that are here already, without waiting for any."""
        self._gather()
        responses: list[Response] = []
        self._waits = False
        before = bytes(self._buffer)
        try:
            while True:
                responses.append(self._response())
                before = bytes(self._buffer)
        except BlockingIOError:
            self._buffer[:] = before
        finally:
            self._waits = True
        return responses

    def command(self, line: bytes, tag: bytes = b"t") -> list[Response]:
        """Send ``tag line`` and return the responses, the tagged one last."""
        self.send(tag + b" " + line + b"\r\n")
        return self.read_until(lambda response: response.first_word == tag)

    def ok(self, line: bytes, tag: bytes = b"t") -> list[Response]:
        """Like :meth:`command`, for a command that has to succeed."""
        responses = self.command(line, tag)
        assert responses[-1].octets.startswith(tag + b" OK"), responses
        return responses

    def continued(self, *segments: bytes, tag: bytes = b"t") -> list[Response]:
        """Send a command whose segments each wait for a continuation request."""
        responses: list[Response] = []
        for segment in segments:
            self.send(segment)
            responses += self.read_until(lambda response: response.first_word in (b"+", tag))
            if responses[-1].first_word == tag:
                break
        return responses

    def read_to_end(self) -> bytes:
        """Read until the server closes; return all of it."""
        try:
            while data := self._socket.recv(65536):
                self._buffer += data
        except ConnectionResetError:
            pass
        return bytes(self._buffer)

    def close(self) -> None:
        """Close without a word."""
        self._socket.close()

    def _response(self) -> Response:
        fragments = [self._line()]
        if not _STATUS.match(fragments[0]):
            while match := _LITERAL.search(fragments[-1]):
                fragments += [self._octets(int(match[1])), self._line()]
        return Response(tuple(fragments))

    def _line(self) -> bytes:
        searched = 0
        while (end := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            self._receive()
        return self._octets(end + 1)

    def _octets(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._receive()
        octets = bytes(self._buffer[:count])
        del self._buffer[:count]
        return octets

    def _gather(self) -> None:
        self._socket.setblocking(False)
        try:
            while data := self._socket.recv(262144):
                self._buffer += data
        except OSError:
            pass  # nothing more yet; or a reset, which the next one to read will be told of
        finally:
            self._socket.settimeout(DEADLINE)

    def _receive(self) -> None:
        if not self._waits:
            raise BlockingIOError
        data = self._socket.recv(262144)
        if not data:
            raise EOFError
        self._buffer += data

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def octets_of(responses: Iterable[Response]) -> bytes:
    """Join responses to what was on the wire."""
    return b"".join(response.octets for response in responses)
