"""TLS without detours: what is written goes out at once, what comes is decrypted in one go."""

from typing import Any

from OpenSSL import SSL
from twisted.internet.interfaces import ISSLTransport
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from imapproxy.upstream.prompt import prompt
from imapproxy.upstream.tls_records import TlsRecords

_LONGEST_RECORD = 2**14  # octets of plaintext (RFC 8446 section 5.1)


@implementer(ISSLTransport)
class PromptTls(TLSMemoryBIOProtocol):
    """TLS that does not wait with what is written, and gives its protocol many records at once.

    Servers write small records (Dovecot: 4 KB), and a read of the socket brings several. Twisted
    hands each to the protocol, and asks OpenSSL for one more, until that has none; and then asks
    whether it has something to send. Here the records are counted as they come, so it is known
    when nothing is left, and nobody has to ask: an answer to that is as dear as a record.

    All that is out of the ordinary is left to Twisted: the handshake, what waits to be written for
    it, records that hold no octets of the application, errors, the end.
    """

    def __init__(self, factory: Any, protocol: Any, connect_protocol: bool = True) -> None:
        super().__init__(factory, protocol, connect_protocol)  # type: ignore[no-untyped-call]
        self._records = TlsRecords()

    def makeConnection(self, transport: Any) -> None:
        """Begin the handshake on a connected transport."""
        super().makeConnection(transport)  # type: ignore[no-untyped-call]
        self.transport = prompt(transport)

    def dataReceived(self, data: bytes) -> None:
        """Decrypt, and tell."""
        records = self._records.ended_in(data)
        if not records or not self._is_open or self._appSendBuffer:
            super().dataReceived(data)  # type: ignore[no-untyped-call]
            return
        self._tlsConnection.bio_write(data)
        received: list[bytes] = []
        failure = self._decrypt(records, received)
        if received:
            self.wrappedProtocol.dataReceived(b"".join(received))
        if failure is not None:
            self._tlsShutdownFinished(failure)  # type: ignore[no-untyped-call]
        elif len(received) < records or not self._records.between:
            self._flushReceiveBIO()  # type: ignore[no-untyped-call]

    @property
    def _is_open(self) -> bool:
        return self._handshakeDone and not (self._lostTLSConnection or self._aborted)

    def _decrypt(self, records: int, received: list[bytes]) -> Failure | None:
        """Add the plaintext of as many ``records``, or fewer, to ``received``."""
        decrypt = self._tlsConnection.recv
        try:
            for _ in range(records):
                received.append(decrypt(_LONGEST_RECORD))
        except (SSL.WantReadError, SSL.ZeroReturnError):
            pass  # said again when it is asked again, which Twisted does
        except SSL.Error:
            return Failure()
        return None


class PromptTlsFactory(TLSMemoryBIOFactory):
    """Twisted's factory of TLS over any factory's protocols, with :class:`PromptTls` for it."""

    protocol = PromptTls


def start_prompt_tls(transport: Any, creator: Any, protocol: Any, *, client: bool) -> PromptTls:
    """Put TLS, as ``client`` or server, between ``transport``, connected TCP, and its ``protocol``.

    It is what Twisted's own ``startTLS`` does, with another class for the TLS. The result is the
    protocol's transport from now on; whoever wrote to the old one writes to it no more.
    """
    nobody: Any = None  # the factory makes no protocols
    tls = PromptTls(PromptTlsFactory(creator, client, nobody), protocol, False)
    transport.protocol = tls
    tls.makeConnection(transport)
    return tls
