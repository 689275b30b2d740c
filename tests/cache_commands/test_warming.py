"""Filling the cache from a server: what is asked, what is held afterwards, what is waited for."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_twisted

from fakeserver.extensions import Extensions
from fakeserver.faults import GREETING, CloseAfter, CloseAt, Reply, TruncateLiteral
from imapproxy.cache.sqlite.keeper import open_keeper
from imapproxy.cache_commands.refusals import Patience
from imapproxy.upstream.errors import LoginRefused, UpstreamUnavailable
from tests.cache_commands.warm_house import WarmHouse
from tests.deadline import in_reactor, soon
from tests.logged_errors import logged_errors

__all__ = ["logged_errors"]

BODY = "BODY.PEEK[]"


@pytest_twisted.async_yield_fixture
async def house(tmp_path: Any, logged_errors: object) -> AsyncIterator[WarmHouse]:
    house = WarmHouse(tmp_path)
    yield house
    await soon(house.stop())


class TestWhatIsHeld:
    @in_reactor
    async def test_everything(self, house):
        await house.start()
        messages = house.deliver(5)
        run = await house.warm()
        assert not run.is_full
        assert not run.left_out
        assert house.told.notes == []
        assert house.told.mailboxes["INBOX"] == house.told.held_in_all == 5
        assert house.bodies() == dict(enumerate(messages, 1))
        assert house.told.octets > sum(map(len, messages))

    @in_reactor
    async def test_no_flag_changes(self, house):
        await house.start()
        house.deliver(3)
        await house.warm()
        names = {command.name for command in house.server.commands()}
        reading = {"LIST", "EXAMINE", "FETCH", "UID FETCH"}
        assert names <= reading | {"CAPABILITY", "AUTHENTICATE", "LOGIN", "LOGOUT"}
        assert all(not message.flags for message in house.server.mailbox().messages)

    @in_reactor
    async def test_nothing_is_asked_for_twice(self, house):
        await house.start()
        house.deliver(3)
        await house.warm()
        await house.warm()
        assert house.server.commands("FETCH") == house.server.commands("UID FETCH") == []
        assert house.told.octets == 0
        assert house.told.held_in_all == 3

    @in_reactor
    async def test_only_what_is_new_is_asked_for(self, house):
        await house.start()
        house.deliver(3)
        await house.warm()
        house.server.expunge([2])
        house.deliver(2)
        await house.warm()
        assert house.fetched(BODY) == [b"4:5"]
        assert sorted(house.bodies()) == [1, 3, 4, 5]

    @in_reactor
    async def test_a_message_that_is_in_two_mailboxes_comes_once(self, house):
        await house.start()
        message = house.deliver(1)[0]
        house.server.account().create(b"Copies")
        house.server.deliver(message, "Copies")
        await house.warm()  # the server tells the EMAILID (RFC 8474)
        assert house.fetched(BODY) == [b"1"]
        assert house.bodies("Copies") == house.bodies() == {1: message}

    @in_reactor
    async def test_the_newest(self, house):
        await house.start()
        house.deliver(9)
        await house.warm(newest=2)
        assert house.fetched(BODY) == [b"8:9"]
        assert house.told.mailboxes == {"INBOX": 2}

    @in_reactor
    async def test_headers_only(self, house):
        await house.start()
        house.deliver(3, size=100_000)
        await house.warm(headers_only=True)
        assert house.fetched(BODY) == []
        assert house.fetched("BODY.PEEK[HEADER]") == [b"1:3"]
        assert house.bodies() == {}
        assert house.told.octets < 100_000  # the sample is larger than it may be
        await house.warm(headers_only=True)
        assert house.fetched("BODY.PEEK[HEADER]") == []
        await house.warm()
        await house.warm(headers_only=True)
        assert house.server.commands("UID FETCH") == []

    @in_reactor
    async def test_the_mailboxes_that_are_named(self, house):
        await house.start()
        house.deliver(1)
        run = await house.warm("Nope", "inbox")
        assert run.left_out
        assert house.told.notes == ["Nope cannot be had: NO Mailbox doesn't exist: Nope"]
        assert house.told.mailboxes == {"INBOX": 1}
        assert [command.octets.split()[-1] for command in house.server.commands("EXAMINE")] == [
            b"Nope",
            b"INBOX",
        ]

    @in_reactor
    async def test_large_messages_are_written_as_they_come(self, house):
        await house.start()
        (message,) = house.deliver(1, size=9_000_000)
        house.deliver(1)
        await house.warm()
        assert house.fetched(BODY) == [b"2", b"1"]
        assert house.bodies()[1] == message

    @in_reactor
    async def test_a_disk_that_is_slower_than_the_server(self, house):
        await house.start()
        (message,) = house.deliver(1, size=30_000_000)
        run = await house.warm(max_waiting=12 * 1024 * 1024)
        assert not run.left_out
        assert house.bodies() == {1: message}

    @in_reactor
    async def test_it_is_known_how_the_server_answers(self, house):
        await house.start()
        house.deliver(3)
        await house.warm()
        asked = [c.octets.split(b" ", 1)[1] for c in house.server.commands("FETCH")]
        assert b"FETCH 1 (RFC822)\r\n" in asked or b"FETCH 3 (RFC822)\r\n" in asked


class TestRoom:
    @in_reactor
    async def test_nothing_that_is_held_goes(self, house):
        limit = 16 * 1024 * 1024
        await house.start()
        house.deliver(30, size=1_000_000)
        run = await house.warm(limit=limit)
        assert run.is_full
        kept = sorted(house.bodies())
        assert kept == list(range(kept[0], 31))
        assert 8 <= len(kept) <= 16
        keeper = open_keeper(house.directory)
        assert 8_000_000 < keeper.octets_in_use() <= limit
        keeper.close()
        again = await house.warm(limit=limit)
        assert again.is_full
        assert sorted(house.bodies()) == kept

    @in_reactor
    async def test_a_message_that_is_too_large_for_it(self, house):
        await house.start()
        house.deliver(1, size=9_000_000)
        house.deliver(1)
        run = await house.warm(limit=16 * 1024 * 1024)
        assert run.left_out
        assert not run.is_full
        assert house.told.notes == ["1 too large for this cache (more than half of it each)"]
        assert house.fetched(BODY) == [b"2"]


class TestServersThatHaveHadEnough:
    @pytest.mark.parametrize(
        "reply",
        [
            Reply("NO", "Slow down.", "THROTTLED"),
            Reply("NO", "Enough.", "LIMIT"),
            Reply("NO", "Quota for today.", "OVERQUOTA"),
            Reply("BAD", "Request is throttled. Suggested Backoff Time: 1 milliseconds"),
            Reply("BYE", "Too much.", "OVERQUOTA"),
        ],
    )
    @pytest.mark.parametrize("command", ["UID FETCH", "EXAMINE", "LIST", "AUTHENTICATE"])
    @in_reactor
    async def test_they_are_left_alone_for_a_while(self, house, reply, command):
        await house.start()
        messages = house.deliver(3)
        house.server.fault(reply, command=command, times=3)
        run = await house.warm()
        assert not run.left_out
        assert house.bodies() == dict(enumerate(messages, 1))
        assert len(house.told.notes) == 3
        for note in house.told.notes:
            assert reply.text in note
            assert note.endswith("; waiting 0 seconds")

    @in_reactor
    async def test_so_at_the_greeting(self, house):
        await house.start()
        house.deliver(1)
        house.server.fault(Reply("BYE", "Too many connections."), command=GREETING)
        await house.warm()
        (note,) = house.told.notes
        assert "Too many connections" in note
        assert list(house.bodies()) == [1]

    @in_reactor
    async def test_not_for_ever(self, house):
        await house.start()
        house.deliver(1)
        house.server.fault(Reply("NO", "No.", "THROTTLED"), command="UID FETCH", times=None)
        with pytest.raises(UpstreamUnavailable, match=r"of no use now: NO \[THROTTLED") as caught:
            await house.warm(patience=Patience(first=0.001, times=3))
        assert "goes on from there" in caught.value.advice
        assert len(house.told.notes) == 3

    @pytest.mark.parametrize(
        "fault", [CloseAt(700), TruncateLiteral(10), CloseAfter()], ids=lambda f: type(f).__name__
    )
    @in_reactor
    async def test_connections_that_break(self, house, fault):
        await house.start()
        messages = house.deliver(3, size=70_000)
        house.server.fault(fault, command="UID FETCH", nth=2, times=2)
        run = await house.warm()
        assert not run.left_out
        assert house.bodies() == dict(enumerate(messages, 1))

    @in_reactor
    async def test_what_one_message_is_refused_for_others_need_not(self, house):
        await house.start()
        messages = house.deliver(3)
        house.server.fault(Reply("NO", "Cannot be read."), command="UID FETCH", nth=2, times=2)
        run = await house.warm()
        assert run.left_out
        notes = "; ".join(house.told.notes)
        assert "UID 3 cannot be had: NO Cannot be read." in notes
        assert house.bodies() == {1: messages[0], 2: messages[1]}


class TestErrors:
    @in_reactor
    async def test_a_wrong_password(self, house):
        await house.start()
        with pytest.raises(LoginRefused, match="AUTHENTICATIONFAILED"):
            await house.warm(password="wrong")
        assert len(house.server.commands("AUTHENTICATE")) == 1

    @in_reactor
    async def test_nobody_there(self, house):
        await house.start()
        upstream = house.upstream()
        await house.server.stop()
        with pytest.raises(UpstreamUnavailable, match="refuses connections"):
            await house.warm(upstream=upstream)
        assert house.told.notes == []

    @in_reactor
    async def test_another_uid_validity(self, house):
        await house.start(extensions=Extensions.with_changes(without=["OBJECTID"]))
        house.deliver(2)
        await house.warm()
        house.server.bump_uid_validity()
        await house.warm()
        assert house.fetched(BODY) == [b"1:2"]
        assert sorted(house.bodies()) == [1, 2]


class TestRate:
    @in_reactor
    async def test_octets_come_no_faster(self, house):
        from twisted.internet import reactor  # noqa: TID251

        await house.start()
        messages = house.deliver(2, size=400_000)
        begun = reactor.seconds()
        await house.warm(rate=1_000_000)
        assert reactor.seconds() - begun > 0.6  # at least: it cannot be quicker, only slower
        assert house.bodies() == dict(enumerate(messages, 1))
