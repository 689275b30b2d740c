"""Compression below the framing: what is delivered, how much at once, and to whom not."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from imapproxy.upstream.compress import compress
from imapproxy.upstream.deflate import Deflated
from imapproxy.upstream.errors import UpstreamProtocolError, UpstreamUnavailable
from tests.relay.conversation import Wire
from tests.upstream.talk import Talk, failure, result, waits

_PIECE = 128 * 1024


class Server:
    """The other end: it deflates what it says, and inflates what it hears."""

    def __init__(self) -> None:
        self._deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
        self._inflate = zlib.decompressobj(-15)

    def deflated(self, octets: bytes) -> bytes:
        return self._deflate.compress(octets) + self._deflate.flush(zlib.Z_SYNC_FLUSH)

    def ended(self, octets: bytes) -> bytes:
        return self._deflate.compress(octets) + self._deflate.flush(zlib.Z_FINISH)

    def inflated(self, octets: bytes) -> bytes:
        return self._inflate.decompress(octets)


class Line:
    """A compressed transport whose reader stops when it has had ``most`` pieces."""

    def __init__(self, most: int | None = None) -> None:
        self.wire = Wire()
        self.server = Server()
        self.pieces: list[bytes] = []
        self.errors: list[UpstreamProtocolError] = []
        self.most = most
        self.deflated = Deflated(self.wire, self._take, self.errors.append)

    def _take(self, piece: bytes) -> None:
        self.pieces.append(piece)
        if self.most is not None and len(self.pieces) >= self.most:
            self.deflated.pauseProducing()


class TestReading:
    @given(st.lists(st.binary(max_size=300), max_size=8), st.integers(1, 50))
    def test_what_was_said_is_heard_in_whatever_chunks(self, said, size):
        line = Line()
        octets = b"".join(map(line.server.deflated, said))
        for at in range(0, len(octets), size):
            line.deflated.received(octets[at : at + size])
        assert b"".join(line.pieces) == b"".join(said)
        assert not line.deflated.waits

    @pytest.mark.parametrize("size", [_PIECE - 1, _PIECE, _PIECE + 1, 20 * _PIECE])
    def test_no_piece_is_larger_than_it_may_be(self, size):
        line = Line()
        line.deflated.received(line.server.deflated(bytes(size)))
        assert max(map(len, line.pieces)) <= _PIECE
        assert sum(map(len, line.pieces)) == size

    def test_a_bomb_goes_off_a_piece_at_a_time(self):
        line = Line(most=1)
        octets = line.server.deflated(bytes(50_000_000))
        assert len(octets) < 64 * 1024
        line.deflated.received(octets)
        assert len(line.pieces) == 1
        assert line.wire.paused
        assert line.deflated.waits
        line.most = 2
        line.deflated.resumeProducing()
        assert len(line.pieces) == 2
        assert line.wire.paused
        line.most = None
        line.deflated.resumeProducing()
        assert sum(map(len, line.pieces)) == 50_000_000
        assert not line.wire.paused

    def test_nothing_is_delivered_to_who_pauses(self):
        line = Line()
        line.deflated.pauseProducing()
        line.deflated.received(line.server.deflated(b"one"))
        line.deflated.received(line.server.deflated(b"two"))
        assert line.pieces == []
        line.deflated.resumeProducing()
        assert b"".join(line.pieces) == b"onetwo"

    def test_a_reader_that_resumes_at_once_is_not_called_within_itself(self):
        line = Line()
        depth = 0

        def take(piece: bytes) -> None:
            nonlocal depth
            depth += 1
            assert depth == 1
            line.deflated.pauseProducing()
            line.deflated.resumeProducing()
            line.pieces.append(piece)
            depth -= 1

        line.deflated = Deflated(line.wire, take, line.errors.append)
        line.deflated.received(line.server.deflated(bytes(5 * _PIECE)))
        assert sum(map(len, line.pieces)) == 5 * _PIECE

    @pytest.mark.parametrize("octets", [b"* OK not compressed\r\n", b"\xff" * 20, b"\x07"])
    def test_what_is_not_compressed_is_an_error(self, octets):
        line = Line()
        line.deflated.received(octets)
        assert "cannot be read" in str(line.errors[0])
        line.deflated.received(line.server.deflated(b"more"))
        assert line.pieces == []

    def test_so_is_an_end(self):
        line = Line()
        line.deflated.received(line.server.ended(b"last words"))
        assert line.pieces == [b"last words"]
        assert "has an end" in str(line.errors[0])

    def test_nothing_is_delivered_behind_an_abort(self):
        line = Line()

        def take(piece: bytes) -> None:
            line.pieces.append(piece)
            line.deflated.abortConnection()

        line.deflated = Deflated(line.wire, take, line.errors.append)
        line.deflated.received(line.server.deflated(bytes(10 * _PIECE)))
        assert len(line.pieces) == 1
        assert line.wire.aborted


class TestWriting:
    @given(st.lists(st.binary(min_size=1, max_size=300), max_size=8))
    def test_each_write_can_be_read_at_once(self, said):
        line = Line()
        for octets in said:
            line.deflated.write(octets)
            assert line.server.inflated(line.wire.take()) == octets


class TestStarting:
    def _started(self, behind: bytes = b"") -> tuple[Talk, Server]:
        talk, server = Talk("IMAP4rev1 COMPRESS=DEFLATE"), Server()
        done = Deferred.fromCoroutine(compress(talk.client))
        talk.expect(b"P1 COMPRESS DEFLATE\r\n")
        talk.say(b"P1 OK from now on\r\n" + (server.deflated(behind) if behind else b""))
        result(done)
        return talk, server

    def test_both_directions(self):
        talk, server = self._started()
        noop = talk.client.noop()
        assert server.inflated(talk.wire.take()) == b"P2 NOOP\r\n"
        talk.say(server.deflated(b"* 3 EXISTS\r\nP2 OK done\r\n"))
        assert result(noop).untagged == (b"* 3 EXISTS\r\n",)
        assert talk.connection.at_rest

    def test_what_comes_in_the_same_breath_is_compressed(self):
        heard = []
        talk, server = Talk("IMAP4rev1 COMPRESS=DEFLATE"), Server()
        talk.client.observers.append(heard.append)
        done = Deferred.fromCoroutine(compress(talk.client))
        talk.say(b"P1 OK from now on\r\n" + server.deflated(b"* 3 EXISTS\r\n"))
        result(done)
        assert len(heard) == 1

    def test_half_of_what_comes_in_the_same_breath(self):
        talk, server = self._started()
        octets = server.deflated(b"* 3 EXISTS\r\n")
        talk.say(octets[:4])
        talk.say(octets[4:])
        assert talk.connection.at_rest

    @pytest.mark.parametrize("answer", [b"NO [COMPRESSIONACTIVE] TLS does", b"BAD what?"])
    def test_a_server_that_does_not_want_to(self, answer):
        talk = Talk("IMAP4rev1 COMPRESS=DEFLATE")
        done = Deferred.fromCoroutine(compress(talk.client))
        talk.wire.take()
        talk.say(b"P1 " + answer + b"\r\n")
        result(done)
        talk.client.noop()
        talk.expect(b"P2 NOOP\r\n")

    def test_a_server_that_does_not_offer_it_is_not_asked(self):
        talk = Talk("IMAP4rev1")
        result(Deferred.fromCoroutine(compress(talk.client)))
        talk.expect_nothing()

    def test_a_server_that_goes_on_without(self, logged_errors):
        talk, _ = self._started()
        noop = talk.client.noop()
        talk.say(b"P2 OK not compressed\r\n")
        failure(noop, UpstreamProtocolError)
        assert talk.wire.aborted

    def test_a_connection_that_is_lost_meanwhile(self):
        talk = Talk("IMAP4rev1 COMPRESS=DEFLATE")
        done = Deferred.fromCoroutine(compress(talk.client))
        assert waits(done)
        talk.lose()
        failure(done, UpstreamUnavailable)

    def test_it_is_closed_as_ever(self):
        talk, server = self._started()
        gone = talk.client.logout()
        assert server.inflated(talk.wire.take()) == b"P2 LOGOUT\r\n"
        talk.say(server.deflated(b"* BYE\r\nP2 OK\r\n"))
        assert talk.wire.disconnecting
        talk.lose()
        result(gone)
