"""What is one account's reaches no session of another, whatever is shared on the way."""

import base64
import random

import pytest
from twisted.internet import reactor  # noqa: TID251
from twisted.internet.defer import Deferred, gatherResults

from imapproxy.service import ProxyService
from tests.deadline import in_reactor
from tests.house import House, port
from tests.socket_client import Client, connect
from tests.upstream import certificates
from tests.upstream.server import Server, Session


class Telling:
    """A server that says in every response whose it is, and by which password."""

    def __init__(self) -> None:
        self.log_ins = 0

    def __call__(self, session: Session, tag: bytes, command: bytes) -> None:
        verb, _, rest = command.partition(b" ")
        if verb == b"LOGIN":
            self.log_ins += 1
            session.who = b"/".join(rest.split(b" "))
        elif verb == b"AUTHENTICATE":
            self.log_ins += 1
            session.who = base64.b64decode(rest.split(b" ")[1]).replace(b"\0", b"/")
        else:
            session.say(*self.responses(session, verb, rest))
        session.say(tag + b" OK " + getattr(session, "who", b"nobody"))

    def responses(self, session: Session, verb: bytes, rest: bytes) -> list[bytes]:
        if verb == b"CAPABILITY":
            return [b"* CAPABILITY IMAP4rev1 UNSELECT UIDPLUS"]
        if verb in (b"SELECT", b"EXAMINE"):
            session.mailbox = rest
            return [
                b"* FLAGS ()",
                b"* 1 EXISTS",
                b"* 0 RECENT",
                b"* OK [UIDVALIDITY 1]",
                b"* OK [UIDNEXT 8]",
            ]
        if b"FETCH" in (verb, rest.split(b" ")[0]):
            text = b"mail of " + session.who + b" in " + session.mailbox
            if b"<0.1>" in rest:  # a sign of it is all that a proxy that has it asks for
                return [b"* 1 FETCH (UID 7 BODY[]<0> {1}", text[:1] + b")"]
            return [b"* 1 FETCH (UID 7 BODY[] {%d}" % len(text), text + b")"]
        if verb == b"NOOP":
            return [b"* OK for " + session.who]
        return [b"* BYE"] if verb == b"LOGOUT" else []


async def log_in(service: ProxyService, user: bytes, password: bytes) -> Client:
    client = await connect(reactor, port(service))
    told = await client.ask(b"LOGIN " + user + b" " + password)
    assert told.endswith(b"t OK " + user + b"/" + password + b"\r\n")
    return client


async def started(house: House, telling: Telling) -> ProxyService:
    await house.upstream("one", telling)
    return await house.start(house.listener("one"))


@pytest.mark.parametrize("seed", range(3))
@in_reactor
async def test_many_accounts_at_one_time(house, seed):
    """Sessions come and go, in turn and at once, and each hears of itself alone."""
    telling = Telling()
    service = await started(house, telling)
    chance = random.Random(seed)
    # (The same name with another password is the same mail; that its connections are kept apart
    # the tests of the pool show.)
    accounts = [(b"user%d" % n, b"pw%d" % (n % 2)) for n in range(8)]

    async def live(user: bytes, password: bytes) -> None:
        for _ in range(4):
            client = await log_in(service, user, password)
            mine = user + b"/" + password
            for _ in range(chance.randint(1, 4)):
                if chance.random() < 0.5:
                    assert await client.ask(b"NOOP") == b"* OK for %b\r\nt OK %b\r\n" % (mine, mine)
                else:
                    await client.ask(b"SELECT INBOX")
                    told = await client.ask(b"UID FETCH 7 (UID BODY[])")
                    assert told.count(b"mail of") == told.count(b"mail of " + mine) == 1
            if chance.random() < 0.7:
                await client.ask(b"LOGOUT")
            else:
                client.transport.abortConnection()
            await client.lost

    await gatherResults(
        [Deferred.fromCoroutine(live(*account)) for account in accounts], consumeErrors=True
    )
    assert telling.log_ins < 8 * 4, "and yet connections were used again"


@in_reactor
async def test_what_is_cached_of_one_is_not_read_by_another(house):
    """Mailboxes of the same name, validity and UIDs: nothing but the account tells them apart."""
    service = await started(house, Telling())
    for user in (b"anna", b"bert", b"ANNA", b"anna"):
        client = await log_in(service, user, b"pw")
        await client.ask(b"SELECT INBOX")
        for _ in range(2):
            told = await client.ask(b"UID FETCH 7 (UID BODY[])")
            assert b"mail of " + user + b"/pw in INBOX)" in told
        await client.ask(b"LOGOUT")
        await client.lost


@in_reactor
async def test_nothing_is_read_from_the_cache_without_a_log_in(house):
    """What is kept is answered to nobody whom the server has not let in just now."""
    telling = Telling()
    service = await started(house, telling)
    client = await log_in(service, b"anna", b"pw")
    await client.ask(b"SELECT INBOX")
    await client.ask(b"UID FETCH 7 (UID BODY[])")
    await client.ask(b"LOGOUT")
    await client.lost

    def refuse(session: Session, tag: bytes, command: bytes) -> None:
        if command.startswith(b"LOGIN"):
            session.say(tag + b" NO [AUTHENTICATIONFAILED] no")
        else:
            telling(session, tag, command)

    house.servers[0].answer = refuse
    thief = await connect(reactor, port(service))
    told = await thief.ask(b"LOGIN anna guess")
    told += await thief.ask(b"SELECT INBOX")
    told += await thief.ask(b"UID FETCH 7 (UID BODY[])")
    assert b"mail of" not in told
    assert b" OK " not in told


@in_reactor
async def test_whose_mail_is_wanted_is_a_part_of_the_account(house):
    offered = b"IMAP4rev1 UNSELECT UIDPLUS AUTH=PLAIN SASL-IR"
    tls = certificates.issued("localhost").server_tls()
    greeting = b"* OK [CAPABILITY " + offered + b"] hello\r\n"
    await house.add_upstream("one", Server(greeting, Telling(), tls))
    service = await house.start(house.listener("one"))

    async def enter(authorization: bytes) -> bytes:
        client = await connect(reactor, port(service))
        response = base64.b64encode(authorization + b"\0anna\0pw")
        assert b"t OK" in await client.ask(b"AUTHENTICATE PLAIN " + response)
        await client.ask(b"SELECT INBOX")
        told = await client.ask(b"UID FETCH 7 (UID BODY[])")
        await client.ask(b"LOGOUT")
        await client.lost
        return told

    for authorization in (b"", b"boss", b"other", b"boss"):
        assert b"mail of " + authorization + b"/anna/pw in INBOX)" in await enter(authorization)


@in_reactor
async def test_a_server_that_tells_of_others_mail_poisons_nothing(house):
    """It pushes messages that nobody asked for; who else uses it never sees them."""

    class Pushing(Telling):
        def responses(self, session: Session, verb: bytes, rest: bytes) -> list[bytes]:
            said = super().responses(session, verb, rest)
            if verb == b"NOOP" and session.who.startswith(b"mallory"):
                for number in (1, 2, 3):
                    evil = b"evil %d" % number
                    said += [b"* %d FETCH (UID 7 BODY[] {%d}" % (number, len(evil)), evil + b")"]
            return said

    service = await started(house, Pushing())
    mallory = await log_in(service, b"mallory", b"pw")
    await mallory.ask(b"SELECT INBOX")
    assert b"evil" in await mallory.ask(b"NOOP")
    await mallory.ask(b"UID FETCH 7 (UID BODY[])")
    # Nor is it in another mailbox of the same account, whose messages have the same UIDs.
    await mallory.ask(b"SELECT Other")
    told = await mallory.ask(b"UID FETCH 7 (UID BODY[])")
    assert b"mail of mallory/pw in Other)" in told
    assert b"evil" not in told
    anna = await log_in(service, b"anna", b"pw")
    await anna.ask(b"SELECT INBOX")
    told = await anna.ask(b"UID FETCH 7 (UID BODY[])") + await anna.ask(b"NOOP")
    assert b"evil" not in told + anna.heard
    assert b"mail of anna/pw in INBOX)" in told
