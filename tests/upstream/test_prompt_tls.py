"""TLS of our own reading: the same as Twisted's own, which passes these tests, too."""

import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from OpenSSL import SSL
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHandshakeListener, IOpenSSLClientConnectionCreator
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.internet.protocol import connectionDone
from twisted.internet.testing import StringTransport
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from imapproxy.upstream.prompt_tls import PeerRefused, PromptTls
from tests.upstream import certificates

TLS_1_2, TLS_1_3 = SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION


@implementer(IOpenSSLClientConnectionCreator)
class Creator:
    """How Twisted's own TLS begins a handshake."""

    def __init__(self, version: int) -> None:
        self._version = version

    def clientConnectionForTLS(self, _: Any) -> SSL.Connection:
        connection = SSL.Connection(context(self._version), None)
        connection.set_connect_state()
        return connection


class Asked(ssl.SSLObject):
    """A session that counts how often it is asked for something decrypted."""

    times = 0

    def read(self, *arguments: Any) -> bytes:
        self.times += 1
        return super().read(*arguments)


class Party:
    """How our own begins one. ``refusal`` is raised at its end, if there is one."""

    refusal: PeerRefused | None = None

    def __init__(self, version: int) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._context.sslobject_class = Asked
        self._context.check_hostname = False
        authority = certificates.AUTHORITY.cert_pem.bytes().decode()
        self._context.load_verify_locations(cadata=authority)
        exactly = ssl.TLSVersion(version)
        self._context.minimum_version = self._context.maximum_version = exactly

    def begin(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO) -> ssl.SSLObject:
        return self._context.wrap_bio(incoming, outgoing)

    def accept(self, session: ssl.SSLObject) -> None:
        if self.refusal is not None:
            raise self.refusal


def twisteds(version: int, protocol: TwistedProtocol) -> TLSMemoryBIOProtocol:
    nobody: Any = None
    return TLSMemoryBIOProtocol(
        TLSMemoryBIOFactory(Creator(version), True, nobody), protocol, False
    )


def ours(version: int, protocol: TwistedProtocol) -> PromptTls:
    return PromptTls(Party(version), protocol)


Kind = Callable[[int, TwistedProtocol], TLSMemoryBIOProtocol | PromptTls]


class Wire(StringTransport):
    """A TCP transport in memory."""

    aborted = False

    def abortConnection(self) -> None:
        self.aborted = True


@implementer(IHandshakeListener)
class Listening(TwistedProtocol):
    """The protocol above TLS. ``react`` is called behind all that is heard."""

    secured = False

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.react: Callable[[], None] = lambda: None
        self.lost: BaseException | None = None

    def dataReceived(self, data: bytes) -> None:
        self.pieces.append(data)
        self.react()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost = reason.value

    def handshakeCompleted(self) -> None:
        self.secured = True


class Producer:
    """Knows whether it is paused."""

    paused = False

    def pauseProducing(self) -> None:
        self.paused = True

    def resumeProducing(self) -> None:
        self.paused = False

    def stopProducing(self) -> None:
        """Nothing is produced anyway."""


class Pair:
    """Our side, a client, and ``peer``, which is OpenSSL alone; the handshake is done."""

    def __init__(self, kind: Kind, version: int = TLS_1_3, peer: SSL.Context | None = None) -> None:
        self.protocol = Listening()
        self.wire = Wire()
        self.tls: Any = kind(version, self.protocol)
        self.tls.makeConnection(self.wire)
        if peer is None:
            peer = context(version)
            certificates.AUTHORITY.issue_cert("localhost").configure_cert(peer)
        self.peer = SSL.Connection(peer, None)
        self.peer.set_accept_state()

    def shaken(self) -> "Pair":
        """The same behind the handshake."""
        while not self.shake_hands():
            pass
        return self

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


@pytest.fixture(params=[twisteds, ours])
def kind(request: pytest.FixtureRequest) -> Any:
    return request.param


class TestAsTwisted:
    @pytest.mark.parametrize("version", [TLS_1_2, TLS_1_3])
    @pytest.mark.parametrize("size", [1, 2, 7, 31, 100, 5000])
    def test_however_it_is_cut(self, kind, version, size):
        pair = Pair(kind, version).shaken()
        contents = [b"a", b"b" * 50, b"c" * 2000]
        stream = pair.records(*contents)
        for at in range(0, len(stream), size):
            pair.tls.dataReceived(stream[at : at + size])
        assert pair.heard == b"".join(contents)

    @pytest.mark.parametrize("behind", [b"", b"bye"])
    def test_close_notify_is_answered(self, kind, behind):
        pair = Pair(kind).shaken()
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
        pair = Pair(kind).shaken()
        good, bad = pair.records(*before), bytearray(pair.records(b"x" * 40))
        bad[20] ^= 1
        pair.tls.dataReceived(good + bad)
        assert pair.heard == b"".join(before)
        assert pair.wire.disconnecting
        pair.deliver_to_peer()
        with pytest.raises(SSL.Error, match="bad record mac"):
            pair.peer.recv(100)
        pair.tls.connectionLost(Failure(ConnectionDone()))
        assert isinstance(pair.protocol.lost, SSL.Error | ssl.SSLError)

    def test_what_is_no_record(self, kind):
        pair = Pair(kind).shaken()
        pair.tls.dataReceived(pair.records(b"good") + b"* OK hi\r\n")
        assert pair.heard == b"good"
        assert pair.wire.disconnecting

    def test_cut_off_without_close_notify(self, kind):
        pair = Pair(kind).shaken()
        pair.tls.dataReceived(pair.records(b"half", b"a record")[:-1])
        pair.tls.connectionLost(Failure(ConnectionDone()))
        assert pair.heard == b"half"
        assert type(pair.protocol.lost) is ConnectionLost

    @pytest.mark.parametrize("before", [[], [b"good"]])
    def test_a_new_handshake(self, kind, before):
        """RFC 5246 section 7.4.1.1: the server may ask for one at any time."""
        pair = Pair(kind, TLS_1_2).shaken()
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
        pair = Pair(kind).shaken()
        pair.protocol.react = pair.tls.abortConnection
        pair.tls.dataReceived(pair.records(b"one"))
        pair.tls.dataReceived(pair.records(b"two"))
        assert pair.heard == b"one"

    def test_an_answer_is_written_from_inside(self, kind):
        pair = Pair(kind).shaken()
        pair.protocol.react = lambda: pair.tls.write(b"pong")
        pair.tls.dataReceived(pair.records(b"ping"))
        assert pair.said() == b"pong"


class TestOneGo:
    def test_many_records_are_one_piece(self):
        pair = Pair(ours).shaken()
        pair.tls.dataReceived(pair.records(b"a", b"b", b"c"))
        assert pair.protocol.pieces == [b"abc"]

    @pytest.mark.parametrize("records", [[b"a"], [b"a", b"b", b"c"]])
    def test_openssl_is_not_asked_for_more_than_there_is(self, records):
        pair = Pair(ours).shaken()
        before = pair.tls.session.times
        pair.tls.dataReceived(pair.records(*records))
        assert pair.tls.session.times - before == len(records)


class TestWriting:
    @pytest.mark.parametrize("size", [0, 1, 2**14, 2**14 + 1, 100_000])
    def test_any_size(self, kind, size):
        pair = Pair(kind).shaken()
        pair.tls.write(b"x" * size)
        pair.tls.writeSequence([b"a", b"b"])
        pair.deliver_to_peer()
        heard = b""
        while len(heard) < size + 2:
            heard += pair.peer.recv(2**15)
        assert heard == b"x" * size + b"ab"

    def test_before_the_handshake_is_over(self, kind):
        pair = Pair(kind)
        pair.tls.write(b"one")
        pair.tls.write(b"two")
        assert pair.shaken().said() in (b"one", b"onetwo")

    def test_what_is_written_before_it_is_sent_although_it_is_the_last(self, kind):
        pair = Pair(kind)
        pair.tls.write(b"bye")
        pair.tls.loseConnection()
        assert pair.shaken().said() == b"bye"
        with pytest.raises(SSL.ZeroReturnError):
            pair.peer.recv(100)

    def test_nothing_is_written_behind_the_end(self, kind):
        pair = Pair(kind).shaken()
        pair.tls.loseConnection()
        pair.tls.write(b"more")
        with pytest.raises(SSL.ZeroReturnError):
            pair.said()

    def test_while_the_peer_wants_a_new_handshake(self, kind):
        pair = Pair(kind, TLS_1_2).shaken()
        pair.tls.registerProducer(producer := Producer(), True)
        assert pair.peer.renegotiate()
        pair.peer.do_handshake()
        pair.tls.dataReceived(pair.from_peer())
        pair.tls.write(b"x" * 20_000)
        assert producer.paused
        heard = b""
        while len(heard) < 20_000:
            pair.deliver_to_peer()
            with suppress(SSL.WantReadError):
                while True:
                    heard += pair.peer.recv(2**15)
            if octets := pair.from_peer():
                pair.tls.dataReceived(octets)
        assert pair.peer.total_renegotiations() == 1
        assert not producer.paused


class TestClosing:
    def test_the_peer_is_waited_for(self, kind):
        pair = Pair(kind).shaken()
        pair.tls.loseConnection()
        with pytest.raises(SSL.ZeroReturnError):
            pair.said()
        assert not pair.wire.disconnecting
        pair.tls.dataReceived(pair.records(b"last words"))
        assert pair.heard == b"last words"
        pair.peer.shutdown()
        pair.tls.dataReceived(pair.from_peer())
        assert pair.wire.disconnecting

    def test_and_so_is_a_producer(self, kind):
        pair = Pair(kind).shaken()
        pair.tls.registerProducer(Producer(), True)
        pair.tls.loseConnection()
        pair.tls.write(b"last words")
        pair.tls.unregisterProducer()
        assert pair.said() == b"last words"
        with pytest.raises(SSL.ZeroReturnError):
            pair.peer.recv(100)

    def test_before_the_handshake_is_over(self, kind):
        pair = Pair(kind)
        pair.tls.loseConnection()
        assert pair.wire.aborted

    def test_twice(self, kind):
        pair = Pair(kind).shaken()
        pair.tls.loseConnection()
        pair.deliver_to_peer()
        pair.tls.loseConnection()
        assert not pair.wire.value()

    def test_only_the_sending_side(self):
        pair = Pair(ours).shaken()
        pair.tls.loseWriteConnection()
        with pytest.raises(SSL.ZeroReturnError):
            pair.said()
        pair.tls.dataReceived(pair.records(b"more"))
        assert pair.heard == b"more"


class TestHandshake:
    def test_the_protocol_is_told(self, kind):
        pair = Pair(kind)
        assert not pair.protocol.secured
        assert pair.shaken().protocol.secured

    def test_what_comes_along_with_its_end(self, kind):
        pair = Pair(kind)
        pair.deliver_to_peer()
        with pytest.raises(SSL.WantReadError):
            pair.peer.do_handshake()
        pair.tls.dataReceived(pair.from_peer())
        pair.deliver_to_peer()
        pair.peer.do_handshake()
        pair.tls.dataReceived(pair.from_peer() + pair.records(b"hello"))
        assert pair.heard == b"hello"

    def test_a_peer_that_is_not_who_it_should_be_hears_nothing(self):
        party = Party(TLS_1_3)
        party.refusal = PeerRefused("a stranger")
        pair = Pair(lambda _, protocol: PromptTls(party, protocol))
        pair.tls.write(b"opensesame")
        pair.deliver_to_peer()
        with pytest.raises(SSL.WantReadError):
            pair.peer.do_handshake()
        pair.tls.dataReceived(pair.from_peer())
        assert pair.wire.value() == b""
        assert pair.wire.disconnecting
        pair.tls.dataReceived(b"whatever comes")
        pair.tls.connectionLost(Failure(ConnectionDone()))
        assert pair.protocol.lost is party.refusal
        assert not pair.protocol.secured
        assert pair.heard == b""

    def test_a_chain_that_is_not_trusted(self):
        stranger = context(TLS_1_3)
        certificates.OTHER_AUTHORITY.issue_cert("localhost").configure_cert(stranger)
        pair = Pair(ours, peer=stranger)
        with pytest.raises(SSL.Error, match="unknown ca"):
            pair.shaken()
        pair.tls.connectionLost(Failure(ConnectionDone()))
        assert type(pair.protocol.lost) is ssl.SSLCertVerificationError
        assert not pair.protocol.secured

    def test_a_protocol_that_is_not_connected_yet(self):
        protocol = Listening()
        tls = PromptTls(Party(TLS_1_3), protocol, connects=True)
        tls.makeConnection(Wire())
        assert protocol.transport is tls
