"""What is asked for, how long is waited, how fast it may come: all of it without a server."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from imapproxy.cache.request import read_fetch_request
from imapproxy.cache_commands import wanted
from imapproxy.cache_commands.pace import Disk, Pace
from imapproxy.cache_commands.refusals import Patience, asked_for, is_weary, passes
from imapproxy.relay.valve import Valve
from imapproxy.upstream.errors import (
    CommandRefused,
    LoginRefused,
    NoWayToLogIn,
    TlsRefused,
    TurnedAway,
    UpstreamProtocolError,
    UpstreamUnavailable,
)


class TestPortions:
    @given(
        st.lists(st.integers(1, 2**32 - 1), unique=True, max_size=700),
        st.integers(0, 3 * 1024 * 1024),
    )
    def test_nothing_is_lost_or_out_of_order(self, uids, size):
        sizes = dict.fromkeys(uids, size)
        portions = list(wanted.portions(uids, sizes))
        assert [uid for portion in portions for uid in portion] == uids
        for portion in portions:
            assert 1 <= len(portion) <= 200
            assert len(portion) == 1 or len(portion) * size <= 4 * 1024 * 1024

    def test_the_newest_are_in_front(self):
        assert wanted.newest_first([1, 5, 9], None) == [9, 5, 1]
        assert wanted.newest_first([1, 5, 9], 2) == [9, 5]
        assert wanted.newest_first([1, 5, 9], 7) == [9, 5, 1]

    def test_the_words(self):
        names = wanted.attributes(has_emailid=True)
        assert wanted.fetch_attributes([9, 8, 3], names) == (
            "UID FETCH 3,8:9 (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE EMAILID)"
        )
        assert wanted.fetch_sections([1], headers_only=False) == "UID FETCH 1 (UID BODY.PEEK[])"
        assert "BODY.PEEK[HEADER]" in wanted.fetch_sections([1], headers_only=True)

    def test_the_cache_understands_what_programs_ask(self):
        questions = wanted.usual_questions(3, 77)
        assert len(set(questions)) == len(questions)
        for question in questions:
            request = read_fetch_request(b" %b\r\n" % question.encode())
            assert request is not None, question
            assert request.asked.is_cacheable, question


class TestRefusals:
    @pytest.mark.parametrize(
        "text",
        [
            b"[THROTTLED] Slow down",
            b"[limit] x",
            b"[UNAVAILABLE] Temporary authentication failure.",
            b"Too many simultaneous connections. (Failure)",
            b"Account exceeded command or bandwidth limits. (Failure)",
            b"Request is throttled. Suggested Backoff Time: 92415 milliseconds",
            b"Server busy, try again later",
        ],
    )
    def test_who_is_weary(self, text):
        for error in (CommandRefused(b"NO", text), TurnedAway("turned away", text)):
            assert is_weary(error, "")
            assert passes(error)
        assert is_weary(UpstreamUnavailable("closed"), "BYE " + text.decode())

    @pytest.mark.parametrize(
        "error",
        [
            LoginRefused(b"NO", b"[AUTHENTICATIONFAILED] Invalid credentials (Failure)"),
            CommandRefused(b"NO", b"Mailbox doesn't exist: Nope"),
            CommandRefused(b"BAD", b"Unknown command"),
            TlsRefused("the certificate is of somebody else"),
            NoWayToLogIn("no mechanism"),
            UpstreamProtocolError("garbage"),
        ],
    )
    def test_what_waiting_does_not_mend(self, error):
        assert not passes(error)
        assert not is_weary(error, "")

    def test_how_long_a_server_wants(self):
        told = b"Request is throttled. Suggested Backoff Time: 92415 milliseconds"
        assert asked_for(CommandRefused(b"BAD", told), "") == 92.415
        assert asked_for(UpstreamUnavailable("closed"), told.decode()) == 92.415
        assert asked_for(UpstreamUnavailable("closed"), "BYE") == 0

    def test_longer_and_longer(self):
        patience = Patience(first=10, longest=60, times=5)
        assert [patience.next(0) for _ in range(6)] == [10, 20, 40, 60, 60, None]
        patience.went_on()
        assert patience.next(92.4) == 92.4
        assert patience.next(99_999) == 3600


class Transport:
    def __init__(self) -> None:
        self.paused = False

    def pauseProducing(self) -> None:
        self.paused = True

    def resumeProducing(self) -> None:
        self.paused = False


class TestPace:
    def test_so_many_octets_a_second(self):
        clock, transport = Clock(), Transport()
        pace = Pace(clock, 1000, Valve(transport))
        pace.took(20)
        assert not transport.paused
        pace.took(1980)
        assert transport.paused
        pace.took(1000)  # had been read already
        clock.advance(2)
        assert transport.paused
        clock.advance(1)
        assert not transport.paused
        assert not clock.getDelayedCalls()

    def test_without_a_limit(self):
        clock, transport = Clock(), Transport()
        Pace(clock, None, Valve(transport)).took(10**12)
        assert not transport.paused

    def test_at_the_end_nothing_is_left(self):
        clock, transport = Clock(), Transport()
        pace = Pace(clock, 10, Valve(transport))
        pace.took(1000)
        pace.stop()
        assert not clock.getDelayedCalls()


class TestDisk:
    def test_what_comes_waits_for_the_disk(self):
        transport = Transport()
        flushes: list[Deferred[None]] = []

        def flushed():
            flushes.append(Deferred())
            return flushes[-1]

        disk = Disk(flushed, Valve(transport))
        disk.took(8 * 1024 * 1024)
        assert not transport.paused
        disk.took(1)
        assert transport.paused
        disk.took(64 * 1024 * 1024)  # nobody waits for it twice
        assert len(flushes) == 1
        flushes[0].callback(None)
        assert not transport.paused
        disk.took(1)
        assert transport.paused
