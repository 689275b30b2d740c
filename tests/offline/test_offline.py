"""The server goes away, and comes back: on real sockets, with the fake server."""

import pytest
from twisted.internet.defer import Deferred

from fakeserver.certificates import Kind
from fakeserver.faults import CONNECT, GREETING, CloseBefore, Fault
from imapproxy.offline import return_path
from imapproxy.offline.figures import OfflineFigures
from tests.deadline import in_reactor
from tests.offline.house import OfflineHouse, ask

READING = (
    'LIST "" "*"',
    'list "" *',
    'LIST "" "INBO%"',
    'LSUB "" "*"',
    "NAMESPACE",
    "FETCH 1:* (UID FLAGS RFC822.SIZE INTERNALDATE ENVELOPE)",
    "UID FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])",
    "FETCH 1:* BODYSTRUCTURE",
    "FETCH 1:* BODY.PEEK[]",
    "FETCH 1 RFC822.HEADER",
    "FETCH 2 BODY.PEEK[TEXT]<3.20>",
    "SEARCH SEEN",
    "UID SEARCH ALL",
    "SEARCH SUBJECT e",
    "SEARCH BODY e SINCE 1-Jan-1990",
    "SEARCH NOT UID 1:3",
    "STATUS INBOX (MESSAGES UIDNEXT UIDVALIDITY UNSEEN)",
)
SELECTED = ("SELECT INBOX", *READING)
AWAY = "Tag NO [UNAVAILABLE] localhost refuses connections on port "


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions try the server again at once."""
    monkeypatch.setattr(return_path, "_FIRST_PAUSE", 0.01)


async def read_and_lose(house: OfflineHouse, *commands: str, **cache: object) -> list[str]:
    """Read mail online; then the server goes away."""
    await house.start(**cache)
    heard = await house.session(*commands)
    await house.settled()
    await house.server.go_away()
    return heard


async def refused(house: OfflineHouse, login: str = "LOGIN ann pw-ann") -> str:
    client = await house.client()
    answer = await ask(client, login)
    client.transport.abortConnection()
    await client.lost
    return answer


@pytest.mark.parametrize("restarts", [False, True])
@in_reactor
async def test_answers_are_those_of_the_server(offline_house: OfflineHouse, restarts: bool) -> None:
    online = await read_and_lose(offline_house, *SELECTED)
    if restarts:
        await offline_house.restart_proxy()
    client = await offline_house.client()
    greeting = await ask(client, "LOGIN ann pw-ann")
    assert greeting.startswith("* OK [ALERT] imaps://localhost:"), greeting
    assert "there less than a minute ago" in greeting
    assert "Tag OK [CAPABILITY IMAP4rev1 LITERAL+ ID UNSELECT IDLE NAMESPACE] " in greeting
    assert "Tag OK [READ-ONLY] " in await ask(client, "SELECT INBOX")
    for command, told in zip(READING, online[1:], strict=True):
        heard = await ask(client, command)
        assert heard.rpartition("Tag OK")[0] == told.rpartition("Tag OK")[0], command
        assert "Tag OK" in heard, command
    assert offline_house.figures() == {"sessions": 1, "let_in": 1, "not_let_in": 0}
    await ask(client, "LOGOUT")
    await client.lost
    assert offline_house.figures()["sessions"] == 0


class TestWhoIsLetIn:
    @pytest.mark.parametrize(
        "login",
        [
            *("LOGIN ann pw", "LOGIN ann pw-bob", 'LOGIN ann ""', "LOGIN bob pw-ann"),
            *("LOGIN bob pw-bob", "LOGIN Ann pw-ann", "LOGIN x pw-ann"),
            # ann's password, for the mail of bob (RFC 4616)
            "AUTHENTICATE PLAIN Ym9iAGFubgBwdy1hbm4=",
        ],
    )
    @pytest.mark.parametrize("restarts", [False, True])
    @in_reactor
    async def test_nobody_else(
        self, offline_house: OfflineHouse, login: str, restarts: bool
    ) -> None:
        await read_and_lose(offline_house, "SELECT INBOX", "FETCH 1 BODY[]")
        if restarts:
            await offline_house.restart_proxy()
        assert (await refused(offline_house, login)).startswith(AWAY)
        await offline_house.logged_in("ann")

    @in_reactor
    async def test_everybody_reads_what_is_his(self, offline_house: OfflineHouse) -> None:
        await offline_house.start()
        for user in ("ann", "bob"):
            offline_house.server.deliver(f"Subject: {user}\r\n\r\n", user=user)
            await offline_house.session("SELECT INBOX", "FETCH * BODY[]", user=user)
        await offline_house.settled()
        await offline_house.server.go_away()
        for user, other in (("ann", "bob"), ("bob", "ann")):
            _, told = await offline_house.session("SELECT INBOX", "FETCH * BODY[]", user=user)
            assert f"Subject: {user}" in told
            assert other not in told

    @in_reactor
    async def test_a_password_that_was_refused_is_no_longer_right(
        self, offline_house: OfflineHouse
    ) -> None:
        await offline_house.start()
        await offline_house.session("SELECT INBOX", "FETCH 1 BODY[]")
        await offline_house.settled()
        # Restarted, the proxy has no connection of it and does not know which password it was.
        await offline_house.restart_proxy()
        account = offline_house.server.account("ann")
        account.password = b"newer"
        assert "Tag NO" in await refused(offline_house, "LOGIN ann wrong")
        await offline_house.settled()
        assert "Tag NO" in await refused(offline_house)
        await offline_house.settled()
        await offline_house.server.go_away()
        await offline_house.restart_proxy()
        assert (await refused(offline_house)).startswith(AWAY)

    @in_reactor
    async def test_refusing_another_password_changes_nothing(
        self, offline_house: OfflineHouse
    ) -> None:
        await offline_house.start()
        await offline_house.session("SELECT INBOX")
        await offline_house.settled()
        await offline_house.restart_proxy()
        assert "Tag NO" in await refused(offline_house, "LOGIN ann wrong")
        await offline_house.settled()
        await offline_house.server.go_away()
        await offline_house.logged_in("ann")

    @in_reactor
    async def test_the_newer_password(self, offline_house: OfflineHouse) -> None:
        await offline_house.start()
        await offline_house.session("NOOP")
        await offline_house.settled()
        offline_house.server.account("ann").password = b"newer"
        client = await offline_house.client()
        assert "Tag OK" in await ask(client, "LOGIN ann newer")
        await offline_house.settled()
        await offline_house.server.go_away()
        assert (await refused(offline_house)).startswith(AWAY)
        assert "offline" in await refused(offline_house, "LOGIN ann newer")

    @pytest.mark.parametrize("cache", [{"enabled": False}, {"offline": False}])
    @in_reactor
    async def test_it_can_be_switched_off(
        self, offline_house: OfflineHouse, cache: dict[str, bool]
    ) -> None:
        await offline_house.start()
        await offline_house.session("SELECT INBOX", "FETCH 1 BODY[]")
        await offline_house.settled()
        await offline_house.restart_proxy(**cache)
        await offline_house.server.go_away()
        assert (await refused(offline_house)).startswith(AWAY)

    @in_reactor
    async def test_guessing_comes_to_an_end(self, offline_house: OfflineHouse) -> None:
        await read_and_lose(offline_house, "NOOP")
        await offline_house.restart_proxy()
        client = await offline_house.client()
        for number in range(3):
            assert (await ask(client, f"LOGIN ann wrong{number}")).startswith(AWAY)
        assert offline_house.figures()["not_let_in"] == 3


class TestWhenItIsOffline:
    @in_reactor
    async def test_not_with_a_bad_certificate(self, offline_house: OfflineHouse) -> None:
        await offline_house.start()
        await offline_house.session("SELECT INBOX")
        await offline_house.settled()
        await offline_house.restart_proxy()
        offline_house.server.use_certificate(Kind.EXPIRED)
        assert "expired" in await refused(offline_house)

    @pytest.mark.parametrize("point", [CONNECT, GREETING])
    @in_reactor
    async def test_somebody_accepts_and_hangs_up(
        self, offline_house: OfflineHouse, point: str
    ) -> None:
        """As a tunnel does whose other end is gone."""
        await offline_house.start()
        await offline_house.session("SELECT INBOX")
        await offline_house.settled()
        await offline_house.restart_proxy()
        fault = Fault((CloseBefore(),), command=point, times=None)
        offline_house.server.faults.add(fault)
        assert "offline" in await refused(offline_house)


class TestBackOnline:
    @in_reactor
    async def test_nothing_is_selected(
        self, offline_house: OfflineHouse, quick: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        online: Deferred[None] = Deferred()
        leave = OfflineFigures.left

        def left(figures: OfflineFigures) -> None:
            leave(figures)
            online.callback(None)

        monkeypatch.setattr(OfflineFigures, "left", left)
        await read_and_lose(offline_house, 'LIST "" "*"')
        client = await offline_house.logged_in()
        assert "Tag NO [UNAVAILABLE] " in await ask(client, "CREATE New")
        await offline_house.server.come_back()
        await online
        assert "Tag OK" in await ask(client, "CREATE New")
        assert "New" in await ask(client, 'LIST "" "*"')
        assert "READ-WRITE" in await ask(client, "SELECT New")
        assert offline_house.figures()["sessions"] == 0

    @in_reactor
    async def test_a_mailbox_is_selected(self, offline_house: OfflineHouse, quick: None) -> None:
        await read_and_lose(offline_house, "SELECT INBOX", "FETCH 1:* (UID)")
        client = await offline_house.logged_in()
        await ask(client, "SELECT INBOX")
        await offline_house.server.come_back()
        assert b"* BYE [UNAVAILABLE] The server can be reached again" in await client.until(
            b"* BYE"
        )
        await client.lost
        assert offline_house.figures()["sessions"] == 0
        told = await offline_house.session("SELECT INBOX")
        assert "READ-WRITE" in told[0]

    @in_reactor
    async def test_in_idle(self, offline_house: OfflineHouse, quick: None) -> None:
        await read_and_lose(offline_house, "SELECT INBOX", "FETCH 1:* (UID)")
        client = await offline_house.logged_in()
        await ask(client, "SELECT INBOX")
        client.say(b"t IDLE")
        await client.until(b"+ ")
        await offline_house.server.come_back()
        await client.until(b"* BYE")
        await client.lost

    @in_reactor
    async def test_the_password_is_another_one(
        self, offline_house: OfflineHouse, quick: None
    ) -> None:
        await read_and_lose(offline_house, "SELECT INBOX", "FETCH 1:* (UID)")
        client = await offline_house.logged_in()
        offline_house.server.account("ann").password = b"newer"
        await offline_house.server.come_back()
        assert b"[AUTHENTICATIONFAILED]" in await client.until(b"* BYE")
        await client.lost
        await offline_house.settled()
        await offline_house.server.go_away()
        await offline_house.restart_proxy()
        assert (await refused(offline_house)).startswith(AWAY)

    @in_reactor
    async def test_a_proxy_that_ends(self, offline_house: OfflineHouse) -> None:
        await read_and_lose(offline_house, "SELECT INBOX")
        client = await offline_house.logged_in()
        stopping = offline_house.stop_proxy()
        await stopping
        assert b"* BYE imapproxy is shutting down" in client.heard
