"""What is held, compared with what the server says now."""

import random
from array import array
from collections.abc import AsyncIterator

import pytest
import pytest_twisted
from twisted.internet import reactor  # noqa: TID251

from imapproxy.cache.sqlite.store import open_store
from imapproxy.cache.store import Form, Holding
from imapproxy.cache_commands.compare import Compared, compare
from imapproxy.upstream.dial import dial
from imapproxy.upstream.log_in import log_in
from imapproxy.wire.credentials import Credentials
from imapproxy.wire.secret import Secret
from tests.cache_commands.commands import refused
from tests.cache_commands.test_warm_command import arguments, house
from tests.cache_commands.warm_house import WarmHouse
from tests.deadline import in_reactor, soon
from tests.logged_errors import logged_errors
from tests.shell import Shell, shell

__all__ = ["house", "logged_errors", "shell"]


class Comparing:
    """A cache that was filled with six messages of INBOX, and the server."""

    def __init__(self, house: WarmHouse) -> None:
        self.house = house

    async def open(self) -> None:
        self.house.deliver(5)
        self.house.deliver(1, size=400_000)
        await self.house.warm()
        self.store = open_store(reactor, self.house.directory)
        self.client = await dial(reactor, self.house.upstream())
        await log_in(self.client, Credentials(b"ann", Secret(b"pw")))

    @property
    def inbox(self) -> Holding:
        (holding,) = self.store.reader.holdings()
        return holding

    async def compare(self, sample: int = 20) -> Compared:
        return await compare(self.client, self.store, self.inbox, sample, random.Random(1))

    async def close(self) -> None:
        await self.client.logout()
        await self.store.close()


@pytest_twisted.async_yield_fixture
async def comparing(house: WarmHouse) -> AsyncIterator[Comparing]:
    comparing = Comparing(house)
    await soon(comparing.open())
    yield comparing
    await soon(comparing.close())


@in_reactor
async def test_all_is_the_same(comparing):
    comparing.house.server.transcript.clear()
    assert await comparing.compare() == Compared("INBOX", same=6)
    assert await comparing.compare(2) == Compared("INBOX", same=2)
    commands = comparing.house.server.commands("UID FETCH")
    assert all(b"BODY[" not in command.octets for command in commands)


@in_reactor
async def test_what_is_gone_is_no_fault(comparing):
    comparing.house.server.expunge([2, 3])
    assert await comparing.compare() == Compared("INBOX", same=4, gone=2)


@pytest.mark.parametrize("kind", ["text", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE"])
@in_reactor
async def test_what_is_not_true_is_dropped(comparing, kind):
    mailbox = comparing.inbox.mailbox
    writer = comparing.store.writer
    # The store itself would notice a second value: all of the message is put in anew.
    writer.forget(mailbox, [4])
    if kind == "text":
        writer.keep_attributes(mailbox, 4, {"ENVELOPE": envelope(comparing, 4)})
        writer.keep_section(mailbox, 4, "", Form.LITERAL, b"Subject: other\r\n\r\n")
    else:
        writer.keep_attributes(mailbox, 4, {kind: b"1"})
    await comparing.store.flushed()
    compared = await comparing.compare()
    assert compared.faults == (f"INBOX, UID 4: the server tells another {kind}",)
    assert compared.same == 5
    assert comparing.store.reader.holdings() == []


def envelope(comparing: Comparing, uid: int) -> bytes:
    mailbox = comparing.inbox.mailbox
    ((_, found),) = comparing.store.reader.attributes(mailbox, ("ENVELOPE",), uid, uid)
    return found


@in_reactor
async def test_how_a_string_is_written_does_not_matter(comparing):
    mailbox = comparing.inbox.mailbox
    quoted = envelope(comparing, 4)
    literal = quoted.replace(b'"4"', b"{1}\r\n4")
    assert literal != quoted
    comparing.store.writer.keep_attributes(mailbox, 4, {"ENVELOPE": literal})
    await comparing.store.flushed()
    assert await comparing.compare() == Compared("INBOX", same=6)


@in_reactor
async def test_a_mailbox_that_is_another_now(comparing):
    held = comparing.inbox.mailbox
    comparing.house.server.bump_uid_validity()
    comparing.client.close()
    await comparing.client.connection.when_lost()
    comparing.client = await dial(reactor, comparing.house.upstream())
    await log_in(comparing.client, Credentials(b"ann", Secret(b"pw")))
    compared = await comparing.compare()
    assert "of this name now" in compared.note or "made it anew" in compared.note
    assert comparing.inbox.mailbox == held


@in_reactor
async def test_as_a_program(house: WarmHouse, shell: Shell) -> None:
    house.deliver(3)
    await house.warm()
    verify = [word if word != "warm" else "verify" for word in arguments(house)]
    ended = await shell.run(*verify, IMAPPROXY_PASSWORD="pw")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == (
        f"{house.directory}: sound, 3 messages\nINBOX: 3 are as the server has them\n"
    )
    store = open_store(reactor, house.directory)
    (holding,) = store.reader.holdings()
    store.writer.forget(holding.mailbox, [2])
    store.writer.keep_section(holding.mailbox, 2, "", Form.LITERAL, b"not this")
    store.writer.keep_attributes(holding.mailbox, 2, {"RFC822.SIZE": b"8"})
    assert array("I", [2]) == store.reader.held(holding.mailbox, (), (), 2, 2)
    await store.close()
    ended = await shell.run(*verify, IMAPPROXY_PASSWORD="pw")
    assert ended.code == 1
    assert ended.out == (
        f"{house.directory}: sound, 3 messages\n"
        "INBOX, UID 2: the server tells another RFC822.SIZE and text\n"
        "INBOX: 2 are as the server has them\n"
        "INBOX is taken out of the cache: what it held was not true.\n"
    )
    ended = await shell.run(*verify, IMAPPROXY_PASSWORD="pw")
    assert ended.code == 0
    assert "Nothing is held of imaps://localhost:" in ended.out


def test_whose_mail_has_to_be_said(tmp_path):
    up = ("--upstream", "imaps://x", "--data-dir", tmp_path)
    assert "say whose mail is compared" in refused("verify", *up)
    assert "leave out --user" in refused("verify", "--dry-run", "--user", "me", *up)
    assert "say where the mail is" in refused("verify", "--user", "me", "--data-dir", tmp_path)
