"""What the cache cannot give after all: each command is answered all the same, and once."""

import pytest
from twisted.internet.task import Clock

from imapproxy.cache.memory_store import MemoryStore
from imapproxy.cache.store import Mailbox
from tests.relay.cached import ACCOUNT, Cached
from tests.relay.failing_store import FailingStore
from tests.relay.model.pair import Pair
from tests.relay.model.world import World

_LARGE = b"Subject: large\r\n\r\n" + b"x" * 998 + b"\r\n"
_LARGE += (b"y" * 998 + b"\r\n") * 2000
_COMMANDS = (b"(UID ENVELOPE)", b"(FLAGS UID ENVELOPE)", b"(UID BODY.PEEK[])", b"(BODY.PEEK[TEXT])")


class Reading:
    """A mailbox of which everything is held, and a session that reads it."""

    def __init__(self, *, exact: bool) -> None:
        self.store = FailingStore(MemoryStore(Clock()))
        self.cached = Cached(exact=exact, store=self.store)
        self.world = World()
        self.box = self.world.boxes[b"INBOX"]
        self.world.deliver(self.box, _LARGE)
        self.pair = self.begin()
        for asked in _COMMANDS * 2:
            self.pair.says(b"FETCH", b"1:* " + asked)
            self.pair.settle()

    def begin(self) -> Pair:
        """A session."""
        pair = Pair(self.cached, self.world, tells_uid=False, flags_first=False)
        pair.says(b"SELECT", b"INBOX")
        pair.settle()
        return pair

    @property
    def mailbox(self) -> Mailbox:
        return Mailbox(ACCOUNT, b"INBOX", b"", self.box.uid_validity)

    def serve_large(self) -> None:
        """The client has asked for the large message, and does not read yet."""
        self.pair.says(b"FETCH", b"4 (UID BODY.PEEK[])")
        self.pair.says(b"NOOP")
        self.pair.says(b"FETCH", b"1 (UID ENVELOPE)")
        self.pair.client_sends()


@pytest.fixture(params=["live", "exact"])
def reading(request):
    return Reading(exact=request.param == "exact")


@pytest.mark.parametrize("skip", range(12))
def test_whichever_look_into_the_store_fails_everything_is_answered(reading, skip):
    for pair in (reading.pair, reading.begin()):
        reading.store.fail(skip)
        for asked in _COMMANDS:
            if not pair.closed:
                pair.says(b"FETCH", b"1:* " + asked)
        pair.settle()

        assert not pair.closed or not pair.client.between_responses


@pytest.mark.parametrize("skip", range(3))
def test_a_session_begins_without_the_store(reading, skip):
    reading.store.fail(skip, 1000)
    pair = reading.begin()
    pair.says(b"FETCH", b"1:* (UID ENVELOPE)")
    pair.settle()

    assert not pair.closed and not pair.client.said


def test_what_is_evicted_before_it_is_told_is_asked_for(reading):
    reading.pair.says(b"FETCH", b"1:* (FLAGS UID ENVELOPE)")
    reading.pair.client_sends()
    reading.store.writer.forget(reading.mailbox, [message.uid for message in reading.box.messages])
    reading.pair.settle()  # all of it has to come, or the client complains

    assert not reading.pair.closed


def test_an_answer_that_cannot_be_finished_ends_the_session(reading):
    pair = reading.pair
    reading.serve_large()
    pair.server_answers()
    pair.server_sends()
    assert not pair.client.between_responses  # some of it was told
    reading.store.writer.drop(reading.mailbox)
    pair.settle()

    assert pair.closed
    assert not pair.client.between_responses
    pair.talk.clock.advance(61)
    assert pair.talk.upstream_wire.closed


def test_a_large_answer_waits_for_a_slow_client(reading):
    wire = reading.pair.talk.client_wire
    reading.pair.says(b"FETCH", b"4 (UID BODY.PEEK[])")
    reading.pair.client_pauses(paused=True)
    reading.pair.client_sends()
    reading.pair.server_answers()
    reading.pair.server_sends()
    for _ in range(100):
        reading.pair.talk.clock.advance(0)

    assert len(wire.value()) < 1024
    assert reading.pair.talk.upstream_wire.paused
    reading.pair.settle()
    assert not reading.pair.client.said


def test_what_is_told_behind_a_large_answer_is_bounded(reading):
    pair = reading.pair
    reading.serve_large()
    pair.client_pauses(paused=True)
    for _ in range(20):
        pair.says(b"FETCH", b"1:* (BODY.PEEK[] INTERNALDATE)")
    pair.client_sends()
    pair.server_answers()
    while pair.server_sends(65536):
        pass

    assert pair.talk.upstream_wire.paused
    pair.settle()
    assert not pair.client.said


def test_a_client_may_go_while_an_answer_is_made(reading):
    pair = reading.pair
    pair.client_pauses(paused=True)
    reading.serve_large()
    pair.client_goes()
    pair.talk.clock.advance(61)

    assert pair.talk.upstream_wire.closed
    assert pair.talk.clock.getDelayedCalls() == []


def test_an_answer_is_finished_when_the_upstream_is_gone(reading):
    pair = reading.pair
    pair.client_pauses(paused=True)
    reading.serve_large()
    pair.server_answers()
    pair.server_sends()
    pair.server_goes()
    pair.settle()

    assert pair.closed and not pair.client.said
    assert pair.client.between_responses


def test_log_out_waits_for_an_answer_that_is_made(reading):
    pair = reading.pair
    pair.client_pauses(paused=True)
    reading.serve_large()
    pair.says(b"LOGOUT")
    pair.settle()

    assert pair.client.bye and not pair.client.said


def test_a_drain_waits_for_an_answer_that_is_made(reading):
    pair = reading.pair
    pair.client_pauses(paused=True)
    reading.serve_large()
    pair.talk.client.drain(5.0)
    pair.settle()

    assert pair.closed and pair.client.bye
    assert pair.client.between_responses


def test_idle_behind_an_answer_that_is_made(reading):
    pair = reading.pair
    pair.client_pauses(paused=True)
    reading.serve_large()
    pair.says(b"IDLE")
    reading.world.deliver(reading.box)
    pair.settle()
    pair.says(b"FETCH", b"1:* (UID ENVELOPE)")
    pair.settle()

    assert not pair.client.said
