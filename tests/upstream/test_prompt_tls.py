"""TLS of our own reading: the same as Twisted's own, which passes these tests, too."""

from collections.abc import Callable
from typing import Any

import pytest
from OpenSSL import SSL
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.internet.protocol import connectionDone
from twisted.internet.testing import StringTransport
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from imapproxy.upstream.prompt_tls import PromptTls
from tests.upstream import certificates

TLS_1_2, TLS_1_3 = SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION


class Counting(SSL.Connection):
    """An OpenSSL connection that counts how often it is asked for something decrypted."""

    asked = 0

    def recv(self, *arguments: Any) -> bytes:
        self.asked += 1
        return super().recv(*arguments)


@implementer(IOpenSSLClientConnectionCreator)
class Creator:
    """Makes ``connection``, our side, when Twisted asks for it."""

    connection: Counting

    def __init__(self, version: int) -> None:
        self._version = version

    def clientConnectionForTLS(self, _: Any) -> SSL.Connection:
        self.connection = Counting(context(self._version), None)
        self.connection.set_connect_state()
        return self.connection


class Listening(TwistedProtocol):
    """The protocol above TLS. ``react`` is called behind all that is heard."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.react: Callable[[], None] = lambda: None
        self.lost: BaseException | None = None

    def dataReceived(self, data: bytes) -> None:
        self.pieces.append(data)
        self.react()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost = reason.value


class Pair:
    """Our side, a client, and ``peer``, which is OpenSSL alone; the handshake is done."""

    def __init__(self, kind: type[TLSMemoryBIOProtocol], version: int = TLS_1_3) -> None:
        self.protocol = Listening()
        self.wire = StringTransport()
        creator, nobody = Creator(version), None
        factory = TLSMemoryBIOFactory(creator, True, nobody)
        self.tls: Any = kind(factory, self.protocol)
        self.tls.makeConnection(self.wire)
        self.ours = creator.connection
        server = context(version)
        certificates.AUTHORITY.issue_cert("localhost").configure_cert(server)
        self.peer = SSL.Connection(server, None)
        self.peer.set_accept_state()
        while not self.shake_hands():
            pass

    def shake_hands(self) -> bool:
        """One step; whether it was the last one."""
        self.deliver_to_peer()
        try:
            self.peer.do_handshake()
        except SSL.WantReadError:
            return False
        finally:
            self.tls.dataReceived(self.from_peer())
        return True

    def deliver_to_peer(self) -> None:
        octets = self.wire.value()
        self.wire.clear()
        if octets:
            self.peer.bio_write(octets)

    def from_peer(self) -> bytes:
        """What the peer has to send, as it goes over the wire."""
        octets = b""
        while True:
            try:
                octets += self.peer.bio_read(2**16)
            except SSL.WantReadError:
                return octets

    def records(self, *contents: bytes) -> bytes:
        """The records in which the peer says this."""
        for content in contents:
            self.peer.send(content)
        return self.from_peer()

    def said(self) -> bytes:
        """What our side has said, decrypted."""
        self.deliver_to_peer()
        return self.peer.recv(2**15)

    @property
    def heard(self) -> bytes:
        return b"".join(self.protocol.pieces)


def context(version: int) -> SSL.Context:
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_min_proto_version(version)
    context.set_max_proto_version(version)
    return context


@pytest.fixture(params=[TLSMemoryBIOProtocol, PromptTls])
def kind(request: pytest.FixtureRequest) -> Any:
    return request.param


class TestAsTwisted:
    @pytest.mark.parametrize("version", [TLS_1_2, TLS_1_3])
    @pytest.mark.parametrize("size", [1, 2, 7, 31, 100, 5000])
    def test_however_it_is_cut(self, kind, version, size):
        pair = Pair(kind, version)
        contents = [b"a", b"b" * 50, b"c" * 2000]
        stream = pair.records(*contents)
        for at in range(0, len(stream), size):
            pair.tls.dataReceived(stream[at : at + size])
        assert pair.heard == b"".join(contents)

    @pytest.mark.parametrize("behind", [b"", b"bye"])
    def test_close_notify_is_answered(self, kind, behind):
        pair = Pair(kind)
        stream = pair.records(behind) if behind else b""
        pair.peer.shutdown()
        pair.tls.dataReceived(stream + pair.from_peer())
        assert pair.heard == behind
        assert pair.wire.disconnecting
        pair.deliver_to_peer()
        assert pair.peer.shutdown()
        pair.tls.connectionLost(Failure(ConnectionDone()))
        assert type(pair.protocol.lost) is ConnectionDone

    @pytest.mark.parametrize("before", [[], [b"good"], [b"good", b"news"]])
    def test_what_was_tampered_with(self, kind, before):
        pair = Pair(kind)
        good, bad = pair.records(*before), bytearray(pair.records(b"x" * 40))
        bad[20] ^= 1
        pair.tls.dataReceived(good + bad)
        assert pair.heard == b"".join(before)
        assert pair.wire.disconnecting
        pair.deliver_to_peer()
        with pytest.raises(SSL.Error, match="bad record mac"):
            pair.peer.recv(100)
        pair.tls.connectionLost(Failure(ConnectionDone()))
        assert isinstance(pair.protocol.lost, SSL.Error)

    def test_what_is_no_record(self, kind):
        pair = Pair(kind)
        pair.tls.dataReceived(pair.records(b"good") + b"* OK hi\r\n")
        assert pair.heard == b"good"
        assert pair.wire.disconnecting

    def test_cut_off_without_close_notify(self, kind):
        pair = Pair(kind)
        pair.tls.dataReceived(pair.records(b"half", b"a record")[:-1])
        pair.tls.connectionLost(Failure(ConnectionDone()))
        assert pair.heard == b"half"
        assert type(pair.protocol.lost) is ConnectionLost

    @pytest.mark.parametrize("before", [[], [b"good"]])
    def test_a_new_handshake(self, kind, before):
        """RFC 5246 section 7.4.1.1: the server may ask for one at any time."""
        pair = Pair(kind, TLS_1_2)
        stream = pair.records(*before)
        assert pair.peer.renegotiate()
        pair.peer.do_handshake()  # says HelloRequest, and no more yet
        pair.tls.dataReceived(stream + pair.from_peer())
        while pair.wire.value():
            pair.deliver_to_peer()
            with pytest.raises(SSL.WantReadError):
                pair.peer.recv(100)
            if octets := pair.from_peer():
                pair.tls.dataReceived(octets)
        assert pair.peer.total_renegotiations() == 1
        pair.tls.dataReceived(pair.records(b"again"))
        assert pair.heard == b"".join(before) + b"again"
        pair.tls.write(b"indeed")
        assert pair.said() == b"indeed"

    def test_nothing_is_heard_behind_an_abort(self, kind):
        pair = Pair(kind)
        pair.protocol.react = pair.tls.abortConnection
        pair.tls.dataReceived(pair.records(b"one"))
        pair.tls.dataReceived(pair.records(b"two"))
        assert pair.heard == b"one"

    def test_an_answer_is_written_from_inside(self, kind):
        pair = Pair(kind)
        pair.protocol.react = lambda: pair.tls.write(b"pong")
        pair.tls.dataReceived(pair.records(b"ping"))
        assert pair.said() == b"pong"


class TestOneGo:
    def test_many_records_are_one_piece(self):
        pair = Pair(PromptTls)
        pair.tls.dataReceived(pair.records(b"a", b"b", b"c"))
        assert pair.protocol.pieces == [b"abc"]

    @pytest.mark.parametrize("records", [[b"a"], [b"a", b"b", b"c"]])
    def test_openssl_is_not_asked_for_more_than_there_is(self, records):
        pair = Pair(PromptTls)
        before = pair.ours.asked
        pair.tls.dataReceived(pair.records(*records))
        assert pair.ours.asked - before == len(records)
