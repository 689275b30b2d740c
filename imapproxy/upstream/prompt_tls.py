"""TLS without detours: what is written goes out at once, what comes is decrypted in one go.

Twisted's own (``twisted.protocols.tls``) takes longer ways. It hands each
record on by itself, and servers write small ones (Dovecot: 4 KB); what is written waits for another
turn of the reactor; and it reaches OpenSSL through two layers of Python. This is on the ``ssl`` of
the standard library, which is one of C.
"""

import ssl
from collections.abc import Iterable
from typing import Any, Protocol

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHandshakeListener, IPushProducer, ISSLTransport
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from imapproxy.upstream.prompt import prompt

# Octets that are read at a time: as many as Twisted's while there is a dialogue, for memory of the
# larger size has to be mapped anew each time; more while mail streams.
_READ = 64 * 1024
_READ_MUCH = 256 * 1024
_LONGEST_RECORD = 2**14  # octets of plaintext (RFC 8446 section 5.1)


class PeerRefused(Exception):
    """The handshake is over, and the other end is not who it should be."""


class TlsParty(Protocol):
    """One end of TLS: how it begins a handshake, and whom it accepts at the other end."""

    def begin(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO) -> ssl.SSLObject:
        """A session that reads and writes there."""

    def accept(self, session: ssl.SSLObject) -> None:
        """Raises :class:`PeerRefused`. Nothing has been said over the session yet."""


@implementer(ISSLTransport)
class PromptTls(TwistedProtocol):
    """TLS between a TCP transport, whose protocol it is, and a protocol, whose transport it is.

    ``connects`` tells that the protocol has not been connected yet; otherwise it is one that goes
    over to TLS. What it writes before the handshake is over waits for that. An end without the
    peer's close_notify is a :class:`ConnectionLost`: somebody may have cut off what was to come.
    """

    transport: Any
    disconnecting = False

    def __init__(self, party: TlsParty, protocol: Any, *, connects: bool = False) -> None:
        self._party = party
        self._protocol = protocol
        self._connects = connects
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self.session = party.begin(self._incoming, self._outgoing)
        self._free = False  # what is written can be encrypted and sent
        self._held: list[bytes] = []  # what was written while it could not
        self._producer: IPushProducer | None = None
        self._streams = False  # more comes than is read at a time
        self._secured = False  # the handshake is over
        self._closed = False  # we have said our close_notify
        self._peer_closed = False
        self._aborted = False
        self._fault: Failure | None = None

    # -- the protocol of the TCP transport -------------------------------------------------

    def makeConnection(self, transport: Any) -> None:
        """Begin the handshake on a connected transport."""
        self._writer = prompt(transport)
        super().makeConnection(transport)  # type: ignore[no-untyped-call]
        if self._connects:
            self._protocol.makeConnection(self)
        self._shake_hands()

    def dataReceived(self, data: bytes) -> None:
        """Decrypt, and tell."""
        if len(data) >= _READ:
            self._streams = True
            self.transport.bufferSize = _READ_MUCH
        elif self._streams:
            self._streams = False
            self.transport.bufferSize = _READ
        self._incoming.write(data)
        if self._secured or self._shake_hands():
            self._take_records()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The TCP connection is gone."""
        self._free = False
        self._closed = True
        if self._fault is not None:
            reason = self._fault
        elif reason.check(ConnectionDone) and not self._peer_closed:
            reason = Failure(ConnectionLost())
        self._protocol.connectionLost(reason)

    def _shake_hands(self) -> bool:
        """Take the next step of the handshake; whether that was the last one."""
        if self._fault is not None or self._aborted:
            return False
        try:
            self.session.do_handshake()
            self._party.accept(self.session)
        except ssl.SSLWantReadError:
            self._flush()
            return False
        except (ssl.SSLError, PeerRefused) as error:
            self._fail(error)
            return False
        self._flush()
        self._secured = True
        if IHandshakeListener.providedBy(self._protocol):
            self._protocol.handshakeCompleted()
        self._release()
        return True

    def _take_records(self) -> None:
        received, fault = self._decrypt()
        if received and not self._aborted:
            self._protocol.dataReceived(b"".join(received))
        if fault is not None:
            self._fail(fault)
        elif self._peer_closed:
            self._say_goodbye()
        elif self._held:
            self._release()
        elif self._outgoing.pending:
            self._flush()

    def _decrypt(self) -> tuple[list[bytes], ssl.SSLError | None]:
        """The plaintext of all records that are here, and what was wrong with the next one."""
        received: list[bytes] = []
        incoming, read = self._incoming, self.session.read
        try:
            while incoming.pending and not self._peer_closed:
                octets = read(_LONGEST_RECORD)  # never less than a record
                received.append(octets)
                self._peer_closed = not octets
        except ssl.SSLWantReadError:
            pass  # a record is not here to its end, or holds nothing for the protocol
        except ssl.SSLZeroReturnError:
            self._peer_closed = True
        except ssl.SSLError as error:
            return received, error
        return received, None

    def _fail(self, error: ssl.SSLError | PeerRefused) -> None:
        self._fault = self._fault or Failure(error)
        self._free = False
        self._closed = True
        if isinstance(error, ssl.SSLError):
            self._flush()  # an alert, which tells the peer what was wrong
        self.transport.loseConnection()

    # -- the transport of the protocol -----------------------------------------------------

    def write(self, data: bytes) -> None:
        """Send ``data``."""
        if not self._free:
            self._hold(data)
            return
        sent = 0
        try:
            while sent < len(data):
                sent += self.session.write(data[sent : sent + _LONGEST_RECORD])
        except ssl.SSLWantReadError:
            # The peer wants another handshake first (TLS 1.2).
            self._free = False
            self._hold(data[sent:])
        except ssl.SSLError as error:
            self._fail(error)
            return
        encrypted = self._outgoing.read()
        if encrypted:
            self._writer.write(encrypted)

    def writeSequence(self, iovec: Iterable[bytes]) -> None:
        """See :meth:`write`."""
        self.write(b"".join(iovec))

    def _hold(self, data: bytes) -> None:
        if self._closed:
            return
        self._held.append(data)
        if self._producer is not None:
            self._producer.pauseProducing()

    def _release(self) -> None:
        """Send what was held back, if that can be done now."""
        held, self._held = self._held, []
        self._free = not self._closed
        if held:
            self.write(b"".join(held))
        if self._held:
            return
        if self._producer is not None:
            self._producer.resumeProducing()
        elif self.disconnecting:
            self._say_goodbye()

    def _flush(self) -> None:
        if self._outgoing.pending:
            self._writer.write(self._outgoing.read())

    def loseConnection(self) -> None:
        """Send what was written and close; waits for the peer's close_notify, for ever if need be,
        and before that until no producer is registered.
        """
        if self.disconnecting:
            return
        self.disconnecting = True
        if not self._secured and not self._held:
            self.abortConnection()
        elif self._producer is None and not self._held:
            self._say_goodbye()

    def _say_goodbye(self) -> None:
        self._free = False
        self._closed = True
        try:
            self.session.unwrap()
            self._peer_closed = True
        except ssl.SSLError:
            pass  # the peer has not closed yet, or TLS is broken, which reading will tell
        self._flush()
        if self._peer_closed:
            self.transport.loseConnection()

    def abortConnection(self) -> None:
        """Cut the connection; the protocol hears nothing more but that."""
        self._aborted = True
        self._free = False
        self._closed = True
        self.disconnecting = True
        self.transport.abortConnection()

    def registerProducer(self, producer: IPushProducer, streaming: bool) -> None:
        """Pause ``producer`` while what was written cannot be sent. It has to be a streaming one.

        It may be paused and resumed more often than there is need for.
        """
        assert streaming
        self._producer = producer
        self.transport.registerProducer(producer, True)

    def unregisterProducer(self) -> None:
        """Nobody is paused any more."""
        self._producer = None
        self.transport.unregisterProducer()
        if self.disconnecting and not self._held and not self._closed:
            self._say_goodbye()

    def pauseProducing(self) -> None:
        """Read no more."""
        self.transport.pauseProducing()

    def resumeProducing(self) -> None:
        """Read again."""
        self.transport.resumeProducing()

    def stopProducing(self) -> None:
        """Read no more, and close."""
        self.loseConnection()

    # -- what is TCP's ---------------------------------------------------------------------

    def getPeer(self) -> Any:
        """See :class:`twisted.internet.interfaces.ITCPTransport`."""
        return self.transport.getPeer()

    def getHost(self) -> Any:
        """See :meth:`getPeer`."""
        return self.transport.getHost()

    def getTcpNoDelay(self) -> bool:
        """See :meth:`getPeer`."""
        return bool(self.transport.getTcpNoDelay())

    def setTcpNoDelay(self, enabled: bool) -> None:
        """See :meth:`getPeer`."""
        self.transport.setTcpNoDelay(enabled)

    def getTcpKeepAlive(self) -> bool:
        """See :meth:`getPeer`."""
        return bool(self.transport.getTcpKeepAlive())

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """See :meth:`getPeer`."""
        self.transport.setTcpKeepAlive(enabled)

    @property
    def socket(self) -> Any:
        """The socket under it, as Twisted's own transports have it; ``None`` if there is none."""
        return getattr(self.transport, "socket", None)

    def loseWriteConnection(self) -> None:
        """Say no more, but go on hearing."""
        self._say_goodbye()

    def getPeerCertificate(self) -> bytes | None:
        """The peer's certificate in DER, if it has shown one."""
        return self.session.getpeercert(binary_form=True)


def start_prompt_tls(transport: Any, party: TlsParty, protocol: Any) -> PromptTls:
    """Put TLS between ``transport``, connected TCP, and its ``protocol``.

    It is what Twisted's own ``startTLS`` does. The result is the protocol's transport from now on;
    whoever wrote to the old one writes to it no more.
    """
    tls = PromptTls(party, protocol)
    transport.protocol = tls
    tls.makeConnection(transport)
    return tls
