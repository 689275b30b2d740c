"""The typed client: one method per command, Deferreds of decoded values.

::

    client = await dial(reactor, upstream)
    await log_in(client, Credentials(b"demo", Secret(b"pw")))
    selected = await client.select("INBOX")
    for message in await client.fetch("1:*", "(UID FLAGS)"):
        print(message.uid, message.flags)
    await client.logout()

Commands may be sent without waiting for each other; they go out pipelined and in order.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.iweb import UNKNOWN_LENGTH, IBodyProducer

from imapproxy.upstream.assembler import Assembler, TooLarge
from imapproxy.upstream.connection import UpstreamConnection
from imapproxy.upstream.dialogue import IdleRequest
from imapproxy.upstream.download import Download
from imapproxy.upstream.errors import UpstreamError, UpstreamProtocolError
from imapproxy.upstream.farewell import PATIENCE
from imapproxy.upstream.gathered import Gathered
from imapproxy.upstream.request import Part, Request, StreamedLiteral
from imapproxy.upstream.selected import Selected, selected_from
from imapproxy.wire import commands, responses
from imapproxy.wire.capability import Capabilities
from imapproxy.wire.dates import encode_date_time
from imapproxy.wire.decode_response import decode_response
from imapproxy.wire.encode_command import encode_command
from imapproxy.wire.errors import DecodeError
from imapproxy.wire.framing import Line, Octets
from imapproxy.wire.mailbox import encode_mailbox
from imapproxy.wire.response_code import AppendUid, CapabilityCode, CopyUid
from imapproxy.wire.sequence_set import SequenceSet
from imapproxy.wire.strings import LiteralPart, encode_astring

T = TypeVar("T")


class Outcome(NamedTuple):
    """What a command brought.

    ``status`` is its tagged OK and ``text`` the octets of that behind ``OK ``; ``data`` are the
    untagged responses that came before it and ``untagged`` their octets, CRLF included.
    """

    status: responses.StatusResponse
    text: bytes
    data: tuple[responses.Response, ...]
    untagged: tuple[bytes, ...]


class ImapClient:
    """An IMAP client on a connection whose greeting has come.

    ``capabilities`` are the last that the server told, ``None`` before the first.
    ``observers`` are called with every untagged response, whatever command it belongs to.
    Errors of all methods: :class:`CommandRefused` for NO and BAD, other :class:`UpstreamError`
    when the connection is no more. A text with CR or LF in it raises :class:`ValueError`.
    """

    log = Logger()
    takes_runs = False
    takes_whole_responses = False

    def __init__(self, connection: UpstreamConnection) -> None:
        self.connection = connection
        self.capabilities: Capabilities | None = None
        self.preauthenticated = False
        self.observers: list[Callable[[responses.Response], None]] = []
        self._assembler = Assembler()
        self._gathered = Gathered()
        self._download: Download | None = None
        connection.receiver = self

    # -- commands --------------------------------------------------------------------------

    def capability(self) -> Deferred[Capabilities]:
        """CAPABILITY (RFC 3501 section 6.1.1); also kept as :attr:`capabilities`."""
        return self.run(commands.Capability()).addCallback(
            lambda _: self.capabilities or Capabilities()
        )

    def noop(self) -> Deferred[Outcome]:
        """NOOP (RFC 3501 section 6.1.2)."""
        return self.run(commands.Noop())

    def id(
        self, parameters: Sequence[tuple[bytes, bytes | None]] | None = None
    ) -> Deferred[responses.IdData | None]:
        """ID (RFC 2971): what the server says of itself."""
        command = commands.Id(tuple(parameters) if parameters is not None else None)
        return self.run(command).addCallback(lambda outcome: _first(outcome, responses.IdData))

    def list(
        self, reference: str = "", pattern: str = "*"
    ) -> Deferred[tuple[responses.ListData, ...]]:
        """LIST (RFC 3501 section 6.3.8)."""
        command = commands.List(encode_mailbox(reference), (encode_mailbox(pattern),))
        return self.run(command).addCallback(lambda outcome: _all(outcome, responses.ListData))

    def status(self, mailbox: str, *items: str) -> Deferred[responses.StatusData]:
        """STATUS (RFC 3501 section 6.3.10) of ``items`` such as ``"MESSAGES"``."""
        command = commands.Status(encode_mailbox(mailbox), tuple(items))
        return self.run(command).addCallback(lambda outcome: _only(outcome, responses.StatusData))

    def select(self, mailbox: str, *, read_only: bool = False) -> Deferred[Selected]:
        """SELECT or, with ``read_only``, EXAMINE (RFC 3501 sections 6.3.1 and 6.3.2)."""
        kind = commands.Examine if read_only else commands.Select
        return self.run(kind(encode_mailbox(mailbox))).addCallback(
            lambda outcome: selected_from(outcome.status, outcome.data)
        )

    def fetch(
        self, sequence_set: SequenceSet | str, items: str, *, by_uid: bool = False
    ) -> Deferred[tuple[responses.FetchData, ...]]:
        """FETCH (RFC 3501 section 6.4.5); ``items`` as on the wire: ``"(UID BODY.PEEK[])"``.

        The messages come whole; :meth:`download` streams a large one. FETCH responses that the
        server sends of its own accord meanwhile are among them.
        """
        line = f"{'UID ' if by_uid else ''}FETCH {_numbers(sequence_set)} {items}"
        return self.run_text(line).addCallback(lambda o: _all(o, responses.FetchData))

    def download(
        self, number: int, consumer: IConsumer, section: str = "", *, by_uid: bool = False
    ) -> Deferred[int]:
        """Stream ``BODY.PEEK[section]`` of one message into ``consumer``; fires with its octets.

        The consumer is given the connection as its producer, so that a slow one slows the server.
        It gets nothing more once the Deferred is cancelled. Raises :class:`RuntimeError` while
        another command is in flight.
        """
        if self.connection.in_flight:
            # Octets do not tell to which of two FETCH commands they belong.
            raise RuntimeError("download() needs the connection for itself")
        line = f"{'UID ' if by_uid else ''}FETCH {number} (BODY.PEEK[{section}])"
        request = Request(self.connection, (b" " + _line(line) + b"\r\n",), "sync")
        download = self._download = Download(self.connection, consumer)

        def end(result: T) -> T:
            self._download = None
            download.leave_consumer()
            return result

        def cancelled(failure: Failure) -> Failure:
            download.leave_consumer()
            return failure

        octets: Deferred[int] = Deferred()
        told = self.run_request(request)
        told.addCallback(lambda outcome: download.octets_of(outcome.data))
        told.addBoth(end).chainDeferred(octets)  # type: ignore[arg-type]
        return octets.addErrback(cancelled)

    def search(self, criteria: str, *, by_uid: bool = False) -> Deferred[tuple[int, ...]]:
        """SEARCH (RFC 3501 section 6.4.4); ``criteria`` as on the wire: ``'SUBJECT "x"'``."""
        line = f"{'UID ' if by_uid else ''}SEARCH {criteria}"
        return self.run_text(line).addCallback(_numbers_found)

    def store(
        self,
        sequence_set: SequenceSet | str,
        item: str,
        flags: Sequence[str],
        *,
        by_uid: bool = False,
    ) -> Deferred[tuple[responses.FetchData, ...]]:
        r"""STORE (RFC 3501 section 6.4.6); ``item`` is ``"+FLAGS"``, ``"-FLAGS.SILENT"`` …"""
        uid = "UID " if by_uid else ""
        line = f"{uid}STORE {_numbers(sequence_set)} {item} ({' '.join(flags)})"
        return self.run_text(line).addCallback(lambda o: _all(o, responses.FetchData))

    def append(
        self,
        mailbox: str,
        message: bytes | IBodyProducer,
        flags: Sequence[str] = (),
        internal_date: datetime | None = None,
    ) -> Deferred[AppendUid | None]:
        """APPEND (RFC 3501 section 6.3.11); a producer's octets are streamed.

        Fires with what UIDPLUS tells of the new message (RFC 4315), ``None`` without UIDPLUS.
        Fails with :class:`LiteralFailed`, and ends the connection, if the producer gives other
        than ``producer.length`` octets. It is not started when the server refuses the message.
        """
        if not isinstance(message, bytes) and message.length == UNKNOWN_LENGTH:
            raise ValueError("the length of a message has to be known before it is sent")
        options = b" "
        if flags:
            options += b"(" + _line(" ".join(flags)) + b") "
        if internal_date is not None:
            options += encode_date_time(internal_date) + b" "
        literal: Part
        literal = LiteralPart(message) if isinstance(message, bytes) else StreamedLiteral(message)
        name = encode_astring(encode_mailbox(mailbox))
        parts = (b" APPEND ", name, options, literal, b"\r\n")
        return self._send(parts).addCallback(_append_uid)

    def copy(
        self, sequence_set: SequenceSet | str, mailbox: str, *, by_uid: bool = False
    ) -> Deferred[CopyUid | None]:
        """COPY (RFC 3501 section 6.4.7); fires with COPYUID where the server tells it."""
        command = commands.Copy(_set(sequence_set), encode_mailbox(mailbox), by_uid)
        return self.run(command).addCallback(_copy_uid)

    def move(
        self, sequence_set: SequenceSet | str, mailbox: str, *, by_uid: bool = False
    ) -> Deferred[CopyUid | None]:
        """MOVE (RFC 6851); fires with COPYUID where the server tells it."""
        command = commands.Move(_set(sequence_set), encode_mailbox(mailbox), by_uid)
        return self.run(command).addCallback(_copy_uid)

    def expunge(
        self, uids: SequenceSet | str | None = None
    ) -> Deferred[tuple[responses.Expunged | responses.Vanished, ...]]:
        """EXPUNGE, or UID EXPUNGE of ``uids`` (RFC 3501 section 6.4.3, RFC 4315)."""
        command = commands.Expunge(_set(uids) if uids is not None else None)
        return self.run(command).addCallback(
            lambda outcome: tuple(
                response
                for response in outcome.data
                if isinstance(response, responses.Expunged | responses.Vanished)
            )
        )

    def idle(self) -> IdleRequest:
        """IDLE (RFC 2177). News come to :attr:`observers` until ``.end()`` is called."""
        request = IdleRequest(self.connection)
        request.send()
        return request

    def logout(self) -> Deferred[None]:
        """LOGOUT (RFC 3501 section 6.1.3) and close; fires when the connection is gone."""

        def close(_: object) -> Deferred[None]:
            lost = self.connection.when_lost()
            self.connection.close()
            return lost

        answered = self.run(commands.Logout())
        # A server that does not answer is left all the same.
        answered.addTimeout(PATIENCE, self.connection.clock)
        return answered.addBoth(close)

    def close(self) -> None:
        """Close without a LOGOUT."""
        self.connection.close()

    # -- running commands ------------------------------------------------------------------

    def run(self, body: commands.CommandBody) -> Deferred[Outcome]:
        """Send any command of :mod:`imapproxy.wire.commands`."""
        first, *others = encode_command(commands.Command(b"t", body))
        assert isinstance(first, bytes)
        return self._send((first[1:], *others))

    def run_text(self, line: str) -> Deferred[Outcome]:
        """Send a command as it is written, without tag and CRLF."""
        return self._send((b" " + _line(line) + b"\r\n",))

    def _send(self, parts: Sequence[Part]) -> Deferred[Outcome]:
        style = (self.capabilities or Capabilities()).literal_style
        return self.run_request(Request(self.connection, parts, style))

    def run_request(self, request: Request) -> Deferred[Outcome]:
        """Send a request that was made elsewhere and gather what comes until its end."""

        def gather(result: bytes | Failure) -> Outcome | Failure:
            gathered = self._gathered.claim(request)
            if isinstance(result, Failure):
                return result
            status = decode_response(b"* OK " + result + b"\r\n")
            assert isinstance(status, responses.StatusResponse)
            self.learn(status)
            untagged, data = zip(*gathered, strict=True) if gathered else ((), ())
            return Outcome(status, result, data, untagged)

        # A Deferred of its own: who cancels it waits no more, but the command runs on, and what
        # the server says to it is nobody else's.
        outcome: Deferred[Outcome] = Deferred()
        self._gathered.begin(request)
        request.done.addBoth(gather).chainDeferred(outcome)
        request.send()
        return outcome

    # -- responses: Receiver ---------------------------------------------------------------

    def untagged_run(self, octets: bytes, inside_response: bool) -> None:
        """See :class:`Receiver`: every response is read here, so ``takes_runs`` is false."""
        raise AssertionError("runs are not for a receiver that has to read every response")

    def untagged_line(self, line: Line) -> None:
        """See :class:`Receiver`."""
        if self._download is not None:
            line = self._download.line(line)
        try:
            octets = self._assembler.line(line)
        except TooLarge as error:
            self.connection.fail(UpstreamProtocolError(f"{self.connection.name} sent {error}"))
            return
        if octets is not None:
            self._response(octets)

    def untagged_octets(self, octets: Octets) -> None:
        """See :class:`Receiver`."""
        if self._download is not None and self._download.streaming:
            self._download.take(octets)
        else:
            self._assembler.octets(octets)

    def batch_received(self) -> None:
        """See :class:`Receiver`."""

    def disconnected(self, error: UpstreamError) -> None:
        """See :class:`Receiver`."""

    def _response(self, octets: bytes) -> None:
        try:
            response = decode_response(octets)
        except DecodeError as error:
            self.log.warn(
                "{name}: a response that cannot be read was passed over: {error}",
                name=self.connection.name,
                error=str(error),
            )
            return
        self.learn(response)
        self._gathered.add(octets, response)
        for observer in self.observers:
            observer(response)

    def forget(self) -> None:
        """Forget what the server told: it was said before TLS, or by nobody knows whom."""
        self.capabilities = None
        self._gathered.clear()

    def learn(self, response: responses.Response) -> None:
        """Keep the capabilities that a response tells, if it does."""
        match response:
            case responses.CapabilityData(capabilities=told):
                self.capabilities = told
            case responses.StatusResponse(code=CapabilityCode(capabilities=told)):
                self.capabilities = told
            case _:
                pass


def _line(text: str) -> bytes:
    """What the caller wrote, for the wire: one line and no more."""
    if any(character in text for character in "\r\n\0"):
        raise ValueError("a command is one line: no CR, LF or NUL in it")
    return text.encode("utf-8")


def _set(numbers: SequenceSet | str) -> SequenceSet:
    return numbers if isinstance(numbers, SequenceSet) else SequenceSet.decode(numbers.encode())


def _numbers(numbers: SequenceSet | str) -> str:
    return _set(numbers).encode().decode("ascii")


def _all(outcome: Outcome, kind: type[T]) -> tuple[T, ...]:
    return tuple(response for response in outcome.data if isinstance(response, kind))


def _first(outcome: Outcome, kind: type[T]) -> T | None:
    return next(iter(_all(outcome, kind)), None)


def _only(outcome: Outcome, kind: type[T]) -> T:
    found = _first(outcome, kind)
    if found is None:
        raise UpstreamProtocolError(f"the server said OK, but sent no {kind.__name__}")
    return found


def _numbers_found(outcome: Outcome) -> tuple[int, ...]:
    return tuple(n for data in _all(outcome, responses.SearchData) for n in data.numbers)


def _append_uid(outcome: Outcome) -> AppendUid | None:
    code = outcome.status.code
    return code if isinstance(code, AppendUid) else None


def _copy_uid(outcome: Outcome) -> CopyUid | None:
    """COPYUID, in the tagged OK (COPY) or in an untagged one before it (MOVE, RFC 6851)."""
    for response in (outcome.status, *outcome.data):
        if isinstance(response, responses.StatusResponse) and isinstance(response.code, CopyUid):
            return response.code
    return None
