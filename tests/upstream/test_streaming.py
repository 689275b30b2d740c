"""Octets of any size, both ways: APPEND from a producer, a section into a consumer."""

import pytest
from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.interfaces import IConsumer, IPushProducer
from twisted.web.iweb import UNKNOWN_LENGTH, IBodyProducer
from zope.interface import implementer

from imapproxy.upstream.errors import (
    CommandRefused,
    LiteralFailed,
    UpstreamProtocolError,
    UpstreamUnavailable,
)
from tests.upstream.talk import Talk, failure, result, waits


@implementer(IBodyProducer)
class Message:
    """A message that gives its octets when the test says so."""

    def __init__(self, length: object = 10) -> None:
        self.length = length
        self.consumer: IConsumer | None = None
        self.done: Deferred[None] = Deferred()
        self.states: list[str] = []

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        self.consumer = consumer
        return self.done

    def pauseProducing(self) -> None:
        self.states.append("paused")

    def resumeProducing(self) -> None:
        self.states.append("resumed")

    def stopProducing(self) -> None:
        self.states.append("stopped")


class TestAppend:
    @pytest.mark.parametrize(
        ("capabilities", "length", "announced", "waits_for_plus"),
        [
            ("IMAP4rev1", 10, b"{10}", True),
            ("IMAP4rev1 LITERAL+", 10, b"{10+}", False),
            ("IMAP4rev1 LITERAL+", 5000, b"{5000+}", False),
            ("IMAP4rev1 LITERAL-", 4096, b"{4096+}", False),
            ("IMAP4rev1 LITERAL-", 4097, b"{4097}", True),
            ("IMAP4rev2", 4096, b"{4096+}", False),
        ],
    )
    def test_the_literal_is_announced_as_the_server_takes_it(
        self, capabilities, length, announced, waits_for_plus
    ):
        talk, message = Talk(capabilities), Message(length)
        done = talk.client.append("INBOX", message)
        talk.expect(b"P1 APPEND INBOX " + announced + b"\r\n")
        assert (message.consumer is None) is waits_for_plus
        if waits_for_plus:
            talk.say(b"+ go on\r\n")
        for _ in range(2):
            message.consumer.write(b"x" * (length // 2))
        message.consumer.write(b"x" * (length % 2))
        talk.expect(b"x" * length)
        talk.expect_nothing()
        assert talk.wire.producer is message
        message.done.callback(None)
        talk.expect(b"\r\n")
        assert talk.wire.producer is None
        talk.say(b"P1 OK\r\n")
        assert result(done) is None

    def test_other_commands_wait_for_the_end_of_the_literal(self):
        talk, message = Talk("IMAP4rev1 LITERAL+"), Message()
        done, following = talk.client.append("INBOX", message), talk.client.noop()
        talk.expect(b"P1 APPEND INBOX {10+}\r\n")
        message.consumer.write(b"0123456789")
        message.done.callback(None)
        talk.expect(b"0123456789\r\nP2 NOOP\r\n")
        talk.say(b"P1 OK\r\nP2 OK\r\n")
        result(done)
        result(following)

    def test_an_early_answer_lets_no_other_command_into_the_literal(self):
        talk, message = Talk("IMAP4rev1 LITERAL+"), Message()
        refused, following = talk.client.append("INBOX", message), talk.client.noop()
        talk.expect(b"P1 APPEND INBOX {10+}\r\n")
        message.consumer.write(b"01234")
        talk.script("C. 01234\nS: P1 NO [OVERQUOTA] full")
        failure(refused, CommandRefused)
        message.consumer.write(b"56789")
        message.done.callback(None)
        talk.script(r"""
            C. 56789\r\n
            C: P2 NOOP
            S: P2 OK
        """)
        result(following)

    def test_a_refused_message_is_not_even_begun(self):
        talk, message = Talk(), Message()
        refused = talk.client.append("INBOX", message)
        talk.script("C: P1 APPEND INBOX {10}\nS: P1 NO [TRYCREATE] no")
        failure(refused, CommandRefused)
        assert message.consumer is None

    def test_octets_beyond_the_announcement_are_never_sent(self):
        talk, message = Talk("IMAP4rev1 LITERAL+"), Message()
        done = talk.client.append("INBOX", message)
        talk.expect(b"P1 APPEND INBOX {10+}\r\n")
        message.consumer.write(b"12345678")
        message.consumer.write(b"90\r\nP2 DELETE INBOX\r\n")
        message.consumer.write(b"90")
        talk.expect(b"12345678")
        talk.expect_nothing()
        failure(done, LiteralFailed)
        assert talk.wire.aborted
        message.done.callback(None)
        talk.lose()

    def test_too_few_octets_end_the_connection(self):
        talk, message = Talk("IMAP4rev1 LITERAL+"), Message()
        done, following = talk.client.append("INBOX", message), talk.client.noop()
        talk.expect(b"P1 APPEND INBOX {10+}\r\n")
        message.consumer.write(b"123")
        message.done.callback(None)
        talk.expect(b"123")
        assert "lacks 7" in str(failure(done, LiteralFailed))
        failure(following, LiteralFailed)
        assert talk.wire.aborted

    @pytest.mark.parametrize("when", ["at once", "later", "raises"])
    def test_a_message_that_cannot_be_read_ends_the_connection(self, when):
        talk, message = Talk("IMAP4rev1 LITERAL+"), Message()
        if when == "at once":
            message.done = fail(OSError("disk on fire"))
        elif when == "raises":

            def explode(consumer: IConsumer) -> None:
                raise OSError("disk on fire")

            message.startProducing = explode
        done = talk.client.append("INBOX", message)
        if when == "later":
            message.done.errback(OSError("disk on fire"))
        assert "disk on fire" in str(failure(done, LiteralFailed))
        assert talk.wire.aborted

    def test_a_message_of_unknown_length_is_refused_before_anything_is_sent(self):
        talk = Talk()
        with pytest.raises(ValueError, match="length"):
            talk.client.append("INBOX", Message(UNKNOWN_LENGTH))
        talk.expect_nothing()

    def test_a_lost_connection_stops_the_producer(self):
        talk, message = Talk("IMAP4rev1 LITERAL+"), Message()
        done = talk.client.append("INBOX", message)
        talk.lose()
        failure(done, UpstreamUnavailable)
        assert message.states == ["stopped"]

    def test_an_empty_message(self):
        talk, message = Talk(), Message(0)
        message.done.callback(None)
        done = talk.client.append("INBOX", message)
        talk.script("C: P1 APPEND INBOX {0}\nS: + go\nC:\nS: P1 OK")
        result(done)


@implementer(IConsumer)
class Sink:
    """A consumer that pauses its producer after each piece, when it is told to be slow."""

    def __init__(self, *, slow: bool = False) -> None:
        self.octets = b""
        self.producer: IPushProducer | None = None
        self._slow = slow

    def registerProducer(self, producer: IPushProducer, streaming: bool) -> None:
        assert streaming
        self.producer = producer

    def unregisterProducer(self) -> None:
        self.producer = None

    def write(self, data: bytes) -> None:
        self.octets += data
        if self._slow:
            self.producer.pauseProducing()


class TestDownload:
    @pytest.mark.parametrize("chunk", [0, 1, 5])
    def test_the_section_is_streamed(self, chunk):
        talk, sink = Talk(chunk=chunk), Sink()
        done = talk.client.download(3, sink, "TEXT", by_uid=True)
        talk.script(r"""
            C: P1 UID FETCH 3 (BODY.PEEK[TEXT])
            S: * 1 FETCH (FLAGS (\\Seen))
            S: * LIST () "." {7}
            S: x FETCH
            S: * 2 FETCH (UID 3 BODY[TEXT] {11}
            S: P1 OK\r\n)\r\n)
            S: * 4 EXISTS
            S: P1 OK
        """)
        assert result(done) == 11
        assert sink.octets == b"P1 OK\r\n)\r\n)"[:11]
        assert sink.producer is None

    def test_nothing_is_complained_about(self, logged_errors):
        talk = Talk()
        done = talk.client.download(1, Sink())
        talk.say(b"* 1 FETCH (BODY[] {5}\r\nhello)\r\nP1 OK\r\n")
        assert result(done) == 5
        assert not logged_errors.events

    @pytest.mark.parametrize(
        ("value", "octets"), [('"a\\"b"', b'a"b'), ("NIL", b""), ('""', b""), ("{0}\r\n", b"")]
    )
    def test_a_section_that_is_no_literal(self, value, octets):
        talk, sink = Talk(), Sink()
        done = talk.client.download(1, sink, "1")
        talk.say(b"* 1 FETCH (BODY[1] %b)\r\nP1 OK\r\n" % value.encode())
        assert result(done) == len(octets)
        assert sink.octets == octets

    def test_no_message_is_an_error_not_an_empty_message(self):
        talk = Talk()
        done = talk.client.download(1, Sink(), by_uid=True)
        talk.say(b"P1 OK\r\n")
        failure(done, UpstreamProtocolError)

    def test_a_slow_consumer_pauses_the_server(self):
        talk, sink = Talk(), Sink(slow=True)
        done = talk.client.download(1, sink)
        talk.say(b"* 1 FETCH (BODY[] {10}\r\n01234")
        assert talk.wire.paused
        sink.producer.resumeProducing()
        assert not talk.wire.paused
        talk.say(b"56789)\r\n")
        assert talk.wire.paused
        assert waits(done)
        sink.producer.resumeProducing()
        talk.say(b"P1 OK\r\n")
        assert result(done) == 10

    def test_a_consumer_that_paused_at_the_end_does_not_stop_the_connection_for_ever(self):
        talk, sink = Talk(), Sink(slow=True)
        done = talk.client.download(1, sink)
        talk.say(b"* 1 FETCH (BODY[] {5}\r\nhello)\r\nP1 OK\r\n")
        assert result(done) == 5
        assert not talk.wire.paused

    def test_who_cancels_gets_nothing_more_and_nothing_is_kept(self):
        talk, sink = Talk(), Sink(slow=True)
        done = talk.client.download(1, sink)
        talk.say(b"* 1 FETCH (BODY[] {1000}\r\nhello")
        done.cancel()
        failure(done, CancelledError)
        assert sink.producer is None
        assert not talk.wire.paused
        talk.say(b"x" * 900)
        assert talk.client._assembler._size < 100
        fetched = talk.client.fetch("1", "BODY[]")
        talk.say(b"x" * 95 + b")\r\nP1 OK\r\n* 1 FETCH (BODY[] {3}\r\nabc)\r\nP2 OK\r\n")
        assert sink.octets == b"hello"
        assert [message.string("BODY[]") for message in result(fetched)] == [b"abc"]

    def test_who_cancels_before_it_begins(self):
        talk, sink = Talk(), Sink()
        done = talk.client.download(1, sink)
        done.cancel()
        failure(done, CancelledError)
        talk.say(b"* 1 FETCH (BODY[] {5}\r\nhello)\r\nP1 OK\r\n")
        assert sink.octets == b""

    def test_a_lost_connection_lets_the_consumer_go(self):
        talk, sink = Talk(), Sink()
        done = talk.client.download(1, sink)
        talk.say(b"* 1 FETCH (BODY[] {10}\r\nhello")
        talk.lose()
        failure(done, UpstreamUnavailable)
        assert sink.producer is None

    def test_it_needs_the_connection_for_itself(self):
        talk = Talk()
        talk.client.noop()
        with pytest.raises(RuntimeError):
            talk.client.download(1, Sink())
